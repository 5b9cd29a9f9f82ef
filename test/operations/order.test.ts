import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WxpayError } from '../../src/core/errors.ts';
import type { Clock } from '../../src/core/ports.ts';
import {
  closeOrder,
  closeRequest,
  createOrder,
  createRequest,
  numberOf,
  orderNumber,
  queryOrder,
  queryRequest,
  watchOrder,
  type Party,
} from '../../src/operations/order.ts';
import { scripted, type Play } from './scripted-transport.ts';

const direct: Party = { kind: 'direct', mchid: '1900000001' };
const partner: Party = { kind: 'partner', sp_mchid: '1900000001', sub_mchid: '1900000109' };
const no = 'ORDER_0001';

const order = (change: object = {}) => ({
  appid: 'wxd678efh567hg6787',
  mchid: '1900000001',
  out_trade_no: no,
  trade_state: 'NOTPAY',
  trade_state_desc: '订单未支付',
  amount: { total: 100, currency: 'CNY' },
  ...change,
});
const partnerOrder = (change: object = {}) => {
  const { mchid: _, appid: __, ...rest } = order();
  return { ...rest, sp_appid: 'wx1', sp_mchid: '1900000001', sub_mchid: '1900000109', ...change };
};

const target = `/v3/pay/transactions/out-trade-no/${no}`;
const look = (answer: unknown = order()): Play => ({ on: `GET ${target}?mchid=1900000001`, answer });
const notFound: Play = { on: `GET ${target}`, status: 404, answer: { code: 'ORDER_NOT_EXIST', message: '订单不存在' } };
const close = (play: Partial<Play> = {}): Play => ({ on: `POST ${target}/close`, ...play });
const cut = (outcome: 'unknown' | 'no_effect'): WxpayError =>
  new WxpayError('NETWORK_CUT', { params: { host: 'h', reason: 'ECONNRESET' }, outcome });
const unreachable = (outcome: 'not_sent' | 'no_effect'): WxpayError =>
  new WxpayError('NETWORK_REFUSED', { params: { host: 'h' }, outcome });

async function failureOf(work: Promise<unknown>): Promise<WxpayError> {
  const failure = await work.then(
    (value) => value,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(WxpayError);
  return failure as WxpayError;
}

describe('orderNumber', () => {
  test.each([
    ['4200001234202311231234567890', 'transaction_id'],
    ['1217752501201407033233368018', 'transaction_id'],
    ['ORDER_0001', 'out_trade_no'],
    ['420000123420231123123456789', 'out_trade_no'],
    ['42000012342023112312345678901', 'out_trade_no'],
    ['5200001234202311231234567890', 'out_trade_no'],
    ['420000123420231123123456789A', 'out_trade_no'],
    ['４２00001234202311231234567890', 'out_trade_no'],
  ])('%s is a %s', (text, kind) => {
    expect(orderNumber(text)).toEqual({ [kind]: text });
    expect(numberOf(orderNumber(text))).toBe(text);
  });
});

describe('requests', () => {
  test('name the merchant in the query, and the service provider by both numbers', () => {
    expect(queryRequest(direct, { out_trade_no: no }).target).toBe(`${target}?mchid=1900000001`);
    expect(queryRequest(partner, { out_trade_no: no }).target).toBe(
      `/v3/pay/partner/transactions/out-trade-no/${no}?sp_mchid=1900000001&sub_mchid=1900000109`,
    );
    expect(queryRequest(direct, { transaction_id: '4200001234202311231234567890' }).target).toBe(
      '/v3/pay/transactions/id/4200001234202311231234567890?mchid=1900000001',
    );
    expect(JSON.parse(Buffer.from(closeRequest(partner, no).body).toString())).toEqual({
      sp_mchid: '1900000001',
      sub_mchid: '1900000109',
    });
  });

  test.each([
    '..',
    '.',
    '%2e%2e',
    'a/b/c/d',
    'abcdef?x=1',
    'abcdef#b',
    'abcdef\r\nX: y',
    'abcdef\0',
    '退款退款退款',
    'a'.repeat(33),
    'abc',
  ])('B1: the number %j becomes no path', (bad) => {
    expect(() => queryRequest(direct, { out_trade_no: bad })).toThrowError(
      expect.objectContaining({ code: 'PATH_INVALID', outcome: 'not_sent' }),
    );
    expect(() => closeRequest(direct, bad)).toThrowError(expect.objectContaining({ code: 'PATH_INVALID' }));
    expect(() => queryRequest(direct, { transaction_id: bad.replaceAll(/^a+$|^abc$/g, '') })).toThrowError(
      expect.objectContaining({ code: 'PATH_INVALID' }),
    );
  });

  test('B2: every number of the documented charset is one segment of the path', () => {
    const characters = fc.constantFrom(...Array.from('0123456789abcXYZ_-|*'));
    fc.assert(
      fc.property(fc.string({ unit: characters, minLength: 6, maxLength: 32 }), (number) => {
        const { target } = queryRequest(direct, { out_trade_no: number });
        const segments = target.split('?')[0]?.split('/') ?? [];
        expect(segments).toHaveLength(6);
        expect(decodeURIComponent(segments[5] ?? '')).toBe(number);
        expect(new URL(`https://h${target}`).pathname).toBe(target.split('?')[0]);
      }),
    );
  });

  test('the prepay body of a service provider names exactly the payer that it may', () => {
    const body = {
      sp_appid: 'wx1',
      sp_mchid: '1900000001',
      sub_mchid: '1900000109',
      description: 'x',
      out_trade_no: no,
      notify_url: 'https://a.example/n',
      amount: { total: 1 },
    };
    const refused = (more: object, field: string): void =>
      expect(() => createRequest('jsapi', partner, { ...body, ...more })).toThrowError(
        expect.objectContaining({ code: 'INPUT_INVALID', params: expect.objectContaining({ field }) }),
      );
    refused({ payer: {} }, 'payer.sub_openid');
    refused({ payer: { sub_openid: 'o' } }, 'sub_appid');
    expect(createRequest('jsapi', partner, { ...body, payer: { sp_openid: 'o' } }).target).toBe(
      '/v3/pay/partner/transactions/jsapi',
    );
    expect(createRequest('jsapi', partner, { ...body, sub_appid: 'wx2', payer: { sub_openid: 'o' } }).effect).toBe(
      'prepay',
    );
  });
});

describe('C4: a signed answer about something else is refused', () => {
  test.each([
    ['another order', order({ out_trade_no: 'ORDER_0002' }), 'out_trade_no'],
    ['another merchant', order({ mchid: '1900000002' }), 'mchid'],
    ['no order number', order({ out_trade_no: undefined }), 'out_trade_no'],
    ['no merchant', order({ mchid: undefined }), 'mchid'],
    ['a number instead of a string', order({ mchid: 1900000001 }), 'mchid'],
  ])('%s', async (_what, answer, field) => {
    const failure = await failureOf(queryOrder(scripted(look(answer)).transport, direct, { out_trade_no: no }));
    expect(failure).toMatchObject({
      code: 'ANSWER_MISMATCH',
      outcome: 'no_effect',
      params: { field },
      requestId: 'R-1',
    });
  });

  test.each([
    ['another sub-merchant', partnerOrder({ sub_mchid: '1900000110' }), 'sub_mchid'],
    ['another service provider', partnerOrder({ sp_mchid: '1900000002' }), 'sp_mchid'],
    ['a direct order', order(), 'sp_mchid'],
  ])('%s, to a service provider', async (_what, answer, field) => {
    const play = { on: 'GET /v3/pay/partner/transactions/out-trade-no/', answer };
    const failure = await failureOf(queryOrder(scripted(play).transport, partner, { out_trade_no: no }));
    expect(failure).toMatchObject({ code: 'ANSWER_MISMATCH', params: { field } });
  });

  test('another transaction, when asked by transaction_id', async () => {
    const id = '4200001234202311231234567890';
    const play = {
      on: 'GET /v3/pay/transactions/id/',
      answer: order({ transaction_id: '4200001234202311231234567891' }),
    };
    const failure = await failureOf(queryOrder(scripted(play).transport, direct, { transaction_id: id }));
    expect(failure).toMatchObject({ code: 'ANSWER_MISMATCH', params: { field: 'transaction_id', wanted: id } });
  });
});

describe('H3: a signed answer that is not what is documented is refused', () => {
  test.each([
    ['no trade_state', order({ trade_state: undefined })],
    ['a trade_state that is no string', order({ trade_state: 1 })],
    ['a total with a fraction', order({ amount: { total: 0.1 } })],
    ['a total as a string', order({ amount: { total: '100' } })],
    ['a total below zero', order({ amount: { total: -1 } })],
    ['a list', [order()]],
    ['null', null],
    ['text', 'SUCCESS'],
    ['a number beyond 2^53', JSON.stringify(order()).replace('"total":100', '"total":90071992547409930')],
    ['a member twice', JSON.stringify(order()).replace('"trade_state":', '"trade_state":"SUCCESS","trade_state":')],
    ['F8: __proto__', JSON.stringify(order()).replace('{', '{"__proto__":{"yes":true},')],
  ])('%s', async (_what, answer) => {
    const failure = await failureOf(queryOrder(scripted(look(answer)).transport, direct, { out_trade_no: no }));
    expect(failure).toMatchObject({ code: 'ANSWER_MALFORMED', outcome: 'no_effect' });
    expect(({} as { yes?: boolean }).yes).toBeUndefined();
  });

  test('nothing at all', async () => {
    const play = { on: 'GET', status: 200, answer: '' };
    expect(await failureOf(queryOrder(scripted(play).transport, direct, { out_trade_no: no }))).toMatchObject({
      code: 'ANSWER_MALFORMED',
    });
  });
});

test('an order that nobody knows is NOT_FOUND by its number', async () => {
  expect(await failureOf(queryOrder(scripted(notFound).transport, direct, { out_trade_no: no }))).toMatchObject({
    code: 'NOT_FOUND',
    params: { what: no },
  });
});

describe('createOrder', () => {
  const body = {
    appid: 'wx1',
    mchid: '1900000001',
    description: 'x',
    out_trade_no: no,
    notify_url: 'https://a.example/n',
    amount: { total: 1 },
  };
  const request = createRequest('native', direct, body);
  const on = 'POST /v3/pay/transactions/native';
  const next = ['order', 'query', no];

  test('returns the handle of its type and nothing else', async () => {
    const { transport } = scripted({ on, answer: { code_url: 'weixin://wxpay/bizpayurl?pr=1', extra: 1 } });
    expect(await createOrder(transport, 'native', request, no)).toEqual({ code_url: 'weixin://wxpay/bizpayurl?pr=1' });
  });

  test.each([
    ['without the handle', { answer: {} }],
    ['with the handle of another type', { answer: { prepay_id: 'wx1' } }],
    ['with an empty handle', { answer: { code_url: '' } }],
    ['with a handle that is no string', { answer: { code_url: 1 } }],
    ['C4: that is the answer to a query', { answer: order() }],
    ['that is no JSON', { answer: '<html>' }],
    ['that is a list', { answer: [] }],
    ['without a body', { answer: '', status: 200 }],
    ['without a signature', { answer: { code_url: 'weixin://x' }, trust: 'unsigned' as const }],
    ['that never came', { throws: cut('unknown') }],
    ['C6: that was a probe', { throws: new WxpayError('SIGNATURE_PROBE', { outcome: 'unknown', httpStatus: 200 }) }],
  ])('an answer %s leaves the outcome unknown, and names the command that asks', async (_what, play) => {
    const failure = await failureOf(createOrder(scripted({ on, ...play }).transport, 'native', request, no));
    expect(failure).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown', next });
  });

  test('a request that never left says so', async () => {
    const play = { on, throws: unreachable('not_sent') };
    expect(await failureOf(createOrder(scripted(play).transport, 'native', request, no))).toMatchObject({
      code: 'NETWORK_REFUSED',
      outcome: 'not_sent',
    });
  });

  test('a bug behind the request does not pass as nothing', async () => {
    const play = { on, throws: new TypeError('x is undefined') };
    expect(await failureOf(createOrder(scripted(play).transport, 'native', request, no))).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      outcome: 'unknown',
      next,
      cause: expect.any(TypeError),
    });
  });

  test('a refusal is the refusal that it is', async () => {
    const play = { on, status: 400, answer: { code: 'ORDER_PAID', message: '订单已支付' } };
    expect(await failureOf(createOrder(scripted(play).transport, 'native', request, no))).toMatchObject({
      code: 'ORDER_PAID',
      outcome: 'rejected',
    });
  });
});

describe('closeOrder', () => {
  const next = ['order', 'query', no];
  const run = (...plays: Play[]) => {
    const script = scripted(...plays);
    return { script, work: closeOrder(script.transport, direct, no) };
  };
  const closed = order({ trade_state: 'CLOSED' });

  test('looks, closes and looks again', async () => {
    const { script, work } = run(look(), close(), look(closed));
    expect(await work).toEqual({ result: 'closed', order: closed });
    expect(script.left()).toBe(0);
  });

  test.each(['USERPAYING', 'PAYERROR', 'A_NEW_STATE'])(
    'leaves it to WeChat Pay whether %s can be closed',
    async (state) => {
      const { work } = run(look(order({ trade_state: state })), close(), look(closed));
      expect(await work).toMatchObject({ result: 'closed' });
    },
  );

  test('sends nothing when the number was never used: it would be burned', async () => {
    const { script, work } = run(notFound);
    expect(await failureOf(work)).toMatchObject({ code: 'NOT_FOUND' });
    expect(script.requests.map(({ method }) => method)).toEqual(['GET']);
  });

  test.each(['SUCCESS', 'REFUND'])('sends nothing when the order is %s', async (state) => {
    const { script, work } = run(look(order({ trade_state: state })));
    expect(await failureOf(work)).toMatchObject({
      code: 'ORDER_PAID',
      outcome: 'rejected',
      params: { out_trade_no: no },
    });
    expect(script.requests).toHaveLength(1);
  });

  test.each(['CLOSED', 'REVOKED'])('sends nothing when the order is %s already', async (state) => {
    const { script, work } = run(look(order({ trade_state: state })));
    expect(await work).toMatchObject({ result: 'already_closed' });
    expect(script.requests).toHaveLength(1);
  });

  test('sends nothing when it cannot look', async () => {
    const { script, work } = run({ on: 'GET', throws: cut('no_effect') });
    expect(await failureOf(work)).toMatchObject({ code: 'NETWORK_CUT', outcome: 'no_effect' });
    expect(script.requests).toHaveLength(1);
  });

  test('C4: the empty 204 is believed only when a query finds the order closed', async () => {
    expect(await failureOf(run(look(), close(), look()).work)).toMatchObject({ code: 'OUTCOME_UNKNOWN', next });
    expect(
      await failureOf(run(look(), close(), look(order({ out_trade_no: 'ORDER_0002', trade_state: 'CLOSED' }))).work),
    ).toMatchObject({ code: 'OUTCOME_UNKNOWN', next });
  });

  test('a payer who was faster is a paid order', async () => {
    const paid = order({ trade_state: 'SUCCESS' });
    expect(await failureOf(run(look(), close(), look(paid)).work)).toMatchObject({ code: 'ORDER_PAID' });
    expect(await failureOf(run(look(), close({ throws: cut('unknown') }), look(paid)).work)).toMatchObject({
      code: 'ORDER_PAID',
    });
    const refused = close({ status: 400, answer: { code: 'ORDERPAID', message: '该订单已支付' } });
    expect(await failureOf(run(look(), refused).work)).toMatchObject({
      code: 'ORDER_PAID',
      params: { out_trade_no: no },
    });
  });

  test.each([
    ['lost', { throws: cut('unknown') }],
    ['unsigned', { trust: 'unsigned' as const }],
    ['C6: a probe', { throws: new WxpayError('SIGNATURE_PROBE', { outcome: 'unknown', httpStatus: 204 }) }],
    ['HTTP 500', { status: 500, answer: { code: 'SYSTEM_ERROR', message: '系统异常' } }],
    ['HTTP 429', { status: 429, answer: { code: 'FREQUENCY_LIMITED', message: '频率限制' } }],
  ])('an answer that is %s is settled by asking', async (_what, play) => {
    expect(await run(look(), close(play), look(closed)).work).toMatchObject({ result: 'closed' });
  });

  test('a lost answer whose order is still open stays unknown: it may be carried out later', async () => {
    expect(await failureOf(run(look(), close({ throws: cut('unknown') }), look()).work)).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      outcome: 'unknown',
      next,
    });
  });

  test.each([
    ['is lost too', { on: 'GET', throws: cut('no_effect') }],
    ['finds nothing', notFound],
    ['is not signed', { on: 'GET', answer: order({ trade_state: 'CLOSED' }), trust: 'unsigned' as const }],
    ['is malformed', { on: 'GET', answer: order({ trade_state: 1 }) }],
  ])('is unknown when the query that confirms %s', async (_what, play) => {
    for (const closing of [close(), close({ throws: cut('unknown') })])
      expect(await failureOf(run(look(), closing, play).work)).toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        outcome: 'unknown',
        next,
      });
  });

  test('a close that provably never left is no open question', async () => {
    const { script, work } = run(look(), close({ throws: unreachable('not_sent') }));
    expect(await failureOf(work)).toMatchObject({ code: 'NETWORK_REFUSED', outcome: 'not_sent' });
    expect(script.requests).toHaveLength(2);
  });

  test('a definite refusal is not asked about', async () => {
    const { work } = run(look(), close({ status: 403, answer: { code: 'NO_AUTH', message: '商户无权限' } }));
    expect(await failureOf(work)).toMatchObject({ code: 'CREDENTIALS_REFUSED', outcome: 'rejected' });
  });

  test('a state that nobody expects after a close is unknown, not paid', async () => {
    expect(await failureOf(run(look(), close(), look(order({ trade_state: 'PAYERROR' }))).work)).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
  });
});

describe('watchOrder', () => {
  /** Time that passes only by sleeping. */
  const heldClock = (): Clock & { sleeps: number[] } => {
    const sleeps: number[] = [];
    let time = 0;
    return {
      sleeps,
      now: () => 1_800_000_000_000 + time,
      monotonic: () => time,
      sleep: async (milliseconds, signal) => {
        signal?.throwIfAborted();
        sleeps.push(milliseconds);
        time += milliseconds;
      },
    };
  };

  test('asks with growing pauses until the order is final, and tells of every change once', async () => {
    const paid = order({ trade_state: 'SUCCESS' });
    const clock = heldClock();
    const seen: string[] = [];
    const { transport } = scripted(look(), look(), look(order({ trade_state: 'USERPAYING' })), look(), look(paid));
    const found = await watchOrder(
      transport,
      direct,
      { out_trade_no: no },
      {
        intervals: [5_000, 10_000],
        limit: 900_000,
        clock,
        onChange: ({ trade_state }) => seen.push(trade_state),
      },
    );
    expect(found).toEqual(paid);
    expect(clock.sleeps).toEqual([5_000, 10_000, 10_000, 10_000]);
    expect(seen).toEqual(['NOTPAY', 'USERPAYING', 'NOTPAY', 'SUCCESS']);
  });

  test('is NOT_FINAL when the time is over, with the state and the command that asks again', async () => {
    const clock = heldClock();
    const { transport } = scripted(look(), look(), look());
    const work = watchOrder(transport, direct, { out_trade_no: no }, { intervals: [5_000], limit: 12_000, clock });
    expect(await failureOf(work)).toMatchObject({
      code: 'NOT_FINAL',
      params: { what: no, state: 'NOTPAY' },
      next: ['order', 'query', no],
    });
    expect(clock.monotonic()).toBeLessThanOrEqual(12_000);
  });

  test('looks at least once, whatever the limit', async () => {
    const paid = order({ trade_state: 'SUCCESS' });
    const { transport } = scripted(look(paid));
    expect(
      await watchOrder(transport, direct, { out_trade_no: no }, { intervals: [1], limit: 0, clock: heldClock() }),
    ).toEqual(paid);
  });

  test('ends with the reason of its signal', async () => {
    const controller = new AbortController();
    const reason = new Error('Ctrl-C');
    const { transport } = scripted(look(), look());
    const work = watchOrder(
      transport,
      direct,
      { out_trade_no: no },
      {
        intervals: [1],
        limit: 1_000,
        clock: heldClock(),
        signal: controller.signal,
        onChange: () => controller.abort(reason),
      },
    );
    await expect(work).rejects.toBe(reason);
  });
});
