/** The built emulator stops in the middle of everything and goes on. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { keepWithinMs } from '../../src/emulator/state-keeper.ts';
import { receive } from '../emulator/receiver.ts';
import { makeHome, type Home, type Running, type RunResult } from '../helpers/cli.ts';

const homes: Home[] = [];
const running = new Set<Running>();
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  await Promise.all(running);
  for (const home of homes.splice(0)) home.remove();
  running.clear();
});

interface Serving {
  readonly child: Running;
  /** What it prints after the line that says that it is ready. */
  readonly lines: string[];
  run(...argv: string[]): Promise<RunResult>;
}

async function serve(home: Home, ...extra: string[]): Promise<Serving> {
  const child = home.spawn(['emulator', 'start', '--dir', 'emu', '-o', 'ndjson', ...extra], {
    cwd: home.dir,
    timeout: 120_000,
  });
  running.add(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const [ready] = (await once(reader, 'line')) as [string];
  reader.on('line', (line) => lines.push(line));
  const { url, mchid, appid, serial_no, private_key_file, api_v3_key } = JSON.parse(ready) as Record<string, string>;
  const env = {
    WXPAY_BASE_URL: url!,
    WXPAY_MCHID: mchid!,
    WXPAY_APPID: appid!,
    WXPAY_SERIAL_NO: serial_no!,
    WXPAY_PRIVATE_KEY_FILE: private_key_file!,
    WXPAY_API_V3_KEY: api_v3_key!,
    WXPAY_EMULATOR_DIR: 'emu',
  };
  return { child, lines, run: async (...argv) => home.run(argv, { env, cwd: home.dir }) };
}

async function end({ child }: Serving, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  child.kill(signal);
  await child;
  running.delete(child);
}

function newHome(): Home {
  const home = makeHome();
  homes.push(home);
  return home;
}

const create = ['order', 'create', '--type', 'native', '--description', 'x', '--amount', '100'];
const state = async (serving: Serving, number: string): Promise<string> =>
  (await serving.run('order', 'query', number, '--json', '--query', 'trade_state')).stdout.trim();

test('unpaid, paid, a refund under way and a callback that waits outlast an interrupt, and kill -9 soon after', async () => {
  const home = newHome();
  const receiver = await receive(500);
  try {
    let serving = await serve(home);
    for (const number of ['LIFE_UNPAID', 'LIFE_PAID_1'])
      expect(await serving.run(...create, '--out-trade-no', number, '--notify-url', receiver.url)).toMatchObject({
        code: 0,
      });
    await serving.run('emulator', 'pay', 'LIFE_PAID_1');
    await serving.run('emulator', 'refund', '--after', '3600000');
    const refund = [
      'refund',
      'create',
      'LIFE_PAID_1',
      '--out-refund-no',
      'LIFE_R1',
      '--amount',
      '40',
      '--yes',
      '--json',
    ];
    expect(await serving.run(...refund)).toMatchObject({ code: 0 });
    await end(serving, 'SIGTERM');

    serving = await serve(home);
    expect(await state(serving, 'LIFE_UNPAID')).toBe('"NOTPAY"');
    expect(await state(serving, 'LIFE_PAID_1')).toBe('"REFUND"');
    const asked = await serving.run('refund', 'query', 'LIFE_R1', '--json', '--query', 'status');
    expect(asked.stdout.trim()).toBe('"PROCESSING"');
    expect(JSON.parse((await serving.run('emulator', 'callbacks', '--json')).stdout)).toMatchObject([
      { state: 'waiting' },
    ]);
    await serving.run('emulator', 'pay', 'LIFE_UNPAID');
    // What is older than the interval is on disk, whatever happens.
    await new Promise((resolve) => {
      setTimeout(resolve, keepWithinMs * 8);
    });
    await end(serving, 'SIGKILL');

    serving = await serve(home);
    expect(await state(serving, 'LIFE_UNPAID')).toBe('"SUCCESS"');
    await serving.run('emulator', 'clock', '+2h');
    const settled = await serving.run('refund', 'query', 'LIFE_R1', '--json', '--query', 'status');
    expect(settled.stdout.trim()).toBe('"SUCCESS"');
    expect(serving.lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ event: 'request', method: 'GET', status: 200, mchid: '1900000001' }),
    );
    await end(serving, 'SIGTERM');
  } finally {
    await receiver.close();
  }
}, 120_000);

test('a snapshot is saved and loaded, a reset forgets, and --ephemeral keeps nothing', async () => {
  const home = newHome();
  let serving = await serve(home, '--ephemeral');
  await serving.run(...create, '--out-trade-no', 'SNAP_0001', '--notify-url', 'http://127.0.0.1:9/n');
  const saved = await serving.run('emulator', 'snapshot', 'save', 'snap.json', '--json');
  expect(JSON.parse(saved.stdout)).toMatchObject({ orders: 1, refunds: 0 });
  expect((await serving.run('emulator', 'reset')).stdout).toContain('as it was at first');
  expect((await serving.run('order', 'query', 'SNAP_0001')).code).toBe(5);
  expect(await serving.run('emulator', 'snapshot', 'load', 'snap.json')).toMatchObject({ code: 0 });
  expect(await state(serving, 'SNAP_0001')).toBe('"NOTPAY"');
  writeFileSync(join(home.dir, 'other.json'), '{"version":2}');
  expect((await serving.run('emulator', 'snapshot', 'load', 'other.json')).code).toBe(2);
  expect((await serving.run('emulator', 'snapshot', 'load', 'missing.json')).code).toBe(2);
  expect(await state(serving, 'SNAP_0001')).toBe('"NOTPAY"');
  await end(serving, 'SIGTERM');
  serving = await serve(home, '--ephemeral');
  expect((await serving.run('order', 'query', 'SNAP_0001')).code).toBe(5);
  await end(serving, 'SIGTERM');
}, 120_000);

test('a state that cannot be read is said in one line, and kept', async () => {
  const home = newHome();
  await end(await serve(home), 'SIGTERM');
  writeFileSync(join(home.dir, 'emu', 'state.json'), 'not JSON');
  const serving = await serve(home);
  serving.child.kill('SIGTERM');
  const { stderr } = await serving.child;
  running.delete(serving.child);
  const aside = /set aside as (\S+);/.exec(stderr)?.[1] ?? '';
  expect(readFileSync(aside, 'utf8')).toBe('not JSON');
});
