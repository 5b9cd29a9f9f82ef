/** The payer: pays an order and has its callback delivered. */
import { WxpayError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { Outbox } from './callback-outbox.ts';
import type { CodepayDesk } from './codepay.ts';
import type { CombinedBook, CombinedOrder } from './combined-orders.ts';
import type { Merchant } from './merchants.ts';
import type { Delivery } from './notify.ts';
import { describeOrder } from './orders.ts';
import { paymentXml } from './v2/callbacks.ts';
import type { NotPayable, Order, OrderBook } from './orders.ts';

export interface PayRequest {
  /** An out_trade_no or combine_out_trade_no, or what a prepay handed out: prepay_id, code_url, h5_url. */
  readonly order: string;
  /** The merchant, where several use the same number. */
  readonly mchid?: string;
  /** The payer, where the order names none. */
  readonly openid?: string;
  /** `false` pays without a callback. */
  readonly callback?: boolean;
  /** The payer does not enter the password. Only a payment by code shows it; any other order stays as it was (states 1). */
  readonly decline?: boolean;
}

export interface PayResult {
  /** The order, or the combined order, as a query shows it now. */
  readonly transaction: Readonly<Record<string, unknown>>;
  /** The first send; `null` when none was asked for. What is not acknowledged is sent again by the schedule. */
  readonly callback: Delivery | null;
}

export interface Paying {
  readonly orders: OrderBook;
  readonly combined: CombinedBook;
  readonly codepay: CodepayDesk;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

/**
 * Pays an order, as its payer would, and tells the merchant. A sub-order is paid with all of its combined order.
 *
 * @throws WxpayError `NOT_FOUND`, `INPUT_MISSING` (several merchants have the number), `ORDER_PAID`, `ORDER_CLOSED`,
 *   `EMULATOR_ORDER_EXPIRED`, `EMULATOR_HANDLE_EXPIRED`
 */
export async function payOrder(request: PayRequest, paying: Paying): Promise<PayResult> {
  const payable = findPayable(request, paying);
  const why = payable.pay();
  const params = { out_trade_no: payable.number };
  if (why === 'paid') throw new WxpayError('ORDER_PAID', { params });
  if (why === 'closed') throw new WxpayError('ORDER_CLOSED', { params });
  if (why === 'expired') throw new WxpayError('EMULATOR_ORDER_EXPIRED', { params });
  if (why === 'handle-expired') throw new WxpayError('EMULATOR_HANDLE_EXPIRED', { params });
  const transaction = payable.describe();
  const { notifyUrl: url } = payable;
  // Payments by code are told by nobody: the merchant asks.
  if (request.callback === false || request.decline === true || url === undefined)
    return { transaction, callback: null };
  const { first } = paying.outbox.post({
    merchant: payable.merchant,
    url,
    event_type: 'TRANSACTION.SUCCESS',
    original_type: 'transaction',
    summary: '支付成功',
    content: transaction,
    subject: params,
    ...(payable.xml === undefined ? {} : { xml: payable.xml }),
  });
  return { transaction, callback: await first };
}

/** A single or a combined order, as far as paying it goes. */
interface Payable {
  readonly merchant: Merchant;
  readonly number: string;
  readonly notifyUrl: string | undefined;
  pay(): NotPayable | undefined;
  describe(): Record<string, unknown>;
  /** The callback of an order that APIv2 placed. */
  readonly xml?: (nonce: string) => string;
}

function findPayable(request: PayRequest, paying: Paying): Payable {
  const { orders, combined, codepay, clock } = paying;
  const candidates = [...combined.find(request.order), ...orders.find(request.order, clock.now())]
    .filter(({ merchant }) => request.mchid === undefined || merchant.mchid === request.mchid)
    .map((order) => (isCombined(order) ? order : (combined.of(order) ?? order)));
  const [order, another] = new Set(candidates);
  if (order === undefined) throw new WxpayError('NOT_FOUND', { params: { what: request.order } });
  if (another !== undefined) {
    throw new WxpayError('INPUT_MISSING', { params: { field: 'mchid', flag: '--mchid', variable: 'WXPAY_MCHID' } });
  }
  const { merchant } = order;
  const notifyUrl = order.request.notify_url;
  if (!isCombined(order)) {
    return {
      merchant,
      notifyUrl,
      number: order.request.out_trade_no,
      pay() {
        if (order.product === 'codepay')
          return request.decline === true ? codepay.decline(order, clock.now()) : codepay.confirm(order, clock.now());
        return request.decline === true ? undefined : orders.pay(order, request.openid, clock.now());
      },
      describe: () => describeOrder(order),
      ...(order.request.v2 === undefined ? {} : { xml: (nonce: string) => paymentXml(order, nonce) }),
    };
  }
  return {
    merchant,
    notifyUrl,
    number: order.request.combine_out_trade_no,
    pay: () => (request.decline === true ? undefined : combined.pay(order, request.openid, clock.now())),
    describe: () => combined.describe(order, clock.now()),
  };
}

function isCombined(order: Order | CombinedOrder): order is CombinedOrder {
  return 'sub_orders' in order.request;
}
