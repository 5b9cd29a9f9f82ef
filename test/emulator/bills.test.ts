import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fundFlowBill, tradeBill } from '../../src/emulator/bills.ts';
import type { BillSources } from '../../src/emulator/bills.ts';
import type { PaidOrder } from '../../src/emulator/orders.ts';
import type { Refund } from '../../src/emulator/refunds.ts';
import { holds, makeClient, platformKey } from './raw-client.ts';
import type { RawAnswer } from './raw-client.ts';
import { openStage, start as startTime } from './stage.ts';
import type { Stage } from './stage.ts';

/** The day of the reference's own example (bills 4.5 and 5). */
const at = (time: string): number => Date.parse(`2026-11-22T${time}+08:00`);
const merchant = { mchid: '1900000001' } as PaidOrder['merchant'];
const orderOf = (
  transactionId: string,
  time: string,
  no: string,
  product: 'jsapi' | 'native',
  openid: string,
  total: number,
  extra: object,
): PaidOrder =>
  ({
    party: 'direct',
    product,
    merchant,
    state: 'SUCCESS',
    request: { appid: 'wx8a1b2c3d4e5f6071', mchid: merchant.mchid, out_trade_no: no, amount: { total }, ...extra },
    payment: { transactionId, successAt: at(time), payer: { openid } },
  }) as unknown as PaidOrder;
const orders = [
  orderOf(
    '4200001234202611221234567890',
    '10:31:02',
    'T20261122_000001',
    'jsapi',
    'oABCD5example_openid00000001',
    1290,
    {
      description: '中杯拿铁',
      attach: 'shop=7',
    },
  ),
  orderOf(
    '4200001235202611222345678901',
    '11:05:40',
    'T20261122_000002',
    'native',
    'oABCD5example_openid00000002',
    10_000,
    {
      description: '礼盒',
    },
  ),
];
const refund = {
  refundId: '50301234562026112212345678901',
  order: orders[1],
  createdAt: at('15:20:11'),
  status: 'PROCESSING',
  channel: 'ORIGINAL',
  request: { out_refund_no: 'R20261122_000001', amount: { refund: 5_000, total: 10_000 } },
} as unknown as Refund;
const sources = (): BillSources => ({
  orders: { allPaid: () => orders },
  refunds: { all: () => [refund] },
  frozen: new Map(),
});
const request = { mchid: merchant.mchid, date: '2026-11-22', now: Date.parse('2026-11-23T10:00:00+08:00') };

const start =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额';
const first =
  '`2026-11-22 10:31:02,`wx8a1b2c3d4e5f6071,`1900000001,`0,`,`4200001234202611221234567890,`T20261122_000001,`oABCD5example_openid00000001,`JSAPI,`SUCCESS,`OTHERS,`CNY,`12.90,`0.00';
const second =
  '`2026-11-22 11:05:40,`wx8a1b2c3d4e5f6071,`1900000001,`0,`,`4200001235202611222345678901,`T20261122_000002,`oABCD5example_openid00000002,`NATIVE,`SUCCESS,`OTHERS,`CNY,`100.00,`0.00';
const third =
  '`2026-11-22 15:20:11,`wx8a1b2c3d4e5f6071,`1900000001,`0,`,`4200001235202611222345678901,`T20261122_000002,`oABCD5example_openid00000002,`NATIVE,`REFUND,`OTHERS,`CNY,`0.00,`0.00';
const refunded =
  '`50301234562026112212345678901,`R20261122_000001,`50.00,`0.00,`ORIGINAL,`PROCESSING,`礼盒,`,`-0.30000,`0.60%,`0.00,`50.00,`';
const totals = '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额';

/** The examples of bills 4.5 and 5 as they stand there, but for the bank, which the emulator does not know. */
const examples = {
  ALL: `${start},微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注
${first},\`0,\`0,\`0.00,\`0.00,\`,\`,\`中杯拿铁,\`shop=7,\`0.08000,\`0.60%,\`12.90,\`0.00,\`
${second},\`0,\`0,\`0.00,\`0.00,\`,\`,\`礼盒,\`,\`0.60000,\`0.60%,\`100.00,\`0.00,\`
${third},${refunded}
${totals}
\`3,\`112.90,\`50.00,\`0.00,\`0.38000,\`112.90,\`50.00
`,
  SUCCESS: `${start},商品名称,商户数据包,手续费,费率,订单金额,费率备注
${first},\`中杯拿铁,\`shop=7,\`0.08000,\`0.60%,\`12.90,\`
${second},\`礼盒,\`,\`0.60000,\`0.60%,\`100.00,\`
总交易单数,应结订单总金额,手续费总金额,订单总金额
\`2,\`112.90,\`0.68000,\`112.90
`,
  REFUND: `${start},退款申请时间,退款成功时间,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注
${third},\`2026-11-22 15:20:11,\`,${refunded}
${totals}
\`1,\`0.00,\`50.00,\`0.00,\`-0.30000,\`0.00,\`50.00
`,
} as const;

test.each(['ALL', 'SUCCESS', 'REFUND'] as const)('the trade bill %s is the example of the reference', (type) => {
  expect(tradeBill(sources(), request, type)).toBe(examples[type]);
});

test('the fund-flow bill books payment, fee and the refund less its fee', () => {
  const text = fundFlowBill(sources(), request) ?? '';
  const lines = text.trimEnd().split('\n');
  expect(lines[0]).toBe(
    '记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号',
  );
  expect(lines.at(-2)).toBe('资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额');
  expect(lines.at(-1)).toBe('`5,`2,`112.90,`3,`50.38');
  expect(lines[2]).toBe(
    '`2026-11-22 10:31:02,`4200001234202611221234567890,`1900000001202611221234567890,`交易,`扣除交易手续费,`支出,`0.08,`12.82,`system,`结算总金额12.90元,`T20261122_000001',
  );
  expect(lines[5]).toContain('`退款,`退款,`支出,`49.70,`62.52,`1900000001API,`退款总金额50.00元;含手续费0.30元,`R2026');
});

test("a merchant's comma and line feed are escaped, a backtick stands as it is", () => {
  const order = { ...orders[0], request: { ...orders[0]!.request, description: 'a,b\nc`d' } } as PaidOrder;
  const text = tradeBill({ ...sources(), orders: { allPaid: () => [order] } }, request, 'SUCCESS');
  expect(text).toContain('`a\\ b\\nc`d,`shop=7');
});

test('a day without payments and refunds has no bill', () => {
  expect(tradeBill(sources(), { ...request, date: '2026-11-21' }, 'ALL')).toBeUndefined();
  expect(fundFlowBill(sources(), { ...request, date: '2026-11-21' })).toBeUndefined();
});

test('what happened at midnight belongs to the day that begins', () => {
  const edge = (time: number): PaidOrder =>
    ({ ...orders[0], payment: { ...orders[0]!.payment, successAt: time } }) as PaidOrder;
  const midnight = Date.parse('2026-11-22T00:00:00+08:00');
  const on = (time: number, date: string): string | undefined =>
    tradeBill({ ...sources(), orders: { allPaid: () => [edge(time)] } }, { ...request, date }, 'SUCCESS');
  expect(on(midnight, '2026-11-22')).toBeDefined();
  expect(on(midnight - 1, '2026-11-22')).toBeUndefined();
  expect(on(midnight - 1, '2026-11-21')).toBeDefined();
});

describe('over HTTP', () => {
  let stage: Stage;
  const day = 86_400_000;
  const sha1 = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex');
  const apply = async (query: string): Promise<RawAnswer> => stage.client.call('GET', `/v3/bill/${query}`);
  const targetOf = (answer: RawAnswer): string => {
    const url = new URL(String(answer.json['download_url']));
    expect(url.origin).toBe(stage.emulator.url);
    return url.pathname + url.search;
  };

  beforeAll(async () => {
    stage = await openStage();
    stage.emulator.seed({ count: 3, total: 1290, paid_ago_ms: day, prefix: 'Y' });
  });
  beforeEach(() => stage.advance(startTime - stage.now()));
  afterAll(async () => stage.end());

  test.each(['', '&tar_type=GZIP'])('hands out a file whose plain bytes have the hash (%j)', async (packing) => {
    const answer = await apply(`tradebill?bill_date=2026-11-22&bill_type=ALL${packing}`);
    expect(answer.status).toBe(200);
    expect(holds(answer.headers, answer.text, platformKey(stage.emulator.info))).toBe(true);
    const target = targetOf(answer);
    expect(target.endsWith('&tartype=gzip')).toBe(packing !== '');
    const file = await stage.client.call('GET', target);
    expect(file.status).toBe(200);
    expect(Object.keys(file.headers).filter((name) => name.startsWith('wechatpay-'))).toEqual([]);
    const plain = packing === '' ? file.bytes : gunzipSync(file.bytes);
    expect(answer.json).toMatchObject({ hash_type: 'SHA1', hash_value: sha1(plain) });
    expect(plain.toString()).toContain('总交易单数,');
    expect(plain.toString().match(/`Y0000000\d/g)).toHaveLength(3);
  });

  test.each([
    ['tradebill', '400 PARAM_ERROR'],
    ['tradebill?bill_date=20261122', '400 PARAM_ERROR'],
    ['tradebill?bill_date=2026-02-30', '400 PARAM_ERROR'],
    ['tradebill?bill_date=2026-11-22&bill_type=OTHER', '400 PARAM_ERROR'],
    ['tradebill?bill_date=2026-11-22&tar_type=ZIP', '400 PARAM_ERROR'],
    ['tradebill?bill_date=2026-11-22&sub_mchid=1900000109', '400 PARAM_ERROR'],
    ['fundflowbill?bill_date=2026-11-22&account_type=ALL', '400 PARAM_ERROR'],
    // Today, tomorrow, and what is older than three months.
    ['tradebill?bill_date=2026-11-23', '400 INVALID_REQUEST'],
    ['tradebill?bill_date=2026-11-24', '400 INVALID_REQUEST'],
    ['tradebill?bill_date=2026-08-22', '400 INVALID_REQUEST'],
    ['tradebill?bill_date=2026-08-23', '400 NO_STATEMENT_EXIST'],
    ['tradebill?bill_date=2026-11-22&bill_type=REFUND', '400 NO_STATEMENT_EXIST'],
    ['fundflowbill?bill_date=2026-11-21', '400 NO_STATEMENT_EXIST'],
    ['fundflowbill?bill_date=2026-11-22&account_type=FEES', '400 NO_STATEMENT_EXIST'],
  ])('%s is answered %s', async (query, expected) => {
    const { status, json } = await apply(query);
    expect(`${status} ${json.code}`).toBe(expected);
  });

  test("yesterday's bill is there from ten o'clock", async () => {
    stage.advance(Date.parse('2026-11-23T09:59:59+08:00') - stage.now());
    expect((await apply('tradebill?bill_date=2026-11-22')).json.code).toBe('STATEMENT_CREATING');
    stage.advance(1_000);
    expect((await apply('tradebill?bill_date=2026-11-22')).status).toBe(200);
  });

  test('a download_url lives five minutes, belongs to who asked for it, and is used as it is', async () => {
    const target = targetOf(await apply('tradebill?bill_date=2026-11-22&tar_type=GZIP'));
    const other = makeClient(stage.emulator.infoOf('1900000100'), stage.now);
    expect(await other.call('GET', target)).toMatchObject({ status: 403, json: { code: 'NO_AUTH' } });
    expect(await stage.client.call('GET', target.replace('&tartype=gzip', ''))).toMatchObject({ status: 400 });
    expect(await stage.client.call('GET', target, undefined, { authorization: () => undefined })).toMatchObject({
      status: 401,
    });
    stage.advance(300_000);
    expect((await stage.client.call('GET', target)).status).toBe(200);
    stage.advance(1);
    expect(await stage.client.call('GET', target)).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } });
  });

  test('a broken download is continued where it broke off', async () => {
    const target = targetOf(await apply('fundflowbill?bill_date=2026-11-22'));
    const whole = (await stage.client.call('GET', target)).bytes;
    const rest = await stage.client.call('GET', target, undefined, { headers: { range: 'bytes=100-' } });
    expect(rest).toMatchObject({ status: 206 });
    expect(rest.headers['content-range']).toEqual([`bytes 100-${whole.length - 1}/${whole.length}`]);
    expect(rest.bytes.equals(whole.subarray(100))).toBe(true);
    const beyond = await stage.client.call('GET', target, undefined, { headers: { range: `bytes=${whole.length}-` } });
    expect(beyond.status).toBe(416);
  });

  test('a service provider gets all its sub-merchants, or one of them', async () => {
    stage.emulator.seed({ count: 2, total: 100, mchid: '1900000100', paid_ago_ms: day });
    const provider = makeClient(stage.emulator.infoOf('1900000100'), stage.now);
    const code = async (query: string): Promise<string> => {
      const { status, json } = await provider.call('GET', `/v3/bill/tradebill?bill_date=2026-11-22${query}`);
      return `${status} ${json.code ?? ''}`;
    };
    expect(await code('')).toBe('200 ');
    expect(await code('&sub_mchid=1900000109')).toBe('200 ');
    expect(await code('&sub_mchid=1900000108')).toBe('403 NO_AUTH');
  });

  test('the fourth fund-flow bill within a second is too many', async () => {
    stage.advance(60_000);
    stage.emulator.configureRefunds({ rate_limits: true });
    const answers: number[] = [];
    for (let call = 0; call < 4; call += 1) answers.push((await apply('fundflowbill?bill_date=2026-11-22')).status);
    stage.emulator.configureRefunds({ rate_limits: false });
    expect(answers).toEqual([200, 200, 200, 429]);
  });

  test("a refund's status in a bill stays what it was when the bill was made", async () => {
    const [order] = stage.emulator.seed({ count: 1, total: 500, prefix: 'Z' });
    stage.emulator.configureRefunds({ settle_after_ms: null });
    const body = {
      out_trade_no: order!.out_trade_no,
      out_refund_no: 'FROZEN1',
      amount: { refund: 500, total: 500, currency: 'CNY' },
    };
    expect((await stage.client.call('POST', '/v3/refund/domestic/refunds', body)).status).toBe(200);
    stage.advance(day);
    const bill = async (): Promise<string> => {
      const answer = await apply('tradebill?bill_date=2026-11-23&bill_type=REFUND');
      return (await stage.client.call('GET', targetOf(answer))).text;
    };
    expect(await bill()).toContain('`ORIGINAL,`PROCESSING');
    await stage.emulator.settleRefund({ refund: 'FROZEN1', outcome: 'SUCCESS', callback: false } as never);
    expect(await bill()).toContain('`ORIGINAL,`PROCESSING');
  });
});
