/**
 * Combined orders: one payment for several sub-orders, which live in the order book and share their fate until one of them
 * is refunded (endpoints 9, states 2). Time passes only through `now`.
 */
import { handleFields, issueHandle, withHandle } from './handles.ts';
import type { Handle } from './handles.ts';
import { canonicalText, plain } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Merchant } from './merchants.ts';
import {
  makeOpenid,
  makeTransactionId,
  numberUsed,
  orderClosed,
  orderExpired,
  orderNotExist,
  orderPaid,
  otherParameters,
  readPayableUntil,
  tradeTypes,
} from './orders.ts';
import type { NotPayable, Order, OrderBook } from './orders.ts';
import { noContent, ok, refuse } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Party, Product } from './rules/order.ts';
import { beijingTime } from './times.ts';

/** A sub-order of a prepay body after validation. */
export interface SubOrderRequest {
  readonly mchid: string;
  readonly out_trade_no: string;
  readonly sub_mchid?: string;
  readonly sub_appid?: string;
  readonly attach: string;
  readonly amount: { readonly total_amount: number; readonly currency: string };
  readonly settle_info?: { readonly profit_sharing?: boolean };
  readonly profit_sharing?: boolean;
}

/** A combined prepay body after validation. */
export interface CombineRequest {
  readonly combine_appid: string;
  readonly combine_mchid: string;
  readonly combine_out_trade_no: string;
  readonly scene_info?: { readonly device_id?: string };
  readonly sub_orders: readonly SubOrderRequest[];
  readonly combine_payer_info?: { readonly openid?: string; readonly sub_openid?: string };
  readonly time_expire?: string;
  readonly notify_url: string;
}

/** What names a sub-order in a close. */
export type SubOrderName = Pick<SubOrderRequest, 'mchid' | 'out_trade_no' | 'sub_mchid'>;

export interface CombinedOrder {
  readonly party: Party;
  readonly product: Product;
  /** Who placed it and signs for it: `combine_mchid`. */
  readonly merchant: Merchant;
  readonly request: CombineRequest;
  /** The request in one canonical text: a repeat must be equal to it. */
  readonly parameters: string;
  /** Last moment to pay. */
  readonly payableUntil: number;
  handles: readonly Handle[];
  payment: { readonly transactionId: string; readonly openid: string; readonly subOpenid?: string } | undefined;
}

/** A combined order as it is written out: its merchant by number. */
export type StoredCombinedOrder = Omit<CombinedOrder, 'merchant'> & { readonly mchid: string };

export interface CombinedDump {
  readonly orders: readonly StoredCombinedOrder[];
  readonly burned: readonly string[];
}

export interface CombinedBook {
  /** Prepay, or its repetition; as for single orders (states 2, A to E). `findMerchant` knows who takes part. */
  prepay(merchant: Merchant, product: Product, party: Party, body: JsonObject, now: number): Reply;
  query(merchant: Merchant, number: string, now: number): Reply;
  close(merchant: Merchant, number: string, appid: string, subOrders: readonly SubOrderName[], now: number): Reply;
  /** The combined orders with this combine_out_trade_no (of any merchant), or whose handle this is. */
  find(numberOrHandle: string): readonly CombinedOrder[];
  /** The combined order that a sub-order belongs to. */
  of(order: Order): CombinedOrder | undefined;
  /** The payer pays all of it. @returns why not, or `undefined` when it is paid now */
  pay(combined: CombinedOrder, openid: string | undefined, now: number): NotPayable | undefined;
  /** As query and callback show it. */
  describe(combined: CombinedOrder, now: number): Record<string, unknown>;
  /** Everything but the sub-orders, which are the order book's. */
  dump(): CombinedDump;
  /** Takes up what was written out, in the place of everything else. */
  restore(dumped: CombinedDump, merchantOf: (mchid: string) => Merchant): void;
}

interface Tools {
  readonly orders: OrderBook;
  readonly findMerchant: (mchid: string) => Merchant | undefined;
  readonly randomBytes: (size: number) => Buffer;
}

const day = 86_400_000;
/**
 * A close must repeat exactly the sub-orders of the prepay. UNCONFIRMED beyond "it fails": status 500 is the one that was
 * reported; the message is ours.
 */
const otherSubOrders = refuse(500, 'SYSTEM_ERROR', '子单信息与下单时不一致', 268435461);
const otherAppid = refuse(400, 'INVALID_REQUEST', 'combine_appid与下单时不一致', 268435461);

export function openCombinedBook({ orders, findMerchant, randomBytes }: Tools): CombinedBook {
  const combinedOrders = new Map<string, CombinedOrder>();
  const named = new Map<string, readonly CombinedOrder[]>();
  const burned = new Set<string>();
  const keyOf = (mchid: string, number: string): string => `${mchid} ${number}`;

  function name(text: string, combined: CombinedOrder): void {
    named.set(text, [...(named.get(text) ?? []), combined]);
  }

  function subOrdersOf({ request }: CombinedOrder, now: number): readonly Order[] {
    return request.sub_orders.flatMap(({ mchid, out_trade_no: number }) => orders.get(mchid, number, now) ?? []);
  }

  /** `REFUND` when anything was refunded: paid either way. */
  function stateOf(combined: CombinedOrder, now: number): 'NOTPAY' | 'PAID' | 'CLOSED' {
    const [first] = subOrdersOf(combined, now);
    if (first?.state === 'NOTPAY') return 'NOTPAY';
    return first?.state === 'CLOSED' ? 'CLOSED' : 'PAID';
  }

  function handOut(combined: CombinedOrder, now: number): Reply {
    const handle = issueHandle(combined.product, now, randomBytes);
    const handles = withHandle(combined.product, combined.handles, handle);
    for (const old of combined.handles) if (!handles.includes(old)) named.delete(old.value);
    combined.handles = handles;
    name(handle.value, combined);
    return ok({ [handleFields[combined.product]]: handle.value });
  }

  function repeat(combined: CombinedOrder, product: Product, party: Party, parameters: string, now: number): Reply {
    const state = stateOf(combined, now);
    if (state === 'PAID') return orderPaid('ORDERPAID');
    if (state === 'CLOSED') return orderClosed;
    if (combined.product !== product || combined.party !== party) return numberUsed;
    if (combined.parameters !== parameters) return otherParameters;
    return now > combined.payableUntil ? orderExpired : handOut(combined, now);
  }

  function describe(combined: CombinedOrder, now: number): Record<string, unknown> {
    const { request, payment } = combined;
    return {
      combine_appid: request.combine_appid,
      combine_mchid: request.combine_mchid,
      combine_out_trade_no: request.combine_out_trade_no,
      ...(payment === undefined ? {} : { combine_transaction_id: payment.transactionId }),
      ...(request.scene_info?.device_id === undefined
        ? {}
        : { scene_info: { device_id: request.scene_info.device_id } }),
      ...(payment === undefined ? {} : { combine_payer_info: { openid: payment.openid } }),
      sub_orders: request.sub_orders.map((sub) => {
        const order = orders.get(sub.mchid, sub.out_trade_no, now);
        return describeSubOrder(sub, order, combined);
      }),
    };
  }

  return {
    prepay(merchant, product, party, body, now) {
      const request = plain(body) as CombineRequest;
      const key = keyOf(merchant.mchid, request.combine_out_trade_no);
      const parameters = canonicalText(body);
      const existing = combinedOrders.get(key);
      if (existing !== undefined) return repeat(existing, product, party, parameters, now);
      if (burned.has(key)) return otherParameters;
      if (request.sub_orders.some((sub) => orders.taken(sub.mchid, sub.out_trade_no))) return numberUsed;
      const payableUntil = readPayableUntil(request.time_expire, product, now);
      const combined: CombinedOrder = {
        party,
        product,
        merchant,
        request,
        parameters,
        payableUntil,
        handles: [],
        payment: undefined,
      };
      for (const sub of request.sub_orders) {
        orders.place(makeSubOrder(combined, sub, findMerchant(sub.mchid) ?? merchant, now));
      }
      combinedOrders.set(key, combined);
      name(request.combine_out_trade_no, combined);
      return handOut(combined, now);
    },

    query(merchant, number, now) {
      const combined = combinedOrders.get(keyOf(merchant.mchid, number));
      return combined === undefined ? orderNotExist : ok(describe(combined, now));
    },

    close(merchant, number, appid, subOrders, now) {
      const key = keyOf(merchant.mchid, number);
      const combined = combinedOrders.get(key);
      if (combined === undefined) {
        // As for single orders (states 2, F); whether it holds for combined ones is UNCONFIRMED.
        burned.add(key);
        return noContent;
      }
      if (appid !== combined.request.combine_appid) return otherAppid;
      if (!sameSubOrders(combined.request.sub_orders, subOrders)) return otherSubOrders;
      if (stateOf(combined, now) === 'PAID') return orderPaid('ORDER_PAID');
      for (const order of subOrdersOf(combined, now)) order.state = 'CLOSED';
      return noContent;
    },

    find: (numberOrHandle) => named.get(numberOrHandle) ?? [],

    of({ combined }) {
      return combined === undefined
        ? undefined
        : combinedOrders.get(keyOf(combined.mchid, combined.combine_out_trade_no));
    },

    pay(combined, openid, now) {
      const state = stateOf(combined, now);
      if (state === 'CLOSED') return 'closed';
      if (state === 'PAID') return 'paid';
      if (now > combined.payableUntil) return 'expired';
      if (!combined.handles.some((handle) => now <= handle.expiresAt)) return 'handle-expired';
      const { openid: given, sub_openid: subOpenid } = combined.request.combine_payer_info ?? {};
      const payer = given ?? openid ?? makeOpenid(randomBytes);
      combined.payment = {
        transactionId: makeTransactionId(now, randomBytes),
        openid: payer,
        ...(subOpenid === undefined ? {} : { subOpenid }),
      };
      for (const order of subOrdersOf(combined, now)) {
        orders.settle(order, combined.party === 'direct' ? { openid: payer } : { sp_openid: payer }, now);
      }
      return undefined;
    },

    describe,

    dump: () => ({
      orders: [...combinedOrders.values()].map(({ merchant, ...order }) => ({ ...order, mchid: merchant.mchid })),
      burned: [...burned],
    }),

    restore(dumped, merchantOf) {
      for (const index of [combinedOrders, named, burned]) index.clear();
      for (const { mchid, ...stored } of dumped.orders) {
        const combined: CombinedOrder = { ...stored, merchant: merchantOf(mchid), payment: stored.payment };
        combinedOrders.set(keyOf(mchid, combined.request.combine_out_trade_no), combined);
        name(combined.request.combine_out_trade_no, combined);
        for (const { value } of combined.handles) name(value, combined);
      }
      for (const key of dumped.burned) burned.add(key);
    },
  };
}

/** The sub-order as an order of its merchant, for refunds, bills and profit sharing. */
function makeSubOrder(combined: CombinedOrder, sub: SubOrderRequest, merchant: Merchant, now: number): Order {
  const { party, product, request, payableUntil } = combined;
  const identity =
    party === 'direct'
      ? { appid: request.combine_appid, mchid: sub.mchid }
      : {
          sp_appid: request.combine_appid,
          sp_mchid: sub.mchid,
          ...(sub.sub_mchid === undefined ? {} : { sub_mchid: sub.sub_mchid }),
          ...(sub.sub_appid === undefined ? {} : { sub_appid: sub.sub_appid }),
        };
  return {
    party,
    product,
    merchant,
    request: {
      ...identity,
      out_trade_no: sub.out_trade_no,
      attach: sub.attach,
      notify_url: request.notify_url,
      amount: { total: sub.amount.total_amount },
      // settle_info outweighs the older member beside it.
      settle_info: { profit_sharing: sub.settle_info?.profit_sharing ?? sub.profit_sharing ?? false },
    },
    parameters: '',
    payableUntil,
    closesAt: Math.max(payableUntil, now + 7 * day),
    combined: { mchid: request.combine_mchid, combine_out_trade_no: request.combine_out_trade_no },
    state: 'NOTPAY',
    handles: [],
    payment: undefined,
  };
}

/** Amounts have names of their own here (protocol 6.3). Which members an unpaid one has is UNCONFIRMED: as single orders do. */
function describeSubOrder(
  sub: SubOrderRequest,
  order: Order | undefined,
  combined: CombinedOrder,
): Record<string, unknown> {
  const names = {
    mchid: sub.mchid,
    ...(sub.sub_mchid === undefined ? {} : { sub_mchid: sub.sub_mchid }),
    ...(sub.sub_appid === undefined ? {} : { sub_appid: sub.sub_appid }),
    out_trade_no: sub.out_trade_no,
    trade_state: order?.state,
  };
  const { total_amount: total, currency } = sub.amount;
  const payment = order?.payment;
  if (payment === undefined) return { ...names, attach: sub.attach, amount: { total_amount: total, currency } };
  const { subOpenid } = combined.payment ?? {};
  return {
    ...names,
    ...(subOpenid === undefined ? {} : { sub_openid: subOpenid }),
    transaction_id: payment.transactionId,
    trade_type: tradeTypes[combined.product],
    bank_type: 'OTHERS',
    attach: sub.attach,
    success_time: beijingTime(payment.successAt),
    amount: { total_amount: total, payer_amount: total, currency, payer_currency: 'CNY' },
    promotion_detail: [],
  };
}

function sameSubOrders(placed: readonly SubOrderName[], given: readonly SubOrderName[]): boolean {
  const textOf = ({ mchid, sub_mchid: sub = '', out_trade_no: number }: SubOrderName): string =>
    `${mchid} ${sub} ${number}`;
  const texts = new Set(given.map(textOf));
  return (
    placed.length === given.length && texts.size === placed.length && placed.every((sub) => texts.has(textOf(sub)))
  );
}
