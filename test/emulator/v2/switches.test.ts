/** What WeChat Pay has decided about a merchant holds for APIv2 as for APIv3, in APIv2's words. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { MerchantSwitchesChange } from '../../../src/emulator/merchant-switches.ts';
import { openStage } from '../stage.ts';
import type { Stage } from '../stage.ts';
import { holds, makeV2Client } from './client.ts';
import type { Fields, V2Client } from './client.ts';

let stage: Stage;
let client: V2Client;
beforeAll(async () => {
  stage = await openStage({ https: { port: 0 } });
  client = makeV2Client(stage.emulator.info);
});
afterEach(() => {
  change({ account: 'open', products: null, refunds: 'allowed', max_total: null, per_second: null });
});
afterAll(async () => stage.end());

const change = (to: MerchantSwitchesChange): void => {
  stage.emulator.changeMerchant(stage.emulator.info.mchid, to);
};
const order = (type: string): Fields => ({
  body: '咖啡',
  out_trade_no: stage.number(),
  total_fee: '1290',
  spbill_create_ip: '203.0.113.9',
  notify_url: 'http://127.0.0.1:1/notify',
  trade_type: type,
  openid: 'oABCD5example_openid00000001',
});
const byCode = (): Fields => ({
  body: '咖啡',
  out_trade_no: stage.number(),
  total_fee: '1290',
  spbill_create_ip: '203.0.113.9',
  auth_code: stage.emulator.issueCode().auth_code,
});
const refund = (): Fields => {
  const [paid] = stage.emulator.seed({ count: 1, total: 1290 });
  return { out_trade_no: paid!.out_trade_no, out_refund_no: stage.number(), total_fee: '1290', refund_fee: '90' };
};

/** The code that the call is refused with; undefined when it is carried out. */
async function refusal(path: string, fields: Fields): Promise<string | undefined> {
  const options = path.startsWith('/secapi/') ? { certificate: stage.emulator.info } : {};
  const answer = await client.call(path, fields, options);
  expect([answer.status, answer.fields['return_code']]).toEqual([200, 'SUCCESS']);
  expect(holds(answer.fields, stage.emulator.info.api_v2_key)).toBe(true);
  return answer.fields['err_code'];
}

test('a closed account is unknown to orders and refunds, after their form was looked at', async () => {
  change({ account: 'closed' });
  const unpaid = order('NATIVE');
  const number = { out_trade_no: unpaid['out_trade_no'] ?? '' };
  const calls: readonly (readonly [string, Fields])[] = [
    ['/pay/unifiedorder', unpaid],
    ['/pay/orderquery', number],
    ['/pay/closeorder', number],
    ['/pay/refundquery', number],
    ['/pay/micropay', byCode()],
    ['/secapi/pay/refund', refund()],
    ['/secapi/pay/reverse', number],
  ];
  for (const [path, fields] of calls) expect([path, await refusal(path, fields)]).toEqual([path, 'MCHID_NOT_EXIST']);
  expect(await refusal('/pay/unifiedorder', { ...unpaid, total_fee: '12.9' })).toBe('PARAM_ERROR');
  change({ account: 'open' });
  expect(await refusal('/pay/orderquery', number)).toBe('ORDERNOTEXIST');
  expect(await refusal('/pay/unifiedorder', unpaid)).toBeUndefined();
});

test('a product that is not opened is NOAUTH, and nothing is placed', async () => {
  change({ products: ['jsapi'] });
  const native = order('NATIVE');
  expect(await refusal('/pay/unifiedorder', native)).toBe('NOAUTH');
  expect(await refusal('/pay/orderquery', { out_trade_no: native['out_trade_no'] ?? '' })).toBe('ORDERNOTEXIST');
  expect(await refusal('/pay/unifiedorder', order('APP'))).toBe('NOAUTH');
  expect(await refusal('/pay/unifiedorder', order('MWEB'))).toBe('NOAUTH');
  expect(await refusal('/pay/micropay', byCode())).toBe('NOAUTH');
  expect(await refusal('/pay/unifiedorder', order('JSAPI'))).toBeUndefined();
  change({ products: ['codepay'] });
  expect(await refusal('/pay/micropay', byCode())).toBeUndefined();
});

test('an amount above the merchant’s limit is RULELIMIT', async () => {
  change({ max_total: 1289 });
  expect(await refusal('/pay/unifiedorder', order('NATIVE'))).toBe('RULELIMIT');
  expect(await refusal('/pay/micropay', byCode())).toBe('RULELIMIT');
  change({ max_total: 1290 });
  expect(await refusal('/pay/unifiedorder', order('NATIVE'))).toBeUndefined();
});

test.each([
  ['denied', 'NOAUTH'],
  ['blocked', 'REQUEST_BLOCKED'],
] as const)('a right to refund that is %s is %s', async (refunds, code) => {
  change({ refunds });
  const fields = refund();
  expect(await refusal('/secapi/pay/refund', fields)).toBe(code);
  expect(await refusal('/pay/refundquery', { out_refund_no: fields['out_refund_no'] ?? '' })).toBe('REFUNDNOTEXIST');
  change({ refunds: 'allowed' });
  expect(await refusal('/secapi/pay/refund', fields)).toBeUndefined();
});

test('calls beyond those of a second are refused, whatever they ask', async () => {
  change({ per_second: 2 });
  const number = { out_trade_no: 'NOT_THERE_1' };
  expect(await refusal('/pay/orderquery', number)).toBe('ORDERNOTEXIST');
  expect(await refusal('/pay/refundquery', number)).toBe('ORDERNOTEXIST');
  expect(await refusal('/pay/orderquery', number)).toBe('FREQUENCY_LIMITED');
  const bill = await client.call('/pay/downloadbill', { bill_date: '20261101', bill_type: 'ALL' });
  expect(bill.fields).toEqual({ return_code: 'FAIL', return_msg: expect.any(String) as string });
  stage.advance(1_000);
  expect(await refusal('/pay/orderquery', number)).toBe('ORDERNOTEXIST');
});
