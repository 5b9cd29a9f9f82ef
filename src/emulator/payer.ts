/** The payer: pays an order and has its callback delivered. */
import { WxpayError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { Outbox } from './callback-outbox.ts';
import type { Delivery } from './notify.ts';
import { describeOrder } from './orders.ts';
import type { Order, OrderBook } from './orders.ts';

export interface PayRequest {
  /** An out_trade_no, or what a prepay handed out: prepay_id, code_url, h5_url. */
  readonly order: string;
  /** The merchant, where several use the same number. */
  readonly mchid?: string;
  /** The payer, where the order names none. */
  readonly openid?: string;
  /** `false` pays without a callback. */
  readonly callback?: boolean;
}

export interface PayResult {
  /** The order as a query shows it now. */
  readonly transaction: Readonly<Record<string, unknown>>;
  /** The first send; `null` when none was asked for. What is not acknowledged is sent again by the schedule. */
  readonly callback: Delivery | null;
}

export interface Paying {
  readonly orders: OrderBook;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

/**
 * Pays an order, as its payer would, and tells the merchant.
 *
 * @throws WxpayError `NOT_FOUND`, `INPUT_MISSING` (several merchants have the number), `ORDER_PAID`, `ORDER_CLOSED`,
 *   `EMULATOR_ORDER_EXPIRED`, `EMULATOR_HANDLE_EXPIRED`
 */
export async function payOrder(request: PayRequest, paying: Paying): Promise<PayResult> {
  const { orders, outbox, clock } = paying;
  const order = findOrder(request, orders, clock.now());
  const why = orders.pay(order, request.openid, clock.now());
  const params = { out_trade_no: order.request.out_trade_no };
  if (why === 'paid') throw new WxpayError('ORDER_PAID', { params });
  if (why === 'closed') throw new WxpayError('ORDER_CLOSED', { params });
  if (why === 'expired') throw new WxpayError('EMULATOR_ORDER_EXPIRED', { params });
  if (why === 'handle-expired') throw new WxpayError('EMULATOR_HANDLE_EXPIRED', { params });
  const transaction = describeOrder(order);
  if (request.callback === false) return { transaction, callback: null };
  const { first } = outbox.post({
    merchant: order.merchant,
    url: order.request.notify_url,
    event_type: 'TRANSACTION.SUCCESS',
    original_type: 'transaction',
    summary: '支付成功',
    content: transaction,
    subject: params,
  });
  return { transaction, callback: await first };
}

function findOrder(request: PayRequest, orders: OrderBook, now: number): Order {
  const found = orders
    .find(request.order, now)
    .filter((order) => request.mchid === undefined || order.merchant.mchid === request.mchid);
  const [order] = found;
  if (order === undefined) throw new WxpayError('NOT_FOUND', { params: { what: request.order } });
  if (found.length > 1) {
    throw new WxpayError('INPUT_MISSING', { params: { field: 'mchid', flag: '--mchid', variable: 'WXPAY_MCHID' } });
  }
  return order;
}
