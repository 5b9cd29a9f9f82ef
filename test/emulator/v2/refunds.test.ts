/** APIv2 refunds over mTLS, in the same book as APIv3's, told of in `req_info`; and the bill as plain text. */
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { EmulatorInfo } from '../../../src/emulator/contract.ts';
import { openStage, orderBody } from '../stage.ts';
import type { Stage } from '../stage.ts';
import { holds, makeV2Client, open, read } from './client.ts';
import type { CallOptions, Fields, V2Answer, V2Client } from './client.ts';
import { receiveXml } from './receiver.ts';
import type { XmlReceiver } from './receiver.ts';

let stage: Stage;
let info: EmulatorInfo;
let client: V2Client;
let receiver: XmlReceiver;

beforeAll(async () => {
  stage = await openStage({ https: { port: 0 }, refunds: { settle_after_ms: null } });
  ({ info } = stage.emulator);
  client = makeV2Client(info);
  receiver = await receiveXml();
});
afterEach(() => {
  stage.emulator.faults.clear();
  stage.emulator.configureRefunds({ spacing: 'allow', rate_limits: false, balances: { [info.mchid]: null } });
});
afterAll(async () => {
  await receiver.close();
  await stage.end();
});

const refund = (fields: Fields, options: CallOptions = { certificate: info }): Promise<V2Answer> =>
  client.call('/secapi/pay/refund', fields, options);
const queryRefund = (fields: Fields): Promise<V2Answer> => client.call('/pay/refundquery', fields);

/** A paid order of 1000 fen. */
async function paid(): Promise<{ number: string; transaction: string }> {
  const number = stage.number();
  await client.call('/pay/unifiedorder', {
    body: 'x',
    out_trade_no: number,
    total_fee: '1000',
    spbill_create_ip: '203.0.113.9',
    notify_url: receiver.url,
    trade_type: 'NATIVE',
  });
  const { transaction } = await stage.emulator.pay({ order: number, callback: false });
  return { number, transaction: String(transaction['transaction_id']) };
}
const amounts = (amount: string, total = '1000'): Fields => ({ refund_fee: amount, total_fee: total });

async function made(changes: Fields = {}): Promise<{ order: string; number: string }> {
  const { number: order } = await paid();
  const number = `R${order}`;
  const { fields } = await refund({ out_trade_no: order, out_refund_no: number, ...amounts('400'), ...changes });
  expect(fields).toMatchObject({ result_code: 'SUCCESS' });
  return { order, number };
}

describe('the certificate of /secapi/pay/refund', () => {
  test('without one, over HTTP or HTTPS, nginx answers and nothing happens', async () => {
    const { number } = await paid();
    const fields = { out_trade_no: number, out_refund_no: `R${number}`, ...amounts('400') };
    for (const options of [{}, { certificate: 'none' }] as const) {
      const answer = await refund(fields, options);
      expect(answer).toMatchObject({ status: 400, type: 'text/html' });
      expect(answer.text).toContain('No required SSL certificate was sent');
    }
    expect((await queryRefund({ out_refund_no: `R${number}` })).fields).toMatchObject({ err_code: 'REFUNDNOTEXIST' });
  });

  test("another merchant's is refused: certificate not match", async () => {
    const provider = stage.emulator.merchants.find(({ subMerchants }) => subMerchants !== undefined)!;
    const other = stage.emulator.infoOf(provider.mchid);
    const { fields } = await refund({ out_refund_no: 'R1', ...amounts('1') }, { certificate: other });
    expect(fields).toEqual({ return_code: 'FAIL', return_msg: 'certificate not match' });
    expect(stage.emulator.requests.at(-1)?.code).toBe('CERT_ERROR');
  });

  test('the other paths want none, and take one', async () => {
    const { number } = await paid();
    const { fields } = await client.call('/pay/orderquery', { out_trade_no: number }, { certificate: info });
    expect(fields).toMatchObject({ trade_state: 'SUCCESS' });
  });
});

describe('refund', () => {
  test.each(['MD5', 'HMAC-SHA256'])('is accepted once, whatever is sent again, signed with %s', async (type) => {
    const { number, transaction } = await paid();
    const fields = { transaction_id: transaction, out_refund_no: `R${number}`, ...amounts('400'), sign_type: type };
    const first = await refund(fields);
    expect(first.fields).toMatchObject({
      result_code: 'SUCCESS',
      out_trade_no: number,
      transaction_id: transaction,
      refund_fee: '400',
      total_fee: '1000',
      cash_refund_fee: '400',
    });
    expect(first.fields['refund_id']).toMatch(/^503\d{26}$/);
    expect(holds(first.fields, info.api_v2_key, type)).toBe(true);
    expect((await refund(fields)).fields['refund_id']).toBe(first.fields['refund_id']);
    const carriedOut = stage.emulator.ledger().refunds.filter(({ out_trade_no }) => out_trade_no === number);
    expect(carriedOut).toMatchObject([{ amount: 400, posts: 2 }]);
  });

  test.each<[string, (order: string) => Fields, string]>([
    [
      'another amount under the same number',
      (order) => ({ out_refund_no: `R${order}`, ...amounts('300') }),
      'REFUND_FEE_MISMATCH',
    ],
    ['another total', () => ({ out_refund_no: 'R_total', ...amounts('1', '999') }), 'REFUND_FEE_MISMATCH'],
    ['more than is left', () => ({ out_refund_no: 'R_more', ...amounts('601') }), 'REFUND_FEE_INVALID'],
    ['more than the total in one', () => ({ out_refund_no: 'R_above', ...amounts('1001') }), 'PARAM_ERROR'],
    ['an amount of 0', () => ({ out_refund_no: 'R_0', ...amounts('0') }), 'PARAM_ERROR'],
    ['no number', () => ({ ...amounts('1') }), 'LACK_PARAMS'],
    ['a malformed number', () => ({ out_refund_no: '退款', ...amounts('1') }), 'PARAM_ERROR'],
    ['no order', () => ({ out_trade_no: '', out_refund_no: 'R_none', ...amounts('1') }), 'LACK_PARAMS'],
    [
      'an unknown order',
      () => ({ out_trade_no: 'NOBODY_1', out_refund_no: 'R_unknown', ...amounts('1') }),
      'ORDERNOTEXIST',
    ],
  ])('refuses %s', async (_, changes, code) => {
    const { order } = await made();
    const { fields } = await refund({ out_trade_no: order, ...changes(order) });
    expect(fields).toMatchObject({ result_code: 'FAIL', err_code: code });
    expect(holds(fields, info.api_v2_key)).toBe(true);
  });

  test('refuses when all is refunded, when the balance is short, when it is too late, too fast or too often', async () => {
    const { order } = await made();
    await refund({ out_trade_no: order, out_refund_no: 'R_rest', ...amounts('600') });
    const next = { out_trade_no: order, out_refund_no: 'R_next', ...amounts('1') };
    expect((await refund(next)).fields).toMatchObject({ err_code: 'ERROR', err_code_des: '订单已全额退款' });
    const { order: other } = await made();
    const more = { out_trade_no: other, out_refund_no: `M${other}`, ...amounts('1') };
    stage.emulator.configureRefunds({ balances: { [info.mchid]: 0 } });
    expect((await refund(more)).fields).toMatchObject({ err_code: 'NOTENOUGH' });
    stage.emulator.configureRefunds({ balances: { [info.mchid]: null }, spacing: 'refuse' });
    expect((await refund(more)).fields).toMatchObject({ err_code: 'FREQUENCY_LIMITED' });
    stage.emulator.configureRefunds({ spacing: 'allow', rate_limits: true });
    for (let at = 0; at < 6; at += 1) await refund({ ...more, total_fee: '1' });
    expect((await refund(more)).fields).toMatchObject({ err_code: 'FREQUENCY_LIMITED' });
  });

  test('refuses an unpaid order', async () => {
    const number = stage.number();
    await client.call('/pay/unifiedorder', {
      body: 'x',
      out_trade_no: number,
      total_fee: '1000',
      spbill_create_ip: '203.0.113.9',
      notify_url: receiver.url,
      trade_type: 'NATIVE',
    });
    expect((await refund({ out_trade_no: number, out_refund_no: 'R_unpaid', ...amounts('1') })).fields).toMatchObject({
      err_code: 'ORDERNOTEXIST',
    });
  });

  test('answers SYSTEMERROR to a refund that it carried out, and the same number finds it', async () => {
    const { number } = await paid();
    const fields = { out_trade_no: number, out_refund_no: `R${number}`, ...amounts('400') };
    stage.emulator.faults.add({ kind: 'status', status: 500, when: 'after' });
    expect((await refund(fields)).fields).toMatchObject({ err_code: 'SYSTEMERROR' });
    expect((await queryRefund({ out_refund_no: `R${number}` })).fields).toMatchObject({
      refund_status_0: 'PROCESSING',
    });
  });
});

describe('refundquery', () => {
  test.each([
    ['SUCCESS', 'SUCCESS'],
    ['ABNORMAL', 'CHANGE'],
    ['CLOSED', 'REFUNDCLOSE'],
  ] as const)('says what became of it: %s is %s', async (outcome, status) => {
    const { order, number } = await made({ refund_account: 'REFUND_SOURCE_RECHARGE_FUNDS' });
    await stage.emulator.settleRefund({ refund: number, outcome });
    const { fields } = await queryRefund({ out_refund_no: number });
    expect(fields).toMatchObject({
      out_trade_no: order,
      refund_count: '1',
      out_refund_no_0: number,
      refund_fee_0: '400',
      refund_status_0: status,
      refund_account_0: 'REFUND_SOURCE_RECHARGE_FUNDS',
      refund_recv_accout_0: '支付用户零钱',
    });
    expect(String(fields['refund_success_time_0'])).toMatch(
      outcome === 'SUCCESS' ? /^2026-11-23 1\d:\d\d:\d\d$/ : /^undefined$/,
    );
    expect(holds(fields, info.api_v2_key)).toBe(true);
  });

  test('lists the refunds of an order, ten at a time', async () => {
    const { number, transaction } = await paid();
    for (let at = 0; at < 12; at += 1)
      await refund({ out_trade_no: number, out_refund_no: `R${number}_${at}`, ...amounts('10') });
    const first = (await queryRefund({ transaction_id: transaction })).fields;
    expect(first).toMatchObject({ total_refund_count: '12', refund_count: '10', out_refund_no_9: `R${number}_9` });
    const rest = (await queryRefund({ out_trade_no: number, offset: '10' })).fields;
    expect(rest).toMatchObject({ refund_count: '2', out_refund_no_1: `R${number}_11` });
    const byId = (await queryRefund({ refund_id: first['refund_id_3'] ?? '' })).fields;
    expect(byId).toMatchObject({ refund_count: '1', out_refund_no_0: `R${number}_3` });
  });

  test.each<[string, Fields, string]>([
    ['an unknown refund', { out_refund_no: 'NOTHING' }, 'REFUNDNOTEXIST'],
    ['an unknown order', { out_trade_no: 'NOBODY_1' }, 'ORDERNOTEXIST'],
    ['nothing', {}, 'LACK_PARAMS'],
  ])('refuses %s', async (_, fields, code) => {
    expect((await queryRefund(fields)).fields).toMatchObject({ err_code: code });
  });

  test('refuses an order without a refund', async () => {
    const { number } = await paid();
    expect((await queryRefund({ out_trade_no: number })).fields).toMatchObject({ err_code: 'REFUNDNOTEXIST' });
  });
});

describe('one book for both', () => {
  test('APIv3 shows what APIv2 refunded, and APIv2 what APIv3 did', async () => {
    const { order, number } = await made();
    const shown = await stage.client.call('GET', `/v3/refund/domestic/refunds/${number}`);
    expect(shown.json).toMatchObject({ out_trade_no: order, status: 'PROCESSING' });
    const body = {
      out_trade_no: order,
      out_refund_no: `V${number}`,
      amount: { refund: 100, total: 1000, currency: 'CNY' },
    };
    await stage.client.call('POST', '/v3/refund/domestic/refunds', body);
    expect((await queryRefund({ out_trade_no: order })).fields).toMatchObject({
      total_refund_count: '2',
      out_refund_no_1: `V${number}`,
      refund_fee_1: '100',
    });
    expect((await client.call('/pay/orderquery', { out_trade_no: order })).fields).toMatchObject({
      trade_state: 'REFUND',
    });
  });

  test('the same number is one refund, by whichever it is asked for', async () => {
    const { order, number } = await made();
    const body = { out_trade_no: order, out_refund_no: number, amount: { refund: 400, total: 1000, currency: 'CNY' } };
    const answer = await stage.client.call('POST', '/v3/refund/domestic/refunds', body);
    expect(answer).toMatchObject({ status: 200, json: { out_refund_no: number } });
    const carriedOut = stage.emulator.ledger().refunds.filter(({ out_trade_no }) => out_trade_no === order);
    expect(carriedOut).toHaveLength(1);
  });
});

describe('the callback of a refund', () => {
  test.each([
    ['SUCCESS', 'SUCCESS'],
    ['ABNORMAL', 'CHANGE'],
    ['CLOSED', 'REFUNDCLOSE'],
  ] as const)('tells %s as %s in req_info, and is not signed', async (outcome, status) => {
    const { order, number } = await made({ notify_url: receiver.url });
    const { callback } = await stage.emulator.settleRefund({ refund: number, outcome });
    expect(callback).toMatchObject({ delivered: true, event_type: `REFUND.${outcome}` });
    const fields = read(receiver.arrivals.at(-1)!.text);
    expect(Object.keys(fields)).toEqual(['return_code', 'appid', 'mch_id', 'nonce_str', 'req_info']);
    expect(open(fields['req_info'] ?? '', info.api_v2_key)).toMatchObject({
      out_trade_no: order,
      out_refund_no: number,
      refund_fee: '400',
      settlement_refund_fee: '400',
      total_fee: '1000',
      refund_status: status,
      refund_recv_accout: '支付用户零钱',
      refund_request_source: 'API',
    });
  });

  test('of an APIv3 refund of an APIv2 order is APIv3', async () => {
    const { number } = await paid();
    const body = {
      out_trade_no: number,
      out_refund_no: `V${number}`,
      notify_url: receiver.url,
      amount: { refund: 100, total: 1000, currency: 'CNY' },
    };
    await stage.client.call('POST', '/v3/refund/domestic/refunds', body);
    await stage.emulator.settleRefund({ refund: `V${number}` });
    expect(receiver.arrivals.at(-1)).toMatchObject({ type: 'application/json' });
  });
});

describe('downloadbill', () => {
  const day = 86_400_000;
  const download = (fields: Fields): Promise<V2Answer> => client.call('/pay/downloadbill', fields);

  test('holds what both APIs did that day, as text with CRLF and a byte order mark', async () => {
    const body = orderBody(stage, 'native');
    await stage.client.call('POST', '/v3/pay/transactions/native', body);
    await stage.emulator.pay({ order: String(body['out_trade_no']), callback: false });
    const { number, order } = await made();
    expect((await download({ bill_date: '20261123' })).fields).toMatchObject({ return_code: 'FAIL' });
    stage.advance(day);
    const { text, type, status } = await download({ bill_date: '20261123', bill_type: 'ALL' });
    expect({ status, type }).toEqual({ status: 200, type: 'text/plain' });
    expect(text.startsWith('\uFEFF交易时间,公众账号ID,')).toBe(true);
    expect(text).toContain(`,\`${order},`);
    expect(text).toContain(`\`${number}`);
    expect(text).toContain(`,\`${String(body['out_trade_no'])},`);
    expect(text.split('\r\n').length).toBe(text.split('\n').length);
    const refunds = await download({ bill_date: '20261123', bill_type: 'REFUND' });
    expect(refunds.text).not.toContain(String(body['out_trade_no']));
  });

  test('is packed with GZIP on request', async () => {
    const { createHash } = await import('node:crypto');
    const plain = await download({ bill_date: '20261123', bill_type: 'SUCCESS' });
    const packed = await rawDownload({ bill_date: '20261123', bill_type: 'SUCCESS', tar_type: 'GZIP' });
    const sha = (bytes: Buffer | string): string => createHash('sha1').update(bytes).digest('hex');
    expect(sha(gunzipSync(packed))).toBe(sha(plain.text));
  });

  test.each<[string, Fields, string]>([
    ['today', { bill_date: '20261124' }, 'invalid bill_date'],
    ['a day that does not exist', { bill_date: '20260230' }, 'invalid bill_date'],
    ['a day without business', { bill_date: '20261101' }, 'No Bill Exist'],
    ['no day', {}, '缺少参数bill_date'],
    ['another type', { bill_date: '20261123', bill_type: 'ODD' }, 'bill_type参数格式有误'],
  ])('refuses %s with FAIL, unsigned', async (_, fields, message) => {
    expect((await download(fields)).fields).toEqual({ return_code: 'FAIL', return_msg: message });
  });

  /** As bytes: what is packed is no text. */
  async function rawDownload(fields: Fields): Promise<Buffer> {
    const { sign, write } = await import('./client.ts');
    const whole: Record<string, string> = { appid: info.appid, mch_id: info.mchid, nonce_str: 'n', ...fields };
    whole['sign'] = sign(whole, info.api_v2_key, 'MD5');
    const answer = await fetch(`${info.url}/pay/downloadbill`, { method: 'POST', body: write(whole) });
    return Buffer.from(await answer.arrayBuffer());
  }
});
