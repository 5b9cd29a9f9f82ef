/**
 * Refunds (endpoints.md 6, states.md 3). `refundOnce` is the one way money moves, for a single refund and for a row of a batch.
 * Data in, data out; nothing is printed here.
 *
 * What keeps money from moving twice: the number is chosen before anything is sent and never changes (refund-number.ts), the
 * intent is on the disk before its bytes leave (refund-batch/journal.ts), and an unknown outcome is resolved by asking for
 * that number, never by another one.
 */
import { isWxpayError, WxpayError } from '../core/errors.ts';
import { settle, unknownBecause } from '../core/http/outcome.ts';
import type { ApiRequest, ApiResponse, Clock, Transport } from '../core/ports.ts';
import { normaliseCode } from '../core/wire/error-body.ts';
import { parseJson } from '../core/wire/json.ts';
import { buildTarget, requireOutRefundNo } from '../core/wire/target.ts';
import { isObject, requireFields } from './fields.ts';
import { queryOrder, type Order, type OrderNumber, type Party } from './order.ts';
import type { Intent, Journal, JournalReader, RefundOutcome, RefundRecord } from './refund-batch/journal.ts';
import { abnormalFields, refundFields, type AbnormalType } from './refund-fields.ts';

/** A refund as the API gives it (endpoints.md 6.1); only what we rely on is typed. */
export interface Refund {
  readonly refund_id: string;
  readonly out_refund_no: string;
  readonly transaction_id: string;
  readonly out_trade_no: string;
  /** `PROCESSING`, `SUCCESS`, `CLOSED`, `ABNORMAL`. */
  readonly status: string;
  readonly amount: {
    /** Fen. */
    readonly refund: number;
    /** Fen. */
    readonly total: number;
    readonly currency?: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** The states that do not change by themselves any more; `ABNORMAL` waits for the merchant. */
export const settledStates: ReadonlySet<string> = new Set(['SUCCESS', 'CLOSED', 'ABNORMAL']);

/** What a paid order says about its refunds. */
export interface RefundableOrder {
  readonly transaction_id: string;
  readonly out_trade_no: string;
  /** Fen. */
  readonly total: number;
  readonly currency: string;
  /** `SUCCESS`, or `REFUND` once something was refunded. */
  readonly trade_state: string;
}

/** A refund that is ready to be sent: the exact bytes, and what they say. */
export interface RefundIntent {
  readonly party: Party;
  readonly out_refund_no: string;
  /** At least one of them. */
  readonly order: { readonly transaction_id?: string; readonly out_trade_no?: string };
  /** Fen. */
  readonly amount: { readonly refund: number; readonly total: number; readonly currency: string };
  /** What is sent, byte for byte, as often as it is sent. */
  readonly body: Uint8Array;
  /** For the journal. */
  readonly row?: number;
  readonly ref?: string;
  readonly batch_id?: string;
}

/** What a refund request may say besides number, order and amount; names as in the API. */
export interface RefundExtras {
  readonly reason?: string;
  readonly notify_url?: string;
  readonly funds_account?: string;
  readonly goods_detail?: readonly unknown[];
  /** `amount.from` */
  readonly from?: readonly unknown[];
}

export interface IntentParts {
  readonly party: Party;
  readonly out_refund_no: string;
  readonly order: RefundIntent['order'];
  readonly refund: number;
  readonly total: number;
  /** Default `CNY`. */
  readonly currency?: string;
  readonly extras?: RefundExtras;
  readonly row?: number;
  readonly ref?: string;
  readonly batch_id?: string;
}

/**
 * Builds the request of a refund: the same parts give the same bytes, whichever way the order was named, since the
 * transaction_id alone stands for the order where it is known.
 *
 * @throws WxpayError `INPUT_INVALID` naming the field; `AMOUNT_EXCEEDS_ORDER`
 */
export function refundIntent(parts: IntentParts): RefundIntent {
  const { party, out_refund_no, order, refund, total, currency = 'CNY', extras = {} } = parts;
  const { from, goods_detail, ...rest } = extras;
  const named =
    order.transaction_id === undefined
      ? { out_trade_no: order.out_trade_no }
      : { transaction_id: order.transaction_id };
  const body = {
    ...(party.kind === 'partner' ? { sub_mchid: party.sub_mchid } : {}),
    ...named,
    out_refund_no,
    ...(rest.reason === undefined ? {} : { reason: rest.reason }),
    ...(rest.notify_url === undefined ? {} : { notify_url: rest.notify_url }),
    ...(rest.funds_account === undefined ? {} : { funds_account: rest.funds_account }),
    amount: { refund, total, currency, ...(from === undefined ? {} : { from }) },
    ...(goods_detail === undefined ? {} : { goods_detail }),
  };
  requireFields(refundFields(party.kind === 'partner'), body);
  if (Object.values(named)[0] === undefined)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: 'transaction_id', reason: 'key:reason.missing' },
      outcome: 'not_sent',
    });
  if (refund > total) throw new WxpayError('AMOUNT_EXCEEDS_ORDER', { params: { refund, total }, outcome: 'not_sent' });
  return {
    party,
    out_refund_no,
    order,
    amount: { refund, total, currency },
    body: Buffer.from(JSON.stringify(body)),
    ...(parts.row === undefined ? {} : { row: parts.row }),
    ...(parts.ref === undefined ? {} : { ref: parts.ref }),
    ...(parts.batch_id === undefined ? {} : { batch_id: parts.batch_id }),
  };
}

/** The intent of a journal's record: the very bytes that were, or may have been, sent. */
export function intentOf(record: RefundRecord, mchid: string): RefundIntent {
  const { intent } = record;
  const { sub_mchid, transaction_id, out_trade_no, refund, total, currency } = intent;
  return {
    party: sub_mchid === undefined ? { kind: 'direct', mchid } : { kind: 'partner', sp_mchid: mchid, sub_mchid },
    out_refund_no: intent.out_refund_no,
    order: {
      ...(transaction_id === undefined ? {} : { transaction_id }),
      ...(out_trade_no === undefined ? {} : { out_trade_no }),
    },
    amount: { refund, total, currency },
    body: Buffer.from(intent.body),
    ...(intent.row === undefined ? {} : { row: intent.row }),
    ...(intent.ref === undefined ? {} : { ref: intent.ref }),
    ...(intent.batch_id === undefined ? {} : { batch_id: intent.batch_id }),
  };
}

/** The POST of an intent, for a dry run and for sending. */
export function refundRequest(intent: Pick<RefundIntent, 'body'>): ApiRequest {
  return {
    method: 'POST',
    target: buildTarget('/v3/refund/domestic/refunds', {}),
    body: intent.body,
    effect: 'refund',
  };
}

/** A direct merchant has no query parameters here, not even its mchid (endpoints.md 6.2). */
export function queryRefundRequest(party: Party, out_refund_no: string): ApiRequest {
  const target = buildTarget(
    '/v3/refund/domestic/refunds/{out_refund_no}',
    { out_refund_no: requireOutRefundNo(out_refund_no) },
    party.kind === 'partner' ? { sub_mchid: party.sub_mchid } : {},
  );
  return { method: 'GET', target, body: new Uint8Array(), effect: 'read' };
}

/**
 * Looks an order up, by either number, as every refund does first: it yields the total and the other number.
 *
 * @throws WxpayError `ORDER_NOT_PAID` (also a closed one); `NOT_FOUND` and the other errors of `queryOrder`
 */
export async function lookUpOrder(transport: Transport, party: Party, number: OrderNumber): Promise<RefundableOrder> {
  const order = await queryOrder(transport, party, number);
  return refundable(order);
}

/** What a refund needs of an order. @throws WxpayError `ORDER_NOT_PAID` (also a closed one); `ANSWER_MALFORMED` */
export function refundable(order: Order): RefundableOrder {
  const { out_trade_no, transaction_id, trade_state } = order;
  if (trade_state !== 'SUCCESS' && trade_state !== 'REFUND')
    throw new WxpayError('ORDER_NOT_PAID', { params: { out_trade_no, state: trade_state }, outcome: 'not_sent' });
  const amount = isObject(order['amount']) ? order['amount'] : {};
  const { total, currency } = amount;
  if (transaction_id === undefined || typeof total !== 'number' || !Number.isSafeInteger(total) || total < 1)
    throw new WxpayError('ANSWER_MALFORMED', {
      params: { reason: `a paid order without transaction_id or amount.total` },
      outcome: 'not_sent',
    });
  return {
    transaction_id,
    out_trade_no,
    total,
    currency: typeof currency === 'string' ? currency : 'CNY',
    trade_state,
  };
}

/**
 * Is the refund exactly a hundred times the order's total, or a hundredth of it? Bills are in yuan and the API is in fen, and
 * this is how the factor gets lost (THREATS G7).
 */
export function isFactorOf100({ refund, total }: { readonly refund: number; readonly total: number }): boolean {
  return refund === total * 100 || refund * 100 === total;
}

/**
 * Asks for a refund. The signature covers neither URL nor request, so the number in the answer is compared with the one asked
 * for (THREATS C4). Compare the rest with `differenceOf`.
 *
 * @throws WxpayError `NOT_FOUND` (marked `unsigned` when nothing vouches for it; see `isTrustedNotFound`), `ANSWER_MISMATCH`,
 *   `ANSWER_MALFORMED`, `SIGNATURE_…`, network and refusal errors
 */
export async function queryRefund(
  transport: Transport,
  party: Party,
  out_refund_no: string,
  signal?: AbortSignal,
): Promise<Refund> {
  const request = withSignal(queryRefundRequest(party, out_refund_no), signal);
  let response: ApiResponse;
  try {
    response = await settle(request, () => transport(request));
  } catch (error) {
    if (error instanceof WxpayError && error.code === 'NOT_FOUND')
      throw error.with({ params: { ...error.params, what: out_refund_no } });
    throw error;
  }
  return readRefund(response, out_refund_no);
}

/**
 * Did WeChat Pay itself say that it knows no such refund? An unsigned 404 may be anybody's (a captive portal's), and one
 * without this code speaks of something else. Even a trusted one only says "not yet": a request that was sent before may
 * still arrive. That is why it never leads to another number, only to the same bytes again.
 */
export function isTrustedNotFound(error: unknown): boolean {
  if (!isWxpayError(error, 'NOT_FOUND') || error.unsigned) return false;
  return normaliseCode(error.wechat?.code ?? '') === 'RESOURCENOTEXISTS';
}

/** How a refund differs from what was wanted under its number. */
export interface Difference {
  /** As in the API: `amount.refund`. */
  readonly field: string;
  readonly found: string;
  readonly wanted: string;
}

/** What tells one refund from another under the same number. */
type Content = {
  readonly transaction_id?: string | undefined;
  readonly out_trade_no?: string | undefined;
  readonly amount: { readonly refund: number; readonly total: number; readonly currency?: string };
};

/** The first difference between a refund and an intent with the same number; `undefined` when they are one and the same. */
export function differenceOf(
  refund: Content,
  { order, amount }: Pick<RefundIntent, 'order' | 'amount'>,
): Difference | undefined {
  const pairs: readonly (readonly [string, string | number | undefined, string | number | undefined])[] = [
    ['transaction_id', refund.transaction_id, order.transaction_id],
    ['out_trade_no', refund.out_trade_no, order.out_trade_no],
    ['amount.refund', refund.amount.refund, amount.refund],
    ['amount.total', refund.amount.total, amount.total],
    ['amount.currency', refund.amount.currency, amount.currency],
  ];
  for (const [field, found, wanted] of pairs)
    if (found !== undefined && wanted !== undefined && found !== wanted)
      return { field, found: String(found), wanted: String(wanted) };
  return undefined;
}

export interface RefundDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Without one nothing is recorded; the number alone keeps the refund single. */
  readonly journal?: Pick<Journal, 'find' | 'recordIntent' | 'recordOutcome'>;
}

export interface RefundOnceOptions {
  /**
   * `always` (default): ask for the number before sending. `journal`: only if the journal knows the number; for callers that
   * have just asked. Sending under a number that was used refunds nothing twice either way.
   */
  readonly look?: 'always' | 'journal';
  /** How often an unknown outcome is asked about, and the request repeated; default 4. */
  readonly rounds?: number;
  /** Milliseconds before each question, first to last; the last one repeats. Default 1, 2, 4, 8 s. */
  readonly pauses?: readonly number[];
  /** Ends the asking, and what is under way. */
  readonly signal?: AbortSignal;
  /** Told of every try that gave no usable answer, also of those that are resolved afterwards: a 429 slows a batch down. */
  readonly onTrouble?: (error: WxpayError) => void;
}

export interface RefundResult {
  /**
   * - `accepted`: this call's request was taken.
   * - `existing`: the number was used before, for the same refund; nothing was sent.
   * - `adopted`: a request of this call got no usable answer, and the refund was found by its number.
   */
  readonly result: 'accepted' | 'existing' | 'adopted';
  readonly refund: Refund;
  /** Why the outcome could not be written to the journal. The intent is there, so `refund resume` finds it. */
  readonly unrecorded?: WxpayError;
}

/**
 * Refunds once, whatever happens and however often it is called with the same intent.
 *
 * 1. An open intent of the journal under this number with another order or amount stops it (`REFUND_UNRESOLVED`): what was
 *    sent earlier has to be resolved first.
 * 2. The number is asked for. Found: the same refund is returned as `existing`, another one is `REFUND_DIFFERS`.
 * 3. The intent goes to the disk; if it cannot, nothing is sent.
 * 4. The bytes are sent. A lost, unverifiable or doubtful answer (also 429, which may mean "in progress"), and one that is
 *    about something else, are resolved by asking for the number with growing pauses. Not found: the same bytes again.
 * 5. Still open: `OUTCOME_UNKNOWN`, whose `next` is the command that asks.
 *
 * @throws WxpayError `REFUND_DIFFERS`, `REFUND_UNRESOLVED`; `FILE_UNWRITABLE` (not sent); `OUTCOME_UNKNOWN`; `API_REFUSED`, `CREDENTIALS_REFUSED`,
 *   `NOT_FOUND` (the order) with outcome `rejected`; network errors with outcome `not_sent`; the error of the first question
 */
export async function refundOnce(
  deps: RefundDeps,
  intent: RefundIntent,
  options: RefundOnceOptions = {},
): Promise<RefundResult> {
  const { journal } = deps;
  const { out_refund_no } = intent;
  const earlier = await journal?.find(out_refund_no);
  /** Something may have been sent under this number, by this call or before it, and nobody knows what came of it. */
  let doubtful = earlier?.state === 'open';
  if (earlier !== undefined && doubtful) {
    const difference = differenceOf(contentOf(earlier), intent);
    if (difference !== undefined)
      throw new WxpayError('REFUND_UNRESOLVED', {
        params: { out_refund_no, ...difference },
        outcome: 'unknown',
        next: ['refund', 'resume'],
      });
  }

  /** WeChat Pay itself said, before anything was sent, that it does not know the number. */
  let absent = false;
  if (earlier !== undefined || (options.look ?? 'always') === 'always') {
    try {
      const found = await ask(deps, intent, options);
      return await finish(deps, intent, 'existing', found, earlier === undefined);
    } catch (error) {
      if (isWxpayError(error, 'REFUND_DIFFERS')) {
        // Whatever was sent earlier cannot take effect any more: the number is another refund's.
        if (doubtful) await record(deps, intent, { result: 'refused', code: error.code });
        throw error;
      }
      if (!isWxpayError(error, 'NOT_FOUND')) throw doubtful ? unresolved(out_refund_no, error) : notSent(error);
      absent = isTrustedNotFound(error);
    }
  }

  await journal?.recordIntent(journalled(intent));
  const { rounds = 4, pauses = defaultPauses } = options;
  for (let asked = 0; ;) {
    let trouble: unknown;
    try {
      const refund = await send(deps, intent, options);
      return await finish(deps, intent, 'accepted', refund, false);
    } catch (error) {
      trouble = error;
      if (error instanceof WxpayError) options.onTrouble?.(error);
    }
    const meaning = meaningOf(trouble);
    if (meaning !== 'unknown' && !doubtful) {
      if (meaning === 'not_sent' || absent || !mayConcealAnother(trouble))
        return await fail(deps, intent, meaning, trouble);
      // Refused for what it says: perhaps because the number was used for something else.
      let found: Refund;
      try {
        found = await ask(deps, intent, options);
      } catch (error) {
        return await fail(deps, intent, meaning, isWxpayError(error, 'REFUND_DIFFERS') ? error : trouble);
      }
      return await finish(deps, intent, 'existing', found, false);
    }
    doubtful = true;

    let found: Refund | undefined;
    for (let known = true; known;) {
      const pause = pauses[Math.min(asked, pauses.length - 1)] ?? 0;
      if (asked >= rounds) return await fail(deps, intent, 'unknown', trouble);
      asked += 1;
      try {
        await deps.clock.sleep(pause, options.signal);
        found = await ask(deps, intent, options);
        known = false;
      } catch (error) {
        if (isWxpayError(error, 'REFUND_DIFFERS')) return await fail(deps, intent, 'rejected', error);
        if (options.signal?.aborted === true) return await fail(deps, intent, 'unknown', interruption(error, trouble));
        // The repetition was refused, and WeChat Pay knows no such refund: nothing was done under this number. Should the first
        // request still arrive after all this, the next run finds it by the same number.
        if (meaning === 'rejected' && isTrustedNotFound(error) && !(trouble as WxpayError).unsigned)
          return await fail(deps, intent, 'rejected', trouble);
        if (isWxpayError(error, 'NOT_FOUND')) known = false;
        else if (error instanceof WxpayError) options.onTrouble?.(error);
      }
    }
    if (found !== undefined) return await finish(deps, intent, 'adopted', found, false);
  }
}

const defaultPauses: readonly number[] = [1_000, 2_000, 4_000, 8_000];

/** The POST, and an answer that is about what was sent. */
async function send(deps: RefundDeps, intent: RefundIntent, options: RefundOnceOptions): Promise<Refund> {
  const request = withSignal(refundRequest(intent), options.signal);
  const response = await settle(request, () => deps.transport(request));
  return believed(() => {
    const refund = readRefund(response, intent.out_refund_no);
    const difference = differenceOf(refund, intent);
    if (difference !== undefined) throw mismatch(response, difference);
    return refund;
  });
}

/** Reads the signed answer of a write: what does not fit leaves its outcome unknown (THREATS C4). */
function believed(read: () => Refund): Refund {
  try {
    return read();
  } catch (error) {
    throw error instanceof WxpayError ? unknownBecause(error) : error;
  }
}

/** The refund under the intent's number. @throws `REFUND_DIFFERS` when it is another one; what `queryRefund` throws */
async function ask(deps: RefundDeps, intent: RefundIntent, options: RefundOnceOptions): Promise<Refund> {
  const refund = await queryRefund(deps.transport, intent.party, intent.out_refund_no, options.signal);
  const difference = differenceOf(refund, intent);
  if (difference !== undefined) throw differs(intent.out_refund_no, difference);
  return refund;
}

/** What a failed POST means: `not_sent` also covers what stopped it before it began. */
function meaningOf(trouble: unknown): 'unknown' | 'rejected' | 'not_sent' {
  if (!(trouble instanceof WxpayError)) return 'not_sent';
  return trouble.outcome === 'unknown' || trouble.outcome === 'rejected' ? trouble.outcome : 'not_sent';
}

/** `INVALID_REQUEST` is also what a number that was used for another refund gets (states.md 3.2). */
function mayConcealAnother(trouble: unknown): boolean {
  return trouble instanceof WxpayError && normaliseCode(trouble.wechat?.code ?? '') === 'INVALIDREQUEST';
}

async function finish(
  deps: RefundDeps,
  intent: RefundIntent,
  result: RefundResult['result'],
  refund: Refund,
  unknownToJournal: boolean,
): Promise<RefundResult> {
  const outcome: Omit<RefundOutcome, 'out_refund_no'> = {
    result: result === 'accepted' ? 'accepted' : 'adopted',
    status: refund.status,
    refund_id: refund.refund_id,
  };
  try {
    // What another machine refunded belongs to what is known of the order.
    if (unknownToJournal) await deps.journal?.recordIntent(journalled(intent));
    await deps.journal?.recordOutcome({ out_refund_no: intent.out_refund_no, ...outcome });
    return { result, refund };
  } catch (error) {
    // The refund is a fact, whatever the disk does.
    if (error instanceof WxpayError) return { result, refund, unrecorded: error };
    throw error;
  }
}

async function fail(
  deps: RefundDeps,
  intent: RefundIntent,
  meaning: 'unknown' | 'rejected' | 'not_sent',
  trouble: unknown,
): Promise<never> {
  const error = trouble instanceof WxpayError ? trouble : undefined;
  await record(deps, intent, {
    result: meaning === 'rejected' ? 'refused' : meaning,
    ...(error === undefined ? {} : { code: error.code }),
    ...(error?.wechat === undefined ? {} : { wechat_code: error.wechat.code, wechat_message: error.wechat.message }),
    ...(error?.httpStatus === undefined ? {} : { http_status: error.httpStatus }),
    ...(error?.requestId === undefined ? {} : { request_id: error.requestId }),
    ...(error?.unsigned === true ? { unsigned: true } : {}),
  });
  if (meaning === 'unknown') throw unresolved(intent.out_refund_no, trouble);
  throw meaning === 'rejected' ? refusal(intent, error as WxpayError) : notSent(trouble);
}

/** Never throws: without it the intent stands open, which is the careful reading. */
async function record(
  deps: RefundDeps,
  intent: RefundIntent,
  outcome: Omit<RefundOutcome, 'out_refund_no'>,
): Promise<void> {
  try {
    await deps.journal?.recordOutcome({ out_refund_no: intent.out_refund_no, ...outcome });
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
  }
}

/** WeChat Pay's refusal, with what to do about it. */
function refusal(intent: RefundIntent, error: WxpayError): WxpayError {
  const hints: Readonly<Record<string, string>> = {
    NOTENOUGH: 'refund.hint.not_enough',
    USERACCOUNTABNORMAL: 'refund.hint.user_account',
    RESOURCENOTEXISTS: 'refund.hint.order_unknown',
  };
  const hint = hints[normaliseCode(error.wechat?.code ?? '')];
  const { transaction_id, out_trade_no } = intent.order;
  const params = { ...error.params, what: out_trade_no ?? transaction_id ?? '', out_refund_no: intent.out_refund_no };
  return error.with({ params, ...(hint === undefined ? {} : { hint }) });
}

function differs(out_refund_no: string, difference: Difference): WxpayError {
  return new WxpayError('REFUND_DIFFERS', {
    params: { out_refund_no, ...difference },
    outcome: 'rejected',
    next: ['refund', 'query', out_refund_no],
  });
}

/** A refund that was or may have been sent, and whose result is not known, with the command that asks. */
function unresolved(out_refund_no: string, cause: unknown): WxpayError {
  const next = ['refund', 'query', out_refund_no];
  if (!(cause instanceof WxpayError)) {
    const reason = cause instanceof Error ? cause.name : 'error';
    return new WxpayError('OUTCOME_UNKNOWN', { params: { reason }, outcome: 'unknown', next, cause });
  }
  return (cause.code === 'OUTCOME_UNKNOWN' ? cause : unknownBecause(cause)).with({ next });
}

/** This call sent nothing. */
function notSent(error: unknown): unknown {
  return error instanceof WxpayError ? error.with({ outcome: 'not_sent' }) : error;
}

/** An interruption says more than the trouble before it, and has its own exit code. */
function interruption(error: unknown, trouble: unknown): unknown {
  return error instanceof WxpayError ? trouble : error;
}

function contentOf({ intent }: RefundRecord): Content {
  const { transaction_id, out_trade_no, refund, total, currency } = intent;
  return { transaction_id, out_trade_no, amount: { refund, total, currency } };
}

/** What the journal holds of an intent. */
function journalled(intent: RefundIntent): Intent {
  const { party, out_refund_no, order, amount, body, row, ref, batch_id } = intent;
  return {
    out_refund_no,
    ...(row === undefined ? {} : { row }),
    ...(ref === undefined ? {} : { ref }),
    ...(batch_id === undefined ? {} : { batch_id }),
    ...(party.kind === 'partner' ? { sub_mchid: party.sub_mchid } : {}),
    ...order,
    ...amount,
    body: Buffer.from(body).toString('utf8'),
  };
}

/** Which order a journal is asked about. */
type OfOrder = RefundIntent['order'];

/**
 * Refuses while an earlier refund of the order, under another number, is unresolved: money may have moved, and how much is
 * left is not known (DESIGN section 6).
 *
 * @throws WxpayError `REFUND_UNRESOLVED` naming it
 */
export async function requireResolved(
  journal: Pick<JournalReader, 'recordsOf'>,
  order: OfOrder,
  out_refund_no: string,
): Promise<void> {
  for await (const { intent, state } of journal.recordsOf(order))
    if (state === 'open' && intent.out_refund_no !== out_refund_no)
      throw new WxpayError('REFUND_UNRESOLVED', {
        params: { out_refund_no: intent.out_refund_no },
        outcome: 'not_sent',
        next: ['refund', 'resume'],
      });
}

/**
 * How much of an order this machine knows to be refunded or on its way, in fen, besides the refund with the given number.
 * WeChat Pay gives no list of an order's refunds, so refunds made elsewhere are not in it; its refusal of too much stands
 * behind it. Refunds that were not final when last seen are asked about again, since a closed one gave its money back.
 *
 * @throws WxpayError `REFUND_UNRESOLVED`; what `queryRefund` throws
 */
export async function refundedOf(
  transport: Transport,
  party: Party,
  journal: Pick<JournalReader, 'recordsOf'>,
  order: OfOrder,
  out_refund_no: string,
): Promise<number> {
  await requireResolved(journal, order, out_refund_no);
  let sum = 0;
  for await (const { intent, outcome, state } of journal.recordsOf(order)) {
    if (intent.out_refund_no === out_refund_no || state === 'refused' || state === 'not_sent') continue;
    const status =
      state === 'final' ? outcome?.status : (await queryRefund(transport, party, intent.out_refund_no)).status;
    if (status !== 'CLOSED') sum += intent.refund;
  }
  return sum;
}

export interface ResumeDeps extends RefundDeps {
  readonly journal: Pick<Journal, 'find' | 'recordIntent' | 'recordOutcome'>;
  /** The merchant that signs. */
  readonly mchid: string;
}

/**
 * Resolves one record of the journal: an `open` one by `refundOnce` with the bytes of its intent (it asks first), a `pending`
 * one by asking how far it is.
 *
 * @throws WxpayError what `refundOnce` and `queryRefund` throw, `REFUND_DIFFERS`
 */
export async function resumeRefund(
  deps: ResumeDeps,
  record: RefundRecord,
  options: RefundOnceOptions = {},
): Promise<RefundResult> {
  const intent = intentOf(record, deps.mchid);
  if (record.state !== 'pending') return refundOnce(deps, intent, options);
  const refund = await ask(deps, intent, options);
  if (refund.status === record.outcome?.status) return { result: 'existing', refund };
  return finish(deps, intent, 'existing', refund, false);
}

export interface RefundWatch {
  /** Milliseconds between looks, first to last; the last one repeats. */
  readonly intervals: readonly number[];
  /** Milliseconds after which watching ends without a final state. */
  readonly limit: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Told of every state that differs from the one before. */
  readonly onChange?: (refund: Refund) => void;
  /** Runs what waits for the next change: where feedback is shown meanwhile. */
  readonly meanwhile?: <T>(refund: Refund, wait: () => Promise<T>) => Promise<T>;
}

/** Every minute for five minutes, then ever slower (protocol 10). */
export const liveRefundIntervals: readonly number[] = [
  60_000, 60_000, 60_000, 60_000, 60_000, 300_000, 600_000, 1_200_000, 1_800_000,
];

/**
 * Asks until the refund is `SUCCESS`, `CLOSED` or `ABNORMAL`. Once the refund is known, trouble with a question only means
 * asking again later.
 *
 * @param known where to begin; without it the first question must be answered
 * @throws WxpayError `NOT_FINAL` when `limit` is over; what `queryRefund` throws, while nothing is known
 */
export async function watchRefund(
  transport: Transport,
  party: Party,
  out_refund_no: string,
  watch: RefundWatch,
  known?: Refund,
): Promise<Refund> {
  const start = watch.clock.monotonic();
  const meanwhile = watch.meanwhile ?? (async (_refund, wait) => wait());
  let look = 0;
  const nextChange = async (before: Refund): Promise<Refund> => {
    for (;;) {
      const pause = watch.intervals[Math.min(look, watch.intervals.length - 1)] ?? 60_000;
      if (watch.clock.monotonic() - start + pause > watch.limit)
        throw new WxpayError('NOT_FINAL', {
          params: { what: out_refund_no, state: before.status },
          next: ['refund', 'query', out_refund_no],
        });
      await watch.clock.sleep(pause, watch.signal);
      look += 1;
      const next = await lookAgain(transport, party, out_refund_no, watch, before);
      if (next.status !== before.status) return next;
    }
  };
  let last = known;
  if (last === undefined) {
    last = await lookAgain(transport, party, out_refund_no, watch, undefined);
    watch.onChange?.(last);
  }
  while (!settledStates.has(last.status)) {
    const before: Refund = last;
    last = await meanwhile(before, async () => nextChange(before));
    watch.onChange?.(last);
  }
  return last;
}

async function lookAgain(
  transport: Transport,
  party: Party,
  out_refund_no: string,
  watch: RefundWatch,
  last: Refund | undefined,
): Promise<Refund> {
  try {
    const refund = await queryRefund(transport, party, out_refund_no, watch.signal);
    if (last !== undefined && refund.refund_id !== last.refund_id)
      throw new WxpayError('ANSWER_MISMATCH', {
        params: { field: 'refund_id', found: refund.refund_id, wanted: last.refund_id },
      });
    return refund;
  } catch (error) {
    const passing = error instanceof WxpayError && ['network', 'throttled', 'verification'].includes(error.category);
    if (last === undefined || !passing || watch.signal?.aborted === true) throw error;
    return last;
  }
}

/** Reads a refund and binds it to its number. */
function readRefund(response: ApiResponse, out_refund_no: string): Refund {
  const answer = parsed(response);
  if (!isObject(answer)) throw malformed(response, 'no JSON object');
  if (answer['out_refund_no'] !== out_refund_no)
    throw mismatch(response, { field: 'out_refund_no', found: String(answer['out_refund_no']), wanted: out_refund_no });
  for (const field of ['refund_id', 'transaction_id', 'out_trade_no', 'status'])
    if (typeof answer[field] !== 'string' || answer[field] === '') throw malformed(response, `no ${field}`);
  const { amount } = answer;
  if (!isObject(amount)) throw malformed(response, 'no amount');
  for (const field of ['refund', 'total']) {
    const value = amount[field];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw malformed(response, `amount.${field} is no whole number of fen`);
  }
  return answer as unknown as Refund;
}

function parsed(response: ApiResponse): unknown {
  try {
    return parseJson(response.body);
  } catch (error) {
    throw error instanceof WxpayError ? error.with({ httpStatus: response.status, ...idOf(response) }) : error;
  }
}

function mismatch(response: ApiResponse, { field, found, wanted }: Difference): WxpayError {
  return new WxpayError('ANSWER_MISMATCH', { params: { field, found, wanted }, ...idOf(response) });
}

function malformed(response: ApiResponse, reason: string): WxpayError {
  return new WxpayError('ANSWER_MALFORMED', { params: { reason }, httpStatus: response.status, ...idOf(response) });
}

function idOf(response: ApiResponse): { requestId?: string } {
  return response.requestId === undefined ? {} : { requestId: response.requestId };
}

function withSignal(request: ApiRequest, signal: AbortSignal | undefined): ApiRequest {
  return signal === undefined ? request : { ...request, signal };
}

/** What `apply-abnormal-refund` wants; account and name already encrypted for WeChat Pay. */
export interface AbnormalParts {
  readonly party: Party;
  /** WeChat Pay's number of the refund. */
  readonly refund_id: string;
  readonly out_refund_no: string;
  readonly type: AbnormalType;
  readonly bank_type?: string;
  /** base64 of the RSA-OAEP ciphertext. */
  readonly bank_account?: string;
  /** base64 of the RSA-OAEP ciphertext. */
  readonly real_name?: string;
  /** Id of the key that encrypted them. */
  readonly serial?: string;
}

/**
 * The request that sends an abnormal refund to a bank card (endpoints.md 6.3). It is never repeated by the transport.
 *
 * @throws WxpayError `INPUT_INVALID` naming the field, `PATH_INVALID`
 */
export function abnormalRequest(parts: AbnormalParts): ApiRequest {
  const { party, refund_id, out_refund_no, type, bank_type, bank_account, real_name, serial } = parts;
  const body = {
    ...(party.kind === 'partner' ? { sub_mchid: party.sub_mchid } : {}),
    out_refund_no,
    type,
    ...(bank_type === undefined ? {} : { bank_type }),
    ...(bank_account === undefined ? {} : { bank_account }),
    ...(real_name === undefined ? {} : { real_name }),
  };
  requireFields(abnormalFields(party.kind === 'partner', type), body);
  return {
    method: 'POST',
    target: buildTarget('/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund', {
      refund_id: { value: refund_id, pattern: /[0-9A-Za-z]{1,32}/ },
    }),
    body: Buffer.from(JSON.stringify(body)),
    effect: 'write',
    ...(serial === undefined ? {} : { headers: { 'wechatpay-serial': serial } }),
  };
}

/**
 * Looks at an abnormal refund before anything is done about it.
 *
 * @throws WxpayError `ANSWER_MISMATCH` for another refund_id, `INPUT_INVALID` when it is not ABNORMAL; what `queryRefund` throws
 */
export async function lookUpAbnormal(
  transport: Transport,
  party: Party,
  { refund_id, out_refund_no }: Pick<AbnormalParts, 'refund_id' | 'out_refund_no'>,
): Promise<Refund> {
  const refund = await queryRefund(transport, party, out_refund_no);
  const fault = (field: string, reason: string, params: Record<string, string>): WxpayError =>
    new WxpayError('INPUT_INVALID', {
      params: { field, reason: `key:reason.${reason}`, ...params },
      outcome: 'not_sent',
    });
  if (refund.refund_id !== refund_id) throw fault('refund_id', 'refund_id_other', { found: refund.refund_id });
  if (refund.status !== 'ABNORMAL') throw fault('refund_id', 'not_abnormal', { state: refund.status });
  return refund;
}

/**
 * Sends an abnormal refund to a bank card. A lost or unverifiable answer is settled by asking for the refund: it is not
 * ABNORMAL any more, or the outcome stays unknown.
 *
 * @throws WxpayError `OUTCOME_UNKNOWN`; refusals
 */
export async function applyAbnormal(
  deps: Pick<RefundDeps, 'transport' | 'clock'>,
  parts: AbnormalParts,
  options: RefundOnceOptions = {},
): Promise<Refund> {
  const { rounds = 4, pauses = defaultPauses, signal } = options;
  const { out_refund_no, party } = parts;
  const request = withSignal(abnormalRequest(parts), signal);
  let trouble: unknown;
  try {
    const response = await settle(request, () => deps.transport(request));
    return believed(() => readRefund(response, out_refund_no));
  } catch (error) {
    if (meaningOf(error) !== 'unknown') throw error;
    trouble = error;
  }
  for (let asked = 0; asked < rounds; asked += 1) {
    try {
      await deps.clock.sleep(pauses[Math.min(asked, pauses.length - 1)] ?? 0, signal);
      const refund = await queryRefund(deps.transport, party, out_refund_no, signal);
      if (refund.status !== 'ABNORMAL') return refund;
    } catch (error) {
      if (signal?.aborted === true) throw unresolved(out_refund_no, interruption(error, trouble));
    }
  }
  throw unresolved(out_refund_no, trouble);
}
