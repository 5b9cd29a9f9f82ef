/** The refunds and their states (states 3). Time passes only through `now`. */
import type { Merchant } from './merchants.ts';
import { otherSubMerchant } from './orders.ts';
import type { Order, OrderBook, Payment } from './orders.ts';
import { digits } from './platform.ts';
import { ok, refuse } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Party } from './rules/order.ts';
import { beijingDigits, beijingTime } from './times.ts';

export type RefundStatus = 'PROCESSING' | 'SUCCESS' | 'ABNORMAL' | 'CLOSED';
/** What a refund comes to. */
export type RefundOutcome = Exclude<RefundStatus, 'PROCESSING'>;

export const refundOutcomes: readonly RefundOutcome[] = ['SUCCESS', 'ABNORMAL', 'CLOSED'];

/** A refund body after validation. */
export interface RefundRequest {
  readonly sub_mchid?: string;
  readonly transaction_id?: string;
  readonly out_trade_no?: string;
  readonly out_refund_no: string;
  readonly notify_url?: string;
  readonly funds_account?: string;
  readonly amount: {
    readonly refund: number;
    readonly total: number;
    readonly from?: readonly { readonly account: string; readonly amount: number }[];
  };
}

export interface Refund {
  readonly refundId: string;
  readonly merchant: Merchant;
  readonly order: Order & { readonly payment: Payment };
  readonly request: RefundRequest;
  readonly createdAt: number;
  status: RefundStatus;
  /** What it comes to by itself at `settlesAt`; never where that is `undefined`. */
  outcome: RefundOutcome;
  settlesAt: number | undefined;
  successAt: number | undefined;
  channel: 'ORIGINAL' | 'OTHER_BANKCARD';
  account: string;
  /** An outcome that nobody has been told yet. */
  untold: boolean;
}

/** How refunds go; every field can be changed while the emulator runs. */
export interface RefundSettings {
  /** Milliseconds on the emulator's clock from acceptance to the outcome; `null`: by command only. Default 1000. */
  readonly settle_after_ms: number | null;
  /**
   * What a partial refund gets within 60 s of the one before it of the same order: `allow` (default: the documentation states
   * the rule, not the answer) or `refuse` with 429.
   */
  readonly spacing: 'allow' | 'refuse';
  /** The documented limits per second: 150 refunds, 6 failing ones, 300 queries. Default off. */
  readonly rate_limits: boolean;
}

export const defaultRefundSettings: RefundSettings = { settle_after_ms: 1000, spacing: 'allow', rate_limits: false };

/** One refund that was really carried out: what proves that nothing was refunded twice. */
export interface LedgerEntry {
  readonly mchid: string;
  readonly sub_mchid?: string;
  readonly out_trade_no: string;
  readonly transaction_id: string;
  readonly out_refund_no: string;
  readonly refund_id: string;
  /** Fen. */
  readonly amount: number;
  /** The order's total, in fen. */
  readonly total: number;
  readonly status: RefundStatus;
  /** Milliseconds since the epoch: when it was carried out. */
  readonly at: number;
  /** How many POSTs with this number arrived, those that a fault kept from acting included. */
  readonly posts: number;
}

export interface Ledger {
  /** In the order in which they were carried out. */
  readonly refunds: readonly LedgerEntry[];
  /** Numbers that POSTs came for, and no refund. */
  readonly without_refund: readonly {
    readonly mchid: string;
    readonly out_refund_no: string;
    readonly posts: number;
  }[];
}

export interface RefundCall {
  readonly merchant: Merchant;
  readonly party: Party;
  readonly now: number;
}

export interface RefundBook {
  /** Counts a POST, whatever becomes of it. */
  seen(merchant: Merchant, outRefundNo: string): void;
  /** Creates a refund, or repeats it (states 3.2). */
  create(call: RefundCall, request: RefundRequest): Reply;
  query(call: RefundCall, outRefundNo: string, subMchid: string | undefined): Reply;
  /** The refunds with this out_refund_no (of any merchant) or refund_id. */
  find(numberOrId: string, now: number): readonly Refund[];
  /** Brings a refund to its outcome. */
  settle(refund: Refund, outcome: RefundOutcome, now: number): void;
  ledger(now: number): Ledger;
}

interface Tools {
  readonly orders: OrderBook;
  readonly randomBytes: (size: number) => Buffer;
  /** The settings of this moment. */
  readonly settings: () => RefundSettings;
  /** Called when a refund begins to wait for its outcome. */
  readonly onPending: (refund: Refund) => void;
}

const day = 86_400_000;
const userAccount = '支付用户零钱';

const orderMissing = refuse(404, 'RESOURCE_NOT_EXISTS', '订单不存在', 268512771);
const refundMissing = refuse(404, 'RESOURCE_NOT_EXISTS', '退款单不存在', 268435461);
const otherAmounts = refuse(400, 'INVALID_REQUEST', '订单金额或退款金额与之前请求不一致，请核实后再试', 268435461);
const otherOrder = refuse(400, 'INVALID_REQUEST', '您的请求参数与订单信息不一致', 268435461);
const nothingLeft = refuse(400, 'INVALID_REQUEST', '订单已全额退款', 268435461);
const tooMuch = refuse(400, 'INVALID_REQUEST', '累计退款金额大于支付金额', 268435461);
const tooOften = refuse(400, 'INVALID_REQUEST', '订单部分退款次数超过限制，最多支持50次部分退款', 268435461);
const overdue = refuse(400, 'TRADE_OVERDUE', '订单已经超过退款期限', 268435461);

/** What has been refunded of one order, closed refunds not counted. */
interface Tally {
  amount: number;
  count: number;
  lastAt: number;
}

export function openRefundBook({ orders, randomBytes, settings, onPending }: Tools): RefundBook {
  /** By merchant and out_refund_no, in the order of acceptance. */
  const refunds = new Map<string, Refund>();
  const named = new Map<string, readonly Refund[]>();
  const tallies = new Map<Order, Tally>();
  const posts = new Map<string, number>();
  const keyOf = (mchid: string, outRefundNo: string): string => `${mchid} ${outRefundNo}`;

  function current(refund: Refund, now: number): Refund {
    const { settlesAt } = refund;
    if (refund.status === 'PROCESSING' && settlesAt !== undefined && now >= settlesAt)
      settle(refund, refund.outcome, settlesAt);
    return refund;
  }

  function settle(refund: Refund, outcome: RefundOutcome, at: number): void {
    refund.status = outcome;
    refund.settlesAt = undefined;
    refund.untold = true;
    if (outcome === 'SUCCESS') refund.successAt = at;
    if (outcome !== 'CLOSED') return;
    // The money stays with the merchant, and a new number may ask for it again.
    const tally = tallyOf(refund.order);
    tally.amount -= refund.request.amount.refund;
    tally.count -= 1;
  }

  function tallyOf(order: Order): Tally {
    const tally = tallies.get(order) ?? { amount: 0, count: 0, lastAt: Number.NEGATIVE_INFINITY };
    tallies.set(order, tally);
    return tally;
  }

  /** The order that is to be refunded; transaction_id wins where both are given. */
  function orderOf(call: RefundCall, request: RefundRequest): Refund['order'] | Reply {
    const { merchant, party, now } = call;
    const { transaction_id: id, sub_mchid: subMchid } = request;
    const outTradeNo = id === undefined ? request.out_trade_no : orders.paidAs(merchant, id)?.request.out_trade_no;
    const found = outTradeNo === undefined ? undefined : orders.look({ merchant, outTradeNo, subMchid }, party, now);
    if (found === undefined) return orderMissing;
    if ('status' in found) return found === otherSubMerchant ? found : orderMissing;
    return isPaid(found) ? found : orderMissing;
  }

  function repeat(refund: Refund, order: Order, request: RefundRequest, now: number): Reply {
    if (refund.order !== order) return otherOrder;
    const { refund: wanted, total } = request.amount;
    if (wanted !== refund.request.amount.refund || total !== refund.request.amount.total) return otherAmounts;
    return ok(describeRefund(current(refund, now)));
  }

  /** Why a new refund is refused. */
  function refusalOf(order: Refund['order'], request: RefundRequest, now: number): Reply | undefined {
    const { total } = order.request.amount;
    const tally = tallyOf(order);
    if (request.amount.total !== total) return otherAmounts;
    if (now - order.payment.successAt > 365 * day) return overdue;
    if (tally.amount >= total) return nothingLeft;
    if (tally.amount + request.amount.refund > total) return tooMuch;
    if (request.amount.refund < total && tally.count >= 50) return tooOften;
    return undefined;
  }

  function accept(call: RefundCall, order: Refund['order'], request: RefundRequest): Refund {
    const { merchant, now } = call;
    const { settle_after_ms: delay } = settings();
    const refund: Refund = {
      // 29 digits: 50, eight digits, the day, eleven digits; live ones start with 503 (states 6).
      refundId: `503${digits(randomBytes, 7)}${beijingDigits(now).slice(0, 8)}${digits(randomBytes, 11)}`,
      merchant,
      order,
      request,
      createdAt: now,
      status: 'PROCESSING',
      outcome: 'SUCCESS',
      settlesAt: delay === null ? undefined : now + delay,
      successAt: undefined,
      channel: 'ORIGINAL',
      account: userAccount,
      untold: false,
    };
    const tally = tallyOf(order);
    tally.amount += request.amount.refund;
    tally.count += 1;
    tally.lastAt = now;
    // Whatever becomes of the refund, the order stays so (states 1).
    order.state = 'REFUND';
    refunds.set(keyOf(merchant.mchid, request.out_refund_no), refund);
    named.set(request.out_refund_no, [...(named.get(request.out_refund_no) ?? []), refund]);
    named.set(refund.refundId, [refund]);
    return refund;
  }

  return {
    seen(merchant, outRefundNo) {
      const key = keyOf(merchant.mchid, outRefundNo);
      posts.set(key, (posts.get(key) ?? 0) + 1);
    },

    create(call, request) {
      const order = orderOf(call, request);
      if ('status' in order) return order;
      const existing = refunds.get(keyOf(call.merchant.mchid, request.out_refund_no));
      if (existing !== undefined) return repeat(existing, order, request, call.now);
      const refusal = refusalOf(order, request, call.now);
      if (refusal !== undefined) return refusal;
      const refund = accept(call, order, request);
      onPending(refund);
      return ok(describeRefund(refund));
    },

    query({ merchant, now }, outRefundNo, subMchid) {
      const refund = refunds.get(keyOf(merchant.mchid, outRefundNo));
      if (refund === undefined) return refundMissing;
      if (refund.order.request.sub_mchid !== subMchid) return otherSubMerchant;
      return ok(describeRefund(current(refund, now)));
    },

    find(numberOrId, now) {
      const found = named.get(numberOrId) ?? [];
      for (const refund of found) current(refund, now);
      return found;
    },

    settle,

    ledger(now) {
      return {
        refunds: [...refunds].map(([key, refund]) => entryOf(current(refund, now), posts.get(key) ?? 0)),
        without_refund: [...posts].flatMap(([key, count]) => {
          if (refunds.has(key)) return [];
          const [mchid = '', number = ''] = key.split(' ');
          return [{ mchid, out_refund_no: number, posts: count }];
        }),
      };
    },
  };
}

function isPaid(order: Order): order is Refund['order'] {
  return order.payment !== undefined;
}

function entryOf(refund: Refund, posts: number): LedgerEntry {
  const { order, request } = refund;
  return {
    mchid: refund.merchant.mchid,
    ...(order.request.sub_mchid === undefined ? {} : { sub_mchid: order.request.sub_mchid }),
    out_trade_no: order.request.out_trade_no,
    transaction_id: order.payment.transactionId,
    out_refund_no: request.out_refund_no,
    refund_id: refund.refundId,
    amount: request.amount.refund,
    total: order.request.amount.total,
    status: refund.status,
    at: refund.createdAt,
    posts,
  };
}

/** The refund as create and query show it; members in the alphabetical order that was seen live (endpoints 6.1). */
export function describeRefund(refund: Refund): Record<string, unknown> {
  const { order, request } = refund;
  const { total } = order.request.amount;
  const { refund: amount, from = [] } = request.amount;
  return {
    amount: {
      currency: 'CNY',
      discount_refund: 0,
      from,
      payer_refund: amount,
      payer_total: total,
      refund: amount,
      refund_fee: 0,
      settlement_refund: amount,
      settlement_total: total,
      total,
    },
    channel: refund.channel,
    create_time: beijingTime(refund.createdAt),
    funds_account: request.funds_account ?? 'AVAILABLE',
    out_refund_no: request.out_refund_no,
    out_trade_no: order.request.out_trade_no,
    promotion_detail: [],
    refund_id: refund.refundId,
    status: refund.status,
    ...(refund.successAt === undefined ? {} : { success_time: beijingTime(refund.successAt) }),
    transaction_id: order.payment.transactionId,
    user_received_account: refund.account,
  };
}
