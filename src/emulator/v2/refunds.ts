/** APIv2 refunds: refund and refundquery; over the same book as APIv3's (protocol 11, states 3). */
import type { OrderBook } from '../orders.ts';
import { makeLimiter } from '../rate-limits.ts';
import type { Limiter } from '../rate-limits.ts';
import type { Refund, RefundBook, RefundRequest } from '../refunds.ts';
import { refuse } from '../reply.ts';
import type { Reply } from '../reply.ts';
import { beijingTime } from '../times.ts';
import type { V2Call } from './gateway.ts';
import { findOrder } from './orders.ts';
import { answerCall } from './reply.ts';
import { checkFields, checkParties, checkRefunds, lacking, refundQueryRules, refundRules, translate } from './rules.ts';
import type { V2Error } from './rules.ts';

/** APIv2's words for what becomes of a refund (protocol 11.4). */
const statuses = { PROCESSING: 'PROCESSING', SUCCESS: 'SUCCESS', ABNORMAL: 'CHANGE', CLOSED: 'REFUNDCLOSE' } as const;
const pageSize = 10;

export function makeRefundLimiter(): Limiter {
  return makeLimiter();
}

export function createRefund(call: V2Call, refunds: RefundBook, limiter: Limiter): Reply {
  const { merchant, party, now, fields } = call;
  const refusal = checkFields(call, refundRules) ?? checkAmounts(call) ?? checkParties(call) ?? checkRefunds(call);
  const act = (): Reply =>
    refusal === undefined ? refunds.create({ merchant, party, now }, requestOf(call)) : refused;
  // What is refused for its form counts as a failing call, too.
  const reply = refunds.settings().rate_limits ? limiter('create', merchant.mchid, now, act) : act();
  if (reply !== refused && reply.status !== 200) return answerCall(call, {}, translate(reply));
  const refund = refusal === undefined ? ownRefund(call, refunds, fields.get('out_refund_no') ?? '') : undefined;
  return refund === undefined ? answerCall(call, {}, refusal) : answerCall(call, describeAccepted(refund));
}

const refused = refuse(400, 'PARAM_ERROR', '', 268435461);

function checkAmounts({ fields }: V2Call): V2Error | undefined {
  if ((fields.get('transaction_id') ?? '') === '' && (fields.get('out_trade_no') ?? '') === '') {
    return lacking('transaction_id');
  }
  const more = Number(fields.get('refund_fee')) > Number(fields.get('total_fee'));
  return more ? { code: 'PARAM_ERROR', text: '退款金额大于订单金额' } : undefined;
}

function requestOf({ fields, party, subMchid }: V2Call): RefundRequest {
  const optional = (name: string): string | undefined => (fields.get(name) === '' ? undefined : fields.get(name));
  const transactionId = optional('transaction_id');
  const outTradeNo = optional('out_trade_no');
  const notifyUrl = optional('notify_url');
  const fromAvailable = fields.get('refund_account') === 'REFUND_SOURCE_RECHARGE_FUNDS';
  return {
    ...(party === 'partner' && subMchid !== undefined ? { sub_mchid: subMchid } : {}),
    ...(transactionId === undefined ? {} : { transaction_id: transactionId }),
    ...(outTradeNo === undefined ? {} : { out_trade_no: outTradeNo }),
    ...(notifyUrl === undefined ? {} : { notify_url: notifyUrl }),
    out_refund_no: fields.get('out_refund_no') ?? '',
    funds_account: fromAvailable ? 'AVAILABLE' : 'UNSETTLED',
    amount: { refund: Number(fields.get('refund_fee')), total: Number(fields.get('total_fee')) },
    v2: true,
  };
}

function ownRefund({ merchant, now }: V2Call, refunds: RefundBook, numberOrId: string): Refund | undefined {
  return refunds.find(numberOrId, now).find((refund) => refund.merchant.mchid === merchant.mchid);
}

function describeAccepted({ order, request, refundId }: Refund): Record<string, string> {
  const amount = String(request.amount.refund);
  const total = String(order.request.amount.total);
  return {
    transaction_id: order.payment.transactionId,
    out_trade_no: order.request.out_trade_no,
    out_refund_no: request.out_refund_no,
    refund_id: refundId,
    refund_fee: amount,
    settlement_refund_fee: amount,
    total_fee: total,
    settlement_total_fee: total,
    fee_type: 'CNY',
    cash_fee: total,
    cash_refund_fee: amount,
    coupon_refund_fee: '0',
    coupon_refund_count: '0',
  };
}

export function queryRefunds(call: V2Call, orders: OrderBook, refunds: RefundBook): Reply {
  const { fields } = call;
  const refusal = checkFields(call, refundQueryRules) ?? checkParties(call);
  if (refusal !== undefined) return answerCall(call, {}, refusal);
  const found = findRefunds(call, orders, refunds);
  if ('code' in found) return answerCall(call, {}, found);
  const offset = Number(fields.get('offset') ?? '0');
  const page = found.slice(offset, offset + pageSize);
  const [first] = found;
  if (first === undefined || page.length === 0) return answerCall(call, {}, missing);
  const { order } = first;
  const total = String(order.request.amount.total);
  return answerCall(call, {
    transaction_id: order.payment.transactionId,
    out_trade_no: order.request.out_trade_no,
    total_fee: total,
    settlement_total_fee: total,
    fee_type: 'CNY',
    cash_fee: total,
    total_refund_count: String(found.length),
    refund_count: String(page.length),
    ...Object.fromEntries(page.flatMap((refund, at) => describeNumbered(refund, at))),
  });
}

const missing: V2Error = { code: 'REFUNDNOTEXIST', text: '退款单不存在' };

/** By refund_id, out_refund_no, transaction_id or out_trade_no, the first that is given. */
function findRefunds(call: V2Call, orders: OrderBook, refunds: RefundBook): readonly Refund[] | V2Error {
  const { fields, subMchid, party, now } = call;
  const given = (name: string): string | undefined => (fields.get(name) === '' ? undefined : fields.get(name));
  const number = given('refund_id') ?? given('out_refund_no');
  if (number !== undefined) {
    const refund = ownRefund(call, refunds, number);
    const foreign = party === 'partner' && refund?.order.request.sub_mchid !== subMchid;
    return refund === undefined || foreign ? missing : [refund];
  }
  const order = findOrder(call, orders);
  if ('code' in order) return order.code === 'LACK_PARAMS' ? lacking('out_refund_no') : order;
  return [...refunds.all(now)].filter((refund) => refund.order === order);
}

function describeNumbered(refund: Refund, at: number): (readonly [string, string])[] {
  const { request, refundId, channel, account, status, successAt } = refund;
  const amount = String(request.amount.refund);
  const fields: Record<string, string> = {
    out_refund_no: request.out_refund_no,
    refund_id: refundId,
    refund_channel: channel === 'ORIGINAL' ? 'ORIGINAL' : 'OTHER_BANKCARD',
    refund_fee: amount,
    settlement_refund_fee: amount,
    coupon_refund_fee: '0',
    coupon_refund_count: '0',
    refund_status: statuses[status],
    refund_account: accountOf(refund),
    refund_recv_accout: account,
    ...(successAt === undefined ? {} : { refund_success_time: spacedTime(successAt) }),
  };
  return Object.entries(fields).map(([name, value]) => [`${name}_${at}`, value]);
}

/** The outcome as its callback tells it: what stands in `req_info` (protocol 11.4). */
export function describeRefundOutcome(refund: Refund): Record<string, string> {
  const { order, request, refundId, status, successAt, account } = refund;
  const amount = String(request.amount.refund);
  const total = String(order.request.amount.total);
  return {
    out_refund_no: request.out_refund_no,
    out_trade_no: order.request.out_trade_no,
    refund_account: accountOf(refund),
    refund_fee: amount,
    refund_id: refundId,
    refund_recv_accout: account,
    refund_request_source: 'API',
    refund_status: statuses[status],
    settlement_refund_fee: amount,
    settlement_total_fee: total,
    ...(successAt === undefined ? {} : { success_time: spacedTime(successAt) }),
    total_fee: total,
    transaction_id: order.payment.transactionId,
  };
}

function accountOf({ request }: Refund): string {
  return request.funds_account === 'UNSETTLED' ? 'REFUND_SOURCE_UNSETTLED_FUNDS' : 'REFUND_SOURCE_RECHARGE_FUNDS';
}

/** `2018-11-19 16:24:13`, Beijing time. */
function spacedTime(milliseconds: number): string {
  return beijingTime(milliseconds).slice(0, 19).replace('T', ' ');
}
