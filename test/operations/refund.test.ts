import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WxpayError } from '../../src/core/errors.ts';
import type { ApiResponse, Clock } from '../../src/core/ports.ts';
import type { Party } from '../../src/operations/order.ts';
import type { Journal, RefundRecord } from '../../src/operations/refund-batch/journal.ts';
import {
  abnormalRequest,
  applyAbnormal,
  differenceOf,
  intentOf,
  isFactorOf100,
  isTrustedNotFound,
  lookUpAbnormal,
  lookUpOrder,
  queryRefund,
  queryRefundRequest,
  refundedOf,
  refundIntent,
  refundOnce,
  refundRequest,
  requireResolved,
  resumeRefund,
  watchRefund,
  type Refund,
  type RefundIntent,
  type RefundOnceOptions,
  type RefundResult,
} from '../../src/operations/refund.ts';
import { failingDisk, makeFolder, type Folder } from './refund-batch/journal-files.ts';
import { scripted, type Play, type Scripted } from './scripted-transport.ts';

const direct: Party = { kind: 'direct', mchid: '1900000001' };
const partner: Party = { kind: 'partner', sp_mchid: '1900000001', sub_mchid: '1900000109' };
const no = 'R-0001';
const order = { transaction_id: '4200001234202611231234567890', out_trade_no: 'ORDER_0001' };
const post = 'POST /v3/refund/domestic/refunds';
const get = `GET /v3/refund/domestic/refunds/${no}`;

const wanted = (change: Partial<Parameters<typeof refundIntent>[0]> = {}): RefundIntent =>
  refundIntent({ party: direct, out_refund_no: no, order, refund: 290, total: 1290, ...change });

const refund = (change: object = {}, amount: object = {}): Refund => ({
  refund_id: '50301234562026112312345678901',
  out_refund_no: no,
  ...order,
  status: 'PROCESSING',
  amount: { refund: 290, total: 1290, currency: 'CNY', ...amount },
  ...change,
});

const accepted = (answer: unknown = refund()): Play => ({ on: post, answer });
const found = (answer: unknown = refund()): Play => ({ on: get, answer });
const error = (status: number, code: string, trust: ApiResponse['trust'] = 'verified'): Partial<Play> => ({
  status,
  answer: { code, message: '…' },
  trust,
});
const notFound: Play = { on: get, ...error(404, 'RESOURCE_NOT_EXISTS') };
const portal: Play = { on: get, ...error(404, 'RESOURCE_NOT_EXISTS', 'unsigned') };
const cut = new WxpayError('NETWORK_CUT', { params: { host: 'h', reason: 'ECONNRESET' }, outcome: 'unknown' });
const lost: Play = { on: post, throws: cut };
const unreachable = (outcome: 'not_sent' | 'no_effect'): WxpayError =>
  new WxpayError('NETWORK_REFUSED', { params: { host: 'h' }, outcome });

/** Time that passes only by sleeping. */
function stillClock(): Clock & { readonly slept: number[] } {
  const slept: number[] = [];
  let now = 0;
  return {
    slept,
    now: () => 1_700_000_000_000 + now,
    monotonic: () => now,
    sleep: async (milliseconds, signal) => {
      signal?.throwIfAborted();
      slept.push(milliseconds);
      now += milliseconds;
    },
  };
}

let folder: Folder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

interface Run {
  readonly result: RefundResult | WxpayError;
  readonly record: RefundRecord | undefined;
  readonly played: Scripted;
  readonly slept: readonly number[];
}

/** Runs `refundOnce` with the folder's journal and checks that everything was played. */
async function run(
  plays: readonly Play[],
  options: RefundOnceOptions = {},
  intent: RefundIntent = wanted(),
  before?: (journal: Journal) => Promise<void>,
): Promise<Run> {
  const played = scripted(...plays);
  const clock = stillClock();
  return folder.open(async (journal) => {
    await before?.(journal);
    const result = await refundOnce({ transport: played.transport, clock, journal }, intent, options).catch(
      (failure: unknown) => failure as WxpayError,
    );
    if (!(result instanceof WxpayError) && result instanceof Error) throw result;
    expect(played.left()).toBe(0);
    return { result, record: await journal.find(intent.out_refund_no), played, slept: clock.slept };
  });
}

const bodiesOf = ({ played }: Run): string[] =>
  played.requests.filter(({ method }) => method === 'POST').map(({ body }) => Buffer.from(body).toString());

describe('requests', () => {
  test('name the order by its transaction_id where it is known, so that the bytes do not depend on how it was named', () => {
    const body =
      '{"transaction_id":"4200001234202611231234567890","out_refund_no":"R-0001","amount":{"refund":290,"total":1290,"currency":"CNY"}}';
    expect(Buffer.from(refundRequest(wanted()).body).toString()).toBe(body);
    expect(Buffer.from(wanted({ order: { transaction_id: order.transaction_id } }).body).toString()).toBe(body);
    expect(Buffer.from(wanted({ order: { out_trade_no: 'ORDER_0001' } }).body).toString()).toContain(
      '"out_trade_no":"ORDER_0001"',
    );
  });

  test('carry everything in one order, whatever the order in which it was given', () => {
    const extras = {
      goods_detail: [{ merchant_goods_id: 'g', unit_price: 1, refund_amount: 1, refund_quantity: 1 }],
      reason: '商品已售完',
      from: [{ account: 'AVAILABLE', amount: 290 }],
      funds_account: 'AVAILABLE',
      notify_url: 'https://a.example/n',
    };
    const { body } = wanted({ party: partner, extras, currency: 'CNY' });
    expect(Buffer.from(body).toString()).toBe(
      '{"sub_mchid":"1900000109","transaction_id":"4200001234202611231234567890","out_refund_no":"R-0001","reason":"商品已售完",' +
        '"notify_url":"https://a.example/n","funds_account":"AVAILABLE","amount":{"refund":290,"total":1290,"currency":"CNY",' +
        '"from":[{"account":"AVAILABLE","amount":290}]},"goods_detail":[{"merchant_goods_id":"g","unit_price":1,"refund_amount":1,"refund_quantity":1}]}',
    );
  });

  test('of a query name the sub-merchant, and a direct merchant not at all', () => {
    expect(queryRefundRequest(direct, 'R|1*@').target).toBe('/v3/refund/domestic/refunds/R%7C1%2A%40');
    expect(queryRefundRequest(partner, no).target).toBe(`/v3/refund/domestic/refunds/${no}?sub_mchid=1900000109`);
  });

  test.each(['', '..', 'a/b', 'a?b', '退款', 'a'.repeat(65), 'a b', 'a\n'])(
    'B1: the number %j becomes no path',
    (bad) => {
      expect(() => queryRefundRequest(direct, bad)).toThrowError(expect.objectContaining({ code: 'PATH_INVALID' }));
      expect(() => wanted({ out_refund_no: bad })).toThrowError(expect.objectContaining({ code: 'INPUT_INVALID' }));
    },
  );

  test.each([
    [{ extras: { reason: '退'.repeat(27) } }, 'reason'],
    [{ extras: { reason: '' } }, 'reason'],
    [{ extras: { notify_url: 'https://a.example/?x=1' } }, 'notify_url'],
    [{ extras: { notify_url: `https://a.example/${'n'.repeat(240)}` } }, 'notify_url'],
    [{ extras: { funds_account: 'MINE' } }, 'funds_account'],
    [{ extras: { goods_detail: [{ merchant_goods_id: 'g' }] } }, 'goods_detail[0].unit_price'],
    [{ extras: { from: [{ account: 'X', amount: 1 }] } }, 'amount.from[0].account'],
    [{ refund: 0 }, 'amount.refund'],
    [{ refund: -1 }, 'amount.refund'],
    [{ refund: 1.5 }, 'amount.refund'],
    [{ refund: Number.MAX_SAFE_INTEGER + 1 }, 'amount.refund'],
    [{ order: {} }, 'transaction_id'],
    [{ order: { transaction_id: '42 00' } }, 'transaction_id'],
  ])('%j is refused by name', (change, field) => {
    expect(() => wanted(change)).toThrowError(
      expect.objectContaining({
        code: 'INPUT_INVALID',
        outcome: 'not_sent',
        params: expect.objectContaining({ field }),
      }),
    );
  });

  test('80 bytes of reason will do, and more than the order is refused', () => {
    expect(() => wanted({ extras: { reason: `${'退'.repeat(26)}ab` } })).not.toThrow();
    expect(() => wanted({ refund: 1291 })).toThrowError(
      expect.objectContaining({ code: 'AMOUNT_EXCEEDS_ORDER', params: { refund: 1291, total: 1290 } }),
    );
  });

  test.each([
    [100, 10_000, true],
    [10_000, 100, true],
    [1, 100, true],
    [100, 100, false],
    [1000, 10_000, false],
    [99, 10_000, false],
  ])('G7: %i of %i is a factor of 100: %s', (refund, total, suspicious) => {
    expect(isFactorOf100({ refund, total })).toBe(suspicious);
  });
});

describe('lookUpOrder', () => {
  const paid = (change: object = {}): object => ({
    mchid: '1900000001',
    ...order,
    trade_state: 'SUCCESS',
    amount: { total: 1290, currency: 'CNY' },
    ...change,
  });
  const on = 'GET /v3/pay/transactions/out-trade-no/ORDER_0001';
  const look = (answer: unknown): Promise<unknown> =>
    lookUpOrder(scripted({ on, answer }).transport, direct, { out_trade_no: 'ORDER_0001' });

  test('yields total and both numbers, whether or not something was refunded', async () => {
    expect(await look(paid())).toEqual({ ...order, total: 1290, currency: 'CNY', trade_state: 'SUCCESS' });
    expect(await look(paid({ trade_state: 'REFUND' }))).toMatchObject({ trade_state: 'REFUND' });
  });

  test.each(['NOTPAY', 'CLOSED', 'REVOKED', 'USERPAYING', 'PAYERROR'])(
    'an order in %s has nothing to refund',
    async (state) => {
      await expect(look(paid({ trade_state: state }))).rejects.toMatchObject({
        code: 'ORDER_NOT_PAID',
        outcome: 'not_sent',
        params: { state },
      });
    },
  );

  test.each([
    paid({ amount: {} }),
    paid({ amount: { total: 0 } }),
    paid({ transaction_id: undefined }),
    paid({ amount: undefined }),
  ])('a paid order without what a refund needs is refused', async (answer) => {
    await expect(look(answer)).rejects.toMatchObject({ code: 'ANSWER_MALFORMED' });
  });
});

describe('queryRefund', () => {
  const ask = (play: Partial<Play>): Promise<unknown> =>
    queryRefund(scripted({ on: get, ...play }).transport, direct, no);

  test('returns what the API says', async () => {
    expect(await ask({ answer: refund({ channel: 'ORIGINAL' }) })).toEqual(refund({ channel: 'ORIGINAL' }));
  });

  test.each([
    [refund({ out_refund_no: 'R-0002' }), 'ANSWER_MISMATCH'],
    [refund({ refund_id: undefined }), 'ANSWER_MALFORMED'],
    [refund({ status: '' }), 'ANSWER_MALFORMED'],
    [refund({ amount: undefined }), 'ANSWER_MALFORMED'],
    [refund({}, { refund: '290' }), 'ANSWER_MALFORMED'],
    [refund({}, { total: 12.9 }), 'ANSWER_MALFORMED'],
    [[], 'ANSWER_MALFORMED'],
    ['<html>', 'ANSWER_MALFORMED'],
  ])('C4, H3: a signed answer %j is refused', async (answer, code) => {
    await expect(ask({ answer })).rejects.toMatchObject({ code, category: 'verification', requestId: 'R-1' });
  });

  test.each([
    [error(404, 'RESOURCE_NOT_EXISTS'), true],
    [error(404, 'RESOURCENOTEXISTS'), true],
    [error(404, 'RESOURCE_NOT_EXISTS', 'unsigned'), false],
    [{ status: 404, answer: '<html>', trust: 'unsigned' } as const, false],
    [{ status: 404, answer: '<html>' }, false],
    [error(404, 'ORDER_NOT_EXIST'), false],
  ])('C5: of a 404, %j may be believed: %s', async (play, trusted) => {
    const failure = await ask(play).catch((failure: unknown) => failure);
    expect(failure).toMatchObject({ code: 'NOT_FOUND', params: { what: no } });
    expect(isTrustedNotFound(failure)).toBe(trusted);
  });

  test('a wrong merchant number is no statement about the refund', async () => {
    const failure = await ask(error(404, 'MCH_NOT_EXISTS')).catch((failure: unknown) => failure);
    expect(failure).toMatchObject({ code: 'API_REFUSED' });
    expect(isTrustedNotFound(failure)).toBe(false);
    expect(isTrustedNotFound(new Error('x'))).toBe(false);
  });
});

describe('differenceOf', () => {
  test.each([
    [refund(), undefined],
    [refund({}, { refund: 291 }), { field: 'amount.refund', found: '291', wanted: '290' }],
    [refund({}, { total: 1 }), { field: 'amount.total', found: '1', wanted: '1290' }],
    [refund({}, { currency: 'USD' }), { field: 'amount.currency', found: 'USD', wanted: 'CNY' }],
    [refund({}, { currency: undefined }), undefined],
    [refund({ transaction_id: '1' }), { field: 'transaction_id', found: '1', wanted: order.transaction_id }],
    [refund({ out_trade_no: 'X' }), { field: 'out_trade_no', found: 'X', wanted: 'ORDER_0001' }],
    [refund({ reason: 'another' }), undefined],
  ])('%#', (found, difference) => {
    expect(differenceOf(found, wanted())).toEqual(difference);
  });
});

describe('refundOnce', () => {
  test('asks, writes the intent, sends, and writes what came of it', async () => {
    const done = await run([notFound, accepted()]);
    expect(done.result).toEqual({ result: 'accepted', refund: refund() });
    expect(done.record).toMatchObject({
      intent: { ...order, refund: 290, total: 1290, currency: 'CNY', body: Buffer.from(wanted().body).toString() },
      outcome: { result: 'accepted', status: 'PROCESSING', refund_id: refund().refund_id },
      state: 'pending',
    });
    expect(done.slept).toEqual([]);
  });

  test('works without a journal', async () => {
    const { transport } = scripted(notFound, accepted());
    await expect(refundOnce({ transport, clock: stillClock() }, wanted())).resolves.toMatchObject({
      result: 'accepted',
    });
  });

  test('does not ask first when its caller has just asked, unless the journal knows the number', async () => {
    const first = await run([accepted()], { look: 'journal' });
    expect(first.result).toMatchObject({ result: 'accepted' });
    const second = await run([found()], { look: 'journal' });
    expect(second.result).toMatchObject({ result: 'existing' });
  });

  test('G2: the intent is on the disk before the request leaves', async () => {
    await folder.open(async (journal) => {
      const transport = async (): Promise<ApiResponse> => {
        expect(journal.stateOf(no)).toBe('open');
        throw cut;
      };
      await refundOnce({ transport, clock: stillClock(), journal }, wanted(), { look: 'journal', rounds: 0 }).catch(
        () => {},
      );
    });
    expect(await folder.open((journal) => journal.find(no))).toMatchObject({ state: 'open' });
  });

  test('G10: an intent that cannot be written is not sent', async () => {
    const played = scripted(notFound);
    await folder.open(
      async (journal) => {
        const failure = await refundOnce({ transport: played.transport, clock: stillClock(), journal }, wanted()).catch(
          (failure: unknown) => failure,
        );
        expect(failure).toMatchObject({ code: 'FILE_UNWRITABLE', category: 'config', outcome: 'not_sent' });
      },
      { openFile: failingDisk(1, 'ENOSPC').openFile },
    );
    expect(played.requests.map(({ method }) => method)).toEqual(['GET']);
  });

  test('G10: an outcome that cannot be written does not hide the refund', async () => {
    const played = scripted(notFound, accepted());
    await folder.open(
      async (journal) => {
        const done = await refundOnce({ transport: played.transport, clock: stillClock(), journal }, wanted());
        expect(done).toMatchObject({ result: 'accepted', unrecorded: { code: 'FILE_UNWRITABLE' } });
      },
      // The third call is the write of the outcome, after write and sync of the intent.
      { openFile: failingDisk(3, 'ENOSPC').openFile },
    );
    expect(await folder.open((journal) => journal.find(no))).toMatchObject({ state: 'open' });
  });

  describe('the number was used before', () => {
    test('for the same refund: nothing is sent, and the journal learns of it', async () => {
      const done = await run([found(refund({ status: 'SUCCESS' }))]);
      expect(done.result).toEqual({ result: 'existing', refund: refund({ status: 'SUCCESS' }) });
      expect(done.record).toMatchObject({ outcome: { result: 'adopted', status: 'SUCCESS' }, state: 'final' });
    });

    test('again and again', async () => {
      expect((await run([notFound, accepted()])).result).toMatchObject({ result: 'accepted' });
      for (const status of ['PROCESSING', 'SUCCESS', 'SUCCESS'])
        expect((await run([found(refund({ status }))])).result).toMatchObject({ result: 'existing' });
    });

    test.each([
      [refund({}, { refund: 100 }), 'amount.refund'],
      [refund({ transaction_id: '4200009999202611231234567890' }), 'transaction_id'],
      [refund({}, { total: 9 }), 'amount.total'],
    ])('G5: for another one: it stops and is never renumbered', async (answer, field) => {
      const done = await run([found(answer)]);
      expect(done.result).toMatchObject({
        code: 'REFUND_DIFFERS',
        category: 'refused',
        outcome: 'rejected',
        params: { out_refund_no: no, field },
        next: ['refund', 'query', no],
      });
      expect(done.record).toBeUndefined();
    });

    test('G5: an open intent with another amount stops it before anything is asked', async () => {
      await run([lost], { look: 'journal', rounds: 0 });
      const done = await run([], {}, wanted({ refund: 300 }));
      expect(done.result).toMatchObject({
        code: 'REFUND_UNRESOLVED',
        category: 'unknown_outcome',
        outcome: 'unknown',
        params: { field: 'amount.refund', found: '290', wanted: '300' },
        next: ['refund', 'resume'],
      });
      expect(done.record).toMatchObject({ state: 'open', intent: { refund: 290 } });
    });

    test('an open intent whose number turns out to be another refund can take no effect any more', async () => {
      await run([lost], { look: 'journal', rounds: 0 });
      const done = await run([found(refund({}, { refund: 1 }))]);
      expect(done.result).toMatchObject({ code: 'REFUND_DIFFERS' });
      expect(done.record).toMatchObject({ state: 'refused', outcome: { code: 'REFUND_DIFFERS' } });
    });

    test('a refused one may be sent again under its number, also with another amount', async () => {
      await run([notFound, { on: post, ...error(403, 'NOT_ENOUGH') }]);
      const done = await run([notFound, accepted(refund({}, { refund: 200 }))], {}, wanted({ refund: 200 }));
      expect(done.result).toMatchObject({ result: 'accepted' });
      expect(done.record).toMatchObject({ intent: { refund: 200 }, state: 'pending' });
    });
  });

  describe('the first question', () => {
    test.each([
      [{ on: get, throws: unreachable('no_effect') }, 'NETWORK_REFUSED'],
      [{ on: get, ...error(500, 'SYSTEM_ERROR') }, 'SERVER_ERROR'],
      [{ on: get, ...error(401, 'SIGN_ERROR', 'unsigned') }, 'CREDENTIALS_REFUSED'],
      [{ on: get, answer: refund(), trust: 'unsigned' }, 'SIGNATURE_MISSING'],
      [{ on: get, answer: refund({ out_refund_no: 'X' }) }, 'ANSWER_MISMATCH'],
    ] as const)('unanswered (%j) sends nothing', async (play, code) => {
      const done = await run([play]);
      expect(done.result).toMatchObject({ code, outcome: 'not_sent' });
      expect(done.record).toBeUndefined();
    });

    test('unanswered while an earlier outcome is open leaves that unknown', async () => {
      await run([lost], { look: 'journal', rounds: 0 });
      const done = await run([{ on: get, throws: unreachable('no_effect') }]);
      expect(done.result).toMatchObject({ code: 'OUTCOME_UNKNOWN', next: ['refund', 'query', no] });
      expect(done.record).toMatchObject({ state: 'open' });
    });

    test('C5: answered by a captive portal leads to the same number, and to nothing else', async () => {
      const done = await run([portal, accepted()]);
      expect(done.result).toMatchObject({ result: 'accepted' });
      expect(bodiesOf(done)).toEqual([Buffer.from(wanted().body).toString()]);
    });
  });

  describe('G4: an unknown outcome', () => {
    const doubts: readonly (readonly [string, Partial<Play>])[] = [
      ['a cut connection', { throws: cut }],
      [
        'a time-out',
        { throws: new WxpayError('NETWORK_TIMEOUT', { params: { host: 'h', seconds: 1 }, outcome: 'unknown' }) },
      ],
      [
        'a wrong signature',
        { throws: new WxpayError('SIGNATURE_WRONG', { params: { serial: 'X' }, httpStatus: 200, outcome: 'unknown' }) },
      ],
      ['a probe', { throws: new WxpayError('SIGNATURE_PROBE', { httpStatus: 200, outcome: 'unknown' }) }],
      ['an unsigned 200', { answer: refund(), trust: 'unsigned' }],
      ['a signed 500', error(500, 'SYSTEM_ERROR')],
      ['an unsigned 502', { status: 502, answer: '<html>', trust: 'unsigned' }],
      ['a 429', error(429, 'FREQUENCY_LIMITED')],
      ['a signed answer about another number', { answer: refund({ out_refund_no: 'R-9' }) }],
      ['a signed answer about another order', { answer: refund({ transaction_id: '1' }) }],
      ['a signed answer with another amount', { answer: refund({}, { refund: 1 }) }],
      ['a signed answer that is no JSON', { answer: '<html>' }],
      ['an exception that nobody expected', { throws: new TypeError('bug') }],
    ];

    test.each(doubts)('%s: found by its number, it is adopted', async (_, play) => {
      const done = await run([notFound, { on: post, ...play }, found()]);
      expect(done.result).toEqual({ result: 'adopted', refund: refund() });
      expect(done.record).toMatchObject({ outcome: { result: 'adopted' }, state: 'pending' });
      expect(done.slept).toEqual([1000]);
    });

    test.each(doubts)('%s: not found, the same bytes are sent again', async (_, play) => {
      const done = await run([notFound, { on: post, ...play }, notFound, accepted()]);
      expect(done.result).toMatchObject({ result: 'accepted' });
      expect(new Set(bodiesOf(done)).size).toBe(1);
    });

    test.each(doubts)('%s: when nothing helps, it says so and names the command that asks', async (_, play) => {
      const doubt = { on: post, ...play };
      const done = await run([notFound, doubt, notFound, doubt, notFound, doubt], { rounds: 2 });
      expect(done.result).toMatchObject({
        code: 'OUTCOME_UNKNOWN',
        category: 'unknown_outcome',
        outcome: 'unknown',
        next: ['refund', 'query', no],
      });
      expect(done.record).toMatchObject({ state: 'open', outcome: { result: 'unknown' } });
      expect(bodiesOf(done)).toHaveLength(3);
    });

    test('is asked about with growing pauses, through trouble with the questions', async () => {
      const trouble: Play[] = [
        { on: get, throws: unreachable('no_effect') },
        { on: get, ...error(429, 'FREQUENCY_LIMITED') },
        { on: get, answer: refund({ out_refund_no: 'X' }) },
        { on: get, answer: refund(), trust: 'unsigned' },
        { on: get, ...error(500, 'SYSTEM_ERROR') },
      ];
      const done = await run([notFound, lost, ...trouble, found()], { rounds: 6 });
      expect(done.result).toMatchObject({ result: 'adopted' });
      expect(done.slept).toEqual([1000, 2000, 4000, 8000, 8000, 8000]);
    });

    test('C5: an unsigned 404 repeats the same bytes, and never means refused', async () => {
      const done = await run([notFound, lost, portal, lost, portal, lost], { rounds: 2 });
      expect(done.result).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
      expect(new Set(bodiesOf(done)).size).toBe(1);
      expect(done.record?.state).toBe('open');
    });

    test('the late request: applied after a 404, it is the one refund', async () => {
      const done = await run([notFound, lost, notFound, accepted()]);
      expect(done.result).toMatchObject({ result: 'accepted' });
      expect((await run([found()])).result).toMatchObject({ result: 'existing' });
    });

    test('a repetition that is refused, with WeChat Pay knowing no such refund, is refused', async () => {
      const refused = { on: post, ...error(403, 'NOT_ENOUGH') };
      const done = await run([notFound, lost, notFound, refused, notFound]);
      expect(done.result).toMatchObject({ code: 'API_REFUSED', outcome: 'rejected', wechat: { code: 'NOT_ENOUGH' } });
      expect(done.record).toMatchObject({ state: 'refused' });
    });

    test('a repetition that is refused because the first one has taken effect is adopted', async () => {
      const refused = { on: post, ...error(400, 'INVALID_REQUEST') };
      const done = await run([notFound, lost, notFound, refused, found()]);
      expect(done.result).toMatchObject({ result: 'adopted' });
    });

    test('a repetition refused by nobody known stays unknown', async () => {
      const refused = { on: post, ...error(403, 'NOT_ENOUGH', 'unsigned') };
      const done = await run([notFound, lost, notFound, refused, notFound, lost], { rounds: 2 });
      expect(done.result).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
      const other = await run([notFound, { on: post, ...error(403, 'NOT_ENOUGH') }, portal, lost], { rounds: 1 });
      expect(other.result).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    });

    test('whose number turns out to be another refund is refused: its bytes can take no effect', async () => {
      const done = await run([lost, found(refund({}, { refund: 1 }))], { look: 'journal' });
      expect(done.result).toMatchObject({ code: 'REFUND_DIFFERS', outcome: 'rejected' });
      expect(done.record).toMatchObject({ state: 'refused', outcome: { code: 'REFUND_DIFFERS' } });
    });

    test('a repetition that cannot be sent leaves it unknown', async () => {
      const blocked = { on: post, throws: unreachable('not_sent') };
      const done = await run([notFound, lost, notFound, blocked], { rounds: 1 });
      expect(done.result).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown' });
      expect(done.record).toMatchObject({ state: 'open' });
    });

    test('tells of every try that gave no usable answer', async () => {
      const told: string[] = [];
      const busy = { on: post, ...error(429, 'FREQUENCY_LIMITED') };
      await run([notFound, busy, { on: get, ...error(500, 'X') }, found()], {
        onTrouble: (failure) => told.push(`${failure.code} ${failure.httpStatus}`),
      });
      expect(told).toEqual(['OUTCOME_UNKNOWN 429', 'SERVER_ERROR 500']);
    });

    test('an interruption while it is asked about is unknown, with the interruption as its cause', async () => {
      const controller = new AbortController();
      const reason = new Error('SIGINT');
      const play: Play = { on: post, throws: cut };
      const played = scripted(notFound, play);
      const clock: Clock = {
        ...stillClock(),
        sleep: async (_, signal) => {
          controller.abort(reason);
          signal?.throwIfAborted();
        },
      };
      const failure = await refundOnce({ transport: played.transport, clock }, wanted(), {
        signal: controller.signal,
      }).catch((failure: unknown) => failure);
      expect(failure).toMatchObject({ code: 'OUTCOME_UNKNOWN', next: ['refund', 'query', no], cause: reason });
      expect(played.requests.every(({ signal }) => signal === controller.signal)).toBe(true);
    });
  });

  describe('a refusal', () => {
    test.each([
      [400, 'PARAM_ERROR', 'API_REFUSED', undefined],
      [403, 'NOT_ENOUGH', 'API_REFUSED', 'refund.hint.not_enough'],
      [403, 'NOTENOUGH', 'API_REFUSED', 'refund.hint.not_enough'],
      [403, 'USER_ACCOUNT_ABNORMAL', 'API_REFUSED', 'refund.hint.user_account'],
      [403, 'NO_AUTH', 'CREDENTIALS_REFUSED', undefined],
      [404, 'RESOURCE_NOT_EXISTS', 'NOT_FOUND', 'refund.hint.order_unknown'],
      [404, 'MCH_NOT_EXISTS', 'API_REFUSED', undefined],
      [400, 'INVALID_REQUEST', 'API_REFUSED', undefined],
    ])('%i %s is %s, and the number is kept', async (status, wechat, code, hint) => {
      const done = await run([notFound, { on: post, ...error(status, wechat) }]);
      expect(done.result).toMatchObject({ code, hint, outcome: 'rejected', wechat: { code: wechat } });
      expect(done.record).toMatchObject({
        state: 'refused',
        outcome: { result: 'refused', wechat_code: wechat, http_status: status, request_id: 'R-1' },
      });
    });

    test('C5: that is unsigned is marked so', async () => {
      const done = await run([notFound, { on: post, ...error(403, 'NOT_ENOUGH', 'unsigned') }]);
      expect(done.result).toMatchObject({ code: 'API_REFUSED', unsigned: true });
      expect(done.record).toMatchObject({ outcome: { result: 'refused', unsigned: true } });
    });

    test.each(['journal', 'portal'])(
      'INVALID_REQUEST for a number nobody vouched for (%s) is looked into',
      async (how) => {
        const refused = { on: post, ...error(400, 'INVALID_REQUEST') };
        const begin = how === 'journal' ? [] : [portal];
        const options = how === 'journal' ? ({ look: 'journal' } as const) : {};
        const other = await run([...begin, refused, found(refund({}, { refund: 1 }))], options);
        expect(other.result).toMatchObject({ code: 'REFUND_DIFFERS', outcome: 'rejected' });
        expect(other.record).toMatchObject({ state: 'refused' });
        const same = await run([found()], options);
        expect(same.result).toMatchObject({ result: 'existing' });
      },
    );

    test('INVALID_REQUEST that has nothing to do with the number stays what it is', async () => {
      const refused = { on: post, ...error(400, 'INVALID_REQUEST') };
      const done = await run([refused, notFound], { look: 'journal' });
      expect(done.result).toMatchObject({ code: 'API_REFUSED', wechat: { code: 'INVALID_REQUEST' } });
    });

    test('that cannot be reached: nothing was sent, and the journal says so', async () => {
      const done = await run([notFound, { on: post, throws: unreachable('not_sent') }]);
      expect(done.result).toMatchObject({ code: 'NETWORK_REFUSED', category: 'network', outcome: 'not_sent' });
      expect(done.record).toMatchObject({ state: 'not_sent' });
    });

    test('of our own, before anything is sent, is not_sent', async () => {
      const own = new WxpayError('ENVIRONMENT_UNSAFE', { params: { variable: 'X', danger: 'y' } });
      const done = await run([notFound, { on: post, throws: own }]);
      expect(done.result).toMatchObject({ code: 'ENVIRONMENT_UNSAFE', outcome: 'not_sent' });
    });
  });

  test('an interruption before anything is sent passes as it is', async () => {
    const controller = new AbortController();
    const reason = new Error('SIGINT');
    const played = scripted(notFound);
    const transport: typeof played.transport = async (request) => {
      if (request.method === 'GET') return played.transport(request);
      controller.abort(reason);
      throw reason;
    };
    const failure = await folder.open(async (journal) =>
      refundOnce({ transport, clock: stillClock(), journal }, wanted(), { signal: controller.signal }).catch(
        (failure: unknown) => failure,
      ),
    );
    expect(failure).toBe(reason);
    expect(await folder.open((journal) => journal.find(no))).toMatchObject({ state: 'not_sent' });
  });

  test('whatever the server does, one number is refunded at most once and never contradicted', async () => {
    const behaviours = [
      'ok',
      'lost-before',
      'lost-after',
      '500-before',
      '500-after',
      '429',
      'unsigned',
      'late',
      'refuse',
    ] as const;
    const lookups = ['ok', 'lost', '500', 'portal'] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...behaviours), { maxLength: 12 }),
        fc.array(fc.constantFrom(...lookups), { maxLength: 12 }),
        fc.integer({ min: 1, max: 4 }),
        async (posts, gets, runs) => {
          folder.remove();
          folder = makeFolder();
          const server = { applied: 0, held: false, late: 0 };
          const answer = (status: number, value: unknown, trust: ApiResponse['trust'] = 'verified'): ApiResponse => ({
            status,
            headers: {},
            body: Buffer.from(JSON.stringify(value)),
            trust,
            host: 'h',
          });
          const apply = (): void => {
            if (!server.held) server.applied += 1;
            server.held = true;
          };
          const transport = async (request: { method: string }): Promise<ApiResponse> => {
            // What was late arrives with the second request after it.
            if (server.late > 0 && (server.late -= 1) === 0) apply();
            if (request.method === 'GET') {
              const how = gets.shift() ?? 'ok';
              if (how === 'lost') throw unreachable('no_effect');
              if (how === '500') return answer(500, { code: 'SYSTEM_ERROR', message: '' });
              if (how === 'portal') return answer(404, { code: 'RESOURCE_NOT_EXISTS', message: '' }, 'unsigned');
              return server.held ? answer(200, refund()) : answer(404, { code: 'RESOURCE_NOT_EXISTS', message: '' });
            }
            const how = posts.shift() ?? 'ok';
            if (how === 'refuse' && !server.held) return answer(403, { code: 'NOT_ENOUGH', message: '' });
            if (how === 'late') server.late = 2;
            else if (!['lost-before', '500-before', '429'].includes(how)) apply();
            if (how === 'ok' || how === 'refuse') return answer(200, refund());
            if (how === 'unsigned') return answer(200, refund(), 'unsigned');
            if (how.startsWith('500')) return answer(500, { code: 'SYSTEM_ERROR', message: '' });
            if (how === '429') return answer(429, { code: 'FREQUENCY_LIMITED', message: '' });
            throw cut;
          };
          for (let index = 0; index < runs; index += 1) {
            await folder.open(async (journal) => {
              const result = await refundOnce({ transport, clock: stillClock(), journal }, wanted(), {
                rounds: 2,
              }).catch((failure: unknown) => failure as WxpayError);
              const state = journal.stateOf(no);
              if (!(result instanceof Error)) expect([state, server.held]).toEqual(['pending', true]);
              else if (result.outcome === 'unknown') expect(state).toBe('open');
              else if (server.held && server.late === 0) expect(['refused', 'pending', undefined]).toContain(state);
            });
          }
          expect(server.applied).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('an order with an earlier refund', () => {
  const other = (out_refund_no: string, change: object = {}): RefundIntent => wanted({ out_refund_no, ...change });
  const write = (
    records: readonly (readonly [string, number, 'accepted' | 'refused' | 'unknown' | 'adopted', string?])[],
  ): Promise<void> =>
    folder.open(async (journal) => {
      for (const [out_refund_no, refund, result, status] of records) {
        const { body } = other(out_refund_no, { refund });
        await journal.recordIntent({
          out_refund_no,
          ...order,
          refund,
          total: 1290,
          currency: 'CNY',
          body: Buffer.from(body).toString(),
        });
        await journal.recordOutcome({ out_refund_no, result, ...(status === undefined ? {} : { status }) });
      }
    });

  test('that is unresolved waits for it', async () => {
    await write([['A', 100, 'unknown']]);
    await folder.open(async (journal) => {
      for (const named of [order, { out_trade_no: order.out_trade_no }, { transaction_id: order.transaction_id }])
        await expect(requireResolved(journal, named, no)).rejects.toMatchObject({
          code: 'REFUND_UNRESOLVED',
          category: 'unknown_outcome',
          outcome: 'not_sent',
          params: { out_refund_no: 'A' },
          next: ['refund', 'resume'],
        });
      await requireResolved(journal, order, 'A');
      await requireResolved(journal, { out_trade_no: 'ORDER_0002' }, no);
    });
  });

  test('has so much left as was not refunded; what was not final is asked about again', async () => {
    await write([
      ['A', 100, 'accepted', 'SUCCESS'],
      ['B', 200, 'accepted', 'PROCESSING'],
      ['C', 300, 'adopted', 'CLOSED'],
      ['D', 400, 'refused'],
      ['E', 50, 'accepted', 'PROCESSING'],
      [no, 7, 'accepted', 'SUCCESS'],
    ]);
    const played = scripted(
      { on: 'GET /v3/refund/domestic/refunds/B', answer: refund({ out_refund_no: 'B', status: 'SUCCESS' }) },
      { on: 'GET /v3/refund/domestic/refunds/E', answer: refund({ out_refund_no: 'E', status: 'CLOSED' }) },
    );
    await folder.open(async (journal) => {
      expect(await refundedOf(played.transport, direct, journal, order, no)).toBe(300);
    });
    expect(played.left()).toBe(0);
  });
});

describe('resumeRefund', () => {
  const resume = (
    plays: readonly Play[],
  ): Promise<{ result: unknown; record: RefundRecord | undefined; played: Scripted }> =>
    folder.open(async (journal) => {
      const played = scripted(...plays);
      const record = await journal.find(no);
      if (record === undefined) throw new Error('no record');
      const deps = { transport: played.transport, clock: stillClock(), journal, mchid: '1900000001' };
      const result = await resumeRefund(deps, record, { rounds: 0 }).catch((failure: unknown) => failure);
      expect(played.left()).toBe(0);
      return { result, record: await journal.find(no), played };
    });

  test('asks about an open one and adopts it', async () => {
    await run([lost], { look: 'journal', rounds: 0 });
    const { result, record } = await resume([found(refund({ status: 'SUCCESS' }))]);
    expect(result).toMatchObject({ result: 'existing' });
    expect(record).toMatchObject({ state: 'final' });
  });

  test('R19: sends the very bytes of the intent again, for a service provider too', async () => {
    const intent = wanted({ party: partner, extras: { reason: '退款' }, ref: 'x', batch_id: 'b', row: 3 });
    await run([lost], { look: 'journal', rounds: 0 }, intent);
    const { result, played, record } = await resume([{ ...notFound, on: `${get}?sub_mchid=1900000109` }, accepted()]);
    expect(result).toMatchObject({ result: 'accepted' });
    expect(Buffer.from(played.requests[1]?.body ?? []).equals(intent.body)).toBe(true);
    expect(record?.intent).toMatchObject({ sub_mchid: '1900000109', ref: 'x', batch_id: 'b', row: 3 });
    expect(record === undefined ? undefined : intentOf(record, '1900000001')).toEqual(intent);
  });

  test('asks how far a pending one is, and sends nothing', async () => {
    await run([notFound, accepted()]);
    expect((await resume([found()])).result).toMatchObject({ result: 'existing' });
    const { record } = await resume([found(refund({ status: 'ABNORMAL' }))]);
    expect(record).toMatchObject({ state: 'pending', outcome: { status: 'ABNORMAL' } });
    expect((await resume([notFound])).result).toMatchObject({ code: 'NOT_FOUND' });
    expect((await resume([found(refund({}, { refund: 1 }))])).result).toMatchObject({ code: 'REFUND_DIFFERS' });
  });
});

describe('watchRefund', () => {
  const watch = async (
    plays: readonly Play[],
    known?: Refund,
    limit = 100_000,
  ): Promise<{ result: unknown; seen: string[]; slept: readonly number[] }> => {
    const played = scripted(...plays);
    const clock = stillClock();
    const seen: string[] = [];
    const result = await watchRefund(
      played.transport,
      direct,
      no,
      { intervals: [10, 20], limit, clock, onChange: ({ status }) => seen.push(status) },
      known,
    ).catch((failure: unknown) => failure);
    expect(played.left()).toBe(0);
    return { result, seen, slept: clock.slept };
  };

  test.each(['SUCCESS', 'CLOSED', 'ABNORMAL'])('ends with %s', async (status) => {
    const { result, seen, slept } = await watch([found(), found(), found(refund({ status }))]);
    expect(result).toMatchObject({ status });
    expect(seen).toEqual(['PROCESSING', status]);
    expect(slept).toEqual([10, 20]);
  });

  test('asks nothing about what is settled already', async () => {
    expect((await watch([], refund({ status: 'SUCCESS' }))).result).toMatchObject({ status: 'SUCCESS' });
  });

  test('ends unfinished when the time is over', async () => {
    const { result } = await watch([found(), found()], undefined, 25);
    expect(result).toMatchObject({
      code: 'NOT_FINAL',
      params: { what: no, state: 'PROCESSING' },
      next: ['refund', 'query', no],
    });
  });

  test('gets over trouble once the refund is known, and not before', async () => {
    const trouble: Play[] = [
      { on: get, throws: unreachable('no_effect') },
      { on: get, ...error(500, 'SYSTEM_ERROR') },
      { on: get, answer: refund(), trust: 'unsigned' },
      { on: get, answer: refund({ refund_id: 'another', status: 'SUCCESS' }) },
    ];
    const { result } = await watch([found(), ...trouble, found(refund({ status: 'SUCCESS' }))]);
    expect(result).toMatchObject({ status: 'SUCCESS' });
    expect((await watch([trouble[0] as Play])).result).toMatchObject({ code: 'NETWORK_REFUSED' });
    expect((await watch([{ on: get, ...error(401, 'SIGN_ERROR') }], refund())).result).toMatchObject({
      code: 'CREDENTIALS_REFUSED',
    });
  });
});

describe('an abnormal refund', () => {
  const refund_id = refund().refund_id;
  const on = `POST /v3/refund/domestic/refunds/${refund_id}/apply-abnormal-refund`;
  const parts = {
    party: direct,
    refund_id,
    out_refund_no: no,
    type: 'USER_BANK_CARD',
    bank_type: 'CMB_DEBIT',
    bank_account: 'A==',
    real_name: 'B==',
    serial: 'SERIAL',
  } as const;
  const apply = async (plays: readonly Play[], rounds = 2): Promise<unknown> => {
    const played = scripted(...plays);
    const result = await applyAbnormal({ transport: played.transport, clock: stillClock() }, parts, { rounds }).catch(
      (failure: unknown) => failure,
    );
    expect(played.left()).toBe(0);
    return result;
  };

  test('is sent to a card with what is encrypted, and the id of the key that did it', () => {
    const request = abnormalRequest(parts);
    expect(`${request.method} ${request.target}`).toBe(on);
    expect(request.headers).toEqual({ 'wechatpay-serial': 'SERIAL' });
    expect(request.effect).toBe('write');
    expect(JSON.parse(Buffer.from(request.body).toString())).toEqual({
      out_refund_no: no,
      type: 'USER_BANK_CARD',
      bank_type: 'CMB_DEBIT',
      bank_account: 'A==',
      real_name: 'B==',
    });
    const merchant = abnormalRequest({ party: partner, refund_id, out_refund_no: no, type: 'MERCHANT_BANK_CARD' });
    expect(JSON.parse(Buffer.from(merchant.body).toString())).toEqual({
      sub_mchid: '1900000109',
      out_refund_no: no,
      type: 'MERCHANT_BANK_CARD',
    });
    expect(merchant).not.toHaveProperty('headers');
  });

  test.each([
    [{ bank_type: undefined }, 'INPUT_INVALID'],
    [{ bank_account: undefined }, 'INPUT_INVALID'],
    [{ bank_type: 'cmb' }, 'INPUT_INVALID'],
    [{ refund_id: '../x' }, 'PATH_INVALID'],
    [{ refund_id: '' }, 'PATH_INVALID'],
  ])('with %j is refused', (change, code) => {
    expect(() => abnormalRequest({ ...parts, ...change } as never)).toThrowError(expect.objectContaining({ code }));
  });

  test.each([
    [refund({ status: 'ABNORMAL' }), undefined],
    [refund({ status: 'SUCCESS' }), 'INPUT_INVALID'],
    [refund({ status: 'ABNORMAL', refund_id: '9' }), 'INPUT_INVALID'],
  ])('is looked at first', async (answer, code) => {
    const work = lookUpAbnormal(scripted(found(answer)).transport, direct, parts);
    if (code === undefined) await expect(work).resolves.toMatchObject({ status: 'ABNORMAL' });
    else await expect(work).rejects.toMatchObject({ code, outcome: 'not_sent' });
  });

  test('is settled by asking when its answer is lost, and is not sent twice', async () => {
    expect(await apply([{ on, answer: refund() }])).toMatchObject({ status: 'PROCESSING' });
    expect(await apply([{ on, throws: cut }, found(refund({ status: 'ABNORMAL' })), found()])).toMatchObject({
      status: 'PROCESSING',
    });
    expect(
      await apply([
        { on, throws: cut },
        found(refund({ status: 'ABNORMAL' })),
        { on: get, throws: unreachable('no_effect') },
      ]),
    ).toMatchObject({ code: 'OUTCOME_UNKNOWN', next: ['refund', 'query', no] });
    expect(await apply([{ on, answer: refund({ out_refund_no: 'X' }) }], 0)).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(await apply([{ on, ...error(400, 'INVALID_REQUEST') }])).toMatchObject({ code: 'API_REFUSED' });
  });
});
