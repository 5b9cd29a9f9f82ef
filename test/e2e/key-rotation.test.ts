/**
 * Keys are exchanged while orders are queried without a pause: no command fails, and no more is downloaded than the exchange
 * needs. Time is the emulator's and the commands' alike, and jumps by days between the rounds.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startReceiver, type Receiver } from '../../src/operations/callback/receive.ts';
import type { Mode } from '../../src/emulator/platform.ts';
import { runInProcess, shiftedClock } from '../helpers/in-process.ts';
import { makeHome, type Home, type RunResult } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

let local: Local;
let receiver: Receiver;
/** How far everybody's clocks are ahead. */
let ahead = 0;
const clock = shiftedClock(() => ahead);

/** One merchant's machine: several commands at a time, one cache. */
interface Machine {
  readonly home: Home;
  env: Readonly<Record<string, string>>;
}
let machine: Machine;
let orders = 0;

async function start(mode: Mode): Promise<void> {
  ahead = 0;
  local = await startLocal({ mode, clock });
  receiver = await startReceiver();
  machine = { home: makeHome(), env: local.env };
  expect(await place('TRAFFIC_0001')).toMatchObject({ code: 0 });
}
async function stop(): Promise<void> {
  await receiver.close();
  machine.home.remove();
  await local.close();
}

const run = (
  argv: readonly string[],
  more: { input?: Buffer; env?: Readonly<Record<string, string>> } = {},
): Promise<RunResult> =>
  runInProcess(argv, {
    env: { ...machine.home.env, ...machine.env, ...more.env },
    clock,
    ...(more.input === undefined ? {} : { input: more.input }),
  });
const place = (no: string): Promise<RunResult> =>
  run([
    'order',
    'create',
    '--type',
    'native',
    '--description',
    'x',
    '--amount',
    '1',
    '--out-trade-no',
    no,
    '--notify-url',
    receiver.url,
  ]);
const downloads = (): number =>
  local.emulator.requests.filter(({ target, status }) => target === '/v3/certificates' && status === 200).length;

/** The key as downloaded from the merchant platform, before anything is switched. */
async function applyForKey(): Promise<Readonly<Record<'WXPAY_PUBLIC_KEY_ID' | 'WXPAY_PUBLIC_KEY_FILE', string>>> {
  await local.emulator.rotate({ mode: 'mixed' });
  const { public_key_id: id, public_key_file: file } = local.emulator.infoOf(local.info.mchid);
  await local.emulator.rotate({ mode: 'certificate' });
  return { WXPAY_PUBLIC_KEY_ID: id ?? '', WXPAY_PUBLIC_KEY_FILE: file ?? '' };
}

/** Three loops of queries go on while `work` runs, and for a few more; every one of them has to succeed. */
async function underTraffic<T>(
  work: () => Promise<T>,
  envs: readonly Readonly<Record<string, string>>[] = [{}],
): Promise<{ readonly queries: number; readonly result: T }> {
  let over = false;
  let queries = 0;
  const loop = async (index: number): Promise<void> => {
    for (let rest = 3; rest > 0;) {
      const result = await run(['order', 'query', 'TRAFFIC_0001', '--json'], { env: envs[index % envs.length] ?? {} });
      if (result.code !== 0) throw new Error(`a query failed: ${result.stderr}`);
      queries += 1;
      if (over) rest -= 1;
    }
  };
  const loops = [0, 1, 2].map(loop);
  const result = await work();
  over = true;
  await Promise.all(loops);
  return { queries, result };
}

/** Pays an order and verifies its callback as a receiver would. @returns the serial that signed it */
async function callbackSerial(): Promise<string> {
  orders += 1;
  const no = `CALLBACK_${orders}_0001`;
  expect(await place(no)).toMatchObject({ code: 0 });
  await local.emulator.pay({ order: no });
  const { raw } = await receiver.next(AbortSignal.timeout(5_000));
  const result = await run(['verify-callback', '--json'], { input: raw });
  expect(result.code, result.stderr).toBe(0);
  return (JSON.parse(result.stdout) as { serial: string }).serial;
}

describe('a platform certificate is replaced', () => {
  beforeAll(() => start('certificate'));
  afterAll(stop);

  test('new one appears, overlap, callbacks switch, old one expires: nothing fails, three downloads', async () => {
    const old = local.info.platform_serial_no ?? '';
    expect(downloads()).toBe(1);
    expect(await callbackSerial()).toBe(old);

    // The new certificate is listed; nobody needs it yet.
    ahead += hour;
    await underTraffic(() => local.emulator.rotate({ step: 'issue', oldDays: 10 }));
    expect(downloads()).toBe(1);

    // The cache is looked after every twelve hours: one download, by whoever comes first.
    ahead += 13 * hour;
    const { queries } = await underTraffic(async () => undefined);
    expect(queries).toBeGreaterThan(8);
    expect(downloads()).toBe(2);

    // A growing share of answers, then all of them, and the callbacks.
    await underTraffic(() => local.emulator.rotate({ step: 'switch', share: 0.3 }));
    const { result: switched } = await underTraffic(() => local.emulator.rotate({ step: 'switch' }));
    expect(switched.signing).not.toBe(old);
    expect(await callbackSerial()).toBe(switched.signing);
    expect(downloads()).toBe(2);

    // The old one is over.
    ahead += 11 * day;
    await underTraffic(() => local.emulator.rotate({ step: 'retire' }));
    expect(downloads()).toBe(3);
    const listed = await run(['certs', 'list', '--json']);
    expect((JSON.parse(listed.stdout) as { serial_no: string }[]).map(({ serial_no }) => serial_no)).toEqual([
      switched.signing,
    ]);
  });

  test('a cron job that rotates daily is the only one to download, and its files are always whole', async () => {
    const rotate = async (): Promise<{ added: string[]; removed: string[]; changed: boolean }> => {
      const result = await run(['certs', 'rotate', '--out', `${machine.home.dir}/certs`, '--json']);
      if (result.code !== 0) throw new Error(result.stderr);
      return JSON.parse(result.stdout) as { added: string[]; removed: string[]; changed: boolean };
    };
    await rotate();
    const before = downloads();
    ahead += 2 * hour;
    await local.emulator.rotate({ step: 'issue', oldDays: 3 });
    const { result } = await underTraffic(rotate);
    expect(result).toMatchObject({ changed: true, added: [expect.any(String)] });
    await underTraffic(() => local.emulator.rotate({ step: 'switch' }));
    expect(await callbackSerial()).toBe(result.added[0]);
    expect(downloads()).toBe(before + 1);
  });

  test('a certificate that signs before anybody knows it is fetched once, and no answer is lost', async () => {
    ahead += 2 * hour;
    const before = downloads();
    const { result } = await underTraffic(() => local.emulator.rotate());
    expect(await callbackSerial()).toBe(result.signing);
    expect(downloads()).toBe(before + 1);
  });
});

describe('a merchant moves from certificates to the public key', () => {
  beforeAll(() => start('certificate'));
  afterAll(stop);

  test('and back: programs with and without the key side by side, nothing fails, one download', async () => {
    const certificate = local.info.platform_serial_no ?? '';
    const withKey = await applyForKey();
    const both = [{}, withKey, withKey];

    // Applied for, not started: answers come with the certificate whatever the request names.
    await local.emulator.rotate({ mode: 'certificate' });
    await underTraffic(async () => undefined, both);
    expect(await callbackSerial()).toBe(certificate);

    // Started: each is answered as it asks.
    await underTraffic(() => local.emulator.rotate({ mode: 'mixed' }), both);

    // Every program has the key by now; confirmed.
    machine.env = { ...local.env, ...withKey };
    await underTraffic(() => local.emulator.rotate({ mode: 'public-key' }));
    expect(await callbackSerial()).toBe(withKey.WXPAY_PUBLIC_KEY_ID);
    ahead += 2 * day;
    await underTraffic(async () => undefined);
    expect(downloads()).toBe(1);

    // The way back: the certificate signs again, and is still known or fetched once.
    await underTraffic(() => local.emulator.rotate({ mode: 'mixed' }));
    await underTraffic(() => local.emulator.rotate({ mode: 'certificate' }));
    expect(await callbackSerial()).toBe(certificate);
    expect(downloads()).toBeLessThanOrEqual(2);
  });
});

describe('C3: twenty processes meet an unknown serial at once', () => {
  beforeAll(() => start('certificate'));
  afterAll(stop);

  test('at most two downloads, and none of them fails', async () => {
    // Cached two minutes ago, so that nobody's cooldown stands in the way.
    const { home } = machine;
    await runInProcess(['certs', 'download'], {
      env: { ...home.env, ...machine.env },
      clock: shiftedClock(() => -2 * minute),
    });
    await local.emulator.rotate();
    const before = downloads();
    const results = await Promise.all(
      Array.from({ length: 20 }, () =>
        home.run(['order', 'query', 'TRAFFIC_0001', '--json'], { env: machine.env, timeout: 60_000 }),
      ),
    );
    expect(results.map(({ code, stderr }) => [code, stderr])).toEqual(results.map(() => [0, '']));
    expect(downloads() - before).toBeGreaterThan(0);
    expect(downloads() - before).toBeLessThanOrEqual(2);
  });
});
