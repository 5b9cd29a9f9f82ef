/** The payer: pays an order and has its callback delivered. */
import { WxpayError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { deliver, makePaymentCallback } from './notify.ts';
import type { Delivery } from './notify.ts';
import { describeOrder } from './orders.ts';
import type { Order, OrderBook } from './orders.ts';
import type { Platform, SigningKey } from './platform.ts';

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
  /** `null` when none was asked for. */
  readonly callback: Delivery | null;
}

export interface Paying {
  readonly orders: OrderBook;
  readonly platform: Platform;
  readonly callbackKey: SigningKey;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Buffer;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Pays an order, as its payer would, and delivers the callback once.
 *
 * @throws WxpayError `NOT_FOUND`, `INPUT_MISSING` (several merchants have the number), `ORDER_PAID`, `ORDER_CLOSED`,
 *   `EMULATOR_ORDER_EXPIRED`, `EMULATOR_HANDLE_EXPIRED`
 */
export async function payOrder(request: PayRequest, paying: Paying): Promise<PayResult> {
  const { orders, clock, randomBytes } = paying;
  const order = findOrder(request, orders, clock.now());
  const why = orders.pay(order, request.openid, clock.now());
  const params = { out_trade_no: order.request.out_trade_no };
  if (why === 'paid') throw new WxpayError('ORDER_PAID', { params });
  if (why === 'closed') throw new WxpayError('ORDER_CLOSED', { params });
  if (why === 'expired') throw new WxpayError('EMULATOR_ORDER_EXPIRED', { params });
  if (why === 'handle-expired') throw new WxpayError('EMULATOR_HANDLE_EXPIRED', { params });
  const transaction = describeOrder(order);
  if (request.callback === false) return { transaction, callback: null };
  const delivery = await deliver(makePaymentCallback(order, clock.now(), randomBytes), {
    clock,
    timeoutMs: paying.timeoutMs,
    schedule: [],
    randomBytes,
    signal: paying.signal,
    seal: () => ({
      key: paying.callbackKey,
      foreignKey: paying.platform.foreignKey,
      now: clock.now(),
      randomBytes,
    }),
  });
  return { transaction, callback: delivery };
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
