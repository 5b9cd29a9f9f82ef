/**
 * Payment by code (付款码) and its reversal (endpoints.md 10). Nobody is told how such a payment ends: whoever asked for it asks
 * on, and reverses what stays open. Data in, data out; nothing is printed here.
 */
import { isWxpayError, WxpayError } from '../core/errors.ts';
import type { ApiRequest, ApiResponse, Clock, Transport } from '../core/ports.ts';
import { buildTarget, requireOutTradeNo } from '../core/wire/target.ts';
import { isObject, requireFields, type Field, type Fields } from './fields.ts';
import { queryOrder, type Order, type Party } from './order.ts';
import { objectOf, requireSame, sent, unknownOutcome } from './order-exchange.ts';
import { outTradeNo, text } from './order-fields.ts';

/** 18 digits; what they begin with is left to WeChat Pay, which has not promised it (endpoints.md 10). */
export const authCodeForm = /^\d{18}$/;

const goods: Field = {
  type: 'object',
  fields: {
    merchant_goods_id: text(32, true),
    // Another name than in a prepay.
    wxpay_goods_id: text(32),
    goods_name: text(256),
    quantity: { type: 'integer', min: 1, required: true },
    unit_price: { type: 'integer', min: 0, required: true },
  },
};

/** The body of `POST /v3/pay/transactions/codepay` and of its service provider twin. */
export function codepayFields(partner: boolean): Fields {
  const identity = partner
    ? { sp_appid: text(32, true), sp_mchid: text(32, true), sub_appid: text(32), sub_mchid: text(32, true) }
    : { appid: text(32, true), mchid: text(32, true) };
  return {
    ...identity,
    description: text(127, true),
    out_trade_no: outTradeNo,
    attach: text(128),
    goods_tag: text(32),
    support_fapiao: { type: 'boolean' },
    payer: {
      type: 'object',
      required: true,
      fields: { auth_code: { type: 'string', required: true, pattern: authCodeForm, form: 'form_auth_code' } },
    },
    amount: {
      type: 'object',
      required: true,
      fields: { total: { type: 'integer', min: 1, required: true }, currency: { type: 'string', values: ['CNY'] } },
    },
    scene_info: {
      type: 'object',
      required: true,
      fields: {
        device_id: text(32),
        device_ip: { type: 'string', max: 45, pattern: /^[0-9A-Fa-f.:]+$/, form: 'form_ip' },
        store_info: { type: 'object', required: true, fields: { id: text(32), out_id: text(32) } },
      },
    },
    detail: {
      type: 'object',
      maxBytes: 6144,
      fields: {
        cost_price: { type: 'integer', min: 0 },
        invoice_id: text(32),
        goods_detail: { type: 'list', required: true, item: goods, max: 6000 },
      },
    },
    settle_info: { type: 'object', fields: { profit_sharing: { type: 'boolean' } } },
  };
}

/**
 * The payment request. Its code is a bearer secret as long as it lives, and stays out of every trace.
 *
 * @throws WxpayError `INPUT_INVALID` naming the field, never the code
 */
export function codepayRequest(
  party: Party,
  body: Record<string, unknown>,
  unknown: 'refuse' | 'allow' = 'refuse',
): ApiRequest {
  const partner = party.kind === 'partner';
  requireFields(codepayFields(partner), body, unknown);
  const payer = isObject(body['payer']) ? body['payer'] : {};
  return {
    method: 'POST',
    target: buildTarget(`/v3/pay/${partner ? 'partner/' : ''}transactions/codepay`, {}),
    body: Buffer.from(JSON.stringify(body)),
    effect: 'write',
    secrets: [String(payer['auth_code'])],
  };
}

export interface CodepayWait {
  /** Milliseconds between questions: WeChat Pay's advice is 5 s. */
  readonly interval: number;
  /** Milliseconds after which whoever asks should reverse: the advice is 30 to 45 s. */
  readonly limit: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Told once that the payer has to act, or that the answer was lost, before the first question. */
  readonly onWait?: (why: 'user_paying' | 'unknown') => void;
}

/**
 * Takes a payment by code and sees it through: where the payer has to enter a password, and where the answer is lost, it asks by
 * the number until the payment has succeeded or failed. It never sends the payment twice.
 *
 * @returns the paid order
 * @throws WxpayError a refusal as it came; `PAYMENT_FAILED`; `NOT_FINAL` with the reversal as the next command, when the payer
 *   has not paid within the limit; `OUTCOME_UNKNOWN` with the query, when nobody could say whether there is a payment
 */
export async function payByCode(
  transport: Transport,
  party: Party,
  request: ApiRequest,
  order: { readonly out_trade_no: string; readonly total: number },
  wait: CodepayWait,
): Promise<Order> {
  const { out_trade_no } = order;
  const next = ['order', 'query', out_trade_no];
  let unknown: WxpayError | undefined;
  try {
    const response = await sent(transport, request, next);
    const paid = readPayment(response, party, order, next);
    if (paid !== undefined) return paid;
  } catch (error) {
    if (!isWxpayError(error) || error.outcome !== 'unknown') throw named(error, out_trade_no);
    unknown = error;
  }
  wait.onWait?.(unknown === undefined ? 'user_paying' : 'unknown');
  const start = wait.clock.monotonic();
  let state: string | undefined;
  do {
    await wait.clock.sleep(wait.interval, wait.signal);
    const found = await queryOrder(transport, party, { out_trade_no }).catch((error: unknown) => {
      // Not there yet, or nobody to ask: the next question may say more.
      if (isWxpayError(error)) return undefined;
      throw error;
    });
    if (found === undefined) continue;
    state = found.trade_state;
    if (state === 'SUCCESS' || state === 'REFUND') return found;
    if (state === 'PAYERROR' || state === 'REVOKED' || state === 'CLOSED') throw failed(out_trade_no, state);
  } while (wait.clock.monotonic() - start + wait.interval <= wait.limit);
  if (state === undefined)
    throw unknown ?? unknownOutcome(new WxpayError('NOT_FOUND', { params: { what: out_trade_no } }), next);
  throw new WxpayError('NOT_FINAL', {
    params: { what: out_trade_no, state, out_trade_no },
    hint: 'order.hint.reverse',
    next: ['order', 'reverse', out_trade_no],
    outcome: 'unknown',
  });
}

/** The paid order; `undefined` where the payer has to act first (202, or a 200 that says USERPAYING). */
function readPayment(
  response: ApiResponse,
  party: Party,
  { out_trade_no, total }: { readonly out_trade_no: string; readonly total: number },
  next: readonly string[],
): Order | undefined {
  if (response.status === 202) return undefined;
  const answer = objectOf(response, 'unknown', next);
  try {
    for (const [field, wanted] of Object.entries({ out_trade_no, ...partyFields(party) }))
      requireSame(response, field, answer[field], wanted);
    const amount = isObject(answer['amount']) ? answer['amount'] : {};
    if (answer['trade_state'] === 'SUCCESS')
      requireSame(response, 'amount.total', String(amount['total']), String(total));
  } catch (error) {
    throw unknownOutcome(error, next);
  }
  if (answer['trade_state'] === 'SUCCESS') return answer as unknown as Order;
  return undefined;
}

function failed(out_trade_no: string, state: string): WxpayError {
  return new WxpayError('PAYMENT_FAILED', {
    params: { out_trade_no, state },
    outcome: 'rejected',
    ...(state === 'PAYERROR' ? { next: ['order', 'reverse', out_trade_no] } : {}),
  });
}

/** The number is in the body, where the transport does not look. */
function named(error: unknown, out_trade_no: string): unknown {
  return isWxpayError(error, 'ORDER_PAID', 'ORDER_CLOSED')
    ? error.with({ params: { ...error.params, out_trade_no } })
    : error;
}

function partyFields(party: Party): Record<string, string> {
  return party.kind === 'partner' ? { sp_mchid: party.sp_mchid, sub_mchid: party.sub_mchid } : { mchid: party.mchid };
}

export interface ReverseParts {
  readonly party: Party;
  /** `appid`, or the service provider's. */
  readonly appid: string;
  readonly sub_appid?: string;
  readonly out_trade_no: string;
}

export function reverseRequest({ party, appid, sub_appid, out_trade_no }: ReverseParts): ApiRequest {
  const partner = party.kind === 'partner';
  const identity = partner
    ? { sp_appid: appid, ...(sub_appid === undefined ? {} : { sub_appid }), ...partyFields(party) }
    : { appid, ...partyFields(party) };
  return {
    method: 'POST',
    target: buildTarget(`/v3/pay/${partner ? 'partner/' : ''}transactions/out-trade-no/{out_trade_no}/reverse`, {
      out_trade_no: requireOutTradeNo(out_trade_no),
    }),
    body: Buffer.from(JSON.stringify(identity)),
    effect: 'write',
  };
}

/**
 * Reverses a payment by code: what is paid goes back to the payer, what is not can no longer be paid.
 *
 * The answer names the order, but only a query shows the state, so the result is confirmed by one; the same query settles a
 * lost answer. Repeating is safe: a reversed order stays so.
 *
 * @throws WxpayError a refusal as it came; `OUTCOME_UNKNOWN` with the query, when nobody could say what it came to
 */
export async function reverseOrder(transport: Transport, parts: ReverseParts): Promise<Order> {
  const { party, out_trade_no } = parts;
  const next = ['order', 'query', out_trade_no];
  let failure: WxpayError | undefined;
  try {
    const response = await sent(transport, reverseRequest(parts), next);
    const answer = objectOf(response, 'unknown', next);
    if (answer['out_trade_no'] !== undefined && answer['out_trade_no'] !== out_trade_no)
      requireSame(response, 'out_trade_no', answer['out_trade_no'], out_trade_no);
  } catch (error) {
    if (!isWxpayError(error)) throw error;
    // A mismatch comes after the reversal was sent.
    if (error.outcome !== 'unknown' && error.code !== 'ANSWER_MISMATCH') throw named(error, out_trade_no);
    failure = error;
  }
  let after: Order;
  try {
    after = await queryOrder(transport, party, { out_trade_no });
  } catch (error) {
    throw unknownOutcome(failure ?? error, next);
  }
  // Which of the two an unpaid order becomes is not documented (states.md 1).
  if (isReversed(after)) return after;
  const { trade_state: found } = after;
  const mismatch = new WxpayError('ANSWER_MISMATCH', { params: { field: 'trade_state', found, wanted: 'REVOKED' } });
  throw unknownOutcome(failure ?? mismatch, next);
}

/** Nothing is left to reverse. */
export function isReversed(order: Order): boolean {
  return order.trade_state === 'REVOKED' || order.trade_state === 'CLOSED';
}
