/** Orders, refunds, transfers and payers as plain rows, for people who look on. Nothing here changes anything. */
import type { CombinedBook, CombinedOrder } from '../combined-orders.ts';
import type { Handle } from '../handles.ts';
import { tradeTypes } from '../orders.ts';
import type { Order, OrderBook } from '../orders.ts';
import type { Payer, PayerBook } from '../payers.ts';
import type { Refund, RefundBook } from '../refunds.ts';
import { outcomesOf } from '../transfer-desk.ts';
import type { ConfirmOutcome } from '../transfer-desk.ts';
import type { Transfer, TransferBook } from '../transfers.ts';

/** Amounts in fen, times in milliseconds since the epoch. */
export interface OrderRow {
  /** out_trade_no or combine_out_trade_no. */
  readonly number: string;
  readonly mchid: string;
  readonly sub_mchid?: string;
  readonly combined: boolean;
  readonly api: 'v2' | 'v3';
  /** E.g. `NATIVE` */
  readonly trade_type: string;
  readonly state: string;
  readonly total: number;
  /** Refunded, or about to be. */
  readonly refunded: number;
  readonly description?: string;
  readonly attach?: string;
  readonly notify_url?: string;
  readonly payable_until: number;
  /** What a prepay handed out, with the last moment that it is good for. */
  readonly handles: readonly Handle[];
  readonly transaction_id?: string;
  readonly success_at?: number;
  readonly payer?: string;
  /** What the payer can do now. */
  readonly can: 'pay' | 'confirm' | 'nothing';
  /** Of a combined order. */
  readonly subs?: readonly OrderRow[];
}

export interface RefundRow {
  readonly number: string;
  readonly refund_id: string;
  readonly mchid: string;
  readonly order: string;
  readonly amount: number;
  readonly total: number;
  readonly status: string;
  readonly created_at: number;
  readonly success_at?: number;
  /** When it comes to its outcome by itself. */
  readonly settles_at?: number;
  readonly account: string;
  /** Whether it can still be brought to an outcome. */
  readonly open: boolean;
}

export interface TransferRow {
  /** out_bill_no */
  readonly number: string;
  readonly transfer_bill_no: string;
  readonly mchid: string;
  readonly openid: string;
  readonly amount: number;
  readonly remark: string;
  readonly state: string;
  readonly fail_reason?: string;
  readonly notify_url?: string;
  readonly created_at: number;
  /** When it moves on by itself. */
  readonly until?: number;
  /** What can be made of it now. */
  readonly can: readonly ConfirmOutcome[];
}

export interface Rows<Row> {
  /** How many there are in all. */
  readonly total: number;
  readonly rows: readonly Row[];
}

export interface Showcase {
  orders(limit: number): Rows<OrderRow>;
  refunds(limit: number): Rows<RefundRow>;
  transfers(limit: number): Rows<TransferRow>;
  /** Those that somebody has described, the newest first. */
  payers(limit: number): Rows<Payer>;
  /** The orders with this number, prepay_id, code_url (or its `pr` alone) or h5_url. */
  find(text: string): readonly OrderRow[];
}

interface Books {
  readonly orders: OrderBook;
  readonly combined: CombinedBook;
  readonly refunds: RefundBook;
  readonly transfers: TransferBook;
  readonly payers: PayerBook;
  readonly now: () => number;
}

export function openShowcase({ orders, combined, refunds, transfers, payers, now }: Books): Showcase {
  const rowOf = (order: Order | CombinedOrder): OrderRow =>
    'sub_orders' in order.request ? whole(order) : single(order);

  function single(entry: Order | CombinedOrder): OrderRow {
    const order = entry as Order;
    const { request, payment, state, product } = order;
    const { description, sub_mchid: subMchid, attach, notify_url: notifyUrl } = request as Described;
    return {
      number: request.out_trade_no,
      mchid: order.merchant.mchid,
      ...(subMchid === undefined ? {} : { sub_mchid: subMchid }),
      combined: false,
      api: request.v2 === undefined ? 'v3' : 'v2',
      trade_type: tradeTypes[product],
      state,
      total: request.amount.total,
      refunded: refunds.refundedOf(order),
      ...(typeof description === 'string' ? { description } : {}),
      ...(attach === undefined ? {} : { attach }),
      ...(notifyUrl === undefined ? {} : { notify_url: notifyUrl }),
      payable_until: order.payableUntil,
      handles: order.handles,
      ...(payment === undefined
        ? {}
        : {
            transaction_id: payment.transactionId,
            success_at: payment.successAt,
            payer: Object.values(payment.payer)[0] ?? '',
          }),
      can: state === 'USERPAYING' ? 'confirm' : state === 'NOTPAY' && isGood(order, now()) ? 'pay' : 'nothing',
    };
  }

  function whole(entry: Order | CombinedOrder): OrderRow {
    const order = entry as CombinedOrder;
    const { request, payment } = order;
    const subs = request.sub_orders.flatMap((sub) => {
      const found = orders.get(sub.mchid, sub.out_trade_no, now());
      return found === undefined ? [] : [{ ...single(found), can: 'nothing' as const, ...describedAs(sub) }];
    });
    const state = subs.find((sub) => sub.state === 'REFUND')?.state ?? subs[0]?.state ?? 'CLOSED';
    const paidAt = subs[0]?.success_at;
    return {
      number: request.combine_out_trade_no,
      mchid: order.merchant.mchid,
      combined: true,
      api: 'v3',
      trade_type: tradeTypes[order.product],
      state,
      total: subs.reduce((sum, sub) => sum + sub.total, 0),
      refunded: subs.reduce((sum, sub) => sum + sub.refunded, 0),
      notify_url: request.notify_url,
      payable_until: order.payableUntil,
      handles: order.handles,
      ...(payment === undefined ? {} : { transaction_id: payment.transactionId, payer: payment.openid }),
      ...(paidAt === undefined ? {} : { success_at: paidAt }),
      can: state === 'NOTPAY' && isGood(order, now()) ? 'pay' : 'nothing',
      subs,
    };
  }

  return {
    orders(limit) {
      const all = [...orders.all(now())];
      const shown = new Set<Order | CombinedOrder>();
      for (let at = all.length - 1; at >= 0 && shown.size < limit; at -= 1) {
        const order = all[at];
        if (order !== undefined) shown.add(combined.of(order) ?? order);
      }
      return { total: all.length, rows: [...shown].map(rowOf) };
    },

    refunds(limit) {
      const all = [...refunds.all(now())];
      return { total: all.length, rows: all.slice(-limit).toReversed().map(refundRow) };
    },

    transfers(limit) {
      const { total, transfers: newest } = transfers.newest(limit, now());
      return { total, rows: newest.map(transferRow) };
    },

    payers(limit) {
      const all = payers.described();
      return { total: all.length, rows: all.slice(-limit).toReversed() };
    },

    find(text) {
      const codeUrl = `weixin://wxpay/bizpayurl?pr=${text}`;
      const found = [text, codeUrl].flatMap((name) => [
        ...combined.find(name),
        ...orders.find(name, now()).map((order) => combined.of(order) ?? order),
      ]);
      return [...new Set(found)].map(rowOf);
    },
  };
}

/** Members of the body that the books do not look at. */
type Described = Order['request'] & { readonly description?: unknown };

function describedAs(sub: object): { description?: string } {
  const { description } = sub as { description?: unknown };
  return typeof description === 'string' ? { description } : {};
}

function isGood({ handles, payableUntil }: Pick<Order, 'handles' | 'payableUntil'>, now: number): boolean {
  return now <= payableUntil && handles.some(({ expiresAt }) => now <= expiresAt);
}

function refundRow(refund: Refund): RefundRow {
  const { request, order, status, settlesAt, successAt } = refund;
  return {
    number: request.out_refund_no,
    refund_id: refund.refundId,
    mchid: refund.merchant.mchid,
    order: order.request.out_trade_no,
    amount: request.amount.refund,
    total: order.request.amount.total,
    status,
    created_at: refund.createdAt,
    ...(successAt === undefined ? {} : { success_at: successAt }),
    ...(settlesAt === undefined ? {} : { settles_at: settlesAt }),
    account: refund.account,
    open: status === 'PROCESSING' || status === 'ABNORMAL',
  };
}

function transferRow(transfer: Transfer): TransferRow {
  const { request, state, fail_reason: reason, until } = transfer;
  return {
    number: request.out_bill_no,
    transfer_bill_no: transfer.transfer_bill_no,
    mchid: transfer.mchid,
    openid: request.openid,
    amount: request.transfer_amount,
    remark: request.transfer_remark,
    state,
    ...(reason === null ? {} : { fail_reason: reason }),
    ...(request.notify_url === undefined ? {} : { notify_url: request.notify_url }),
    created_at: transfer.created_at,
    ...(until === null ? {} : { until }),
    can: outcomesOf(transfer),
  };
}
