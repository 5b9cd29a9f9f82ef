import { constants, publicEncrypt, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { casesOf, withValue } from './field-cases.ts';
import type { Row } from './field-cases.ts';
import { makeClient, platformKey, wechatpayKey } from './raw-client.ts';
import type { RawAnswer, RawClient, RawOptions } from './raw-client.ts';
import { openSibling, openStage } from './stage.ts';
import type { Stage } from './stage.ts';

/**
 * Every field of the refund endpoints with its documented bounds, written by hand from the endpoint reference: on purpose not
 * taken from the tables that the emulator itself uses.
 */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
  // Nothing is to be sent to the addresses that are tried here.
  stage.emulator.configureRefunds({ settle_after_ms: null });
});
afterAll(async () => stage.end());

const base = '/v3/refund/domestic/refunds';
const numberRule = Array.from('`^~#/.$ %中😀');
const url = { max: 256, fill: 'https://shop.example.com/' };

const rows: readonly Row[] = [
  { path: 'transaction_id', type: 'string', fill: '', bad: ['7'.repeat(33), 'a-b', 'a b', '中'] },
  {
    path: 'out_trade_no',
    type: 'string',
    min: 6,
    max: 32,
    good: ['a-b_c|d*'],
    bad: ['12345', 'abc@def', ...numberRule.map((character) => `ABCDEF${character}`)],
  },
  {
    path: 'out_refund_no',
    type: 'string',
    required: true,
    max: 64,
    good: ['r', 'a-b_c|d*@E'],
    bad: numberRule.map((character) => `R${character}`),
  },
  { path: 'reason', type: 'string', max: 80, good: ['中'.repeat(26)], bad: ['中'.repeat(27)] },
  {
    path: 'notify_url',
    type: 'string',
    ...url,
    good: ['https://shop.example.com/refund', 'http://127.0.0.1:8080/refund'],
    bad: [
      'https://shop.example.com/refund?a=1',
      'https://shop.example.com/refund#a',
      ' https://shop.example.com/refund',
      'ftp://shop.example.com/refund',
      'shop.example.com/refund',
      'https://',
    ],
  },
  { path: 'funds_account', type: 'string', good: ['AVAILABLE', 'UNSETTLED'], bad: ['available', 'UNAVAILABLE', 'X'] },
  { path: 'amount', type: 'object', required: true },
  {
    path: 'amount.refund',
    type: 'integer',
    required: true,
    least: 1,
    good: [1, 1290],
    bad: [0, -1, 1291, 2 ** 53, 1e21],
  },
  { path: 'amount.total', type: 'integer', required: true, least: 1, good: [1290], bad: [0, -1290, 2 ** 53] },
  {
    path: 'amount.currency',
    type: 'string',
    required: true,
    good: ['CNY'],
    bad: ['cny', 'USD', 'RMB', 'C'.repeat(17)],
  },
  { path: 'amount.from', type: 'array', bad: [[], [{ account: 'AVAILABLE' }], [{ amount: 1 }]] },
  { path: 'amount.from.0', type: 'object' },
  { path: 'amount.from.0.account', type: 'string', required: true, good: ['UNAVAILABLE'], bad: ['BASIC', 'available'] },
  { path: 'amount.from.0.amount', type: 'integer', required: true, least: 1, good: [290], bad: [0] },
  { path: 'goods_detail', type: 'array', bad: [[], [{}]] },
  { path: 'goods_detail.0', type: 'object' },
  { path: 'goods_detail.0.merchant_goods_id', type: 'string', required: true, max: 32 },
  { path: 'goods_detail.0.wechatpay_goods_id', type: 'string', max: 32 },
  { path: 'goods_detail.0.goods_name', type: 'string', max: 256 },
  { path: 'goods_detail.0.unit_price', type: 'integer', required: true, least: 0, good: [0, 528800] },
  { path: 'goods_detail.0.refund_amount', type: 'integer', required: true, least: 0, good: [0, 290] },
  { path: 'goods_detail.0.refund_quantity', type: 'integer', required: true, least: 1, good: [1, 9] },
];

const everything = {
  reason: '商品已售完',
  notify_url: 'https://shop.example.com/refund',
  funds_account: 'AVAILABLE',
  amount: { refund: 290, total: 1290, currency: 'CNY', from: [{ account: 'AVAILABLE', amount: 290 }] },
  goods_detail: [
    {
      merchant_goods_id: '1217752501201407033233368018',
      wechatpay_goods_id: '1001',
      goods_name: 'iPhone6s 16G',
      unit_price: 528800,
      refund_amount: 290,
      refund_quantity: 1,
    },
  ],
};

let made = 0;
const partnerMchid = '1900000100';
const sub = { sub_mchid: '1900000109' };

describe.each(['direct', 'partner'] as const)('create, %s', (party) => {
  let client: RawClient;
  beforeAll(() => {
    client = party === 'direct' ? stage.client : makeClient(stage.emulator.infoOf(partnerMchid), stage.now);
  });

  /** A body for an order that nothing has been refunded of. */
  function full(): Record<string, unknown> {
    const mchid = party === 'direct' ? {} : { mchid: partnerMchid };
    const [order] = stage.emulator.seed({ count: 1, total: 1290, ...mchid });
    made += 1;
    return {
      ...(party === 'direct' ? {} : sub),
      transaction_id: order!.transaction_id,
      out_trade_no: order!.out_trade_no,
      out_refund_no: `F${made}`,
      ...structuredClone(everything),
    };
  }

  test.each(rows)('$path', async (row) => {
    for (const { what, value, accepted, path } of casesOf(row)) {
      const body = withValue(full(), path, value);
      // What is paid back from must add up to what is paid back.
      if (path === 'amount.refund')
        (body['amount'] as { from?: unknown }).from = [{ account: 'AVAILABLE', amount: value }];
      const answer = await client.call('POST', base, body);
      expect({ what, status: answer.status }).toEqual({ what, status: accepted ? 200 : 400 });
      if (!accepted) {
        expect(answer.json.code).toBe('PARAM_ERROR');
        expect(answer.text).toMatch(new RegExp(`/${path.replaceAll('.', '/')}|/body/amount/refund`));
      }
    }
  });

  test('accepts the smallest body, by either number', async () => {
    const { transaction_id: id, out_trade_no: number, amount, ...rest } = full();
    const { refund, total, currency } = amount as Record<string, unknown>;
    const small = { amount: { refund, total, currency }, ...('sub_mchid' in rest ? sub : {}) };
    for (const name of [{ transaction_id: id }, { out_trade_no: number }]) {
      made += 1;
      const answer = await client.call('POST', base, { ...small, ...name, out_refund_no: `F${made}` });
      expect(answer.json).toMatchObject({ transaction_id: id, out_trade_no: number });
    }
  });

  test('neither number is a missing parameter', async () => {
    const { transaction_id: _id, out_trade_no: _number, ...rest } = full();
    const answer = await client.call('POST', base, rest);
    expect(answer.json).toEqual({
      code: 'PARAM_ERROR',
      detail: { location: 'body', value: '' },
      message: '输入源“/body/transaction_id”映射到字段“微信支付订单号”必填性规则校验失败，此字段为必填项',
    });
  });

  test('what is paid back from must add up', async () => {
    const body = full();
    (body['amount'] as Record<string, unknown>)['from'] = [{ account: 'AVAILABLE', amount: 289 }];
    const answer = await client.call('POST', base, body);
    expect([answer.status, answer.json.code]).toEqual([400, 'INVALID_REQUEST']);
  });

  test.each([
    ['its own mchid', { mchid: '1900000001' }, '/body/mchid'],
    ['an attach', { attach: 'a' }, '/body/attach'],
    ['the refund of APIv2', { refund_fee: 1 }, '/body/refund_fee'],
  ])('takes no %s', async (_name, extra, pointer) => {
    const answer = await client.call('POST', base, { ...full(), ...extra });
    expect([answer.status, answer.json.detail]).toEqual([400, { location: null, value: [pointer] }]);
  });

  test('takes no query, and no body that is not JSON', async () => {
    expect((await client.call('POST', `${base}?mchid=1900000001`, full())).json.code).toBe('PARAM_ERROR');
    for (const body of ['', '[]', '{"amount":', '{"a":1,"a":1}']) {
      expect((await client.call('POST', base, body)).json.code).toBe('PARAM_ERROR');
    }
  });

  test(party === 'direct' ? 'takes no sub_mchid' : 'needs a sub_mchid of its own', async () => {
    const target = `${base}/F1`;
    if (party === 'direct') {
      expect((await client.call('POST', base, { ...full(), ...sub })).json.detail).toEqual({
        location: null,
        value: ['/body/sub_mchid'],
      });
      for (const query of ['?sub_mchid=1900000109', '?mchid=1900000001']) {
        expect((await client.call('GET', target + query)).status).toBe(400);
      }
      return;
    }
    const { sub_mchid: _sub, ...without } = full();
    const post = async (extra: object): Promise<RawAnswer> => client.call('POST', base, { ...without, ...extra });
    expect((await post({})).text).toContain('/body/sub_mchid');
    expect((await post({ sub_mchid: 'x' })).json.code).toBe('PARAM_ERROR');
    expect((await post({ sub_mchid: '1900000777' })).json.code).toBe('NO_AUTH');
    expect((await post({ sub_mchid: partnerMchid })).json.code).toBe('INVALID_REQUEST');
    expect((await client.call('GET', target)).text).toContain('/query/sub_mchid');
    expect((await client.call('GET', `${target}?sub_mchid=1900000777`)).json.code).toBe('NO_AUTH');
  });
});

describe('query', () => {
  test.each([
    ['R'.repeat(64), 404],
    ['R'.repeat(65), 400],
    ['a%40b%7Cc', 404],
    ['a%2Fb', 400],
    ['%E4%B8%AD', 400],
  ])('%s answers %i', async (number, status) => {
    expect((await stage.client.call('GET', `${base}/${number}`)).status).toBe(status);
  });

  test('takes no body', async () => {
    expect((await stage.client.call('GET', `${base}/R1`, {})).json.code).toBe('INVALID_REQUEST');
  });
});

describe('an abnormal refund', () => {
  const card = '6214830012340403';
  const encrypt = (text: string, on: Stage = stage, key: 'platform' | 'public' = 'platform'): string =>
    publicEncrypt(
      {
        key: key === 'platform' ? platformKey(on.emulator.info) : wechatpayKey(on.emulator.info),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: 'sha1',
      },
      Buffer.from(text),
    ).toString('base64');

  async function abnormal(on: Stage = stage): Promise<{ path: string; number: string }> {
    const [order] = on.emulator.seed({ count: 1, total: 100 });
    made += 1;
    const number = `A${made}`;
    on.emulator.configureRefunds({ next: [{ outcome: 'ABNORMAL', count: 1 }], settle_after_ms: 0 });
    const amount = { refund: 100, total: 100, currency: 'CNY' };
    const answer = await on.client.call('POST', base, {
      out_trade_no: order!.out_trade_no,
      out_refund_no: number,
      amount,
    });
    expect((await on.client.call('GET', `${base}/${number}`)).json).toMatchObject({ status: 'ABNORMAL' });
    return { number, path: `${base}/${String(answer.json['refund_id'])}/apply-abnormal-refund` };
  }

  const serialOf = (on: Stage = stage): RawOptions => ({
    headers: { 'wechatpay-serial': on.emulator.info.platform_serial_no! },
  });
  const bodyOf = (number: string): Record<string, unknown> => ({
    out_refund_no: number,
    type: 'USER_BANK_CARD',
    bank_type: 'CMB_DEBIT',
    bank_account: encrypt(card),
    real_name: encrypt('张三'),
  });

  const abnormalRows: readonly Row[] = [
    { path: 'out_refund_no', type: 'string', required: true, fill: '', bad: ['R'.repeat(65), 'R#', '中'] },
    {
      path: 'type',
      type: 'string',
      required: true,
      good: ['USER_BANK_CARD', 'MERCHANT_BANK_CARD'],
      bad: ['user_bank_card', 'BANK_CARD'],
    },
    {
      path: 'bank_type',
      type: 'string',
      required: true,
      fill: '',
      good: 'CMB COMM ABC CCB ICBC BOC PAB SPDB CITIC CEB CMBC CIB GDB PSBC NBCB'
        .split(' ')
        .map((bank) => `${bank}_DEBIT`),
      bad: ['CMB_CREDIT', 'CMB', 'cmb_debit'],
    },
    { path: 'bank_account', type: 'string', required: true, fill: '', bad: [card, 'x'.repeat(1025)] },
    { path: 'real_name', type: 'string', required: true, fill: '', bad: ['张三', randomBytes(256).toString('base64')] },
  ];

  test.each(abnormalRows)('$path', async (row) => {
    for (const { what, value, accepted, path } of casesOf(row)) {
      const { path: target, number } = await abnormal();
      const answer = await stage.client.call('POST', target, withValue(bodyOf(number), path, value), serialOf());
      expect({ what, status: answer.status }).toEqual({ what, status: accepted ? 200 : 400 });
      if (!accepted) expect(answer.json.code).toBe('PARAM_ERROR');
    }
  });

  test('goes to the card that was encrypted, and then succeeds', async () => {
    const { path, number } = await abnormal();
    stage.emulator.configureRefunds({ settle_after_ms: 1000 });
    const answer = await stage.client.call('POST', path, bodyOf(number), serialOf());
    const away = { channel: 'OTHER_BANKCARD', user_received_account: '招商银行借记卡0403' };
    expect(answer.json).toMatchObject({ ...away, status: 'PROCESSING' });
    stage.advance(1000);
    expect((await stage.client.call('GET', `${base}/${number}`)).json).toMatchObject({ ...away, status: 'SUCCESS' });
    const again = await stage.client.call('POST', path, bodyOf(number), serialOf());
    expect([again.status, again.json.code]).toEqual([400, 'INVALID_REQUEST']);
  });

  test('needs no card to go to the merchant', async () => {
    const { path, number } = await abnormal();
    const body = { out_refund_no: number, type: 'MERCHANT_BANK_CARD' };
    const answer = await stage.client.call('POST', path, body);
    expect(answer.json).toMatchObject({ status: 'PROCESSING', user_received_account: '商户结算银行账户' });
  });

  test.each([
    ['no serial', undefined, 'HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)'],
    ["the merchant's own serial", 'own', '平台证书序列号Wechatpay-Serial错误'],
    ['a made-up serial', '5DEA10EF', '平台证书序列号Wechatpay-Serial错误'],
    ['the other key', 'public', '敏感信息解密失败'],
  ])('%s is refused, and changes nothing', async (_name, serial, message) => {
    const { path, number } = await abnormal();
    const { serial_no: own, public_key_id: publicKey } = stage.emulator.info;
    const value = serial === 'own' ? own : serial === 'public' ? publicKey! : serial;
    const answer = await stage.client.call('POST', path, bodyOf(number), { headers: { 'wechatpay-serial': value } });
    expect([answer.status, answer.json]).toEqual([400, { code: 'PARAM_ERROR', message }]);
    expect((await stage.client.call('GET', `${base}/${number}`)).json).toMatchObject({ status: 'ABNORMAL' });
  });

  test.each([
    ['certificate', 'platform', 200],
    ['certificate', 'public', 400],
    ['public-key', 'platform', 400],
    ['public-key', 'public', 200],
    ['mixed', 'public', 200],
  ] as const)('in %s mode the %s key: %i', async (mode, key, status) => {
    const own = await openSibling(stage, { mode });
    try {
      const { path, number } = await abnormal(own);
      // The key files are there in every mode, whatever the merchant has of them.
      const { info } = stage.emulator;
      const serial = key === 'platform' ? info.platform_serial_no! : info.public_key_id!;
      const body = {
        ...bodyOf(number),
        bank_account: encrypt(card, stage, key),
        real_name: encrypt('张三', stage, key),
      };
      const answer = await own.client.call('POST', path, body, { headers: { 'wechatpay-serial': serial } });
      expect(answer.status).toBe(status);
    } finally {
      await own.end();
    }
  });

  test('is known by both of its numbers', async () => {
    const { path, number } = await abnormal();
    const other = await abnormal();
    for (const [target, name] of [
      [path, other.number],
      [path, 'UNKNOWN'],
      [`${base}/50300000000000000000000000000/apply-abnormal-refund`, number],
    ] as const) {
      const answer = await stage.client.call('POST', target, bodyOf(name), serialOf());
      expect([answer.status, answer.json.code]).toEqual([404, 'RESOURCE_NOT_EXISTS']);
    }
  });
});
