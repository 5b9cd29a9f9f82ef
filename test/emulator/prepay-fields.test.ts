import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { casesOf, withValue } from './field-cases.ts';
import type { Row } from './field-cases.ts';
import { makeClient } from './raw-client.ts';
import type { RawAnswer, RawClient } from './raw-client.ts';
import { openStage, orderBody, partnerBody, tempDir } from './stage.ts';
import type { Stage } from './stage.ts';

/**
 * Every field of the prepay endpoints with its documented bounds, written by hand from the endpoint reference: on purpose not
 * taken from the tables that the emulator itself uses.
 */
const numberRule = Array.from('`^~@#/.$ %中😀');

const common: readonly Row[] = [
  { path: 'description', type: 'string', required: true, max: 127, good: ['中'.repeat(127)], bad: ['中'.repeat(128)] },
  {
    path: 'out_trade_no',
    type: 'string',
    required: true,
    min: 6,
    max: 32,
    good: ['a-b_c|d*', 'ABCDEF', '012345'],
    bad: ['12345', '订单号订单号', 'abc def', ...numberRule.map((character) => `ABCDEF${character}`)],
  },
  {
    path: 'time_expire',
    type: 'string',
    fill: '',
    good: ['2026-11-24T10:34:56+08:00', '2026-11-24T02:34:56Z', '2026-11-24T10:34:56.123+08:00'],
    bad: [
      '2026-11-24',
      '2026-11-24T10:34:56',
      '2026-11-24 10:34:56+08:00',
      '2026-02-30T10:34:56+08:00',
      '2026-13-01T10:34:56+08:00',
      '2026-11-24T25:34:56+08:00',
      '20261124103456',
      '1795401532',
    ],
  },
  { path: 'attach', type: 'string', max: 128, bad: ['中'.repeat(43)], good: ['中'.repeat(42)] },
  {
    path: 'notify_url',
    type: 'string',
    required: true,
    max: 255,
    fill: 'https://shop.example.com/',
    good: ['https://shop.example.com/wxpay/notify', 'http://127.0.0.1:8080/notify', 'http://localhost/'],
    bad: [
      'https://shop.example.com/notify?a=1',
      'https://shop.example.com/notify#a',
      ' https://shop.example.com/notify',
      'https://shop.example.com/no tify',
      'ftp://shop.example.com/notify',
      'shop.example.com/notify',
      'https://',
    ],
  },
  { path: 'goods_tag', type: 'string', max: 32 },
  { path: 'support_fapiao', type: 'boolean' },
  { path: 'limit_pay', type: 'array', good: [['no_credit']], bad: [[], ['cash'], [1], 'no_credit'] },
  { path: 'amount', type: 'object', required: true },
  {
    path: 'amount.total',
    type: 'integer',
    required: true,
    least: 1,
    good: [1, 9_007_199_254_740_991],
    bad: [0, -1, 0.01, '100', '1', true],
  },
  { path: 'amount.currency', type: 'string', fill: '', good: ['CNY'], bad: ['USD', 'cny', 'XYZ', ''] },
  { path: 'detail', type: 'object' },
  { path: 'detail.cost_price', type: 'integer' },
  { path: 'detail.invoice_id', type: 'string', max: 32 },
  { path: 'detail.goods_detail', type: 'array', bad: [[]] },
  { path: 'detail.goods_detail.0', type: 'object' },
  { path: 'detail.goods_detail.0.merchant_goods_id', type: 'string', required: true, max: 32 },
  { path: 'detail.goods_detail.0.wechatpay_goods_id', type: 'string', max: 32 },
  { path: 'detail.goods_detail.0.goods_name', type: 'string', max: 256 },
  { path: 'detail.goods_detail.0.quantity', type: 'integer', required: true },
  { path: 'detail.goods_detail.0.unit_price', type: 'integer', required: true },
  {
    path: 'scene_info.payer_client_ip',
    type: 'string',
    required: true,
    fill: '',
    good: ['203.0.113.9', '2001:db8::1'],
    bad: ['203.0.113', '203.0.113.256', 'localhost', '203.0.113.9:80'],
  },
  { path: 'scene_info.device_id', type: 'string', max: 32 },
  { path: 'scene_info.store_info', type: 'object' },
  { path: 'scene_info.store_info.id', type: 'string', required: true, max: 32 },
  { path: 'scene_info.store_info.name', type: 'string', max: 256 },
  { path: 'scene_info.store_info.area_code', type: 'string', max: 32 },
  { path: 'scene_info.store_info.address', type: 'string', max: 512 },
  { path: 'settle_info', type: 'object' },
  { path: 'settle_info.profit_sharing', type: 'boolean' },
];

/** Fields whose value is bound to the caller: their length can be tried too long only. */
const direct: readonly Row[] = [
  { path: 'appid', type: 'string', required: true, max: 32, fill: 'long-only' },
  { path: 'mchid', type: 'string', required: true, max: 32, fill: 'long-only', bad: ['190000000x', '1900000002'] },
];
const partner: readonly Row[] = [
  { path: 'sp_appid', type: 'string', required: true, max: 32, fill: 'long-only' },
  { path: 'sp_mchid', type: 'string', required: true, max: 32, fill: 'long-only', bad: ['1900000001'] },
  { path: 'sub_mchid', type: 'string', required: true, max: 32, fill: 'long-only' },
  { path: 'settle_info.subsidy_amount', type: 'integer' },
];
const h5: readonly Row[] = [
  { path: 'scene_info', type: 'object', required: true },
  { path: 'scene_info.h5_info', type: 'object', required: true },
  {
    path: 'scene_info.h5_info.type',
    type: 'string',
    required: true,
    fill: '',
    good: ['Wap', 'iOS', 'Android'],
    bad: ['wap', 'IOS', 'h5', ''],
  },
  { path: 'scene_info.h5_info.app_name', type: 'string', max: 64 },
  { path: 'scene_info.h5_info.app_url', type: 'string', max: 128 },
  { path: 'scene_info.h5_info.bundle_id', type: 'string', max: 128 },
  { path: 'scene_info.h5_info.package_name', type: 'string', max: 128 },
];
const notH5: readonly Row[] = [{ path: 'scene_info', type: 'object' }];
const jsapiDirect: readonly Row[] = [
  { path: 'payer', type: 'object', required: true },
  { path: 'payer.openid', type: 'string', required: true, max: 128 },
];
const jsapiPartner: readonly Row[] = [
  { path: 'payer', type: 'object', required: true },
  // One of sp_openid and sub_openid has to be there.
  { path: 'payer.sp_openid', type: 'string', required: true, max: 128 },
];
const plan = 'subsidy_info.subsidy_detail.0.subsidy_plan.0';
const subsidy: readonly Row[] = [
  { path: 'subsidy_info', type: 'object' },
  {
    path: 'subsidy_info.subsidy_detail.0.subsidy_period_type',
    type: 'string',
    required: true,
    fill: '',
    good: ['DAILY', 'PERIOD'],
    bad: ['YEARLY'],
  },
  { path: `${plan}.subsidy_installment_num`, type: 'integer', required: true, good: [3, 6, 12], bad: [4] },
  { path: `${plan}.subsidy_percent`, type: 'integer', required: true, good: [0, 100], bad: [50] },
];

/** Every optional object, so that each field has its place; laid under the smallest body that a product accepts. */
const everything = {
  detail: {
    cost_price: 1,
    invoice_id: 'i',
    goods_detail: [{ merchant_goods_id: 'g', quantity: 1, unit_price: 1 }],
  },
  scene_info: { payer_client_ip: '203.0.113.9', store_info: { id: 's' } },
  settle_info: { profit_sharing: false },
};
const subsidyInfo = {
  subsidy_detail: [
    { subsidy_period_type: 'DAILY', subsidy_plan: [{ subsidy_installment_num: 3, subsidy_percent: 0 }] },
  ],
};

type Party = 'direct' | 'partner';
const products = ['jsapi', 'app', 'h5', 'native'] as const;
type Product = (typeof products)[number];
const endpoints = (['direct', 'partner'] as const).flatMap((party) => products.map((product) => ({ party, product })));

function rowsOf(party: Party, product: Product): readonly Row[] {
  return [
    ...common,
    ...(party === 'direct' ? direct : partner),
    ...(product === 'h5' ? h5 : notH5),
    ...(product === 'jsapi' ? (party === 'direct' ? jsapiDirect : jsapiPartner) : []),
    ...(product === 'jsapi' || product === 'app' ? subsidy : []),
  ];
}

/** One set of keys; a fresh memory of orders for every group. */
const dir = tempDir();
let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ dir });
});
afterAll(async () => {
  await stage.end();
  rmSync(dir, { recursive: true, force: true });
});

describe.each(endpoints)('$party $product', ({ party, product }) => {
  let client: RawClient;
  const target = `/v3/pay/${party === 'partner' ? 'partner/' : ''}transactions/${product}`;

  beforeAll(async () => {
    await stage.end();
    stage = await openStage({ dir });
    client = party === 'direct' ? stage.client : makeClient(stage.emulator.infoOf('1900000100'), stage.now);
  });

  function full(): Record<string, unknown> {
    const body = party === 'direct' ? orderBody(stage, product) : partnerBody(stage, product);
    const scene = { ...everything.scene_info, ...(body['scene_info'] as object | undefined) };
    return {
      ...body,
      ...structuredClone({ ...everything, scene_info: scene }),
      ...(product === 'jsapi' || product === 'app' ? { subsidy_info: structuredClone(subsidyInfo) } : {}),
    };
  }

  const post = async (body: unknown): Promise<RawAnswer> => client.call('POST', target, body);

  test('accepts the smallest body and the fullest one', async () => {
    const smallest = party === 'direct' ? orderBody(stage, product) : partnerBody(stage, product);
    expect((await post(smallest)).status).toBe(200);
    expect((await post(full())).status).toBe(200);
  });

  test.each(rowsOf(party, product))('$path', async (row) => {
    for (const { what, value, accepted, path } of casesOf(row)) {
      const answer = await post(withValue(full(), path, value));
      const verdict = { what, status: answer.status };
      expect(verdict).toEqual({ what, status: accepted ? 200 : 400 });
      // A refusal names the field, by its pointer or, where a rule spans fields, in words.
      if (!accepted)
        expect(answer.text).toMatch(new RegExp(`/${path.replaceAll('.', '/')}|mchid不匹配|sp_openid和sub_openid`));
    }
  });

  test('refuses members that the API does not know, and says which', async () => {
    const body = { ...full(), trade_type: 'NATIVE', amount: { total: 1, total_fee: 1 } };
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({
      code: 'PARAM_ERROR',
      detail: { location: null, value: ['/body/amount/total_fee', '/body/trade_type'] },
      message: '请求中含有未在API文档中定义的参数',
    });
    expect(answer.headers['request-id']![0]).toMatch(/-270924358$/);
  });

  if (product !== 'jsapi') {
    test('takes no payer', async () => {
      const answer = await post({ ...full(), payer: { openid: 'o' } });
      expect(answer.json.detail).toEqual({ location: null, value: ['/body/payer'] });
    });
  }
});

describe('the wordings of live answers', () => {
  test.each([
    [
      { amount: { total: 0.01 } },
      '无法将 JSON 输入源“/body/amount/total”映射到目标字段“总金额”中，此字段需要一个合法的 64 位有符号整数',
      { location: 'body', value: 0.01 },
    ],
    [
      { amount: { total: 0 } },
      '输入源“/body/amount/total”映射到数值字段“总金额”规则校验失败，值低于最小值 1',
      { location: 'body', value: 0 },
    ],
    [
      { amount: 1 },
      '无法将 JSON 输入源“/body/amount”映射到目标字段“金额信息”中，此字段需要一个合法的 Json 对象',
      { location: 'body', value: 1 },
    ],
    [
      { appid: '' },
      '输入源“/body/appid”映射到值字段“商户appid”字符串规则校验失败，字符数 0，小于最小值 1',
      { location: 'body', value: 0 },
    ],
    [
      { out_trade_no: 'abc' },
      '输入源“/body/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字节数 3，小于最小值 6',
      { location: 'body', value: 3 },
    ],
    [
      { out_trade_no: '订单号' },
      String.raw`输入源“/body/out_trade_no”映射到值字段“商户订单号”字符串规则校验失败，字符串必须匹配正则表达式“^[0-9a-zA-Z_\-\|\*]+$”`,
      { location: 'body', value: '订单号' },
    ],
    [
      { out_trade_no: undefined },
      '输入源“/body/out_trade_no”映射到字段“商户订单号”必填性规则校验失败，此字段为必填项',
      { location: 'body', value: '' },
    ],
    [
      { payer: { openid: 4 } },
      '无法将 JSON 输入源“/body/payer/openid”映射到目标字段“用户标识”中，此字段需要一个 string 类型的 Json 值',
      { location: 'body', value: 4 },
    ],
    [
      { amount: { total: 1, currency: 'XYZ' } },
      '参数错误',
      { field: '/amount/currency', issue: 'Currency code is invalid', location: 'body', value: 'XYZ' },
    ],
  ])('%j', async (extra, message, detail) => {
    const answer = await stage.client.call('POST', '/v3/pay/transactions/jsapi', orderBody(stage, 'jsapi', extra));
    expect(answer.json).toEqual({ code: 'PARAM_ERROR', detail, message });
  });

  test('detail is bounded by its minified bytes', async () => {
    const goods = (name: string): object => ({ merchant_goods_id: 'g', goods_name: name, quantity: 1, unit_price: 1 });
    const body = (count: number): object =>
      orderBody(stage, 'native', {
        detail: { goods_detail: Array.from({ length: count }, () => goods('n'.repeat(200))) },
      });
    expect((await stage.client.call('POST', '/v3/pay/transactions/native', body(20))).status).toBe(200);
    expect((await stage.client.call('POST', '/v3/pay/transactions/native', body(30))).json.code).toBe('PARAM_ERROR');
  });

  test.each([
    ['not JSON', '{"a":'],
    ['an array', '[]'],
    ['a text', '"x"'],
    ['a byte order mark', '\ufeff{}'],
    ['a repeated member', '{"mchid":"1900000001","mchid":"1900000001"}'],
    ['not UTF-8', Buffer.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)],
    ['nothing', undefined],
  ])('a body that is %s', async (_name, body) => {
    const answer = await stage.client.call('POST', '/v3/pay/transactions/native', body);
    expect([answer.status, answer.json.code]).toEqual([400, 'PARAM_ERROR']);
  });

  test.each([
    'text/plain;charset=UTF-8',
    'application/json; charset=gbk',
    'application/x-www-form-urlencoded',
    undefined,
  ])('Content-Type %s is refused', async (type) => {
    const headers = { 'content-type': type };
    const body = orderBody(stage, 'native');
    const answer = await stage.client.call('POST', '/v3/pay/transactions/native', body, { headers });
    expect([answer.status, answer.json.code]).toEqual([400, 'PARAM_ERROR']);
  });

  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset=UTF-8'])(
    'Content-Type %s will do',
    async (type) => {
      const headers = { 'content-type': type };
      const body = orderBody(stage, 'native');
      const answer = await stage.client.call('POST', '/v3/pay/transactions/native', body, { headers });
      expect(answer.status).toBe(200);
    },
  );
});
