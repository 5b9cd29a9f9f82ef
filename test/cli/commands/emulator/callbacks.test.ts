/** `wxpay emulator callbacks` over a running emulator. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultCallbackSettings } from '../../../../src/emulator/callback-settings.ts';
import { orderBody } from '../../../emulator/stage.ts';
import { makeClient } from '../../../emulator/raw-client.ts';
import { receive, type Receiver } from '../../../emulator/receiver.ts';
import type { RunResult } from '../../../helpers/cli.ts';
import { runInProcess } from '../../../helpers/in-process.ts';
import { startLocal, type Local } from '../../../helpers/local.ts';

let local: Local;
let receiver: Receiver;
beforeAll(async () => {
  local = await startLocal();
  receiver = await receive(200);
});
afterAll(async () => {
  await receiver.close();
  await local.close();
});

async function callbacks(...argv: string[]): Promise<RunResult> {
  return runInProcess(['emulator', 'callbacks', '--dir', 'emulator', ...argv], {
    env: { HOME: local.home.dir, WXPAY_LANG: 'en' },
    cwd: local.home.dir,
  });
}

let made = 0;
async function pay(url: string): Promise<string> {
  const client = makeClient(local.info, () => Date.now());
  made += 1;
  const number = `CB_${made}_000001`;
  const stage = { emulator: local.emulator, number: () => number };
  const body = orderBody(stage as never, 'native', { notify_url: url });
  expect((await client.call('POST', '/v3/pay/transactions/native', body)).status).toBe(200);
  return (await local.emulator.pay({ order: number })).callback!.id;
}

test('what was sent is listed, one callback is shown with its sends, and sent again', async () => {
  expect((await callbacks()).stdout).toContain('No callbacks yet.');
  const lost = await pay('http://127.0.0.1:1/notify');
  const taken = await pay(receiver.url);
  const list = await callbacks('--json');
  expect(JSON.parse(list.stdout)).toMatchObject([
    { id: lost, state: 'waiting', attempts: 1, delivered: false, failure: 'ECONNREFUSED', out_trade_no: 'CB_1_000001' },
    { id: taken, state: 'delivered', attempts: 1, delivered: true, status: 200 },
  ]);
  expect((await callbacks()).stdout).toMatch(
    new RegExp(`${lost}\\s+TRANSACTION.SUCCESS\\s+1\\s+waiting\\s+\\d\\d:\\d\\d:\\d\\d`),
  );
  const again = await callbacks(taken, '--redeliver', '--json');
  expect(JSON.parse(again.stdout)).toMatchObject({ attempts: [{ why: 'first' }, { why: 'redelivery', status: 200 }] });
  expect(receiver.arrivals).toHaveLength(2);
  const shown = await callbacks(taken, '--verbose');
  expect(shown.stdout).toContain('by command');
  expect(shown.stdout).toContain('Wechatpay-Signature: ');
  expect(shown.stdout).toContain(receiver.arrivals[0]!.text);
});

test('how they are sent is changed, and changed back', async () => {
  const changed = await callbacks('--speed', '2.5', '--resend', 'off', '--duplicates', '1', '--probes', '-1', '--json');
  const settings = { ...defaultCallbackSettings, speed: 2.5, retries: false, duplicates: 1, probes: -1 };
  expect(JSON.parse(changed.stdout)).toEqual(settings);
  expect(local.emulator.outbox.settings()).toEqual(settings);
  await callbacks('--reset', '--delay', '5', '--reorder', '2');
  expect(local.emulator.outbox.settings()).toEqual({ ...defaultCallbackSettings, delay_ms: 5, reorder: 2 });
  await callbacks('--reset');
  expect(local.emulator.outbox.settings()).toEqual(defaultCallbackSettings);
});

describe('is refused', () => {
  test.each<[string, readonly string[], number]>([
    ['an id that nobody has', ['unknown'], 5],
    ['a redelivery of nothing', ['--redeliver'], 2],
    ['settings for one callback', ['x', '--speed', '2'], 2],
    ['a speed that is none', ['--speed', 'fast'], 2],
    ['a speed beyond all bounds', ['--speed', '0'], 2],
    ['a share of a duplicate', ['--duplicates', '0.5'], 2],
  ])('%s', async (_what, argv, code) => {
    expect(await callbacks(...argv)).toMatchObject({ code, stdout: '' });
    expect(local.emulator.outbox.settings()).toEqual(defaultCallbackSettings);
  });

  test.each(['0', 'x', '-1', '2000000'])('a start with --callback-speed %s', async (speed) => {
    const argv = ['emulator', 'start', '--dir', 'other', '--callback-speed', speed];
    expect(await runInProcess(argv, { env: { HOME: local.home.dir }, cwd: local.home.dir })).toMatchObject({ code: 2 });
  });
});
