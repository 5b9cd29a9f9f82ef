/** `wxpay api` as people run it: the built binary against the emulator. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';

let local: Local;
beforeAll(async () => {
  local = await startLocal();
});
afterEach(() => local.emulator.faults.clear());
afterAll(async () => local.close());

const api = (argv: readonly string[], input?: string): Promise<RunResult> =>
  local.run(['api', ...argv, '--json'], { cwd: local.home.dir, ...(input === undefined ? {} : { input }) });
async function answer(argv: readonly string[], input?: string): Promise<Record<string, unknown>> {
  const result = await api(argv, input);
  expect(result.code, result.stderr).toBe(0);
  return JSON.parse(result.stdout) as Record<string, unknown>;
}
const texts = (fields: Readonly<Record<string, string>>): string[] =>
  Object.entries(fields).flatMap(([name, value]) => ['-f', `${name}=${value}`]);
const identity = (): string[] => texts({ appid: local.info.appid, mchid: local.info.mchid });

describe('wxpay api against the emulator', () => {
  test('an order of digits only, paid, shared with an encrypted receiver, and asked about', async () => {
    const number = '20261124000000000001';
    const placed = await answer([
      'POST',
      '/v3/pay/transactions/native',
      ...identity(),
      ...texts({ description: '咖啡', out_trade_no: number, notify_url: 'http://127.0.0.1:9/' }),
      '-F',
      'amount.total=1000',
      '-F',
      'settle_info.profit_sharing=true',
    ]);
    expect(placed['code_url']).toMatch(/^weixin:/);
    const { transaction } = await local.emulator.pay({ order: number, callback: false });
    const id = String(transaction['transaction_id']);

    const receiver = texts({ type: 'MERCHANT_ID', account: '1900000888', relation_type: 'PARTNER' });
    const added = await answer(
      [
        'POST',
        '/v3/profitsharing/receivers/add',
        '-f',
        `appid=${local.info.appid}`,
        ...receiver,
        '-F',
        'name=@-',
        '--encrypt',
        'name',
      ],
      '甲公司\n',
    );
    expect(added).toMatchObject({ account: '1900000888', relation_type: 'PARTNER' });

    const found = await answer([
      'GET',
      `/v3/pay/transactions/out-trade-no/${number}`,
      '--query-param',
      `mchid=${local.info.mchid}`,
    ]);
    expect(found).toMatchObject({ out_trade_no: number, transaction_id: id, trade_state: 'SUCCESS' });
    expect(await answer(['GET', `/v3/profitsharing/transactions/${id}/amounts`])).toMatchObject({ transaction_id: id });
  });

  test('a combined order from a file, byte for byte', async () => {
    const { appid, mchid } = local.info;
    const order = (out_trade_no: string): object => ({
      mchid,
      attach: 'a',
      amount: { total_amount: 100, currency: 'CNY' },
      out_trade_no,
      description: '咖啡',
    });
    const body = {
      combine_appid: appid,
      combine_mchid: mchid,
      combine_out_trade_no: 'API_COMBINED_1',
      sub_orders: [order('API_COMBINED_1A'), order('API_COMBINED_1B')],
      notify_url: 'http://127.0.0.1:9/',
    };
    writeFileSync(join(local.home.dir, 'combined.json'), JSON.stringify(body, undefined, 3));
    const placed = await answer(['POST', '/v3/combine-transactions/native', '--data', '@combined.json']);
    expect(placed['code_url']).toMatch(/^weixin:/);
    const found = await answer(['GET', '/v3/combine-transactions/out-trade-no/API_COMBINED_1']);
    expect(found['combine_out_trade_no']).toBe('API_COMBINED_1');
    local.emulator.faults.add({ kind: 'cut', when: 'after', path: '/v3/combine-transactions/native' });
    const cut = await api(['POST', '/v3/combine-transactions/native', '--data', '@combined.json']);
    expect(cut.code).toBe(8);
    expect(errorOf(cut)['next']).toBe('wxpay order query --combine API_COMBINED_1');
    local.emulator.faults.clear();
    const asked = await local.run(['order', 'query', '--combine', 'API_COMBINED_1', '--json']);
    expect(asked.code, asked.stderr).toBe(0);
  });

  test('a picture of two megabytes, and what is wrong with one that was exchanged', async () => {
    writeFileSync(join(local.home.dir, '门店.png'), randomBytes(2 * 1024 * 1024));
    const path = '/v3/merchant/media/upload';
    expect((await answer(['POST', path, '--upload', '门店.png']))['media_id']).toMatch(/^[\w-]{100,}$/);
    const wrong = await api(['POST', path, '--upload', '门店.png', '--data', '{"filename":"门店.png","sha256":"00"}']);
    expect(wrong.code).toBe(4);
    expect(errorOf(wrong)).toMatchObject({ code: 'API_REFUSED', wechat: { code: 'PARAM_ERROR' } });
  });

  test('a refund whose answer is cut is not repeated: exit 8, and the command that asks finds it', async () => {
    const number = 'API_CUT_0001';
    await answer([
      'POST',
      '/v3/pay/transactions/native',
      ...identity(),
      ...texts({ description: 'x', out_trade_no: number, notify_url: 'http://127.0.0.1:9/' }),
      '-F',
      'amount.total=100',
    ]);
    await local.emulator.pay({ order: number, callback: false });
    local.emulator.faults.add({ kind: 'cut', when: 'after', path: '/v3/refund/domestic/refunds' });
    const result = await api([
      'POST',
      '/v3/refund/domestic/refunds',
      ...texts({ out_trade_no: number, out_refund_no: 'R_API_CUT', 'amount.currency': 'CNY' }),
      '-F',
      'amount.refund=100',
      '-F',
      'amount.total=100',
    ]);
    expect(result.code).toBe(8);
    expect(result.stdout).toBe('');
    expect(errorOf(result)).toMatchObject({ outcome: 'unknown', next: 'wxpay refund query R_API_CUT' });
    const asked = await local.run(['refund', 'query', 'R_API_CUT', '--json']);
    expect(asked.code, asked.stderr).toBe(0);
  });
});
