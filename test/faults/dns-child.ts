/**
 * Runs in a network name space of its own: a name server that answers as it is told, an emulator that is WeChat Pay's backup host on
 * port 443, and the built binary, which takes the primary for the real one. Prints what came of each command as a line of JSON.
 *
 * Arguments: the emulator library, the binary, a folder, the name server of this machine, the troubles.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Emulator, EmulatorOptions } from '../../src/emulator/contract.ts';
import { questionOf, replyTo } from './name-server.ts';

/** What the name server makes of the primary's name. */
export type Trouble = 'NXDOMAIN' | 'SERVFAIL' | 'silence' | 'refused' | 'black hole' | 'cut';

export interface Told {
  readonly trouble: Trouble;
  readonly command: 'query' | 'refund';
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
  /** Until both streams were at rest: what a person waits for, before the process has ended. */
  readonly said: number;
  /** Every request that reached WeChat Pay, with its signature's nonce. */
  readonly requests: readonly string[];
  readonly refunds: number;
}

const [library = '', binary = '', dir = '', nameServer = '', ...troubles] = process.argv.slice(2);
const primary = 'api.mch.weixin.qq.com';
const backup = 'api2.mch.weixin.qq.com';
/** Nobody listens on the first; packets to the second vanish in a bridge without ports. */
const nobody = '127.0.0.9';
const hole = '203.0.113.9';
const here = '127.0.0.1';

let trouble: Trouble = 'NXDOMAIN';

function answer(query: Buffer): Buffer | undefined {
  const { name, isA } = questionOf(query);
  const failing = name === primary && ['NXDOMAIN', 'SERVFAIL', 'silence'].includes(trouble);
  if (failing && trouble === 'silence') return undefined;
  const known = name === primary || name === backup;
  const code = !known || (failing && trouble === 'NXDOMAIN') ? 3 : failing ? 2 : 0;
  if (code !== 0 || !isA) return replyTo(query, undefined, code);
  if (name === backup || trouble === 'cut') return replyTo(query, here);
  return replyTo(query, trouble === 'refused' ? nobody : hole);
}

const socket = createSocket('udp4', (query, { port, address }) => {
  const reply = answer(query);
  if (reply !== undefined) socket.send(reply, port, address);
});
await new Promise<void>((resolve) => socket.bind(53, nameServer, resolve));

const { startEmulator } = (await import(pathToFileURL(library).href)) as {
  startEmulator: (options: Partial<EmulatorOptions>) => Promise<Emulator>;
};
const emulator = await startEmulator({
  dir: join(dir, 'emulator'),
  mode: 'public-key',
  https: { port: 443 },
  proxy: { port: 0, others: 'refuse' },
});
const { info } = emulator;
const env = {
  PATH: process.env['PATH'] ?? '',
  HOME: dir,
  LANG: 'C.UTF-8',
  WXPAY_LANG: 'en',
  WXPAY_MCHID: info.mchid,
  WXPAY_APPID: info.appid,
  WXPAY_SERIAL_NO: info.serial_no,
  WXPAY_PRIVATE_KEY: readFileSync(info.private_key_file, 'utf8'),
  WXPAY_API_V3_KEY: info.api_v3_key,
  WXPAY_PUBLIC_KEY_ID: info.public_key_id ?? '',
  WXPAY_PUBLIC_KEY_FILE: info.public_key_file ?? '',
  WXPAY_CA_FILE: info.ca_file ?? '',
};

async function run(argv: readonly string[]): Promise<Pick<Told, 'code' | 'stdout' | 'stderr' | 'ms' | 'said'>> {
  const started = performance.now();
  const child = spawn(process.execPath, [binary, ...argv, '--json'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  let said = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    said = performance.now() - started;
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), 90_000);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  return { code, stdout, stderr, ms: Math.round(performance.now() - started), said: Math.round(said) };
}

for (trouble of troubles as Trouble[]) {
  const [order] = emulator.seed({ count: 1, total: 1_000 });
  if (order === undefined) throw new Error('no order');
  const { out_trade_no, transaction_id } = order;
  for (const command of ['query', 'refund'] as const) {
    const before = emulator.requests.length;
    if (trouble === 'cut')
      emulator.faults.add({
        kind: 'cut',
        when: 'after',
        count: 1,
        ...(command === 'refund' ? { method: 'POST', path: '/v3/refund/domestic/refunds' } : {}),
      });
    const done = await run(
      command === 'query'
        ? ['order', 'query', out_trade_no]
        : ['refund', out_trade_no, '--amount', '5', '--yes', '--confirm', info.mchid],
    );
    emulator.faults.clear();
    const told: Told = {
      trouble,
      command,
      ...done,
      requests: emulator.requests.slice(before).map(({ method, target }) => `${method} ${target.replace(/\?.*/, '')}`),
      refunds: emulator.ledger().refunds.filter((entry) => entry.transaction_id === transaction_id).length,
    };
    process.stdout.write(`${JSON.stringify(told)}\n`);
  }
}
await emulator.close();
socket.close();
