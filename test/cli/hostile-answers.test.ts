/**
 * R10: whatever text WeChat Pay's answers hold, and whoever wrote it, no control and no reordering character reaches a person's
 * terminal. The fields are not listed by hand: every answer that a command gets is recorded, and the command is run again for each of its
 * strings with that one poisoned, signed as the genuine one was.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunResult } from '../helpers/cli.ts';
import { runInProcess } from '../helpers/in-process.ts';
import { startLocal, type Local } from '../helpers/local.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keyId = 'PUB_KEY_ID_0119000000012026112900000000000001';
const poison = '\u001B[2J\u001B]0;x\u0007\r\nOK\u0008\u007F\u009B31m\u202Egpj\u2066\u2028\u0000';
/** Everything that moves a cursor, rings a bell, ends a line where none ends, or turns text around; the line feed between lines apart. */
const raw = /[\0-\u0009\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/;

interface Answer {
  readonly key: string;
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

/** Stands between the program and the emulator; what it says is signed by a key of its own. */
interface Middle {
  readonly url: string;
  /** What the emulator said, in order. */
  readonly recorded: Answer[];
  /** Instead of asking the emulator: the first of these with the request's method and path, once each; then the emulator again. */
  replay: Answer[];
}

let local: Local;
let server: Server;
let middle: Middle;
beforeAll(async () => {
  local = await startLocal();
  const recorded: Answer[] = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: target = '', headers } = request;
      const key = `${method} ${target.replace(/\?.*/s, '')}`;
      const passOn = async (): Promise<Answer> => {
        const at = middle.replay.findIndex((one) => one.key === key);
        if (at >= 0) return middle.replay.splice(at, 1)[0] as Answer;
        const { host: _host, connection: _connection, 'content-length': _length, ...kept } = headers;
        const answer = await fetch(`${local.info.url}${target}`, {
          method,
          headers: kept as Record<string, string>,
          ...(method === 'GET' ? {} : { body: Buffer.concat(chunks) }),
        });
        const type = answer.headers.get('content-type') ?? '';
        return { key, status: answer.status, type, body: Buffer.from(await answer.arrayBuffer()) };
      };
      const answerIt = async (): Promise<void> => {
        const answer = await passOn();
        recorded.push(answer);
        const { status, type, body } = answer;
        const [timestamp, nonce] = [String(Math.floor(Date.now() / 1_000)), randomBytes(16).toString('hex')];
        const message = Buffer.concat([Buffer.from(`${timestamp}\n${nonce}\n`), body, Buffer.from('\n')]);
        response.writeHead(status, {
          ...(type === '' ? {} : { 'Content-Type': type }),
          'Request-ID': nonce,
          'Wechatpay-Serial': keyId,
          'Wechatpay-Timestamp': timestamp,
          'Wechatpay-Nonce': nonce,
          'Wechatpay-Signature': sign('sha256', message, privateKey).toString('base64'),
        });
        response.end(body);
      };
      answerIt().catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  middle = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, recorded, replay: [] };
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await local.close();
});

/** From a machine that remembers nothing, so that every run asks what the first one asked. */
async function wxpay(argv: readonly string[], json: boolean): Promise<RunResult> {
  const home = mkdtempSync(join(local.home.dir, 'machine-'));
  try {
    return await runInProcess([...argv, ...(json ? ['--json'] : [])], {
      env: {
        ...local.env,
        HOME: home,
        WXPAY_LANG: 'en',
        NO_COLOR: '1',
        WXPAY_BASE_URL: middle.url,
        WXPAY_PUBLIC_KEY_ID: keyId,
        WXPAY_PUBLIC_KEY: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      },
      cwd: home,
      columns: 80,
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

type Path = readonly (string | number)[];

/** Where a JSON value has strings. */
function stringsOf(value: unknown, at: Path = []): readonly Path[] {
  if (typeof value === 'string') return [at];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    stringsOf(inner, [...at, Array.isArray(value) ? Number(name) : name]),
  );
}

function replaced(value: unknown, path: Path, change: (text: string) => string): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return change(String(value));
  if (Array.isArray(value))
    return value.map((one, at) => (at === name ? replaced(one, rest, change) : (one as unknown)));
  const record = value as Record<string, unknown>;
  return { ...record, [name]: replaced(record[name], rest, change) };
}

function parsed({ type, body }: Answer): unknown {
  return type.startsWith('application/json') && body.length > 0 ? (JSON.parse(body.toString()) as unknown) : undefined;
}

const paid = 'HOSTILE_PAID';
const order = ['order', 'create', '--amount', '1yuan', '--description', 'x', '--notify-url', 'https://shop.example/n'];
const transfer =
  'transfer create --openid oUpF8uMuAJO_M2pxb1Q9zNjWeS6o --amount 8.88yuan --scene 1000 --report 活动名称=新会员有礼 --report 奖励说明=注册会员抽奖一等奖 --remark x --out-bill-no HOSTILEBILL'.split(
    ' ',
  );
const commands: readonly (readonly [string, readonly string[]])[] = [
  ['a native order', [...order, '--type', 'native', '--out-trade-no', 'HOSTILE_NATIVE']],
  [
    'a jsapi order',
    [...order, '--type', 'jsapi', '--openid', 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o', '--out-trade-no', 'HOSTILE_JSAPI'],
  ],
  [
    'an h5 order',
    [...order, '--type', 'h5', '--client-ip', '1.2.3.4', '--h5-type', 'Wap', '--out-trade-no', 'HOSTILE_H5'],
  ],
  ['a query of an order', ['order', 'query', paid]],
  ['a refund', ['refund', paid, '--amount', '1fen', '--out-refund-no', 'HOSTILE_REFUND']],
  ['a query of a refund', ['refund', 'query', 'HOSTILE_REFUND']],
  ['a transfer', transfer],
  ['a bill', ['bill', 'fundflow', '2026-01-01']],
  ['the certificates', ['certs', 'download']],
  ['any endpoint', ['api', 'GET', `/v3/pay/transactions/out-trade-no/${paid}`, '--query-param', 'mchid=1900000001']],
  ['a query of a transfer', ['transfer', 'query', 'HOSTILEBILL']],
  ['an order that is not there', ['order', 'query', 'HOSTILE_NONE']],
  ['a refund beyond the order', ['refund', 'create', paid, '--amount', '2yuan', '--out-refund-no', 'HOSTILE_MUCH']],
];

describe('R10: no field of an answer moves the terminal', () => {
  let strings = 0;
  beforeAll(async () => {
    const made = await wxpay([...order, '--type', 'native', '--out-trade-no', paid], false);
    expect(made).toMatchObject({ code: 0 });
    await local.emulator.pay({ order: paid });
  });

  test.each(commands)('%s', { timeout: 120_000 }, async (_, argv) => {
    middle.recorded.length = 0;
    middle.replay = [];
    const genuine = await wxpay(argv, false);
    expect(`${genuine.stdout}${genuine.stderr}`).not.toMatch(raw);
    const answers = middle.recorded.slice();
    expect(answers.length).toBeGreaterThan(0);
    let seen = 0;
    for (const [at, answer] of answers.entries())
      for (const path of stringsOf(parsed(answer)))
        // Kept in front, it passes checks that look at a beginning; alone, it is nothing that was expected.
        for (const [json, change] of [
          [false, (text: string) => `${text}${poison}`],
          [true, () => poison],
        ] as const) {
          const body = Buffer.from(JSON.stringify(replaced(parsed(answer), path, change)));
          middle.replay = answers.map((one, index) => (index === at ? { ...one, body } : one));
          const { code, stdout, stderr } = await wxpay(argv, json);
          expect([path, code]).not.toEqual([path, 1]);
          expect([path, raw.exec(`${stdout}${stderr}`)]).toEqual([path, null]);
          if (`${stdout}${stderr}`.includes('gpj')) seen += 1;
          strings += 1;
        }
    // Else nothing of it was ever shown, and this test would see nothing.
    expect(seen).toBeGreaterThan(0);
  });

  test('of many strings', () => {
    expect(strings).toBeGreaterThan(150);
  });
});
