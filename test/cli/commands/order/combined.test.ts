import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandInput } from '../../../../src/cli/command.ts';
import { command } from '../../../../src/cli/commands/order/create.ts';
import { errorOf } from '../../../helpers/cli.ts';
import { runInProcess } from '../../../helpers/in-process.ts';
import { startLocal, type Local } from '../../../helpers/local.ts';
import type { RunResult } from '../../../helpers/cli.ts';
import { makeRuntime, merchantEnv } from '../../../helpers/runtime.ts';

const partnerEnv = { ...merchantEnv, WXPAY_SUB_MCHID: '1900000109', WXPAY_SUB_APPID: 'wx_sub' };
const sub = (no: string, change: object = {}): object => ({
  out_trade_no: no,
  description: '咖啡',
  attach: 'a',
  amount: { total_amount: 100 },
  ...change,
});
const combined = (change: object = {}): string =>
  JSON.stringify({ notify_url: 'https://a.example/n', sub_orders: [sub('SUB_0001'), sub('SUB_0002')], ...change });

async function bodyOf(
  options: CommandInput['options'],
  env: Readonly<Record<string, string>> = merchantEnv,
): Promise<Record<string, unknown>> {
  const { runtime } = makeRuntime(env, { dryRun: true });
  const result = await command.run({ args: [], options: { type: 'native', combine: combined(), ...options } }, runtime);
  const data = result?.data as { readonly body?: Record<string, unknown> } | undefined;
  return data?.body ?? {};
}

describe('the body of a combined order', () => {
  test('names the profile’s merchant where it names none, and the only currency', async () => {
    expect(await bodyOf({ outTradeNo: 'COMBINED_1' })).toEqual({
      combine_appid: merchantEnv.WXPAY_APPID,
      combine_mchid: merchantEnv.WXPAY_MCHID,
      combine_out_trade_no: 'COMBINED_1',
      notify_url: 'https://a.example/n',
      sub_orders: ['SUB_0001', 'SUB_0002'].map((out_trade_no) => ({
        mchid: merchantEnv.WXPAY_MCHID,
        out_trade_no,
        description: '咖啡',
        attach: 'a',
        amount: { total_amount: 100, currency: 'CNY' },
      })),
    });
  });

  test('of a service provider names the profile’s sub-merchant, and its appid for that one only', async () => {
    const other = { sub_orders: [sub('SUB_0001'), sub('SUB_0002', { sub_mchid: '1900000110' })] };
    const body = await bodyOf({ combine: combined(other) }, partnerEnv);
    expect(body['sub_orders']).toMatchObject([
      { mchid: merchantEnv.WXPAY_MCHID, sub_mchid: '1900000109', sub_appid: 'wx_sub' },
      { mchid: merchantEnv.WXPAY_MCHID, sub_mchid: '1900000110' },
    ]);
    expect((body['sub_orders'] as object[])[1]).not.toHaveProperty('sub_appid');
  });

  test.each<[string, CommandInput['options'], object]>([
    ['a number of its own', {}, { combine_out_trade_no: expect.stringMatching(/^[0-9A-Z]{32}$/) }],
    ['flags over the body', { notifyUrl: 'https://b.example/n' }, { notify_url: 'https://b.example/n' }],
    ['the payer', { type: 'jsapi', openid: 'o1' }, { combine_payer_info: { openid: 'o1' } }],
    ['an expiry from now', { timeExpire: '30m' }, { time_expire: '2026-11-23T08:30:00+08:00' }],
    [
      'an h5 scene',
      { type: 'h5', clientIp: '203.0.113.9', h5Type: 'Wap', deviceId: 'd' },
      { scene_info: { payer_client_ip: '203.0.113.9', device_id: 'd', h5_info: { type: 'Wap' } } },
    ],
  ])('has %s', async (_what, options, members) => {
    expect(await bodyOf(options)).toMatchObject(members);
  });

  test.each<[CommandInput['options'], object]>([
    [{ description: 'x' }, { code: 'INPUT_INVALID', params: { field: '--description' } }],
    [{ amount: '1' }, { code: 'INPUT_INVALID', params: { field: '--amount' } }],
    [{ data: '{}' }, { code: 'INPUT_INVALID', params: { field: '--data' } }],
    [{ profitSharing: true }, { code: 'INPUT_INVALID', params: { field: '--profit-sharing' } }],
    [{ combine: '{}' }, { code: 'INPUT_MISSING', params: { field: 'notify_url' } }],
    [{ combine: '[]' }, { code: 'INPUT_INVALID', params: { field: '--combine' } }],
    [{ type: 'jsapi' }, { code: 'INPUT_MISSING', params: { flag: '--openid' } }],
    [{ type: 'h5' }, { code: 'INPUT_MISSING', params: { flag: '--client-ip' } }],
    [{ combine: combined({ sub_orders: 'x' }) }, { code: 'INPUT_INVALID', params: { field: 'sub_orders' } }],
  ])('%j is refused before anything is sent', async (options, expected) => {
    await expect(bodyOf(options)).rejects.toMatchObject({ ...expected, outcome: 'not_sent' });
  });

  test('a skeleton is a body that --combine takes back once its numbers are filled in', async () => {
    for (const type of ['native', 'jsapi', 'app', 'h5']) {
      const { runtime } = makeRuntime({});
      const made = await command.run({ args: [], options: { type, combine: '-', skeleton: true } }, runtime);
      const text = JSON.stringify(made?.data);
      await expect(bodyOf({ type, combine: text })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      let count = 0;
      const filled = text.replaceAll(/<6 to 32[^>]*>/g, () => `FILLED_${(count += 1)}`);
      expect(await bodyOf({ type, combine: filled })).toMatchObject({ combine_out_trade_no: 'FILLED_1' });
    }
  });
});

test('I6: at a live merchant nothing is sent without a yes', async () => {
  const { runtime } = makeRuntime({ ...merchantEnv, WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com', CI: 'true' });
  const work = command.run({ args: [], options: { type: 'native', combine: combined() } }, runtime);
  await expect(work).rejects.toMatchObject({ code: 'CONFIRMATION_REQUIRED', outcome: 'not_sent' });
});

describe('against the emulator', () => {
  let local: Local;
  beforeAll(async () => {
    local = await startLocal();
  });
  afterAll(async () => local.close());

  const run = async (...argv: string[]): Promise<RunResult> =>
    runInProcess(argv, {
      env: { ...local.env, HOME: local.home.dir, WXPAY_LANG: 'en', WXPAY_NOTIFY_URL: 'http://127.0.0.1:9/n' },
      cwd: local.home.dir,
    });
  const place = async (no: string, ...more: string[]): Promise<RunResult> => {
    const { notify_url: _, ...body } = JSON.parse(
      combined({
        combine_out_trade_no: no,
        sub_orders: [sub(`${no}A`), sub(`${no}B`, { amount: { total_amount: 34 } })],
      }),
    ) as Record<string, unknown>;
    writeFileSync(join(local.home.dir, 'combined.json'), JSON.stringify(body));
    return run('order', 'create', '--type', 'native', '--combine', '@combined.json', ...more);
  };

  test('lives: placed, paid, queried, and may not be closed then', async () => {
    const placed = await place('LIFE_0001', '--json');
    expect(placed).toMatchObject({ code: 0 });
    expect(JSON.parse(placed.stdout)).toEqual({
      combine_out_trade_no: 'LIFE_0001',
      code_url: expect.stringMatching(/^weixin:/),
    });
    await local.emulator.pay({ order: 'LIFE_0001', callback: false });
    const table = await run('order', 'query', '--combine', 'LIFE_0001');
    expect(table.stdout).toMatch(/¥1\.34/);
    expect(table.stdout).toMatch(/LIFE_0001A.*paid.*¥1\.00/);
    expect(table.stdout).toMatch(/LIFE_0001B.*paid.*¥0\.34/);
    const csv = await run('order', 'query', '--combine', 'LIFE_0001', '-o', 'csv');
    expect(csv.stdout.trim().split('\n')).toHaveLength(3);
    const again = await place('LIFE_0001', '--json');
    expect([again.code, errorOf(again)]).toMatchObject([4, { code: 'ORDER_PAID' }]);
    const closed = await run('order', 'close', '--combine', 'LIFE_0001', '--json');
    expect([closed.code, closed.stdout, errorOf(closed)]).toMatchObject([4, '', { code: 'ORDER_PAID' }]);
  });

  test('is closed, all of it, and closing it again finds nothing to do', async () => {
    await place('CLOSE_0001');
    const first = await run('order', 'close', '--combine', 'CLOSE_0001', '--json');
    expect(JSON.parse(first.stdout)).toMatchObject({
      result: 'closed',
      sub_orders: [{ trade_state: 'CLOSED' }, { trade_state: 'CLOSED' }],
    });
    const second = await run('order', 'close', '--combine', 'CLOSE_0001', '--json');
    expect(JSON.parse(second.stdout)).toMatchObject({ result: 'already_closed' });
  });

  test('that was never made is not closed: the number would be burned', async () => {
    expect(await run('order', 'close', '--combine', 'NEVER_0001')).toMatchObject({ code: 5 });
    expect(local.emulator.requests.filter(({ target }) => target.includes('NEVER_0001/close'))).toEqual([]);
  });

  test('a dry run shows the query that comes before a close, and sends nothing', async () => {
    const before = local.emulator.requests.length;
    const result = await run('order', 'close', '--combine', 'CLOSE_0002', '--dry-run', '--json');
    expect(JSON.parse(result.stdout)).toMatchObject({ dry_run: true, method: 'GET', body: null });
    expect(result.stderr).toContain('the query comes first');
    expect(local.emulator.requests).toHaveLength(before);
  });

  test('client parameters are signed for the combined appid, by the merchant', async () => {
    const placed = await place('PARAMS_0001', '--type', 'jsapi', '--openid', 'o1', '--json');
    const { prepay_id: prepayId, pay_parameters: pay } = JSON.parse(placed.stdout) as {
      prepay_id: string;
      pay_parameters: Record<string, string>;
    };
    expect(pay).toMatchObject({ appId: local.info.appid, package: `prepay_id=${prepayId}`, signType: 'RSA' });
    const message = `${pay['appId']}\n${pay['timeStamp']}\n${pay['nonceStr']}\n${pay['package']}\n`;
    const key = createPublicKey(createPrivateKey(local.env['WXPAY_PRIVATE_KEY'] ?? ''));
    expect(verify('RSA-SHA256', Buffer.from(message), key, Buffer.from(pay['paySign'] ?? '', 'base64'))).toBe(true);
    const app = await place('PARAMS_0002', '--type', 'app', '--json');
    expect(JSON.parse(app.stdout)).toMatchObject({
      pay_parameters: { appid: local.info.appid, partnerid: local.info.mchid, package: 'Sign=WXPay' },
    });
  });

  test('C4: a validly signed answer about another combined order is refused', async () => {
    await place('REPLAY_0001');
    local.emulator.faults.add({ kind: 'replay-other', path: '/v3/combine-transactions/*' });
    const result = await run('order', 'query', '--combine', 'REPLAY_0001', '--json');
    expect([result.code, result.stdout, errorOf(result)]).toMatchObject([6, '', { code: 'ANSWER_MISMATCH' }]);
  });

  test('a lost answer is exit 8, with the command that asks', async () => {
    local.emulator.faults.add({ kind: 'cut', when: 'after', path: '/v3/combine-transactions/native', count: -1 });
    const result = await place('LOST_0001', '--retries', '0', '--json');
    local.emulator.faults.clear();
    expect([result.code, errorOf(result)]).toMatchObject([
      8,
      { code: 'OUTCOME_UNKNOWN', next: expect.stringContaining('wxpay order query --combine LOST_0001') },
    ]);
    expect(await run('order', 'query', '--combine', 'LOST_0001')).toMatchObject({ code: 0 });
  });

  test.each([
    [['order', 'query', 'ORDER_0001', '--combine', 'COMBINED_1']],
    [['order', 'query', '--out-trade-no', 'ORDER_0001', '--combine', 'COMBINED_1']],
    [['order', 'close', 'ORDER_0001', '--combine', 'COMBINED_1']],
    [['order', 'close']],
    [['order', 'query', '--combine', 'A/B']],
  ])('%j is a usage error', async (argv) => {
    expect(await run(...argv)).toMatchObject({ code: 2, stdout: '' });
  });
});
