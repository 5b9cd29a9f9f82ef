/**
 * Combined orders (endpoints.md 9): one payment for several sub-orders, which are placed, paid and closed together. Data in,
 * data out; nothing is printed here.
 */
import { isWxpayError, WxpayError } from '../core/errors.ts';
import type { ApiRequest, Transport } from '../core/ports.ts';
import { buildTarget, requireOutTradeNo } from '../core/wire/target.ts';
import { combineFields, subOrderLimits } from './combine-fields.ts';
import { isObject, requireFields } from './fields.ts';
import {
  createOrder,
  isFen,
  isPaid,
  paid,
  refusedClose,
  watchUntilFinal,
  type Party,
  type Prepaid,
  type Watch,
} from './order.ts';
import { malformed, objectOf, requireSame, sent, unknownOutcome } from './order-exchange.ts';
import type { TradeType } from './order-fields.ts';

/** A sub-order as a query gives it; only what we rely on is typed. */
export interface SubOrder {
  readonly mchid: string;
  readonly sub_mchid?: string;
  readonly sub_appid?: string;
  readonly out_trade_no: string;
  readonly transaction_id?: string;
  readonly trade_state: string;
  readonly amount?: {
    /** Fen. */
    readonly total_amount?: number;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** The answer of a combined query, as the API gives it. */
export interface CombinedOrder {
  readonly combine_out_trade_no: string;
  readonly combine_mchid: string;
  readonly combine_appid: string;
  readonly sub_orders: readonly SubOrder[];
  readonly [field: string]: unknown;
}

const base = '/v3/combine-transactions';

/** The command that asks for a combined order. */
export function askCombined(number: string): readonly string[] {
  return ['order', 'query', '--combine', number];
}

/** Who places the order and signs for it. */
export function combinerOf(party: Party): string {
  return party.kind === 'partner' ? party.sp_mchid : party.mchid;
}

/**
 * The prepay request.
 *
 * @param body whole, merchant numbers in place
 * @throws WxpayError `INPUT_INVALID` naming the field
 */
export function createCombinedRequest(
  type: TradeType,
  party: Party,
  body: Record<string, unknown>,
  unknown: 'refuse' | 'allow' = 'refuse',
): ApiRequest {
  requireFields(combineFields(type, party.kind === 'partner'), body, unknown);
  requireTogether(type, party, body);
  return {
    method: 'POST',
    target: buildTarget(`${base}/${type}`, {}),
    body: Buffer.from(JSON.stringify(body)),
    effect: 'prepay',
  };
}

/** The rules that no single field carries: how many, each number once, a payer for jsapi, the service provider's own number. */
function requireTogether(type: TradeType, party: Party, body: Record<string, unknown>): void {
  const fault = (field: string, reason: string, params: Readonly<Record<string, string | number>> = {}): never => {
    throw new WxpayError('INPUT_INVALID', {
      params: { ...params, field, reason: `key:reason.${reason}` },
      outcome: 'not_sent',
    });
  };
  const subOrders = (body['sub_orders'] as readonly Record<string, unknown>[]) ?? [];
  const { min, max } = subOrderLimits[party.kind];
  const count = subOrders.length;
  if (count < min) fault('sub_orders', 'too_few', { count, min });
  if (count > max) fault('sub_orders', 'too_many', { count, max });
  const seen = new Set<string>();
  for (const [index, sub] of subOrders.entries()) {
    const name = `${String(sub['mchid'])} ${String(sub['out_trade_no'])}`;
    if (seen.has(name)) fault(`sub_orders[${index}].out_trade_no`, 'twice');
    seen.add(name);
    if (party.kind === 'partner' && sub['mchid'] !== party.sp_mchid)
      fault(`sub_orders[${index}].mchid`, 'not_one_of', { values: party.sp_mchid });
  }
  if (body['combine_mchid'] !== combinerOf(party)) fault('combine_mchid', 'not_one_of', { values: combinerOf(party) });
  const payer = isObject(body['combine_payer_info']) ? body['combine_payer_info'] : {};
  if (type === 'jsapi' && payer['openid'] === undefined && payer['sub_openid'] === undefined)
    fault('combine_payer_info.openid', 'missing');
}

/** What the payer pays in all, in fen. */
export function combinedTotal(subOrders: readonly unknown[]): number {
  const totals = subOrders.map((sub) => (isObject(sub) && isObject(sub['amount']) ? sub['amount']['total_amount'] : 0));
  return totals.reduce<number>((sum, total) => sum + (typeof total === 'number' ? total : 0), 0);
}

/**
 * Places a combined order. Repeating it with identical parameters is safe and gives a fresh handle, as for single orders.
 *
 * @returns `prepay_id` (jsapi, app), `code_url` (native) or `h5_url`
 * @throws WxpayError `OUTCOME_UNKNOWN` when the answer is lost or does not verify; the order may exist
 */
export async function createCombined(
  transport: Transport,
  type: TradeType,
  request: ApiRequest,
  number: string,
): Promise<Prepaid> {
  return createOrder(transport, type, request, number, askCombined(number)).catch((error: unknown) => {
    throw combinedPaid(error);
  });
}

export function combinedQueryRequest(number: string): ApiRequest {
  const target = buildTarget(`${base}/out-trade-no/{combine_out_trade_no}`, {
    combine_out_trade_no: requireOutTradeNo(number),
  });
  return { method: 'GET', target, body: new Uint8Array(), effect: 'read' };
}

/**
 * Asks for a combined order; who placed it, its number and the form of its sub-orders are checked in the answer (THREATS C4).
 *
 * @throws WxpayError `NOT_FOUND`, `ANSWER_MISMATCH`, `ANSWER_MALFORMED`, network and refusal errors
 */
export async function queryCombined(transport: Transport, party: Party, number: string): Promise<CombinedOrder> {
  const response = await sent(transport, combinedQueryRequest(number)).catch((error: unknown) => {
    throw error instanceof WxpayError && error.code === 'NOT_FOUND' ? error.with({ params: { what: number } }) : error;
  });
  const answer = objectOf(response, 'no_effect');
  requireSame(response, 'combine_out_trade_no', answer['combine_out_trade_no'], number);
  requireSame(response, 'combine_mchid', answer['combine_mchid'], combinerOf(party));
  if (typeof answer['combine_appid'] !== 'string') throw malformed(response, 'no combine_appid');
  const subOrders = answer['sub_orders'];
  if (!Array.isArray(subOrders) || subOrders.length === 0) throw malformed(response, 'no sub_orders');
  for (const sub of subOrders as readonly unknown[]) {
    const missing = ['mchid', 'out_trade_no', 'trade_state'].find(
      (field) => !isObject(sub) || typeof sub[field] !== 'string',
    );
    if (!isObject(sub) || missing !== undefined) throw malformed(response, `no sub_orders[].${missing}`);
    const amount = sub['amount'];
    if (isObject(amount) && amount['total_amount'] !== undefined && !isFen(amount['total_amount']))
      throw malformed(response, 'sub_orders[].amount.total_amount is no whole number of fen');
  }
  return answer as unknown as CombinedOrder;
}

/** Asks until every sub-order is final. @throws WxpayError `NOT_FINAL` when the limit is over */
export async function watchCombined(
  transport: Transport,
  party: Party,
  number: string,
  watch: Watch<CombinedOrder>,
): Promise<CombinedOrder> {
  return watchUntilFinal(
    {
      what: number,
      next: askCombined(number),
      ask: async () => queryCombined(transport, party, number),
      states: (combined) => combined.sub_orders.map((sub) => sub.trade_state),
    },
    watch,
  );
}

/** The close of a combined order repeats its sub-orders, exactly as they were placed. */
export function closeCombinedRequest(combined: CombinedOrder): ApiRequest {
  const body = {
    combine_appid: combined.combine_appid,
    sub_orders: combined.sub_orders.map(({ mchid, sub_mchid, sub_appid, out_trade_no }) => ({
      mchid,
      ...(sub_mchid === undefined ? {} : { sub_mchid }),
      ...(sub_appid === undefined ? {} : { sub_appid }),
      out_trade_no,
    })),
  };
  return {
    method: 'POST',
    target: buildTarget(`${base}/out-trade-no/{combine_out_trade_no}/close`, {
      combine_out_trade_no: requireOutTradeNo(combined.combine_out_trade_no),
    }),
    body: Buffer.from(JSON.stringify(body)),
    effect: 'close',
  };
}

export interface CombinedClosed {
  /** `closed`: this call closed it. `already_closed`: there was nothing to do, and nothing was sent. */
  readonly result: 'closed' | 'already_closed';
  readonly order: CombinedOrder;
}

/**
 * Closes an unpaid combined order, all of it.
 *
 * As for single orders it looks first, since closing a number that was never used may burn it, and the look also gives the
 * sub-orders that the close has to repeat. The empty 204 is confirmed by a query, which also settles a lost answer.
 *
 * @throws WxpayError `NOT_FOUND` (nothing was sent), `ORDER_PAID`, `OUTCOME_UNKNOWN` when the confirming query fails too
 */
export async function closeCombined(transport: Transport, party: Party, number: string): Promise<CombinedClosed> {
  const before = await queryCombined(transport, party, number);
  if (isClosed(before)) return { result: 'already_closed', order: before };
  if (before.sub_orders.some(isPaid)) throw combinedPaid(paid(number));
  const next = askCombined(number);
  let failure: unknown;
  try {
    await sent(transport, closeCombinedRequest(before), next);
  } catch (error) {
    if (!(error instanceof WxpayError) || (error.outcome !== 'unknown' && error.category !== 'throttled'))
      throw combinedPaid(refusedClose(error, number));
    failure = error;
  }
  let after: CombinedOrder;
  try {
    after = await queryCombined(transport, party, number);
  } catch (error) {
    throw unknownOutcome(failure ?? error, next);
  }
  if (isClosed(after)) return { result: 'closed', order: after };
  if (after.sub_orders.some(isPaid)) throw combinedPaid(paid(number));
  if (failure !== undefined) throw failure;
  const found = after.sub_orders.map((sub) => sub.trade_state).join(', ');
  const mismatch = new WxpayError('ANSWER_MISMATCH', { params: { field: 'trade_state', found, wanted: 'CLOSED' } });
  throw unknownOutcome(mismatch, next);
}

/** What is refunded are its sub-orders. */
function combinedPaid(error: unknown): unknown {
  return isWxpayError(error, 'ORDER_PAID') ? error.with({ hint: 'order.hint.combined_paid' }) : error;
}

function isClosed(combined: CombinedOrder): boolean {
  return combined.sub_orders.every((sub) => sub.trade_state === 'CLOSED');
}
