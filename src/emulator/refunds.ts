/** The refunds and their states (states 3). Time passes only through `now`. */
import type { Merchant } from './merchants.ts';
import { isPaid, otherSubMerchant } from './orders.ts';
import type { Order, OrderBook, PaidOrder } from './orders.ts';
import { digits } from './platform.ts';
import { frequencyLimited } from './rate-limits.ts';
import { changeSettings, takeNext } from './refund-settings.ts';
import type { RefundSettings, RefundSettingsChange } from './refund-settings.ts';
import { ok, refuse } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Party } from './rules/order.ts';
import type { RefundOutcome, RefundStatus } from './rules/refund.ts';
import { beijingDigits, beijingTime } from './times.ts';

/** A refund body after validation. */
export interface RefundRequest {
  readonly sub_mchid?: string;
  readonly transaction_id?: string;
  readonly out_trade_no?: string;
  readonly out_refund_no: string;
  readonly notify_url?: string;
  readonly funds_account?: string;
  /** Asked for by APIv2: its callback is APIv2's. */
  readonly v2?: true;
  readonly amount: {
    readonly refund: number;
    readonly total: number;
    readonly from?: readonly { readonly account: string; readonly amount: number }[];
  };
}

export interface Refund {
  readonly refundId: string;
  readonly merchant: Merchant;
  readonly order: PaidOrder;
  readonly request: RefundRequest;
  readonly createdAt: number;
  status: RefundStatus;
  /** What it comes to by itself at `settlesAt`; `undefined` when it is settled or waits for a command. */
  outcome: RefundOutcome;
  settlesAt: number | undefined;
  successAt: number | undefined;
  channel: 'ORIGINAL' | 'OTHER_BANKCARD';
  account: string;
  /** An outcome that nobody has been told yet. */
  untold: boolean;
}

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

/** An abnormal refund's way out after validation, its card decrypted (endpoints 6.3). */
export interface AbnormalRequest {
  readonly out_refund_no: string;
  /** Where the money goes, as `user_received_account` names it. */
  readonly account: string;
}

/** A refund as it is written out: merchant and order by number. */
export type StoredRefund = Omit<Refund, 'merchant' | 'order' | 'settlesAt' | 'successAt'> & {
  readonly mchid: string;
  /** The order's merchant and out_trade_no. */
  readonly order: readonly [string, string];
  readonly settlesAt?: number | undefined;
  readonly successAt?: number | undefined;
};

export interface RefundDump {
  readonly refunds: readonly StoredRefund[];
  /** How many POSTs came for a number, each after its merchant's. */
  readonly posts: readonly (readonly [string, number])[];
  readonly settings: RefundSettings;
}

export interface RefundBook {
  /** What holds now: balances drawn down, outcomes used up. */
  settings(): RefundSettings;
  /** @throws WxpayError `INPUT_INVALID` */
  configure(change: RefundSettingsChange): RefundSettings;
  /** Counts a POST, whatever becomes of it. */
  seen(merchant: Merchant, outRefundNo: string): void;
  /** Creates a refund, or repeats it (states 3.2). */
  create(call: RefundCall, request: RefundRequest): Reply;
  query(call: RefundCall, outRefundNo: string, subMchid: string | undefined): Reply;
  /** Sends an abnormal refund on its way again, to a bank card (states 3.1). */
  applyAbnormal(call: RefundCall, refundId: string, subMchid: string | undefined, request: AbnormalRequest): Reply;
  /** The refunds with this out_refund_no (of any merchant) or refund_id. */
  find(numberOrId: string, now: number): readonly Refund[];
  /** Every refund as it stands now, in the order of acceptance. */
  all(now: number): Iterable<Refund>;
  /** The refund as it stands now. */
  current(refund: Refund, now: number): Refund;
  /** Brings a refund to its outcome. */
  settle(refund: Refund, outcome: RefundOutcome, now: number): void;
  /** Any refund of this merchant but the one with this number. */
  another(merchant: Merchant, outRefundNo: string, now: number): Refund | undefined;
  ledger(now: number): Ledger;
  /** Everything, to be written out. */
  dump(): RefundDump;
  /** Takes up what was written out, in the place of everything else; the orders are there already. */
  restore(dumped: RefundDump, merchantOf: (mchid: string) => Merchant): void;
  /** Fen of the order that were refunded or are about to be. */
  refundedOf(order: Order): number;
}

interface Tools {
  readonly orders: OrderBook;
  readonly randomBytes: (size: number) => Buffer;
  readonly settings: RefundSettings;
  /** Fen of an order that are frozen for profit sharing; `undefined` when none are. */
  readonly frozen?: (order: Refund['order'], now: number) => number | undefined;
  /** Whether one of these is the openid of a payer whose account is closed. */
  readonly closedPayer?: (openids: readonly string[]) => boolean;
  /** Called when a refund begins to wait for its outcome. */
  readonly onPending: (refund: Refund) => void;
}

const day = 86_400_000;
const minute = 60_000;
const invalidRequest = (message: string): Reply => refuse(400, 'INVALID_REQUEST', message, 268435461);

const orderMissing = refuse(404, 'RESOURCE_NOT_EXISTS', '订单不存在', 268512771);
const refundMissing = refuse(404, 'RESOURCE_NOT_EXISTS', '退款单不存在', 268435461);
const otherAmounts = invalidRequest('订单金额或退款金额与之前请求不一致，请核实后再试');
const otherOrder = invalidRequest('您的请求参数与订单信息不一致');
const nothingLeft = invalidRequest('订单已全额退款');
// From here on the reference knows the rule, not the words; some are those of APIv2.
const tooMuch = invalidRequest('累计退款金额大于支付金额');
const tooManyParts = invalidRequest('部分退款次数超过限制，一笔订单最多支持50次部分退款');
const notAbnormal = invalidRequest('退款单状态不是退款异常，不能发起异常退款');
const overdue = refuse(400, 'TRADE_OVERDUE', '订单已经超过退款期限', 268435461);
const payerAbnormal = refuse(403, 'USER_ACCOUNT_ABNORMAL', '用户账户异常或已注销', 268435461);
const notEnough = refuse(403, 'NOT_ENOUGH', '基本账户余额不足，请充值后重新发起', 268892709);

/** What has been refunded of one order, closed refunds not counted. */
interface Tally {
  amount: number;
  count: number;
  lastAt: number;
}

export function openRefundBook({
  orders,
  randomBytes,
  settings: initial,
  frozen = () => undefined,
  closedPayer = () => false,
  onPending,
}: Tools): RefundBook {
  /** By merchant and out_refund_no, in the order of acceptance. */
  const refunds = new Map<string, Refund>();
  const named = new Map<string, readonly Refund[]>();
  const tallies = new Map<Order, Tally>();
  const posts = new Map<string, number>();
  let settings = initial;
  const keyOf = (mchid: string, outRefundNo: string): string => `${mchid} ${outRefundNo}`;

  function current(refund: Refund, now: number): Refund {
    const { settlesAt, outcome } = refund;
    if (settlesAt !== undefined && now >= settlesAt) settle(refund, outcome, settlesAt);
    return refund;
  }

  function settle(refund: Refund, outcome: RefundOutcome, at: number): void {
    refund.status = outcome;
    refund.settlesAt = undefined;
    refund.untold = true;
    if (outcome === 'SUCCESS') refund.successAt = at;
    if (outcome !== 'CLOSED') return;
    // The money stays with the merchant, and a new number may ask for it again.
    const { refund: amount } = refund.request.amount;
    const tally = tallyOf(refund.order);
    tally.amount -= amount;
    tally.count -= 1;
    draw(refund, -amount);
  }

  /** From now on the refund waits for its outcome. */
  function pend(refund: Refund, outcome: RefundOutcome, now: number): void {
    const { settle_after_ms: delay } = settings;
    refund.status = 'PROCESSING';
    refund.untold = false;
    refund.outcome = outcome;
    refund.settlesAt = delay === null ? undefined : now + delay;
    onPending(refund);
  }

  function tallyOf(order: Order): Tally {
    const tally = tallies.get(order) ?? { amount: 0, count: 0, lastAt: Number.NEGATIVE_INFINITY };
    tallies.set(order, tally);
    return tally;
  }

  /** Takes from what the merchant has left, where that is limited. */
  function draw({ merchant, order }: Pick<Refund, 'merchant' | 'order'>, amount: number): void {
    const owner = order.request.sub_mchid ?? merchant.mchid;
    const left = settings.balances[owner];
    if (left !== undefined) settings = { ...settings, balances: { ...settings.balances, [owner]: left - amount } };
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

  /** The reference knows refusals for another order and other amounts; another reason or notify_url is still a repeat. */
  function repeat(refund: Refund, order: Order, request: RefundRequest, now: number): Reply {
    if (refund.order !== order) return otherOrder;
    const { refund: wanted, total } = request.amount;
    if (wanted !== refund.request.amount.refund || total !== refund.request.amount.total) return otherAmounts;
    return ok(describeRefund(current(refund, now)));
  }

  /** Why a new refund is refused. */
  function refusalOf({ merchant, now }: RefundCall, order: Refund['order'], request: RefundRequest): Reply | undefined {
    const { total } = order.request.amount;
    const { refund: wanted, from } = request.amount;
    const tally = tallyOf(order);
    if (request.amount.total !== total) return otherAmounts;
    if (now - order.payment.successAt > 365 * day) return overdue;
    // A reversal gave everything back (the refusal's code is UNCONFIRMED).
    if (tally.amount >= total || order.state === 'REVOKED') return nothingLeft;
    if (tally.amount + wanted > total) return tooMuch;
    if (wanted < total && tally.count >= 50) return tooManyParts;
    if (from !== undefined && from.reduce((sum, { amount }) => sum + amount, 0) !== wanted) return otherOrder;
    if (settings.spacing === 'refuse' && now - tally.lastAt < minute) return frequencyLimited;
    if (closedPayer(Object.values(order.payment.payer))) return payerAbnormal;
    // What was shared does not come back by itself: more than is frozen needs an unfreeze first.
    if (wanted > (frozen(order, now) ?? Infinity)) return notEnough;
    const left = settings.balances[order.request.sub_mchid ?? merchant.mchid] ?? Infinity;
    return wanted > left ? notEnough : undefined;
  }

  function keepNames(refund: Refund): void {
    const { out_refund_no: number } = refund.request;
    named.set(number, [...(named.get(number) ?? []), refund]);
    named.set(refund.refundId, [refund]);
  }

  function accept({ merchant, now }: RefundCall, order: Refund['order'], request: RefundRequest): Refund {
    const { outcome, rest } = takeNext(settings.next);
    settings = { ...settings, next: rest };
    const refund: Refund = {
      // 29 digits: 50, eight digits, the day, eleven digits; live ones start with 503 (states 6).
      refundId: `503${digits(randomBytes, 7)}${beijingDigits(now).slice(0, 8)}${digits(randomBytes, 11)}`,
      merchant,
      order,
      request,
      createdAt: now,
      status: 'PROCESSING',
      outcome,
      settlesAt: undefined,
      successAt: undefined,
      channel: 'ORIGINAL',
      account: '支付用户零钱',
      untold: false,
    };
    const tally = tallyOf(order);
    tally.amount += request.amount.refund;
    tally.count += 1;
    tally.lastAt = now;
    draw(refund, request.amount.refund);
    // Whatever becomes of the refund, the order stays so (states 1).
    order.state = 'REFUND';
    refunds.set(keyOf(merchant.mchid, request.out_refund_no), refund);
    keepNames(refund);
    pend(refund, outcome, now);
    return refund;
  }

  return {
    settings: () => settings,

    configure(change) {
      settings = changeSettings(settings, change);
      return settings;
    },

    seen(merchant, outRefundNo) {
      const key = keyOf(merchant.mchid, outRefundNo);
      posts.set(key, (posts.get(key) ?? 0) + 1);
    },

    create(call, request) {
      const order = orderOf(call, request);
      if ('status' in order) return order;
      const existing = refunds.get(keyOf(call.merchant.mchid, request.out_refund_no));
      if (existing !== undefined) return repeat(existing, order, request, call.now);
      return refusalOf(call, order, request) ?? ok(describeRefund(accept(call, order, request)));
    },

    query({ merchant, now }, outRefundNo, subMchid) {
      const refund = refunds.get(keyOf(merchant.mchid, outRefundNo));
      if (refund === undefined) return refundMissing;
      if (refund.order.request.sub_mchid !== subMchid) return otherSubMerchant;
      return ok(describeRefund(current(refund, now)));
    },

    applyAbnormal({ merchant, now }, refundId, subMchid, request) {
      const refund = refunds.get(keyOf(merchant.mchid, request.out_refund_no));
      if (refund?.refundId !== refundId) return refundMissing;
      if (refund.order.request.sub_mchid !== subMchid) return otherSubMerchant;
      if (current(refund, now).status !== 'ABNORMAL') return notAbnormal;
      refund.channel = 'OTHER_BANKCARD';
      refund.account = request.account;
      pend(refund, 'SUCCESS', now);
      return ok(describeRefund(refund));
    },

    find(numberOrId, now) {
      const found = named.get(numberOrId) ?? [];
      for (const refund of found) current(refund, now);
      return found;
    },

    *all(now) {
      for (const refund of refunds.values()) yield current(refund, now);
    },

    current,
    settle,
    refundedOf: (order) => tallies.get(order)?.amount ?? 0,

    another(merchant, outRefundNo, now) {
      for (const refund of refunds.values()) {
        if (refund.merchant.mchid === merchant.mchid && refund.request.out_refund_no !== outRefundNo) {
          return current(refund, now);
        }
      }
      return undefined;
    },

    dump: () => ({
      refunds: [...refunds.values()].map(({ merchant, order, ...refund }) => ({
        ...refund,
        mchid: merchant.mchid,
        order: [order.merchant.mchid, order.request.out_trade_no] as const,
      })),
      posts: [...posts],
      settings,
    }),

    restore(dumped, merchantOf) {
      for (const index of [refunds, named, tallies, posts]) index.clear();
      settings = dumped.settings;
      for (const [key, count] of dumped.posts) posts.set(key, count);
      for (const {
        mchid,
        order: [owner, outTradeNo],
        ...stored
      } of dumped.refunds) {
        // Long before any order closes: looking at it changes nothing.
        const order = orders.get(owner, outTradeNo, 0);
        if (order === undefined || !isPaid(order)) throw new Error(`refund ${stored.refundId} has no paid order`);
        const { settlesAt, successAt } = stored;
        const refund: Refund = { ...stored, merchant: merchantOf(mchid), order, settlesAt, successAt };
        refunds.set(keyOf(mchid, refund.request.out_refund_no), refund);
        keepNames(refund);
        const tally = tallyOf(order);
        tally.lastAt = Math.max(tally.lastAt, refund.createdAt);
        if (refund.status !== 'CLOSED') {
          tally.amount += refund.request.amount.refund;
          tally.count += 1;
        }
        if (refund.settlesAt !== undefined || refund.untold) onPending(refund);
      }
    },

    ledger(now) {
      return {
        refunds: [...refunds].map(([key, refund]) => entryOf(current(refund, now), posts.get(key) ?? 0)),
        without_refund: [...posts].flatMap(([key, count]) => {
          if (refunds.has(key)) return [];
          const space = key.indexOf(' ');
          return [{ mchid: key.slice(0, space), out_refund_no: key.slice(space + 1), posts: count }];
        }),
      };
    },
  };
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

/** The refund as its callback tells it: fewer members, and `refund_status` instead of `status` (protocol 6.3). */
export function describeRefundCallback(refund: Refund): Record<string, unknown> {
  const { order, request, merchant } = refund;
  const { total } = order.request.amount;
  const { refund: amount } = request.amount;
  const { sub_mchid: subMchid } = order.request;
  return {
    ...(subMchid === undefined ? { mchid: merchant.mchid } : { sp_mchid: merchant.mchid, sub_mchid: subMchid }),
    out_trade_no: order.request.out_trade_no,
    transaction_id: order.payment.transactionId,
    out_refund_no: request.out_refund_no,
    refund_id: refund.refundId,
    refund_status: refund.status,
    ...(refund.successAt === undefined ? {} : { success_time: beijingTime(refund.successAt) }),
    amount: { total, refund: amount, payer_total: total, payer_refund: amount },
    user_received_account: refund.account,
  };
}
