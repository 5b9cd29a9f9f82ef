/** APIv2 orders: signed both ways, placed in the same book as APIv3's, told of in XML. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { orderBody, openStage } from '../stage.ts';
import type { Stage } from '../stage.ts';
import { holds, makeV2Client, read, sign, write } from './client.ts';
import type { Fields, V2Answer, V2Client } from './client.ts';
import { receiveXml } from './receiver.ts';
import type { XmlReceiver } from './receiver.ts';

let stage: Stage;
let client: V2Client;
let receiver: XmlReceiver;

beforeAll(async () => {
  stage = await openStage();
  client = makeV2Client(stage.emulator.info);
  receiver = await receiveXml();
});
afterEach(() => stage.emulator.faults.clear());
afterAll(async () => {
  await receiver.close();
  await stage.end();
});

const key = (): string => stage.emulator.info.api_v2_key;

function order(changes: Fields = {}): Record<string, string> {
  return {
    body: '测试商品-中杯拿铁',
    out_trade_no: stage.number(),
    total_fee: '1290',
    spbill_create_ip: '203.0.113.9',
    notify_url: receiver.url,
    trade_type: 'NATIVE',
    ...changes,
  };
}
const place = (fields: Fields): Promise<V2Answer> => client.call('/pay/unifiedorder', fields);
const query = (number: string, more: Fields = {}): Promise<V2Answer> =>
  client.call('/pay/orderquery', { out_trade_no: number, ...more });

async function placed(changes: Fields = {}): Promise<string> {
  const fields = order(changes);
  expect((await place(fields)).fields).toMatchObject({ result_code: 'SUCCESS' });
  return fields['out_trade_no'] ?? '';
}

describe('unifiedorder', () => {
  test.each([
    ['NATIVE', {}, /^weixin:\/\/wxpay\/bizpayurl\?pr=/, 'code_url'],
    ['JSAPI', { openid: 'oABCD5example_openid00000001' }, /^wx[0-9a-z]{34}$/, 'prepay_id'],
    ['APP', {}, /^wx[0-9a-z]{34}$/, 'prepay_id'],
    ['MWEB', {}, /^https:\/\/wx\.tenpay\.com\/.*prepay_id=wx/, 'mweb_url'],
  ])(
    'places a %s order and hands out what its client needs, with a prepay_id always',
    async (type, more, form, field) => {
      const { fields, status, type: contentType } = await place(order({ trade_type: type, ...more }));
      expect(status).toBe(200);
      expect(contentType).toBe('text/plain');
      expect(fields).toMatchObject({ return_code: 'SUCCESS', result_code: 'SUCCESS', trade_type: type });
      expect(fields['prepay_id']).toMatch(/^wx[0-9a-z]{34}$/);
      expect(fields[field]).toMatch(form);
      expect(fields).toMatchObject({ appid: stage.emulator.info.appid, mch_id: stage.emulator.info.mchid });
    },
  );

  test.each(['MD5', 'HMAC-SHA256'])('answers %s with %s', async (type) => {
    const { fields } = await place(order({ sign_type: type }));
    expect(holds(fields, key(), type)).toBe(true);
    expect(fields['nonce_str']).not.toMatch(/^nonce/);
  });

  test.each<[string, Fields, string]>([
    ['no body', { body: '' }, 'LACK_PARAMS'],
    ['no amount', { total_fee: '' }, 'LACK_PARAMS'],
    ['no notify_url', { notify_url: '' }, 'LACK_PARAMS'],
    ['no IP', { spbill_create_ip: '' }, 'LACK_PARAMS'],
    ['JSAPI without openid', { trade_type: 'JSAPI' }, 'LACK_PARAMS'],
    ['an amount of 0', { total_fee: '0' }, 'PARAM_ERROR'],
    ['an amount in yuan', { total_fee: '12.90' }, 'PARAM_ERROR'],
    ['an exponent', { total_fee: '1e3' }, 'PARAM_ERROR'],
    ['a leading zero', { total_fee: '0129' }, 'PARAM_ERROR'],
    ['another currency', { fee_type: 'USD' }, 'PARAM_ERROR'],
    ['an unknown trade_type', { trade_type: 'WAP' }, 'PARAM_ERROR'],
    ['a notify_url with a query', { notify_url: 'https://a.example/x?y=1' }, 'PARAM_ERROR'],
    ['a time of 13 digits', { time_expire: '2026112312000' }, 'PARAM_ERROR'],
    ['a 30 February', { time_expire: '20260230120000' }, 'PARAM_ERROR'],
    ['a number of 33 characters', { out_trade_no: 'N'.repeat(33) }, 'PARAM_ERROR'],
    ['a number with a space', { out_trade_no: 'A B' }, 'PARAM_ERROR'],
    ['a body of 129 characters', { body: '字'.repeat(129) }, 'PARAM_ERROR'],
    ["another merchant's appid", { appid: 'wx0000000000000000' }, 'APPID_MCHID_NOT_MATCH'],
  ])('refuses %s', async (_, changes, code) => {
    const { fields } = await place(order(changes));
    expect(fields).toMatchObject({ return_code: 'SUCCESS', result_code: 'FAIL', err_code: code });
    expect(holds(fields, key())).toBe(true);
  });

  test('repeats an unpaid order with equal parameters, and refuses others in the words seen live', async () => {
    const fields = order();
    await place(fields);
    expect((await place(fields)).fields).toMatchObject({ result_code: 'SUCCESS' });
    expect((await place({ ...fields, sign_type: 'HMAC-SHA256' })).fields).toMatchObject({ result_code: 'SUCCESS' });
    expect((await place({ ...fields, total_fee: '1291' })).fields).toMatchObject({
      err_code: 'INVALID_REQUEST',
      err_code_des: '201 商户订单号重复',
    });
    expect((await place({ ...fields, trade_type: 'APP' })).fields).toMatchObject({ err_code: 'OUT_TRADE_NO_USED' });
  });

  test('refuses a paid number with ORDERPAID and a closed one with ORDERCLOSED', async () => {
    const paid = order();
    await place(paid);
    await stage.emulator.pay({ order: paid['out_trade_no'] ?? '', callback: false });
    expect((await place(paid)).fields).toMatchObject({ err_code: 'ORDERPAID' });
    const closed = order();
    await place(closed);
    await client.call('/pay/closeorder', { out_trade_no: closed['out_trade_no'] ?? '' });
    expect((await place(closed)).fields).toMatchObject({ err_code: 'ORDERCLOSED' });
  });

  test('time_expire is Beijing time', async () => {
    const number = await placed({ time_expire: '20261123103600' });
    stage.advance(63_000);
    await expect(stage.emulator.pay({ order: number, callback: false })).resolves.toBeDefined();
    const late = await placed({ time_expire: '20261123103700' });
    stage.advance(62_000);
    await expect(stage.emulator.pay({ order: late, callback: false })).rejects.toThrow('EMULATOR_ORDER_EXPIRED');
  });
});

describe('orderquery', () => {
  test('shows an unpaid order, then a paid one by either number', async () => {
    const number = await placed({ attach: '桌号 5' });
    expect((await query(number)).fields).toMatchObject({
      trade_state: 'NOTPAY',
      out_trade_no: number,
      total_fee: '1290',
    });
    await stage.emulator.pay({ order: number, callback: false });
    const { fields } = await query(number);
    expect(fields).toMatchObject({
      trade_state: 'SUCCESS',
      trade_type: 'NATIVE',
      total_fee: '1290',
      cash_fee: '1290',
      attach: '桌号 5',
      is_subscribe: 'N',
    });
    expect(fields['time_end']).toMatch(/^2026112310\d{4}$/);
    expect(holds(fields, key())).toBe(true);
    const byId = await client.call('/pay/orderquery', { transaction_id: fields['transaction_id'] ?? '' });
    expect(byId.fields).toMatchObject({ out_trade_no: number });
  });

  test.each<[string, Fields, string]>([
    ['an unknown number', { out_trade_no: 'NOBODY' }, 'ORDERNOTEXIST'],
    ['an unknown transaction_id', { transaction_id: '4200000000000000000000000000' }, 'ORDERNOTEXIST'],
    ['no number at all', {}, 'LACK_PARAMS'],
    ['a malformed number', { out_trade_no: '订单' }, 'PARAM_ERROR'],
  ])('refuses %s', async (_, fields, code) => {
    expect((await client.call('/pay/orderquery', fields)).fields).toMatchObject({
      result_code: 'FAIL',
      err_code: code,
    });
  });
});

describe('closeorder', () => {
  test('closes once; then ORDERCLOSED; a paid order is ORDERPAID, an unknown one ORDERNOTEXIST', async () => {
    const number = await placed();
    const close = (no: string): Promise<V2Answer> => client.call('/pay/closeorder', { out_trade_no: no });
    expect((await close(number)).fields).toMatchObject({ result_code: 'SUCCESS' });
    expect((await close(number)).fields).toMatchObject({ err_code: 'ORDERCLOSED' });
    expect((await query(number)).fields).toMatchObject({ trade_state: 'CLOSED' });
    const paid = await placed();
    await stage.emulator.pay({ order: paid, callback: false });
    expect((await close(paid)).fields).toMatchObject({ err_code: 'ORDERPAID' });
    expect((await close('NEVER_USED_1')).fields).toMatchObject({ err_code: 'ORDERNOTEXIST' });
  });
});

describe('one book for both', () => {
  const path = (number: string): string =>
    `/v3/pay/transactions/out-trade-no/${number}?mchid=${stage.emulator.info.mchid}`;

  test('APIv3 queries and closes an order that APIv2 placed', async () => {
    const number = await placed();
    expect((await stage.client.call('GET', path(number))).json).toMatchObject({ trade_state: 'NOTPAY' });
    const { mchid } = stage.emulator.info;
    const closed = await stage.client.call('POST', `/v3/pay/transactions/out-trade-no/${number}/close`, { mchid });
    expect(closed.status).toBe(204);
    expect((await query(number)).fields).toMatchObject({ trade_state: 'CLOSED' });
  });

  test('APIv2 queries an order that APIv3 placed, with its payer and device', async () => {
    const body = orderBody(stage, 'jsapi', { scene_info: { payer_client_ip: '203.0.113.9', device_id: 'POS1' } });
    await stage.client.call('POST', '/v3/pay/transactions/jsapi', body);
    const number = String(body['out_trade_no']);
    await stage.emulator.pay({ order: number, callback: false });
    expect((await query(number)).fields).toMatchObject({
      trade_state: 'SUCCESS',
      trade_type: 'JSAPI',
      openid: 'oABCD5example_openid00000001',
      device_info: 'POS1',
    });
  });

  test('a number that one of them uses is used for the other', async () => {
    const body = orderBody(stage, 'native');
    await stage.client.call('POST', '/v3/pay/transactions/native', body);
    const number = String(body['out_trade_no']);
    expect((await place(order({ out_trade_no: number }))).fields).toMatchObject({ err_code: 'OUT_TRADE_NO_USED' });
    const mine = await placed();
    const answer = await stage.client.call('POST', '/v3/pay/transactions/native', { ...body, out_trade_no: mine });
    expect(answer).toMatchObject({ status: 403, json: { code: 'OUT_TRADE_NO_USED' } });
  });

  test('an order of APIv3 is told of by APIv3, one of APIv2 by APIv2', async () => {
    const body = orderBody(stage, 'native', { notify_url: receiver.url });
    await stage.client.call('POST', '/v3/pay/transactions/native', body);
    await stage.emulator.pay({ order: String(body['out_trade_no']) });
    expect(receiver.arrivals.at(-1)).toMatchObject({ type: 'application/json' });
    await stage.emulator.pay({ order: await placed() });
    expect(receiver.arrivals.at(-1)).toMatchObject({ type: 'text/xml' });
  });
});

describe('the callback of a payment', () => {
  test.each(['MD5', 'HMAC-SHA256'])('is signed with %s when the order was', async (type) => {
    const number = await placed({ sign_type: type, device_info: 'POS1', attach: 'a&b' });
    const { callback } = await stage.emulator.pay({ order: number });
    expect(callback).toMatchObject({ delivered: true, attempts: 1 });
    const arrival = receiver.arrivals.at(-1)!;
    const fields = read(arrival.text);
    expect(holds(fields, key(), type)).toBe(true);
    expect(fields).toMatchObject({
      return_code: 'SUCCESS',
      result_code: 'SUCCESS',
      out_trade_no: number,
      total_fee: '1290',
      device_info: 'POS1',
      attach: 'a&b',
      mch_id: stage.emulator.info.mchid,
    });
    expect(fields['sign_type']).toBe(type === 'MD5' ? undefined : type);
    expect(Object.keys(arrival.headers).filter((name) => name.startsWith('wechatpay'))).toEqual([]);
  });

  test.each([
    ['JSON', 200, '{"code":"SUCCESS"}'],
    ['the bare word', 200, 'success'],
    ['nothing', 204, ''],
    ['FAIL', 200, write({ return_code: 'FAIL', return_msg: 'x' })],
    ['XML under another status', 500, write({ return_code: 'SUCCESS' })],
    ['broken XML', 200, '<xml><return_code>SUCCESS</return_code>'],
  ])('is not acknowledged by %s', async (_, status, text) => {
    receiver.answer = { status, text };
    const { callback } = await stage.emulator.pay({ order: await placed() });
    receiver.answer = undefined;
    expect(callback).toMatchObject({ delivered: false, status });
  });

  test('is acknowledged by XML in plain text or CDATA', async () => {
    receiver.answer = { status: 200, text: '<xml>\n<return_code>SUCCESS</return_code>\n</xml>\n' };
    const { callback } = await stage.emulator.pay({ order: await placed() });
    receiver.answer = undefined;
    expect(callback).toMatchObject({ delivered: true });
  });
});

describe('the gateway of APIv2', () => {
  const fail = (answer: V2Answer, message: string | RegExp): void => {
    expect(answer.status).toBe(200);
    expect(answer.fields['return_code']).toBe('FAIL');
    expect(answer.fields['return_msg']).toMatch(message);
    expect(Object.keys(answer.fields)).toEqual(['return_code', 'return_msg']);
  };
  const logged = (): string | undefined => stage.emulator.requests.at(-1)?.code;

  test.each<[string, (fields: Fields) => Fields]>([
    ['a field changed', (fields) => ({ ...fields, total_fee: '1' })],
    ['a field added', (fields) => ({ ...fields, attach: 'x' })],
    ['a field left out', ({ body: _body, ...fields }) => fields],
    ['a lower-case signature', (fields) => ({ ...fields, sign: (fields['sign'] ?? '').toLowerCase() })],
    ['no signature', ({ sign: _sign, ...fields }) => fields],
    ['an empty signature', (fields) => ({ ...fields, sign: '' })],
    ['HMAC declared for MD5', (fields) => ({ ...fields, sign_type: 'HMAC-SHA256' })],
    [
      'an unknown algorithm',
      (fields) => ({ ...fields, sign_type: 'SHA1', sign: sign({ ...fields, sign_type: 'SHA1' }, key(), 'MD5') }),
    ],
  ])('refuses %s, unsigned and in the words seen live', async (_, damage) => {
    fail(await client.call('/pay/unifiedorder', order(), { damage }), '签名错误，请检查后再试');
    expect(logged()).toBe('SIGNERROR');
  });

  test('refuses the APIv3 key', async () => {
    fail(
      await client.call('/pay/orderquery', { out_trade_no: 'A' }, { key: stage.emulator.info.api_v3_key }),
      '签名错误',
    );
  });

  test.each([
    ['an unknown merchant', { mch_id: '1900000999' }, '商户号mch_id或sub_mch_id不存在', 'MCHID_NOT_EXIST'],
    ['no merchant', { mch_id: '' }, '缺少参数', 'LACK_PARAMS'],
    ['no nonce_str', { nonce_str: '' }, '缺少参数', 'LACK_PARAMS'],
    ['a nonce_str of 33 characters', { nonce_str: 'n'.repeat(33) }, '长度', 'PARAM_ERROR'],
  ])('refuses %s', async (_, changes, message, code) => {
    fail(await client.call('/pay/orderquery', { out_trade_no: 'A', ...changes }), message);
    expect(logged()).toBe(code);
  });

  test.each([
    ['an empty body', '', 'POST_DATA_EMPTY'],
    ['JSON', '{"appid":"x"}', 'XML_FORMAT_ERROR'],
    ['broken UTF-8', Buffer.from([0x3c, 0xff, 0xfe]), 'NOT_UTF8'],
    ['a field twice', '<xml><a>1</a><a>1</a></xml>', 'XML_FORMAT_ERROR'],
    [
      'C12: an external entity',
      '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><a>&e;</a></xml>',
      'XML_FORMAT_ERROR',
    ],
    ['C12: an entity alone', '<xml><a>&e;</a></xml>', 'XML_FORMAT_ERROR'],
    ['C12: a comment in a value', '<xml><total_fee>1<!-- -->0</total_fee></xml>', 'XML_FORMAT_ERROR'],
    ['C12: a processing instruction', '<?php 1 ?><xml><a>1</a></xml>', 'XML_FORMAT_ERROR'],
    ['C12: an element in an element', '<xml><a><b>1</b></a></xml>', 'XML_FORMAT_ERROR'],
    ['C12: nesting', '<xml>'.repeat(10_000), 'XML_FORMAT_ERROR'],
    ['C12: 65 KiB', `<xml><a>${'x'.repeat(66_000)}</a></xml>`, 'XML_FORMAT_ERROR'],
    ['attributes', '<xml a="1"><a>1</a></xml>', 'XML_FORMAT_ERROR'],
    ['CDATA without end', '<xml><a><![CDATA[1</a></xml>', 'XML_FORMAT_ERROR'],
    ['two sections', '<xml><a><![CDATA[1]]><![CDATA[2]]></a></xml>', 'XML_FORMAT_ERROR'],
    ['text behind the end', '<xml><a>1</a></xml>x', 'XML_FORMAT_ERROR'],
  ])('refuses %s', async (_, body, code) => {
    fail(await client.post('/pay/unifiedorder', body), /./);
    expect(logged()).toBe(code);
  });

  test('refuses GET', async () => {
    fail(await client.post('/pay/orderquery', '', { method: 'GET' }), '请使用post方法');
  });

  test.each(['', ' standalone="yes"'])('takes references, white space and a declaration%s', async (more) => {
    const fields: Record<string, string> = {
      ...order({ body: 'a<b>&"c\'' }),
      appid: stage.emulator.info.appid,
      mch_id: stage.emulator.info.mchid,
      nonce_str: 'n',
    };
    fields['sign'] = sign(fields, key(), 'MD5');
    const { body: _, ...rest } = fields;
    const text = `<?xml version="1.0" encoding="UTF-8"${more}?>\n<xml>\n  <body>a&lt;b&gt;&amp;&#34;c&#x27;</body>\n  ${write(rest).slice(5)}\n`;
    expect((await client.post('/pay/unifiedorder', text)).fields).toMatchObject({ result_code: 'SUCCESS' });
  });

  test('answers 501 where APIv2 has an endpoint that is not modelled', async () => {
    const answer = await client.call('/pay/profitsharingquery', {});
    expect(answer.status).toBe(501);
    expect(answer.fields['return_code']).toBe('FAIL');
  });
});

describe('trouble on APIv2', () => {
  test('500 is SYSTEMERROR and 429 FREQUENCY_LIMITED, signed and over HTTP 200', async () => {
    stage.emulator.faults.add({ kind: 'status', status: 500, path: '/pay/orderquery' });
    const { status, fields } = await query('A');
    expect(status).toBe(200);
    expect(fields).toMatchObject({ result_code: 'FAIL', err_code: 'SYSTEMERROR' });
    expect(holds(fields, key())).toBe(true);
    stage.emulator.faults.add({ kind: 'status', status: 429 });
    expect((await query('A')).fields).toMatchObject({ err_code: 'FREQUENCY_LIMITED' });
    stage.emulator.faults.add({ kind: 'status', status: 503 });
    expect((await query('A')).status).toBe(503);
  });

  test('a SYSTEMERROR may have been carried out', async () => {
    const fields = order();
    stage.emulator.faults.add({ kind: 'status', status: 500, when: 'after' });
    expect((await place(fields)).fields).toMatchObject({ err_code: 'SYSTEMERROR' });
    expect((await query(fields['out_trade_no'] ?? '')).fields).toMatchObject({ trade_state: 'NOTPAY' });
  });

  test('a signature can be missing or wrong, and an answer about another order', async () => {
    const number = await placed();
    stage.emulator.faults.add({ kind: 'signature', variant: 'missing' });
    expect((await query(number)).fields['sign']).toBeUndefined();
    stage.emulator.faults.add({ kind: 'signature', variant: 'wrong' });
    expect(holds((await query(number)).fields, key())).toBe(false);
    stage.emulator.faults.add({ kind: 'replay-other' });
    const { fields } = await query(number);
    expect(fields['out_trade_no']).not.toBe(number);
    expect(holds(fields, key())).toBe(true);
  });
});

describe('a service provider on APIv2', () => {
  test('places, pays and queries an order of its sub-merchant', async () => {
    const provider = stage.emulator.merchants.find(({ subMerchants }) => subMerchants !== undefined)!;
    const sub = provider.subMerchants![0]!;
    const info = stage.emulator.infoOf(provider.mchid);
    const own = makeV2Client(info);
    const fields = order({ sub_mch_id: sub.mchid });
    expect((await own.call('/pay/unifiedorder', fields)).fields).toMatchObject({
      result_code: 'SUCCESS',
      sub_mch_id: sub.mchid,
    });
    const number = fields['out_trade_no'] ?? '';
    await stage.emulator.pay({ order: number, mchid: provider.mchid });
    const told = read(receiver.arrivals.at(-1)!.text);
    expect(told).toMatchObject({ mch_id: provider.mchid, sub_mch_id: sub.mchid, out_trade_no: number });
    expect(holds(told, info.api_v2_key)).toBe(true);
    const mine = { out_trade_no: number, sub_mch_id: sub.mchid };
    expect((await own.call('/pay/orderquery', mine)).fields).toMatchObject({ trade_state: 'SUCCESS' });
    expect((await own.call('/pay/orderquery', { out_trade_no: number })).fields).toMatchObject({
      err_code: 'LACK_PARAMS',
    });
    expect((await own.call('/pay/orderquery', { ...mine, sub_mch_id: '1900000999' })).fields).toMatchObject({
      err_code: 'NOAUTH',
    });
  });
});
