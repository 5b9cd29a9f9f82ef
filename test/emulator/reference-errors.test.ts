/**
 * Every error that the reference lists for orders, refunds, bills and certificates, and the sequence of ordinary requests that
 * brings it about. The list is a file of its own, so that neither can quietly grow without the other.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { defaultRefundSettings } from '../../src/emulator/refund-settings.ts';
import type { SeedRequest, SeededOrder } from '../../src/emulator/seed.ts';
import { holds, makeClient, platformKey, type RawAnswer, type RawClient, type RawOptions } from './raw-client.ts';
import { openSibling, openStage, orderBody, partnerBody, start, type Stage } from './stage.ts';

interface Listed {
  readonly endpoint: string;
  readonly status: number;
  readonly code: string;
  /** The sequence, in words. */
  readonly by?: string;
  /** Why there is none. */
  readonly fault?: string;
}

const { errors } = JSON.parse(readFileSync(new URL('./reference-errors.json', import.meta.url), 'utf8')) as {
  readonly errors: readonly Listed[];
};
const nameOf = ({ endpoint, status, code }: Listed): string => `${endpoint}: ${status} ${code}`;

const mchid = '1900000001';
const provider = '1900000100';
const day = 86_400_000;
let stage: Stage;
/** The service provider, with a second sub-merchant. */
let partner: RawClient;
beforeAll(async () => {
  stage = await openStage();
  const { appids, apiV3Key } = stage.emulator.merchants.find((merchant) => merchant.mchid === provider)!;
  const subMerchants = ['1900000109', '1900000110'].map((sub) => ({ mchid: sub, appids: [] }));
  await stage.emulator.addMerchant({ mchid: '1900000200', appids, apiV3Key, subMerchants });
  partner = makeClient(stage.emulator.infoOf('1900000200'), stage.now);
});
beforeEach(() => {
  stage.advance(start - stage.now());
  stage.emulator.faults.clear();
  stage.emulator.configureRefunds({ ...defaultRefundSettings, balances: { [mchid]: null } });
  stage.emulator.changeMerchant(mchid, {
    account: 'open',
    products: null,
    refunds: 'allowed',
    max_total: null,
    per_second: null,
  });
});
afterAll(async () => stage.end());

const call = async (method: string, target: string, body?: unknown, options?: RawOptions): Promise<RawAnswer> =>
  stage.client.call(method, target, body, options);
const tampered: RawOptions = { signedBody: '{}' };
const withoutQuery = (target: string): RawOptions => ({ signedTarget: target.slice(0, target.indexOf('?')) });

// Orders

const base = '/v3/pay/transactions';
const prepay = async (body: object, product = 'native', options?: RawOptions): Promise<RawAnswer> =>
  call('POST', `${base}/${product}`, body, options);
const order = (extra: Record<string, unknown> = {}, product = 'native'): Record<string, unknown> =>
  orderBody(stage, product, extra);
const placed = async (extra: Record<string, unknown> = {}): Promise<Record<string, unknown>> => {
  const body = order(extra);
  expect((await prepay(body)).status).toBe(200);
  return body;
};
const numberIn = (body: Record<string, unknown>): string => String(body['out_trade_no']);
const queryPath = (number: string): string => `${base}/out-trade-no/${number}?mchid=${mchid}`;
const query = async (number: string, body?: string, options?: RawOptions): Promise<RawAnswer> =>
  call('GET', queryPath(number), body, options);
const close = async (number: string, body: object = { mchid }, options?: RawOptions): Promise<RawAnswer> =>
  call('POST', `${base}/out-trade-no/${number}/close`, body, options);
const paid = async (): Promise<Record<string, unknown>> => {
  const body = await placed();
  await stage.emulator.pay({ order: numberIn(body), callback: false });
  return body;
};
const partnerOrder = (extra: Record<string, unknown>): Record<string, unknown> => ({
  ...partnerBody(stage, 'native'),
  sp_mchid: '1900000200',
  ...extra,
});
const partnerPrepay = async (extra: Record<string, unknown>): Promise<RawAnswer> =>
  partner.call('POST', '/v3/pay/partner/transactions/native', partnerOrder(extra));
/** An order of the one sub-merchant, to be named with the other. */
const partnerPlaced = async (): Promise<string> => {
  const out_trade_no = stage.number();
  expect((await partnerPrepay({ out_trade_no, sub_mchid: '1900000109' })).status).toBe(200);
  return `/v3/pay/partner/transactions/out-trade-no/${out_trade_no}`;
};

// Refunds

const refunds = '/v3/refund/domestic/refunds';
let made = 0;
const seed = (extra: Partial<SeedRequest> = {}): SeededOrder =>
  stage.emulator.seed({ count: 1, total: 1290, mchid, ...extra })[0]!;
const refundOf = (out_trade_no: string, extra: Record<string, unknown> = {}): Record<string, unknown> => ({
  out_trade_no,
  out_refund_no: `R_${(made += 1)}`,
  amount: { refund: 100, total: 1290, currency: 'CNY' },
  ...extra,
});
const refund = async (body: object, options?: RawOptions): Promise<RawAnswer> => call('POST', refunds, body, options);
const abnormal = async (
  { id, number, ...extra }: { id: string; number: string } & Record<string, unknown>,
  options?: RawOptions,
): Promise<RawAnswer> =>
  call(
    'POST',
    `${refunds}/${id}/apply-abnormal-refund`,
    { out_refund_no: number, type: 'MERCHANT_BANK_CARD', ...extra },
    options,
  );
const accepted = async (): Promise<{ id: string; number: string }> => {
  const { json } = await refund(refundOf(seed().out_trade_no));
  return { id: String(json['refund_id']), number: String(json['out_refund_no']) };
};

// Bills and certificates

const dayBefore = (days: number): string => new Date(stage.now() + day / 3 - days * day).toISOString().slice(0, 10);
const tradeBill = (date: string, more = ''): string => `/v3/bill/tradebill?bill_date=${date}${more}`;
const fundFlow = (date: string, more = ''): string => `/v3/bill/fundflowbill?bill_date=${date}${more}`;
const get = async (target: string, options?: RawOptions): Promise<RawAnswer> => call('GET', target, undefined, options);
/** The path and query of a bill's file. */
const link = async (): Promise<string> => {
  seed({ paid_ago_ms: 2 * day });
  const { json } = await get(tradeBill(dayBefore(2)));
  const { pathname, search } = new URL(String(json['download_url']));
  return pathname + search;
};
/** Yesterday's bill is there from ten o'clock; the clock of these tests stands at half past. */
const early = (): void => stage.advance(-3_600_000);

/** The last of several calls within one second, of which the merchant has two. */
const often = async (act: () => Promise<RawAnswer>): Promise<RawAnswer> => {
  stage.emulator.changeMerchant(mchid, { per_second: 2 });
  await act();
  await act();
  return act();
};
const closedAccount = async (act: () => Promise<RawAnswer>): Promise<RawAnswer> => {
  stage.emulator.changeMerchant(mchid, { account: 'closed' });
  return act();
};

/** Listed error → the sequence that ends with it. */
const sequences: Readonly<Record<string, () => Promise<RawAnswer>>> = {
  'prepay: 400 APPID_MCHID_NOT_MATCH': async () => prepay(order({ appid: 'wx0000000000000000' })),
  'prepay: 400 MCH_NOT_EXISTS': async () => closedAccount(async () => prepay(order())),
  'prepay: 400 PARAM_ERROR': async () => prepay(order({ amount: { total: 0 } })),
  'prepay: 400 INVALID_REQUEST': async () => prepay({ ...(await placed()), description: 'other' }),
  'prepay: 400 ORDERPAID': async () => prepay(await paid()),
  'prepay: 400 ORDER_CLOSED': async () => {
    const body = await placed();
    await close(numberIn(body));
    return prepay(body);
  },
  'prepay: 401 SIGN_ERROR': async () => prepay(order(), 'native', tampered),
  'prepay: 403 NO_AUTH': async () => {
    stage.emulator.changeMerchant(mchid, { products: ['jsapi', 'h5'] });
    return prepay(order());
  },
  'prepay: 403 OUT_TRADE_NO_USED': async () => prepay(await placed(), 'app'),
  'prepay: 403 RULE_LIMIT': async () => {
    stage.emulator.changeMerchant(mchid, { max_total: 1289 });
    return prepay(order({}, 'h5'), 'h5');
  },
  'prepay: 429 FREQUENCY_LIMITED': async () => often(async () => prepay(order())),
  'partner prepay: 400 INVALID_REQUEST': async () => partnerPrepay({ sub_mchid: '1900000200' }),
  'partner prepay: 403 NO_AUTH': async () => partnerPrepay({ sub_mchid: '1900000999' }),

  'query: 400 PARAM_ERROR': async () => get(`${base}/out-trade-no/${stage.number()}`),
  'query: 400 INVALID_REQUEST': async () => query(numberIn(await placed()), '{}'),
  'query: 400 MCH_NOT_EXISTS': async () => closedAccount(async () => query(stage.number())),
  'query: 401 SIGN_ERROR': async () => {
    const number = numberIn(await placed());
    return query(number, undefined, withoutQuery(queryPath(number)));
  },
  'query: 404 ORDER_NOT_EXIST': async () => query(stage.number()),
  'query: 429 FREQUENCY_LIMITED': async () => often(async () => query(stage.number())),
  'partner query: 400 INVALID_REQUEST': async () =>
    partner.call('GET', `${await partnerPlaced()}?sp_mchid=1900000200&sub_mchid=1900000110`),

  'close: 400 PARAM_ERROR': async () => close(numberIn(await placed()), {}),
  'close: 400 MCH_NOT_EXISTS': async () => closedAccount(async () => close(stage.number())),
  'close: 400 ORDER_PAID': async () => close(numberIn(await paid())),
  'close: 401 SIGN_ERROR': async () => close(numberIn(await placed()), { mchid }, tampered),
  'close: 403 TRADE_ERROR': async () => {
    const { notify_url: _, ...body } = order({
      payer: { auth_code: stage.emulator.issueCode().auth_code },
      scene_info: { store_info: { id: '1' } },
    });
    expect((await call('POST', `${base}/codepay`, body)).status).toBe(200);
    return close(numberIn(body));
  },
  'close: 403 NO_AUTH': async () =>
    partner.call('POST', `${base}/out-trade-no/${stage.number()}/close`, { mchid: '1900000200' }),
  'close: 429 FREQUENCY_LIMITED': async () => often(async () => close(stage.number())),
  'partner close: 400 INVALID_REQUEST': async () =>
    partner.call('POST', `${await partnerPlaced()}/close`, { sp_mchid: '1900000200', sub_mchid: '1900000110' }),

  'refund: 400 PARAM_ERROR': async () =>
    refund(refundOf(seed().out_trade_no, { amount: { refund: 1291, total: 1290, currency: 'CNY' } })),
  'refund: 400 INVALID_REQUEST': async () => {
    const body = refundOf(seed().out_trade_no);
    await refund(body);
    return refund({ ...body, amount: { refund: 101, total: 1290, currency: 'CNY' } });
  },
  'refund: 400 TRADE_OVERDUE': async () => refund(refundOf(seed({ paid_ago_ms: 366 * day }).out_trade_no)),
  'refund: 401 SIGN_ERROR': async () => refund(refundOf(seed().out_trade_no), tampered),
  'refund: 403 NOT_ENOUGH': async () => {
    stage.emulator.configureRefunds({ balances: { [mchid]: 99 } });
    return refund(refundOf(seed().out_trade_no));
  },
  'refund: 403 USER_ACCOUNT_ABNORMAL': async () => {
    const body = await placed();
    const openid = 'oABCD5example_openid00000009';
    await stage.emulator.pay({ order: numberIn(body), openid, callback: false });
    stage.emulator.changePayer(openid, { state: 'closed' });
    return refund(refundOf(numberIn(body)));
  },
  'refund: 403 NO_AUTH': async () => {
    stage.emulator.changeMerchant(mchid, { refunds: 'denied' });
    return refund(refundOf(seed().out_trade_no));
  },
  'refund: 403 REQUEST_BLOCKED': async () => {
    stage.emulator.changeMerchant(mchid, { refunds: 'blocked' });
    return refund(refundOf(seed().out_trade_no));
  },
  'refund: 404 MCH_NOT_EXISTS': async () => closedAccount(async () => refund(refundOf(seed().out_trade_no))),
  'refund: 404 RESOURCE_NOT_EXISTS': async () => refund(refundOf(numberIn(await placed()))),
  'refund: 429 FREQUENCY_LIMITED': async () => {
    stage.emulator.configureRefunds({ rate_limits: true });
    for (let failed = 0; failed < 6; failed += 1) await refund(refundOf(stage.number()));
    return refund(refundOf(seed().out_trade_no));
  },

  'refund query: 401 SIGN_ERROR': async () => get(`${refunds}/R_X`, { signedTarget: `${refunds}/R_Y` }),
  'refund query: 404 MCH_NOT_EXISTS': async () => closedAccount(async () => get(`${refunds}/R_X`)),
  'refund query: 404 RESOURCE_NOT_EXISTS': async () => get(`${refunds}/R_X`),
  'refund query: 429 FREQUENCY_LIMITED': async () => often(async () => get(`${refunds}/R_X`)),

  'abnormal refund: 400 PARAM_ERROR': async () =>
    abnormal({ ...(await accepted()), type: 'USER_BANK_CARD', bank_type: 'CMB_DEBIT' }),
  'abnormal refund: 400 INVALID_REQUEST': async () => abnormal(await accepted()),
  'abnormal refund: 401 SIGN_ERROR': async () => abnormal(await accepted(), tampered),
  'abnormal refund: 404 RESOURCE_NOT_EXISTS': async () => abnormal({ id: '50000000', number: 'R_X' }),
  'abnormal refund: 429 FREQUENCY_LIMITED': async () => often(async () => abnormal({ id: '50000000', number: 'R_X' })),

  'trade bill: 400 NO_STATEMENT_EXIST': async () => get(tradeBill(dayBefore(60))),
  'trade bill: 400 STATEMENT_CREATING': async () => {
    early();
    return get(tradeBill(dayBefore(1)));
  },
  'trade bill: 400 INVALID_REQUEST': async () => get(tradeBill(dayBefore(0))),
  'trade bill: 400 PARAM_ERROR': async () => get(tradeBill('2026-02-30')),
  'trade bill: 401 SIGN_ERROR': async () => get(tradeBill(dayBefore(2)), withoutQuery(tradeBill(''))),
  'trade bill: 403 NO_AUTH': async () => partner.call('GET', tradeBill(dayBefore(2), '&sub_mchid=1900000999')),
  'trade bill: 429 FREQUENCY_LIMITED': async () => often(async () => get(tradeBill(dayBefore(60)))),

  'fund flow bill: 400 NO_STATEMENT_EXIST': async () => {
    seed({ paid_ago_ms: 2 * day });
    return get(fundFlow(dayBefore(2), '&account_type=FEES'));
  },
  'fund flow bill: 400 STATEMENT_CREATING': async () => {
    early();
    return get(fundFlow(dayBefore(1)));
  },
  'fund flow bill: 400 INVALID_REQUEST': async () => get(fundFlow(dayBefore(100))),
  'fund flow bill: 400 PARAM_ERROR': async () => get(fundFlow(dayBefore(2), '&account_type=GOLD')),
  'fund flow bill: 401 SIGN_ERROR': async () => get(fundFlow(dayBefore(2)), withoutQuery(fundFlow(''))),
  'fund flow bill: 429 FREQUENCY_LIMITED': async () => {
    stage.emulator.configureRefunds({ rate_limits: true });
    for (let calls = 0; calls < 3; calls += 1) await get(fundFlow(dayBefore(60)));
    return get(fundFlow(dayBefore(60)));
  },

  'bill download: 400 INVALID_REQUEST': async () => {
    const target = await link();
    stage.advance(301_000);
    return get(target);
  },
  'bill download: 401 SIGN_ERROR': async () => {
    const target = await link();
    return get(target, withoutQuery(target));
  },
  'bill download: 403 NO_AUTH': async () => partner.call('GET', await link()),
  'bill download: 429 FREQUENCY_LIMITED': async () => {
    const target = await link();
    return often(async () => get(target));
  },

  'certificates: 400 INVALID_REQUEST': async () => get('/v3/certificates', { headers: { 'user-agent': undefined } }),
  'certificates: 400 PARAM_ERROR': async () => get('/v3/certificates?algorithm_type=DSA'),
  'certificates: 401 SIGN_ERROR': async () => get('/v3/certificates', { serialNo: '0'.repeat(40) }),
  'certificates: 403 NO_AUTH': async () => get('/v3/certificates?algorithm_type=SM2'),
  'certificates: 404 RESOURCE_NOT_EXISTS': async () => {
    const sibling = await openSibling(stage, { mode: 'public-key' });
    try {
      return await sibling.client.call('GET', '/v3/certificates');
    } finally {
      await sibling.end();
    }
  },
  'certificates: 429 FREQUENCY_LIMITED': async () => often(async () => get('/v3/certificates')),
};

const reached = errors.filter((listed) => listed.by !== undefined);
const unreached = errors.filter((listed) => listed.fault !== undefined);

describe('the list', () => {
  test('has each error once, with a sequence in words or the reason why there is none', () => {
    expect(new Set(errors.map(nameOf)).size).toBe(errors.length);
    for (const { by, fault } of errors) expect([by, fault].filter((text) => (text ?? '') !== '')).toHaveLength(1);
  });

  test('and the sequences name the same errors', () => {
    expect(Object.keys(sequences).toSorted()).toEqual(reached.map(nameOf).toSorted());
  });
});

test.each(reached.map((listed) => [nameOf(listed), listed.by, listed] as const))(
  '%s <- %s',
  async (name, _by, listed) => {
    const answer = await sequences[name]!();
    expect([answer.status, answer.json.code, typeof answer.json.message]).toEqual([
      listed.status,
      listed.code,
      'string',
    ]);
    // What is refused before the caller is known, or is about who it is, carries no signature (states 7).
    const unsigned = listed.status === 401 || name === 'certificates: 400 INVALID_REQUEST';
    expect(answer.headers['wechatpay-signature'] === undefined).toBe(unsigned);
  },
);

test.each(unreached.map((listed) => [nameOf(listed), listed.fault, listed] as const))(
  '%s comes by a fault rule only: %s',
  async (_name, _reason, { status, code }) => {
    stage.emulator.faults.add({ kind: 'status', status, code });
    const answer = await get('/v3/certificates');
    expect([answer.status, answer.json.code]).toEqual([status, code]);
    expect(holds(answer.headers, answer.text, platformKey(stage.emulator.info))).toBe(true);
  },
);

describe('what a merchant may do', () => {
  test('comes after the form of a request and before the state of its order', async () => {
    const body = await paid();
    stage.emulator.changeMerchant(mchid, { account: 'closed' });
    expect((await prepay({ ...body, amount: { total: 0 } })).json.code).toBe('PARAM_ERROR');
    expect((await prepay(body)).json.code).toBe('MCH_NOT_EXISTS');
  });

  test('holds for that merchant alone, until it is changed again', async () => {
    stage.emulator.changeMerchant(mchid, { account: 'closed', per_second: 0 });
    expect((await partnerPrepay({ sub_mchid: '1900000109' })).status).toBe(200);
    stage.emulator.changeMerchant(mchid, { account: 'open', per_second: null });
    expect((await prepay(order())).status).toBe(200);
  });

  test('an order at the limit is taken', async () => {
    stage.emulator.changeMerchant(mchid, { max_total: 1290 });
    expect((await prepay(order())).status).toBe(200);
  });

  test('calls that were refused for their number leave the next second free', async () => {
    stage.emulator.changeMerchant(mchid, { per_second: 1 });
    const statuses = [await query('NEVER_0001'), await query('NEVER_0001')];
    stage.advance(1000);
    expect([...statuses, await query('NEVER_0001')].map(({ status }) => status)).toEqual([404, 429, 404]);
  });

  test.each([
    { account: 'gone' },
    { products: ['NATIVE'] },
    { refunds: true },
    { max_total: -1 },
    { per_second: 0.5 },
    { mood: 'bad' },
  ])('%j is refused', (change) => {
    expect(() => stage.emulator.changeMerchant(mchid, change as object)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
  });
});

/** The transitions of states 1 and 3.1; those by payment code are in codepay.test.ts. */
describe('every transition', () => {
  const state = async (number: string): Promise<unknown> => (await query(number)).json['trade_state'];
  const refundState = async (number: string): Promise<unknown> => (await get(`${refunds}/${number}`)).json['status'];

  test.each<[string, (number: string) => Promise<unknown>, string]>([
    [
      'NOTPAY stays NOTPAY when the payer fails',
      async (order) => stage.emulator.pay({ order, decline: true }),
      'NOTPAY',
    ],
    ['NOTPAY stays NOTPAY when it expires', async () => stage.advance(6 * day), 'NOTPAY'],
    ['NOTPAY to SUCCESS by payment', async (order) => stage.emulator.pay({ order, callback: false }), 'SUCCESS'],
    ['NOTPAY to CLOSED by a close', async (number) => close(number), 'CLOSED'],
    ['NOTPAY to CLOSED after seven days', async () => stage.advance(7 * day + 1000), 'CLOSED'],
    [
      'SUCCESS to REFUND when a refund is accepted',
      async (order) => {
        await stage.emulator.pay({ order, callback: false });
        await refund(refundOf(order));
      },
      'REFUND',
    ],
  ])('%s', async (_what, act, wanted) => {
    const number = numberIn(await placed());
    expect(await state(number)).toBe('NOTPAY');
    await act(number);
    expect(await state(number)).toBe(wanted);
  });

  test.each(['SUCCESS', 'ABNORMAL', 'CLOSED'] as const)('PROCESSING to %s', async (outcome) => {
    stage.emulator.configureRefunds({ settle_after_ms: null });
    const { number } = await accepted();
    expect(await refundState(number)).toBe('PROCESSING');
    await stage.emulator.settleRefund({ refund: number, outcome, callback: false });
    expect(await refundState(number)).toBe(outcome);
  });

  test('ABNORMAL to PROCESSING by an abnormal refund, and on to SUCCESS', async () => {
    stage.emulator.configureRefunds({ settle_after_ms: 1000, next: [{ outcome: 'ABNORMAL', count: 1 }] });
    const given = await accepted();
    stage.advance(1000);
    expect(await refundState(given.number)).toBe('ABNORMAL');
    expect((await abnormal(given)).json['status']).toBe('PROCESSING');
    stage.advance(1000);
    expect(await refundState(given.number)).toBe('SUCCESS');
  });
});
