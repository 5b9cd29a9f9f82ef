import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { casesOf, withValue } from './field-cases.ts';
import type { Row } from './field-cases.ts';
import { makeClient } from './raw-client.ts';
import type { RawAnswer, RawClient } from './raw-client.ts';
import { decrypt, receive } from './receiver.ts';
import type { Envelope } from './receiver.ts';
import { openStage } from './stage.ts';
import type { Stage } from './stage.ts';

/** Combined orders, by the reference's section on them, for both kinds of caller. */
let stage: Stage;
let partner: RawClient;
let second: RawClient;
beforeAll(async () => {
  stage = await openStage();
  partner = makeClient(stage.emulator.infoOf('1900000100'), stage.now);
  const { appid } = stage.emulator.info;
  await stage.emulator.addMerchant({ mchid: '1900000002', appids: ['wx00000000000000ff', appid] });
  await stage.emulator.addMerchant({ mchid: '1900000003', appids: ['wx00000000000000fe'] });
  second = makeClient(stage.emulator.infoOf('1900000002'), stage.now);
});
afterAll(async () => stage.end());

const base = '/v3/combine-transactions';
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
type Body = Record<string, unknown>;
type Sub = Record<string, unknown>;

function subOrder(extra: Sub = {}): Sub {
  return {
    mchid: '1900000001',
    attach: 'shop=7',
    amount: { total_amount: 100, currency: 'CNY' },
    out_trade_no: stage.number(),
    description: '测试商品',
    ...extra,
  };
}

function bodyOf(product: string, extra: Body = {}): Body {
  return {
    combine_appid: stage.emulator.info.appid,
    combine_mchid: '1900000001',
    combine_out_trade_no: `C${stage.number()}`,
    sub_orders: [subOrder(), subOrder({ mchid: '1900000002', amount: { total_amount: 250, currency: 'CNY' } })],
    notify_url: 'http://127.0.0.1:9/notify',
    ...(product === 'jsapi' ? { combine_payer_info: { openid: 'oABCD5example_openid00000001' } } : {}),
    ...(product === 'h5' ? { scene_info: { payer_client_ip: '203.0.113.9', h5_info: { type: 'Wap' } } } : {}),
    ...extra,
  };
}

function partnerBodyOf(product: string, extra: Body = {}): Body {
  const { appid } = stage.emulator.infoOf('1900000100');
  const sub = { mchid: '1900000100', sub_mchid: '1900000109' };
  return {
    ...bodyOf(product),
    combine_appid: appid,
    combine_mchid: '1900000100',
    sub_orders: [subOrder(sub), subOrder({ ...sub, amount: { total_amount: 250, currency: 'CNY' } })],
    ...extra,
  };
}

const parties = ['direct', 'partner'] as const;
const makeBody = { direct: bodyOf, partner: partnerBodyOf };
const clientOf = (party: (typeof parties)[number]): RawClient => (party === 'direct' ? stage.client : partner);
const subsOf = (body: Body): Sub[] => body['sub_orders'] as Sub[];
const numberOf = (body: Body): string => String(body['combine_out_trade_no']);
const codeOf = (answer: RawAnswer): string =>
  answer.status >= 400 ? `${answer.status} ${String(answer.json.code)}` : String(answer.status);

const prepay = async (party: (typeof parties)[number], product: string, body: Body): Promise<RawAnswer> =>
  clientOf(party).call('POST', `${base}/${product}`, body);
const query = async (party: (typeof parties)[number], number: string): Promise<RawAnswer> =>
  clientOf(party).call('GET', `${base}/out-trade-no/${number}`);
const closeBody = (body: Body): Body => ({
  combine_appid: body['combine_appid'],
  sub_orders: subsOf(body).map(({ mchid, sub_mchid, out_trade_no }) => ({
    mchid,
    ...(sub_mchid === undefined ? {} : { sub_mchid }),
    out_trade_no,
  })),
});
const close = async (
  party: (typeof parties)[number],
  body: Body,
  sent: Body = closeBody(body),
  number = numberOf(body),
): Promise<RawAnswer> => clientOf(party).call('POST', `${base}/out-trade-no/${number}/close`, sent);
const statesOf = (answer: RawAnswer): unknown[] =>
  (answer.json['sub_orders'] as Sub[]).map(({ trade_state }) => trade_state);

describe.each(parties)('%s', (party) => {
  describe.each(['jsapi', 'app', 'h5', 'native'])('%s', (product) => {
    const handle = { jsapi: 'prepay_id', app: 'prepay_id', h5: 'h5_url', native: 'code_url' }[product]!;
    let body: Body;
    beforeEach(() => {
      body = makeBody[party](product);
    });

    test('lives: placed, paid at once by its handle, and its sub-orders have numbers of their own', async () => {
      const placed = await prepay(party, product, body);
      expect([placed.status, Object.keys(placed.json)]).toEqual([200, [handle]]);
      const unpaid = await query(party, numberOf(body));
      expect(statesOf(unpaid)).toEqual(['NOTPAY', 'NOTPAY']);
      expect(unpaid.json).not.toHaveProperty('combine_transaction_id');
      const paid = await stage.emulator.pay({ order: String(placed.json[handle]), callback: false });
      const after = await query(party, numberOf(body));
      expect(after.json).toEqual(paid.transaction);
      expect(statesOf(after)).toEqual(['SUCCESS', 'SUCCESS']);
      const ids = (after.json['sub_orders'] as Sub[]).map(({ transaction_id }) => transaction_id);
      expect(new Set([...ids, after.json['combine_transaction_id']]).size).toBe(3);
      const tradeType = { jsapi: 'JSAPI', app: 'APP', h5: 'MWEB', native: 'NATIVE' }[product];
      expect(after.json['sub_orders']).toEqual(
        subsOf(body).map((sub) =>
          expect.objectContaining({
            mchid: sub['mchid'],
            out_trade_no: sub['out_trade_no'],
            attach: 'shop=7',
            trade_type: tradeType,
            success_time: expect.stringMatching(/\+08:00$/),
            amount: {
              total_amount: (sub['amount'] as Sub)['total_amount'],
              payer_amount: (sub['amount'] as Sub)['total_amount'],
              currency: 'CNY',
              payer_currency: 'CNY',
            },
          }),
        ),
      );
    });

    /** state → what the call answers: the matrix of single orders, where the reference gives no other. */
    test.each([
      ['NOTPAY', 'same', '200'],
      ['NOTPAY', 'drift', '400 INVALID_REQUEST'],
      ['NOTPAY', 'settle_info differs', '400 INVALID_REQUEST'],
      ['NOTPAY', 'other product', '403 OUT_TRADE_NO_USED'],
      ['expired', 'same', '400 ORDER_CLOSED'],
      ['SUCCESS', 'same', '400 ORDERPAID'],
      ['REFUND', 'same', '400 ORDERPAID'],
      ['CLOSED', 'same', '400 ORDER_CLOSED'],
      ['burned', 'same', '400 INVALID_REQUEST'],
      ['seven days unpaid', 'same', '400 ORDER_CLOSED'],
    ])('prepay again, %s, %s: %s', async (state, what, expected) => {
      await bring(party, product, body, state);
      const again = structuredClone(body);
      if (what === 'drift') subsOf(again)[0]!['attach'] = 'other';
      if (what === 'settle_info differs') subsOf(again)[0]!['settle_info'] = { profit_sharing: true };
      const other = product === 'native' ? 'app' : 'native';
      const { scene_info: scene, ...withoutScene } = again;
      const answer =
        what === 'other product'
          ? await prepay(party, other, scene === undefined ? again : withoutScene)
          : await prepay(party, product, again);
      expect(codeOf(answer)).toBe(expected);
    });
  });

  test.each([
    ['never created', '404 ORDER_NOT_EXIST', '204', undefined],
    ['NOTPAY', '200', '204', 'CLOSED'],
    ['expired', '200', '204', 'CLOSED'],
    ['SUCCESS', '200', '400 ORDER_PAID', 'SUCCESS'],
    ['REFUND', '200', '400 ORDER_PAID', 'REFUND'],
    ['CLOSED', '200', '204', 'CLOSED'],
    ['seven days unpaid', '200', '204', 'CLOSED'],
  ])('%s: query %s, close %s, and then %s', async (state, queried, closed, then) => {
    const body = makeBody[party]('native');
    await bring(party, 'native', body, state);
    expect(codeOf(await query(party, numberOf(body)))).toBe(queried);
    expect(codeOf(await close(party, body))).toBe(closed);
    const after = await query(party, numberOf(body));
    if (then === undefined) expect(codeOf(after)).toBe('404 ORDER_NOT_EXIST');
    else expect(statesOf(after)[0]).toBe(then);
    if (state === 'never created') expect(codeOf(await prepay(party, 'native', body))).toBe('400 INVALID_REQUEST');
  });

  test('a close that names other sub-orders closes nothing', async () => {
    const body = makeBody[party]('native');
    await prepay(party, 'native', body);
    const sent = closeBody(body);
    const subs = subsOf(sent);
    const variants: [string, Body][] = [
      ['fewer', { ...sent, sub_orders: subs.slice(0, 1) }],
      ['more', { ...sent, sub_orders: [...subs, { ...subs[0], out_trade_no: 'ANOTHER_1' }] }],
      ['one twice', { ...sent, sub_orders: [subs[0], subs[0]] }],
      ['another number', { ...sent, sub_orders: [subs[0], { ...subs[1], out_trade_no: 'ANOTHER_1' }] }],
    ];
    for (const [what, variant] of variants) {
      expect([what, codeOf(await close(party, body, variant))]).toEqual([what, '500 SYSTEM_ERROR']);
    }
    const appid = { ...sent, combine_appid: 'wx0000000000000000' };
    expect(codeOf(await close(party, body, appid))).toBe('400 INVALID_REQUEST');
    expect(statesOf(await query(party, numberOf(body)))).toEqual(['NOTPAY', 'NOTPAY']);
    expect(codeOf(await close(party, body, { ...sent, sub_orders: subs.toReversed() }))).toBe('204');
  });

  test('the ordinary calls do not know sub-orders, before and after payment', async () => {
    const body = makeBody[party]('native');
    await prepay(party, 'native', body);
    const [sub] = subsOf(body);
    const root = party === 'direct' ? '/v3/pay/transactions' : '/v3/pay/partner/transactions';
    const caller: Record<string, string> =
      party === 'direct' ? { mchid: '1900000001' } : { sp_mchid: '1900000100', sub_mchid: '1900000109' };
    const path = `${root}/out-trade-no/${String(sub!['out_trade_no'])}`;
    const search = new URLSearchParams(caller).toString();
    const ask = async (): Promise<string[]> => [
      codeOf(await clientOf(party).call('GET', `${path}?${search}`)),
      codeOf(await clientOf(party).call('POST', `${path}/close`, caller)),
    ];
    expect(await ask()).toEqual(['404 ORDER_NOT_EXIST', '404 ORDER_NOT_EXIST']);
    await stage.emulator.pay({ order: numberOf(body), callback: false });
    expect(await ask()).toEqual(['404 ORDER_NOT_EXIST', '404 ORDER_NOT_EXIST']);
    const id = ((await query(party, numberOf(body))).json['sub_orders'] as Sub[])[0]!['transaction_id'];
    expect(codeOf(await clientOf(party).call('GET', `${root}/id/${String(id)}?${search}`))).toBe('404 ORDER_NOT_EXIST');
  });

  test.each([
    ['1', { direct: '400 INVALID_REQUEST', partner: '200' }],
    ['2', { direct: '200', partner: '200' }],
    ['10', { direct: '200', partner: '200' }],
    ['11', { direct: '400 INVALID_REQUEST', partner: '200' }],
    ['50', { direct: '400 INVALID_REQUEST', partner: '200' }],
    ['51', { direct: '400 INVALID_REQUEST', partner: '400 INVALID_REQUEST' }],
  ])('%s sub-orders', async (count, expected) => {
    const body = makeBody[party]('native');
    const [sub] = subsOf(body);
    body['sub_orders'] = Array.from({ length: Number(count) }, () => ({ ...sub, out_trade_no: stage.number() }));
    expect(codeOf(await prepay(party, 'native', body))).toBe(expected[party]);
  });

  test('one refunded sub-order does not touch the other', async () => {
    const body = makeBody[party]('native');
    await prepay(party, 'native', body);
    await stage.emulator.pay({ order: numberOf(body), callback: false });
    expect(codeOf(await refund(party, body))).toBe('200');
    expect(statesOf(await query(party, numberOf(body)))).toEqual(['REFUND', 'SUCCESS']);
  });
});

async function refund(party: (typeof parties)[number], body: Body): Promise<RawAnswer> {
  const [sub] = subsOf(body);
  return clientOf(party).call('POST', '/v3/refund/domestic/refunds', {
    ...(party === 'partner' ? { sub_mchid: '1900000109' } : {}),
    out_trade_no: sub!['out_trade_no'],
    out_refund_no: `R${String(sub!['out_trade_no'])}`,
    amount: { refund: 40, total: 100, currency: 'CNY' },
  });
}

async function bring(party: (typeof parties)[number], product: string, body: Body, state: string): Promise<void> {
  if (state === 'never created') return;
  if (state === 'burned') {
    expect(codeOf(await close(party, body))).toBe('204');
    return;
  }
  if (state === 'expired') body['time_expire'] = new Date(stage.now() + 5 * minute).toISOString();
  expect(codeOf(await prepay(party, product, body))).toBe('200');
  if (state === 'expired') stage.advance(5 * minute + 1);
  if (state === 'seven days unpaid') stage.advance(7 * day);
  if (state === 'CLOSED') expect(codeOf(await close(party, body))).toBe('204');
  if (state === 'SUCCESS' || state === 'REFUND') await stage.emulator.pay({ order: numberOf(body), callback: false });
  if (state === 'REFUND') expect(codeOf(await refund(party, body))).toBe('200');
}

describe('payment', () => {
  test.each([
    ['past its time', 'expired', 'EMULATOR_ORDER_EXPIRED'],
    ['closed', 'CLOSED', 'ORDER_CLOSED'],
    ['closed by itself', 'seven days unpaid', 'ORDER_CLOSED'],
    ['paid', 'SUCCESS', 'ORDER_PAID'],
  ])('an order that is %s is not paid', async (_what, state, code) => {
    const body = bodyOf('native');
    await bring('direct', 'native', body, state);
    await expect(stage.emulator.pay({ order: numberOf(body), callback: false })).rejects.toMatchObject({ code });
  });

  test('a new code_url ends the one before, and all end after two hours', async () => {
    const body = bodyOf('native');
    const first = await prepay('direct', 'native', body);
    await prepay('direct', 'native', body);
    await expect(stage.emulator.pay({ order: String(first.json['code_url']) })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    stage.advance(2 * hour + 1);
    await expect(stage.emulator.pay({ order: numberOf(body) })).rejects.toMatchObject({
      code: 'EMULATOR_HANDLE_EXPIRED',
    });
  });

  test('one callback tells it, with all sub-orders, under the key of who combined them', async () => {
    const receiver = await receive(204);
    try {
      const body = bodyOf('jsapi', {
        notify_url: receiver.url,
        scene_info: { payer_client_ip: '::1', device_id: 'd' },
      });
      await prepay('direct', 'jsapi', body);
      // A sub-order stands for the whole.
      const { transaction } = await stage.emulator.pay({ order: String(subsOf(body)[1]!['out_trade_no']) });
      expect(receiver.arrivals).toHaveLength(1);
      const envelope = JSON.parse(receiver.arrivals[0]!.text) as Envelope & Record<string, unknown>;
      expect(envelope).toMatchObject({
        event_type: 'TRANSACTION.SUCCESS',
        resource: { original_type: 'transaction', associated_data: 'transaction' },
      });
      const content = decrypt(envelope.resource, stage.emulator.info.api_v3_key);
      expect(content).toEqual(transaction);
      expect(content).toMatchObject({
        combine_mchid: '1900000001',
        combine_payer_info: { openid: 'oABCD5example_openid00000001' },
        scene_info: { device_id: 'd' },
      });
      expect(content['sub_orders']).toHaveLength(2);
    } finally {
      await receiver.close();
    }
  });

  test('each merchant refunds its own sub-order, and nobody another’s', async () => {
    const body = bodyOf('native');
    await prepay('direct', 'native', body);
    await stage.emulator.pay({ order: numberOf(body), callback: false });
    const number = String(subsOf(body)[1]!['out_trade_no']);
    const request = {
      out_trade_no: number,
      out_refund_no: `R${number}`,
      amount: { refund: 250, total: 250, currency: 'CNY' },
    };
    const target = '/v3/refund/domestic/refunds';
    expect(codeOf(await stage.client.call('POST', target, request))).toBe('404 RESOURCE_NOT_EXISTS');
    expect(codeOf(await second.call('POST', target, request))).toBe('200');
    expect(statesOf(await query('direct', numberOf(body)))).toEqual(['SUCCESS', 'REFUND']);
    const combined = { ...request, out_trade_no: numberOf(body), out_refund_no: `X${number}` };
    expect(codeOf(await stage.client.call('POST', target, combined))).toBe('404 RESOURCE_NOT_EXISTS');
  });
});

describe('numbers', () => {
  test('of sub-orders are the merchant’s order numbers: in use is in use, either way round', async () => {
    const body = bodyOf('native');
    await prepay('direct', 'native', body);
    const number = String(subsOf(body)[0]!['out_trade_no']);
    const single = {
      appid: body['combine_appid'],
      mchid: '1900000001',
      description: 'x',
      out_trade_no: number,
      notify_url: 'http://127.0.0.1:9/',
      amount: { total: 100 },
    };
    const target = '/v3/pay/transactions/native';
    expect(codeOf(await stage.client.call('POST', target, single))).toBe('403 OUT_TRADE_NO_USED');
    const used = stage.number();
    await stage.client.call('POST', target, { ...single, out_trade_no: used });
    const another = bodyOf('native');
    subsOf(another)[0]!['out_trade_no'] = used;
    expect(codeOf(await prepay('direct', 'native', another))).toBe('403 OUT_TRADE_NO_USED');
    expect(codeOf(await query('direct', numberOf(another)))).toBe('404 ORDER_NOT_EXIST');
  });

  test('twice in one combined order are refused, unless two merchants use the same', async () => {
    const body = bodyOf('native');
    const [first, other] = subsOf(body);
    other!['out_trade_no'] = first!['out_trade_no'];
    expect(codeOf(await prepay('direct', 'native', body))).toBe('200');
    const twice = bodyOf('native');
    twice['sub_orders'] = [subsOf(twice)[0], subsOf(twice)[0]];
    expect(codeOf(await prepay('direct', 'native', twice))).toBe('400 INVALID_REQUEST');
  });

  test('a merchant sees and closes its own combined orders only', async () => {
    const body = bodyOf('native');
    await prepay('direct', 'native', body);
    expect(codeOf(await second.call('GET', `${base}/out-trade-no/${numberOf(body)}`))).toBe('404 ORDER_NOT_EXIST');
    expect(codeOf(await second.call('POST', `${base}/out-trade-no/${numberOf(body)}/close`, closeBody(body)))).toBe(
      '204',
    );
    expect(statesOf(await query('direct', numberOf(body)))).toEqual(['NOTPAY', 'NOTPAY']);
  });
});

describe('who takes part', () => {
  test.each<[string, (typeof parties)[number], Body | (() => Body), string]>([
    ['another combine_mchid', 'direct', { combine_mchid: '1900000002' }, '400 PARAM_ERROR'],
    ['an appid that is not its own', 'direct', { combine_appid: 'wx0000000000000000' }, '400 APPID_MCHID_NOT_MATCH'],
    ['a merchant that does not exist', 'direct', () => withSub({ mchid: '1900000777' }), '400 MCH_NOT_EXISTS'],
    ['one whose appid is another', 'direct', () => withSub({ mchid: '1900000003' }), '400 APPID_MCHID_NOT_MATCH'],
    ['a service provider', 'direct', () => withSub({ mchid: '1900000100' }), '403 NO_AUTH'],
    ['a sub-merchant', 'direct', () => withSub({ sub_mchid: '1900000109' }), '400 PARAM_ERROR'],
    ['a sub-order of another appid', 'direct', () => withSub({ sub_appid: 'wx1' }), '400 INVALID_REQUEST'],
    ['a sub-order of nobody', 'partner', () => withPartnerSub({ sub_mchid: undefined }), '400 PARAM_ERROR'],
    ['somebody else’s sub-merchant', 'partner', () => withPartnerSub({ sub_mchid: '1900000777' }), '403 NO_AUTH'],
    ['itself as sub-merchant', 'partner', () => withPartnerSub({ sub_mchid: '1900000100' }), '400 INVALID_REQUEST'],
    ['another service provider', 'partner', () => withPartnerSub({ mchid: '1900000001' }), '400 INVALID_REQUEST'],
    ['a foreign sub_appid', 'partner', () => withPartnerSub({ sub_appid: 'wx1' }), '400 APPID_MCHID_NOT_MATCH'],
  ])('%s, %s: refused', async (_what, party, change, expected) => {
    const body = typeof change === 'function' ? change() : { ...makeBody[party]('native'), ...change };
    expect(codeOf(await prepay(party, 'native', body))).toBe(expected);
  });

  function withSub(change: Sub): Body {
    const body = bodyOf('native');
    Object.assign(subsOf(body)[1]!, change);
    return body;
  }

  function withPartnerSub(change: Sub): Body {
    const body = partnerBodyOf('native');
    Object.assign(subsOf(body)[1]!, change);
    return body;
  }

  test('the payer of a sub-merchant’s appid', async () => {
    const [appid] = stage.emulator.merchants.find(({ mchid }) => mchid === '1900000100')!.subMerchants![0]!.appids;
    const body = withPartnerSub({ sub_appid: appid });
    body['combine_payer_info'] = { sub_openid: 'oSUB' };
    expect(codeOf(await prepay('partner', 'jsapi', body))).toBe('200');
    await stage.emulator.pay({ order: numberOf(body), callback: false });
    expect((await query('partner', numberOf(body))).json).toMatchObject({ sub_orders: [{}, { sub_openid: 'oSUB' }] });
  });
});

/** Every field with its documented bounds, written by hand from the reference. */
const rows: readonly Row[] = [
  { path: 'combine_appid', type: 'string', required: true, max: 32, fill: 'long-only' },
  { path: 'combine_mchid', type: 'string', required: true, max: 32, fill: 'long-only', bad: ['19000000x1'] },
  {
    path: 'combine_out_trade_no',
    type: 'string',
    required: true,
    min: 6,
    max: 32,
    good: ['a-b_c|d*', 'ABCDEF'],
    bad: ['12345', 'ABC@DEF', 'ABC DEF', '订单号订单号'],
  },
  {
    path: 'notify_url',
    type: 'string',
    required: true,
    max: 255,
    fill: 'https://shop.example.com/',
    bad: ['x', 'https://a.example/?a=1'],
  },
  { path: 'time_start', type: 'string', fill: '', good: ['2026-11-24T10:34:56+08:00'], bad: ['2026-11-24'] },
  { path: 'time_expire', type: 'string', fill: '', good: ['2026-11-24T10:34:56+08:00'], bad: ['2026-11-24'] },
  { path: 'limit_pay', type: 'array', good: [['no_debit']], bad: [[], ['no_credit'], ['cash']] },
  { path: 'scene_info', type: 'object' },
  { path: 'scene_info.payer_client_ip', type: 'string', required: true, fill: '', good: ['::1'], bad: ['localhost'] },
  { path: 'scene_info.device_id', type: 'string', max: 16 },
  { path: 'combine_payer_info', type: 'object', required: true },
  { path: 'combine_payer_info.openid', type: 'string', required: true, max: 128 },
  { path: 'sub_orders', type: 'array', required: true, bad: [[]] },
  { path: 'sub_orders.0', type: 'object' },
  { path: 'sub_orders.0.mchid', type: 'string', required: true, max: 32, fill: 'long-only' },
  { path: 'sub_orders.0.out_trade_no', type: 'string', required: true, min: 6, max: 32, bad: ['12345', 'ABC@DEF'] },
  { path: 'sub_orders.0.attach', type: 'string', required: true, max: 128 },
  { path: 'sub_orders.0.description', type: 'string', required: true, max: 127 },
  { path: 'sub_orders.0.detail', type: 'string', max: 6000 },
  { path: 'sub_orders.0.goods_tag', type: 'string', max: 32 },
  { path: 'sub_orders.0.amount', type: 'object', required: true },
  {
    path: 'sub_orders.0.amount.total_amount',
    type: 'integer',
    required: true,
    least: 1,
    good: [1, 1_000_000_000],
    bad: [1_000_000_001, 0.5],
  },
  { path: 'sub_orders.0.amount.currency', type: 'string', required: true, fill: '', good: ['CNY'], bad: ['USD'] },
  { path: 'sub_orders.0.settle_info', type: 'object' },
  { path: 'sub_orders.0.settle_info.profit_sharing', type: 'boolean' },
  { path: 'sub_orders.0.settle_info.subsidy_amount', type: 'integer', least: 0 },
  { path: 'sub_orders.0.profit_sharing', type: 'boolean' },
];

test.each(rows.flatMap(casesOf))('the field $path: $what is accepted: $accepted', async ({ path, value, accepted }) => {
  const full = bodyOf('jsapi', { scene_info: { payer_client_ip: '203.0.113.9' } });
  Object.assign(subsOf(full)[0]!, { settle_info: { profit_sharing: false } });
  const answer = await prepay('direct', 'jsapi', withValue(full, path, value));
  expect([answer.status, answer.json.code]).toEqual(accepted ? [200, undefined] : [400, 'PARAM_ERROR']);
});

test.each([
  ['app', 'combine_payer_info is optional', {}, '200'],
  ['h5', 'scene_info is required', { scene_info: undefined }, '400 PARAM_ERROR'],
  ['h5', 'h5_info is required', { scene_info: { payer_client_ip: '::1' } }, '400 PARAM_ERROR'],
  [
    'native',
    'h5_info is unknown',
    { scene_info: { payer_client_ip: '::1', h5_info: { type: 'Wap' } } },
    '400 PARAM_ERROR',
  ],
  [
    'jsapi',
    'an identity is encrypted',
    { combine_payer_info: { openid: 'o', identity: { type: 'PHONE_NUMBER', number: '1', name: '1' } } },
    '400 PARAM_ERROR',
  ],
])('%s: %s', async (product, _what, change, expected) => {
  expect(codeOf(await prepay('direct', product, bodyOf(product, change)))).toBe(expected);
});

test('a query takes no parameters, a close no query and no other members', async () => {
  const body = bodyOf('native');
  await prepay('direct', 'native', body);
  const path = `${base}/out-trade-no/${numberOf(body)}`;
  expect(codeOf(await stage.client.call('GET', `${path}?mchid=1900000001`))).toBe('400 PARAM_ERROR');
  expect(codeOf(await stage.client.call('POST', `${path}/close?a=1`, closeBody(body)))).toBe('400 PARAM_ERROR');
  expect(codeOf(await stage.client.call('POST', `${path}/close`, { mchid: '1900000001' }))).toBe('400 PARAM_ERROR');
  expect(codeOf(await stage.client.call('GET', `${base}/out-trade-no/ABCDE`))).toBe('400 PARAM_ERROR');
});

describe('what WeChat Pay has decided about the merchants', () => {
  const caller = { direct: '1900000001', partner: '1900000100' } as const;
  const open = { account: 'open', products: null, max_total: null, per_second: null } as const;
  afterEach(() => {
    for (const mchid of [...Object.values(caller), '1900000002']) stage.emulator.changeMerchant(mchid, open);
  });

  const place = async (party: (typeof parties)[number], product = 'native') => {
    const body = makeBody[party](product);
    return [body, codeOf(await clientOf(party).call('POST', `${base}/${product}`, body))] as const;
  };

  test.each(parties)('%s: a closed account may neither place, nor ask, nor close', async (party) => {
    const [body, placed] = await place(party);
    expect(placed).toBe('200');
    stage.emulator.changeMerchant(caller[party], { account: 'closed' });
    expect((await place(party))[1]).toBe('400 MCH_NOT_EXISTS');
    const path = `${base}/out-trade-no/${numberOf(body)}`;
    expect(codeOf(await clientOf(party).call('GET', path))).toBe('400 MCH_NOT_EXISTS');
    const close = {
      combine_appid: body['combine_appid'],
      sub_orders: subsOf(body).map(({ mchid, out_trade_no, sub_mchid }) => ({
        mchid,
        out_trade_no,
        ...(sub_mchid === undefined ? {} : { sub_mchid }),
      })),
    };
    expect(codeOf(await clientOf(party).call('POST', `${path}/close`, close))).toBe('400 MCH_NOT_EXISTS');
    stage.emulator.changeMerchant(caller[party], { account: 'open' });
    expect(codeOf(await clientOf(party).call('POST', `${path}/close`, close))).toBe('204');
  });

  test.each(parties)('%s: a product that is not opened is NO_AUTH, any other goes on', async (party) => {
    stage.emulator.changeMerchant(caller[party], { products: ['jsapi'] });
    expect((await place(party))[1]).toBe('403 NO_AUTH');
    expect((await place(party, 'jsapi'))[1]).toBe('200');
  });

  test.each(parties)('%s: the limit holds for each sub-order, not for their sum', async (party) => {
    const mchid = party === 'direct' ? '1900000002' : caller.partner;
    stage.emulator.changeMerchant(mchid, { max_total: 249 });
    expect((await place(party))[1]).toBe('403 RULE_LIMIT');
    stage.emulator.changeMerchant(mchid, { max_total: 250 });
    expect((await place(party))[1]).toBe('200');
  });

  test.each([
    [{ account: 'closed' }, '400 MCH_NOT_EXISTS'],
    [{ products: ['app'] }, '403 NO_AUTH'],
  ] as const)('a merchant that only takes part counts, too: %j', async (change, expected) => {
    stage.emulator.changeMerchant('1900000002', change);
    const [body, placed] = await place('direct');
    expect(placed).toBe(expected);
    // Nothing was made of it, not even in part.
    stage.emulator.changeMerchant('1900000002', open);
    expect(codeOf(await stage.client.call('POST', `${base}/native`, body))).toBe('200');
  });

  test('calls beyond those per second are throttled', async () => {
    stage.emulator.changeMerchant(caller.direct, { per_second: 0 });
    expect((await place('direct'))[1]).toBe('429 FREQUENCY_LIMITED');
  });
});
