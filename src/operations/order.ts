/**
 * Orders: prepay, query, close (endpoints.md 2 to 5). Data in, data out; nothing is printed here.
 *
 * Every request is built by a `…Request` function, so that a dry run can show exactly what would be sent.
 */
import { isWxpayError, WxpayError } from '../core/errors.ts';
import type { ApiRequest, ApiResponse, Clock, Transport } from '../core/ports.ts';
import { buildTarget, requireOutTradeNo, requireTransactionId } from '../core/wire/target.ts';
import { isObject, requireFields } from './fields.ts';
import { malformed, objectOf, requireSame, sent, unknownOutcome } from './order-exchange.ts';
import { directFields, partnerFields, type TradeType } from './order-fields.ts';

/** Who calls: a merchant for itself, or a service provider for a sub-merchant. */
export type Party =
  | { readonly kind: 'direct'; readonly mchid: string }
  | { readonly kind: 'partner'; readonly sp_mchid: string; readonly sub_mchid: string };

/** An order is named by one of two numbers. */
export type OrderNumber = { readonly out_trade_no: string } | { readonly transaction_id: string };

/** The answer of an order query, as the API gives it; only what we rely on is typed. */
export interface Order {
  readonly out_trade_no: string;
  readonly transaction_id?: string;
  readonly trade_state: string;
  readonly trade_state_desc?: string;
  readonly [field: string]: unknown;
}

export interface Prepaid {
  readonly prepay_id?: string;
  readonly code_url?: string;
  readonly h5_url?: string;
}

/** The states that do not change by themselves any more (states.md 1). */
export const finalStates: ReadonlySet<string> = new Set(['SUCCESS', 'REFUND', 'CLOSED', 'REVOKED', 'PAYERROR']);

/**
 * Tells the two numbers apart by form: a transaction_id is 28 digits beginning with 4 or 1 (`4200…` today, `1…` in older
 * documents, states.md 6). An out_trade_no of that very form must be forced by the caller.
 */
export function orderNumber(text: string): OrderNumber {
  return /^[41]\d{27}$/.test(text) ? { transaction_id: text } : { out_trade_no: text };
}

/** How messages and follow-up commands name an order. */
export function numberOf(number: OrderNumber): string {
  return 'out_trade_no' in number ? number.out_trade_no : number.transaction_id;
}

/**
 * The prepay request.
 *
 * @param body with `appid`/`mchid` (or the partner's `sp_…`/`sub_…`) already in place
 * @throws WxpayError `INPUT_INVALID` naming the field
 */
export function createRequest(
  type: TradeType,
  party: Party,
  body: Record<string, unknown>,
  unknown: 'refuse' | 'allow' = 'refuse',
): ApiRequest {
  const partner = party.kind === 'partner';
  requireFields(partner ? partnerFields(type) : directFields(type), body, unknown);
  if (partner && type === 'jsapi') requireOneOpenid(body);
  return {
    method: 'POST',
    target: buildTarget(`/v3/pay/${partner ? 'partner/' : ''}transactions/${type}`, {}),
    body: Buffer.from(JSON.stringify(body)),
    effect: 'prepay',
  };
}

/** A service provider's payer is named by exactly one openid, and `sub_openid` needs `sub_appid` (endpoints.md 3). */
function requireOneOpenid(body: Record<string, unknown>): void {
  const payer = isObject(body['payer']) ? body['payer'] : {};
  const fault = (field: string, reason: string): never => {
    throw new WxpayError('INPUT_INVALID', { params: { field, reason: `key:reason.${reason}` }, outcome: 'not_sent' });
  };
  if (payer['sp_openid'] === undefined && payer['sub_openid'] === undefined) fault('payer.sub_openid', 'missing');
  if (payer['sub_openid'] !== undefined && body['sub_appid'] === undefined) fault('sub_appid', 'missing');
}

/**
 * Places an order. Repeating it with identical parameters is safe and gives a fresh handle (states.md 2, A).
 *
 * @param next the command that asks what became of it
 * @returns `prepay_id` (jsapi, app; valid 2 h), `code_url` (native; 2 h) or `h5_url` (5 min)
 * @throws WxpayError `OUTCOME_UNKNOWN` when the answer is lost or does not verify; the order may exist
 */
export async function createOrder(
  transport: Transport,
  type: TradeType,
  request: ApiRequest,
  out_trade_no: string,
  next: readonly string[] = ['order', 'query', out_trade_no],
): Promise<Prepaid> {
  const response = await sent(transport, request, next).catch((error: unknown) => {
    // The number is in the body, where the transport does not look.
    throw isWxpayError(error, 'ORDER_PAID', 'ORDER_CLOSED')
      ? error.with({ params: { ...error.params, out_trade_no } })
      : error;
  });
  const answer = objectOf(response, 'unknown', next);
  const field = type === 'native' ? 'code_url' : type === 'h5' ? 'h5_url' : 'prepay_id';
  const handle = answer[field];
  if (typeof handle !== 'string' || handle === '') throw unknownOutcome(malformed(response, `no ${field}`), next);
  return { [field]: handle };
}

export function queryRequest(party: Party, number: OrderNumber): ApiRequest {
  const base = party.kind === 'partner' ? '/v3/pay/partner/transactions' : '/v3/pay/transactions';
  const query: Record<string, string> =
    party.kind === 'partner' ? { sp_mchid: party.sp_mchid, sub_mchid: party.sub_mchid } : { mchid: party.mchid };
  const target =
    'out_trade_no' in number
      ? buildTarget(
          `${base}/out-trade-no/{out_trade_no}`,
          { out_trade_no: requireOutTradeNo(number.out_trade_no) },
          query,
        )
      : buildTarget(
          `${base}/id/{transaction_id}`,
          { transaction_id: requireTransactionId(number.transaction_id) },
          query,
        );
  return { method: 'GET', target, body: new Uint8Array(), effect: 'read' };
}

/**
 * Asks for an order.
 *
 * The signature covers neither URL nor request, so after verification the identifiers in the answer are compared with what
 * was asked (THREATS C4).
 *
 * @throws WxpayError `NOT_FOUND`, `ANSWER_MISMATCH`, `SIGNATURE_…`, network and refusal errors
 */
export async function queryOrder(transport: Transport, party: Party, number: OrderNumber): Promise<Order> {
  let response: ApiResponse;
  try {
    response = await sent(transport, queryRequest(party, number));
  } catch (error) {
    if (error instanceof WxpayError && error.code === 'NOT_FOUND')
      throw error.with({ params: { what: numberOf(number) } });
    throw error;
  }
  const answer = objectOf(response, 'no_effect');
  for (const [field, wanted] of Object.entries({ ...number, ...partyFields(party) }))
    requireSame(response, field, answer[field], wanted);
  if (typeof answer['trade_state'] !== 'string') throw malformed(response, 'no trade_state');
  if (typeof answer['out_trade_no'] !== 'string') throw malformed(response, 'no out_trade_no');
  const amount = answer['amount'];
  if (isObject(amount) && amount['total'] !== undefined && !isFen(amount['total']))
    throw malformed(response, 'amount.total is no whole number of fen');
  return answer as unknown as Order;
}

/** A whole number of fen, as amounts come in answers. */
export function isFen(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

export function closeRequest(party: Party, out_trade_no: string): ApiRequest {
  const base = party.kind === 'partner' ? '/v3/pay/partner/transactions' : '/v3/pay/transactions';
  return {
    method: 'POST',
    target: buildTarget(`${base}/out-trade-no/{out_trade_no}/close`, { out_trade_no: requireOutTradeNo(out_trade_no) }),
    body: Buffer.from(JSON.stringify(partyFields(party))),
    effect: 'close',
  };
}

export interface Closed {
  /** `closed`: this call closed it. `already_closed`: there was nothing to do, and nothing was sent. */
  readonly result: 'closed' | 'already_closed';
  readonly order: Order;
}

/**
 * Closes an unpaid order.
 *
 * It looks first, since closing a number that was never used burns it (states.md 2, F). The empty 204 proves nothing about
 * which order was closed (its signature covers no URL), so the result is confirmed by a query, and the same query settles
 * a lost or unverifiable answer.
 *
 * @throws WxpayError `NOT_FOUND` (nothing was sent), `ORDER_PAID`, `OUTCOME_UNKNOWN` when the confirming query fails too
 */
export async function closeOrder(transport: Transport, party: Party, out_trade_no: string): Promise<Closed> {
  const number = { out_trade_no };
  const before = await queryOrder(transport, party, number);
  if (before.trade_state === 'CLOSED' || before.trade_state === 'REVOKED')
    return { result: 'already_closed', order: before };
  if (isPaid(before)) throw paid(out_trade_no);
  const next = ['order', 'query', out_trade_no];
  let failure: unknown;
  try {
    await sent(transport, closeRequest(party, out_trade_no), next);
  } catch (error) {
    // A definite refusal or a request that never left is the answer; anything else is settled by asking.
    if (!(error instanceof WxpayError) || (error.outcome !== 'unknown' && error.category !== 'throttled'))
      throw refusedClose(error, out_trade_no);
    failure = error;
  }
  let after: Order;
  try {
    after = await queryOrder(transport, party, number);
  } catch (error) {
    throw unknownOutcome(failure ?? error, next);
  }
  if (after.trade_state === 'CLOSED') return { result: 'closed', order: after };
  if (isPaid(after)) throw paid(out_trade_no);
  // Not closed: the request either never arrived or has not been carried out yet; repeating is safe (re-entrant).
  if (failure !== undefined) throw failure;
  throw unknownOutcome(
    new WxpayError('ANSWER_MISMATCH', { params: { field: 'trade_state', found: after.trade_state, wanted: 'CLOSED' } }),
    next,
  );
}

/** Money has come in; whether some of it went back is another question. */
export function isPaid(order: { readonly trade_state: string }): boolean {
  return order.trade_state === 'SUCCESS' || order.trade_state === 'REFUND';
}

export function paid(out_trade_no: string): WxpayError {
  return new WxpayError('ORDER_PAID', { params: { out_trade_no }, outcome: 'rejected' });
}

/** A refusal to close, naming the number that the caller knows. */
export function refusedClose(error: unknown, out_trade_no: string): unknown {
  return error instanceof WxpayError && error.code === 'ORDER_PAID'
    ? error.with({ params: { ...error.params, out_trade_no } })
    : error;
}

export interface Watch<T = Order> {
  /** Milliseconds between looks, first to last; the last one repeats. */
  readonly intervals: readonly number[];
  /** Milliseconds after which watching ends without a final state. */
  readonly limit: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Told of every state that differs from the one before. */
  readonly onChange?: (order: T) => void;
  /** Runs what waits for the next change: where feedback is shown meanwhile. */
  readonly meanwhile?: <W>(order: T, wait: () => Promise<W>) => Promise<W>;
}

/** What is watched: how to ask, where the answer has its states, and which command asks again. */
export interface Watched<T> {
  readonly what: string;
  readonly next: readonly string[];
  ask(): Promise<T>;
  /** Of a combined order, one for each sub-order. */
  states(answer: T): readonly string[];
}

/**
 * Asks until the order is final.
 *
 * @throws WxpayError `NOT_FINAL` when `limit` is over
 */
export async function watchOrder(
  transport: Transport,
  party: Party,
  number: OrderNumber,
  watch: Watch,
): Promise<Order> {
  const what = numberOf(number);
  return watchUntilFinal(
    {
      what,
      next: ['order', 'query', what],
      ask: async () => queryOrder(transport, party, number),
      states: (order) => [order.trade_state],
    },
    watch,
  );
}

/** The same for anything that has states of orders. @throws WxpayError `NOT_FINAL` when `limit` is over */
export async function watchUntilFinal<T>(watched: Watched<T>, watch: Watch<T>): Promise<T> {
  const start = watch.clock.monotonic();
  const meanwhile = watch.meanwhile ?? (async (_answer, wait) => wait());
  const stateOf = (answer: T): string => watched.states(answer).join(', ');
  let look = 0;
  const nextChange = async (state: string): Promise<T> => {
    for (;;) {
      const pause = watch.intervals[Math.min(look, watch.intervals.length - 1)] ?? 5000;
      if (watch.clock.monotonic() - start + pause > watch.limit)
        throw new WxpayError('NOT_FINAL', { params: { what: watched.what, state }, next: watched.next });
      await watch.clock.sleep(pause, watch.signal);
      look += 1;
      const answer = await watched.ask();
      if (stateOf(answer) !== state) return answer;
    }
  };
  let answer = await watched.ask();
  for (;;) {
    watch.onChange?.(answer);
    if (watched.states(answer).every((state) => finalStates.has(state))) return answer;
    const state = stateOf(answer);
    answer = await meanwhile(answer, async () => nextChange(state));
  }
}

function partyFields(party: Party): Record<string, string> {
  return party.kind === 'partner' ? { sp_mchid: party.sp_mchid, sub_mchid: party.sub_mchid } : { mchid: party.mchid };
}
