import { describe, expect, test } from 'vitest';
import {
  closeCombined,
  combinedQueryRequest,
  combinedTotal,
  createCombined,
  createCombinedRequest,
  queryCombined,
  watchCombined,
} from '../../src/operations/combine.ts';
import { WxpayError } from '../../src/core/errors.ts';
import type { Party } from '../../src/operations/order.ts';
import { scripted, type Play } from './scripted-transport.ts';

const direct: Party = { kind: 'direct', mchid: '1900000001' };
const partner: Party = { kind: 'partner', sp_mchid: '1900000001', sub_mchid: '1900000109' };
const no = 'COMBINED_1';
type Sub = Record<string, unknown>;

const sub = (letter: string, state = 'NOTPAY', change: Sub = {}): Sub => ({
  mchid: '1900000001',
  out_trade_no: `SUB_000${letter}`,
  trade_state: state,
  amount: { total_amount: 100, currency: 'CNY' },
  ...change,
});
const answerOf = (state = 'NOTPAY', change: object = {}): object => ({
  combine_appid: 'wx1',
  combine_mchid: '1900000001',
  combine_out_trade_no: no,
  sub_orders: [sub('A', state), sub('B', state, { mchid: '1900000002' })],
  ...change,
});
const target = `/v3/combine-transactions/out-trade-no/${no}`;
const look = (answer: unknown = answerOf()): Play => ({ on: `GET ${target}`, answer });
const close = (play: Partial<Play> = {}): Play => ({ on: `POST ${target}/close`, ...play });
const cut = (): WxpayError =>
  new WxpayError('NETWORK_CUT', { params: { host: 'h', reason: 'ECONNRESET' }, outcome: 'unknown' });

const order = (letter: string, change: Sub = {}): Sub => ({
  mchid: '1900000001',
  attach: 'a',
  description: 'd',
  out_trade_no: `SUB_000${letter}`,
  amount: { total_amount: 100, currency: 'CNY' },
  ...change,
});
const body = (change: Sub = {}): Sub => ({
  combine_appid: 'wx1',
  combine_mchid: '1900000001',
  combine_out_trade_no: no,
  notify_url: 'https://a.example/n',
  sub_orders: [order('A'), order('B', { mchid: '1900000002' })],
  ...change,
});

async function failureOf(work: Promise<unknown>): Promise<WxpayError> {
  const failure = await work.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(WxpayError);
  return failure as WxpayError;
}

describe('a body that WeChat Pay would refuse is not sent', () => {
  const many = (count: number): Sub[] =>
    Array.from({ length: count }, (_, at) => order('A', { out_trade_no: `N_${at}_00` }));
  test.each<[string, Party, string, Sub, string]>([
    ['no sub-orders', direct, 'native', { sub_orders: undefined }, 'sub_orders'],
    ['one sub-order of a merchant', direct, 'native', { sub_orders: many(1) }, 'sub_orders'],
    ['eleven of a merchant', direct, 'native', { sub_orders: many(11) }, 'sub_orders'],
    ['51 of a service provider', partner, 'native', { sub_orders: many(51).map(asPartner) }, 'sub_orders'],
    ['a number twice', direct, 'native', { sub_orders: [order('A'), order('A')] }, 'sub_orders[1].out_trade_no'],
    [
      'no attach',
      direct,
      'native',
      { sub_orders: [order('A', { attach: undefined }), order('B')] },
      'sub_orders[0].attach',
    ],
    ['a total in yuan', direct, 'native', subTotal(1.5), 'sub_orders[0].amount.total_amount'],
    ['a total of nothing', direct, 'native', subTotal(0), 'sub_orders[0].amount.total_amount'],
    ['a total as text', direct, 'native', subTotal('100'), 'sub_orders[0].amount.total_amount'],
    ['more than ten million yuan', direct, 'native', subTotal(1_000_000_001), 'sub_orders[0].amount.total_amount'],
    ['another combine_mchid', direct, 'native', { combine_mchid: '1900000002' }, 'combine_mchid'],
    ['jsapi without a payer', direct, 'jsapi', { combine_payer_info: {} }, 'combine_payer_info.openid'],
    ['h5 without a scene', direct, 'h5', {}, 'scene_info'],
    ['a service provider without sub_mchid', partner, 'native', {}, 'sub_orders[0].sub_mchid'],
    ['an unknown field', direct, 'native', { attach: 'x' }, 'attach'],
    [
      'another service provider’s sub-order',
      partner,
      'native',
      { sub_orders: [asPartner(order('A', { mchid: '1900000002' }))] },
      'sub_orders[0].mchid',
    ],
  ])('%s', (_what, party, type, change, field) => {
    expect(() => createCombinedRequest(type as 'native', party, body(change))).toThrowError(
      expect.objectContaining({
        code: 'INPUT_INVALID',
        outcome: 'not_sent',
        params: expect.objectContaining({ field }),
      }),
    );
  });

  function asPartner(sub: Sub): Sub {
    return { ...sub, sub_mchid: '1900000109' };
  }

  function subTotal(total: unknown): Sub {
    return { sub_orders: [order('A', { amount: { total_amount: total, currency: 'CNY' } }), order('B')] };
  }

  test.each<[Party, number]>([
    [direct, 2],
    [direct, 10],
    [partner, 1],
    [partner, 50],
  ])('%j may combine %i', (party, count) => {
    const subs = many(count).map((entry) => (party.kind === 'partner' ? asPartner(entry) : entry));
    expect(createCombinedRequest('native', party, body({ sub_orders: subs }))).toMatchObject({ effect: 'prepay' });
  });
});

test('the total is that of all sub-orders', () => {
  expect(combinedTotal([order('A'), order('B', { amount: { total_amount: 23 } }), {}, null])).toBe(123);
});

describe('create', () => {
  const request = createCombinedRequest('native', direct, body());
  test('hands out what the product pays with', async () => {
    const { transport, requests } = scripted({ on: 'POST /v3/combine-transactions/native', answer: { code_url: 'c' } });
    expect(await createCombined(transport, 'native', request, no)).toEqual({ code_url: 'c' });
    expect(JSON.parse(Buffer.from(requests[0]!.body).toString())).toEqual(body());
  });

  test.each<[string, Partial<Play>]>([
    ['is lost', { throws: cut() }],
    ['is not signed', { answer: { code_url: 'c' }, trust: 'unsigned' }],
    ['is about something else', { answer: { prepay_id: 'p' } }],
    ['is no JSON', { answer: '<html>' }],
  ])('an answer that %s leaves the outcome open, and names the command that asks', async (_what, play) => {
    const { transport } = scripted({ on: 'POST', ...play });
    const failure = await failureOf(createCombined(transport, 'native', request, no));
    expect(failure).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      outcome: 'unknown',
      next: ['order', 'query', '--combine', no],
    });
  });

  test('a paid one is refunded by its parts, and the hint says so', async () => {
    const { transport } = scripted({ on: 'POST', status: 400, answer: { code: 'ORDERPAID', message: 'm' } });
    const failure = await failureOf(createCombined(transport, 'native', request, no));
    expect(failure).toMatchObject({
      code: 'ORDER_PAID',
      params: { out_trade_no: no },
      hint: 'order.hint.combined_paid',
    });
  });
});

describe('query', () => {
  test('asks by the path alone', () => {
    expect(combinedQueryRequest('A|B*C-1').target).toBe('/v3/combine-transactions/out-trade-no/A%7CB%2AC-1');
    expect(() => combinedQueryRequest('A/B')).toThrowError(expect.objectContaining({ code: 'PATH_INVALID' }));
  });

  test.each<[string, object, string]>([
    ['another number', { combine_out_trade_no: 'COMBINED_2' }, 'ANSWER_MISMATCH'],
    ['another merchant', { combine_mchid: '1900000002' }, 'ANSWER_MISMATCH'],
    ['no appid', { combine_appid: 1 }, 'ANSWER_MALFORMED'],
    ['no sub-orders', { sub_orders: [] }, 'ANSWER_MALFORMED'],
    ['a sub-order without a state', { sub_orders: [sub('A', undefined, { trade_state: 1 })] }, 'ANSWER_MALFORMED'],
    ['a sub-order that is none', { sub_orders: ['x'] }, 'ANSWER_MALFORMED'],
    [
      'an amount that is none',
      { sub_orders: [sub('A', 'NOTPAY', { amount: { total_amount: 1.5 } })] },
      'ANSWER_MALFORMED',
    ],
  ])('C4: an answer with %s is refused', async (_what, change, code) => {
    const { transport } = scripted(look(answerOf('NOTPAY', change)));
    expect(await failureOf(queryCombined(transport, direct, no))).toMatchObject({ code });
  });

  test('an unknown one is not found', async () => {
    const { transport } = scripted({ on: 'GET', status: 404, answer: { code: 'ORDER_NOT_EXIST', message: 'm' } });
    expect(await failureOf(queryCombined(transport, direct, no))).toMatchObject({
      code: 'NOT_FOUND',
      params: { what: no },
    });
  });

  test('is watched until every sub-order is final', async () => {
    const half = answerOf('NOTPAY', { sub_orders: [sub('A', 'SUCCESS'), sub('B')] });
    const { transport, left } = scripted(look(), look(half), look(answerOf('SUCCESS')));
    const clock = { now: () => 0, monotonic: () => 0, sleep: async () => {} };
    const seen: string[] = [];
    const order = await watchCombined(transport, direct, no, {
      intervals: [1],
      limit: 10,
      clock,
      onChange: ({ sub_orders: subs }) => seen.push(subs.map(({ trade_state: state }) => state).join()),
    });
    expect([left(), seen]).toEqual([0, ['NOTPAY,NOTPAY', 'SUCCESS,NOTPAY', 'SUCCESS,SUCCESS']]);
    expect(order.sub_orders).toHaveLength(2);
  });
});

describe('close', () => {
  test('repeats exactly the sub-orders that the query names, and is confirmed by another', async () => {
    const { transport, requests, left } = scripted(look(), close(), look(answerOf('CLOSED')));
    expect(await closeCombined(transport, direct, no)).toMatchObject({ result: 'closed' });
    expect(left()).toBe(0);
    expect(JSON.parse(Buffer.from(requests[1]!.body).toString())).toEqual({
      combine_appid: 'wx1',
      sub_orders: [
        { mchid: '1900000001', out_trade_no: 'SUB_000A' },
        { mchid: '1900000002', out_trade_no: 'SUB_000B' },
      ],
    });
  });

  const notFound: Play = { on: 'GET', status: 404, answer: { code: 'ORDER_NOT_EXIST', message: 'm' } };
  test.each<[string, Play[], object]>([
    ['unknown: nothing is sent', [notFound], { code: 'NOT_FOUND' }],
    ['paid: nothing is sent', [look(answerOf('SUCCESS'))], { code: 'ORDER_PAID', hint: 'order.hint.combined_paid' }],
    [
      'refunded in part',
      [look(answerOf('', { sub_orders: [sub('A', 'REFUND'), sub('B', 'SUCCESS')] }))],
      { code: 'ORDER_PAID' },
    ],
    ['paid meanwhile', [look(), close(), look(answerOf('SUCCESS'))], { code: 'ORDER_PAID' }],
    [
      'refused as paid',
      [look(), close({ status: 400, answer: { code: 'ORDER_PAID', message: 'm' } })],
      { code: 'ORDER_PAID', params: { out_trade_no: no } },
    ],
    [
      'lost, and not closed',
      [look(), close({ throws: cut() }), look()],
      { code: 'OUTCOME_UNKNOWN', outcome: 'unknown' },
    ],
    [
      'lost, and nobody to ask',
      [look(), close({ throws: cut() }), { on: 'GET', throws: cut() }],
      { code: 'OUTCOME_UNKNOWN', next: ['order', 'query', '--combine', no] },
    ],
    ['answered, and not closed', [look(), close(), look()], { code: 'OUTCOME_UNKNOWN' }],
    [
      'other sub-orders',
      [look(), close({ status: 500, answer: { code: 'SYSTEM_ERROR', message: 'm' } }), look()],
      { code: 'SERVER_ERROR' },
    ],
  ])('%s', async (_what, plays, expected) => {
    const { transport, left } = scripted(...plays);
    expect(await failureOf(closeCombined(transport, direct, no))).toMatchObject(expected);
    expect(left()).toBe(0);
  });

  test('a lost answer is settled by asking; a closed one needs nothing', async () => {
    const lost = scripted(look(), close({ throws: cut() }), look(answerOf('CLOSED')));
    expect(await closeCombined(lost.transport, direct, no)).toMatchObject({ result: 'closed' });
    const closed = scripted(look(answerOf('CLOSED')));
    expect(await closeCombined(closed.transport, direct, no)).toMatchObject({ result: 'already_closed' });
    expect(closed.requests).toHaveLength(1);
  });
});
