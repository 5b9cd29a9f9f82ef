/** APIv2 payment by code and its reversal over mTLS, at the same desk as APIv3's. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EmulatorInfo } from '../../../src/emulator/contract.ts';
import type { PayerChange } from '../../../src/emulator/payers.ts';
import { openStage } from '../stage.ts';
import type { Stage } from '../stage.ts';
import { holds, makeV2Client } from './client.ts';
import type { Fields, V2Answer, V2Client } from './client.ts';

let stage: Stage;
let info: EmulatorInfo;
let client: V2Client;

beforeAll(async () => {
  stage = await openStage({ https: { port: 0 } });
  ({ info } = stage.emulator);
  client = makeV2Client(info);
});
afterAll(async () => stage.end());

/** A payment with the code on the phone of a payer like that. */
function payment(change: PayerChange = {}, changes: Fields = {}): Record<string, string> {
  const { auth_code: code, openid } = stage.emulator.issueCode();
  stage.emulator.changePayer(openid, change);
  return {
    body: '咖啡',
    out_trade_no: stage.number(),
    total_fee: '100',
    spbill_create_ip: '203.0.113.9',
    auth_code: code,
    ...changes,
  };
}
const pay = (fields: Fields): Promise<V2Answer> => client.call('/pay/micropay', fields);
const query = (fields: Fields): Promise<V2Answer> =>
  client.call('/pay/orderquery', { out_trade_no: fields['out_trade_no'] ?? '' });
const reverse = (fields: Fields): Promise<V2Answer> =>
  client.call('/secapi/pay/reverse', { out_trade_no: fields['out_trade_no'] ?? '' }, { certificate: info });

describe('micropay', () => {
  test.each(['MD5', 'HMAC-SHA256'])('is paid at once and shown as a query shows it, signed with %s', async (type) => {
    const wanted = payment({}, { attach: 'till=3', sign_type: type });
    const { fields } = await pay(wanted);
    expect(fields).toMatchObject({
      result_code: 'SUCCESS',
      trade_type: 'MICROPAY',
      total_fee: '100',
      attach: 'till=3',
      out_trade_no: wanted['out_trade_no'],
    });
    expect(holds(fields, info.api_v2_key, type)).toBe(true);
    expect((await query(wanted)).fields).toMatchObject({
      trade_state: 'SUCCESS',
      transaction_id: fields['transaction_id'],
    });
  });

  test('asks the payer for the password: USERPAYING, and a query says what came of it', async () => {
    const wanted = payment({ password: 'always' });
    expect((await pay(wanted)).fields).toMatchObject({ result_code: 'FAIL', err_code: 'USERPAYING' });
    expect((await query(wanted)).fields).toMatchObject({ trade_state: 'USERPAYING' });
    await stage.emulator.pay({ order: wanted['out_trade_no'] ?? '', callback: false });
    expect((await query(wanted)).fields).toMatchObject({ trade_state: 'SUCCESS' });
  });

  test.each<[string, PayerChange, Fields, string]>([
    ['a wallet that is empty', { balance: 0 }, {}, 'NOTENOUGH'],
    ['a bank that is down', { bank: 'down' }, {}, 'BANKERROR'],
    ['what is no payment code', {}, { auth_code: '990000000000000000' }, 'AUTH_CODE_INVALID'],
    ['no code', {}, { auth_code: '' }, 'LACK_PARAMS'],
    ['a code of letters', {}, { auth_code: 'abc' }, 'PARAM_ERROR'],
    ['an amount of 0', {}, { total_fee: '0' }, 'PARAM_ERROR'],
  ])('refuses %s', async (_, change, changes, code) => {
    expect((await pay(payment(change, changes))).fields).toMatchObject({ result_code: 'FAIL', err_code: code });
  });

  test('refuses a code after its minute, and a number that is paid', async () => {
    const late = payment();
    stage.advance(61_000);
    expect((await pay(late)).fields).toMatchObject({ err_code: 'AUTHCODEEXPIRE' });
    const paid = payment();
    await pay(paid);
    expect((await pay(paid)).fields).toMatchObject({ err_code: 'ORDERPAID' });
  });

  test('is one order for both APIs, and is not closed', async () => {
    const wanted = payment({ password: 'always' });
    await pay(wanted);
    const number = wanted['out_trade_no'] ?? '';
    const shown = await stage.client.call('GET', `/v3/pay/transactions/out-trade-no/${number}?mchid=${info.mchid}`);
    expect(shown.json).toMatchObject({ trade_state: 'USERPAYING' });
    expect((await client.call('/pay/closeorder', { out_trade_no: number })).fields).toMatchObject({
      err_code: 'TRADE_ERROR',
    });
  });
});

describe('reverse', () => {
  test('takes a paid order back, once 15 s have passed, and says the same when it is repeated', async () => {
    const wanted = payment();
    await pay(wanted);
    expect((await reverse(wanted)).fields).toMatchObject({ result_code: 'FAIL', err_code: 'RULELIMIT', recall: 'N' });
    stage.advance(16_000);
    for (const _ of [1, 2])
      expect((await reverse(wanted)).fields).toMatchObject({ result_code: 'SUCCESS', recall: 'N' });
    expect((await query(wanted)).fields).toMatchObject({ trade_state: 'REVOKED' });
    expect((await pay(wanted)).fields).toMatchObject({ err_code: 'ORDERREVERSED' });
  });

  test('ends an unpaid one', async () => {
    const wanted = payment({ password: 'always' });
    await pay(wanted);
    stage.advance(16_000);
    expect((await reverse(wanted)).fields).toMatchObject({ result_code: 'SUCCESS' });
    expect((await query(wanted)).fields).toMatchObject({ trade_state: 'REVOKED' });
  });

  test('refuses an unknown number, and a call without the certificate', async () => {
    expect((await reverse({ out_trade_no: 'NOBODY_1' })).fields).toMatchObject({ err_code: 'ORDERNOTEXIST' });
    expect((await client.call('/secapi/pay/reverse', { out_trade_no: 'A' })).status).toBe(400);
  });
});
