/** The orders and their states (states 1 and 2). Time passes only through `now`. */
import { handleFields, issueHandle, withHandle } from './handles.ts';
import type { Handle } from './handles.ts';
import type { JsonObject } from './json.ts';
import { canonicalText, plain } from './json.ts';
import type { Merchant } from './merchants.ts';
import { digits } from './platform.ts';
import { noContent, ok, refuse } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Party, Product } from './rules/order.ts';
import { beijingDigits, beijingTime, readTime } from './times.ts';

export type TradeState = 'NOTPAY' | 'SUCCESS' | 'REFUND' | 'CLOSED' | 'USERPAYING' | 'PAYERROR' | 'REVOKED';

/** How an order is paid. */
export type OrderProduct = Product | 'codepay';

/** A prepay body after validation; which of the numbers and ids are there depends on the party. */
export interface OrderRequest {
  readonly appid?: string;
  readonly mchid?: string;
  readonly sp_appid?: string;
  readonly sp_mchid?: string;
  readonly sub_appid?: string;
  readonly sub_mchid?: string;
  readonly out_trade_no: string;
  readonly time_expire?: string;
  readonly attach?: string;
  /** Payments by code have none. */
  readonly notify_url?: string;
  readonly amount: { readonly total: number };
  readonly payer?: { readonly openid?: string; readonly sp_openid?: string; readonly sub_openid?: string };
  readonly scene_info?: { readonly device_id?: string };
  readonly settle_info?: { readonly profit_sharing?: boolean };
  /** Of an order that APIv2 placed: how its callback is signed. */
  readonly v2?: { readonly sign_type: 'MD5' | 'HMAC-SHA256' };
}

export interface Payment {
  readonly transactionId: string;
  readonly successAt: number;
  readonly payer: Readonly<Record<string, string>>;
}

export interface Order {
  readonly party: Party;
  readonly product: OrderProduct;
  /** The merchant that signs for it: `mchid`, or `sp_mchid`. */
  readonly merchant: Merchant;
  readonly request: OrderRequest;
  /** The request in one canonical text: a repeat must be equal to it. */
  readonly parameters: string;
  /** Last moment to pay. */
  readonly payableUntil: number;
  /** When it closes by itself. */
  readonly closesAt: number;
  /** Of a sub-order: the combined order that it belongs to, and whose it is. */
  readonly combined?: { readonly mchid: string; readonly combine_out_trade_no: string };
  /** Of a payment by code: when it was asked for, and whose code it was. */
  readonly placedAt?: number;
  readonly openid?: string;
  state: TradeState;
  handles: readonly Handle[];
  payment: Payment | undefined;
}

/** An order as it is written out: its merchant by number. */
export type StoredOrder = Omit<Order, 'merchant'> & { readonly mchid: string };

export interface OrderDump {
  readonly orders: readonly StoredOrder[];
  /** Numbers that a close burned, each after its merchant's. */
  readonly burned: readonly string[];
}

export type PaidOrder = Order & { readonly payment: Payment };

/** Why the payer cannot pay. */
export type NotPayable = 'paid' | 'closed' | 'expired' | 'handle-expired';

const minute = 60_000;
const day = 86_400_000;
export const tradeTypes: Readonly<Record<OrderProduct, string>> = {
  jsapi: 'JSAPI',
  app: 'APP',
  native: 'NATIVE',
  h5: 'MWEB',
  codepay: 'MICROPAY',
};
const stateTexts: Readonly<Record<TradeState, string>> = {
  NOTPAY: '订单未支付',
  SUCCESS: '支付成功',
  REFUND: '订单发生过退款，退款详情请查询退款单',
  CLOSED: '订单已关闭',
  USERPAYING: '用户支付中，需要输入密码',
  PAYERROR: '支付失败，请撤销订单',
  REVOKED: '订单已撤销',
};

export const orderPaid = (code: 'ORDERPAID' | 'ORDER_PAID'): Reply => refuse(400, code, '该订单已支付', 268449538);
export const orderClosed = refuse(400, 'ORDER_CLOSED', '订单已关闭', 268447914);
export const orderExpired = refuse(400, 'ORDER_CLOSED', '该订单已失效', 268447914);
export const numberUsed = refuse(403, 'OUT_TRADE_NO_USED', '商户订单号重复', 268498688);
export const orderNotExist = refuse(404, 'ORDER_NOT_EXIST', '订单不存在', 268512771);
export const otherParameters = refuse(400, 'INVALID_REQUEST', '请求重入时，参数与首次请求时不一致', 268498688);
/** The refusal is documented (268449641), its code is UNCONFIRMED. */
const onlyReverse = refuse(403, 'TRADE_ERROR', '当前交易不允许进行普通关单（只能撤销）', 268449641);
export const otherSubMerchant = refuse(400, 'INVALID_REQUEST', '子商户号与订单不匹配', 268447845);

/** A merchant number and the number of one of its orders. */
export interface OrderName {
  readonly merchant: Merchant;
  readonly outTradeNo: string;
  /** In a service provider's call: the sub-merchant that it names. */
  readonly subMchid: string | undefined;
}

export interface OrderBook {
  /** Prepay, or its repetition (states 2, notes A to E). */
  prepay(merchant: Merchant, product: Product, party: Party, body: JsonObject, now: number): Reply;
  queryByNumber(name: OrderName, party: Party, now: number): Reply;
  /** The order as it stands; a refusal when it is another party's or sub-merchant's; `undefined` when there is none. */
  look(name: OrderName, party: Party, now: number): Order | Reply | undefined;
  /** Every order as it stands now, in the order in which they were placed. */
  all(now: number): Iterable<Order>;
  /** Every order that was paid, in the order of payment. */
  allPaid(): Iterable<PaidOrder>;
  /** The paid order with this transaction_id, whoever asks. */
  byTransaction(transactionId: string): Order | undefined;
  /** The paid order of this merchant with this transaction_id. */
  paidAs(merchant: Merchant, transactionId: string): Order | undefined;
  queryByTransaction(
    merchant: Merchant,
    transactionId: string,
    subMchid: string | undefined,
    party: Party,
    now: number,
  ): Reply;
  /** Close; a number that was never used is burned (note F). */
  close(name: OrderName, party: Party, now: number): Reply;
  /** The orders with this number (of any merchant), or whose handle this is. */
  find(numberOrHandle: string, now: number): readonly Order[];
  /** The payer pays. @returns why not, or `undefined` when it is paid now */
  pay(order: Order, openid: string | undefined, now: number): NotPayable | undefined;
  /** Takes in an order that was made elsewhere, paid already. @returns false when its number is taken */
  adopt(order: Order & { readonly payment: Payment }): boolean;
  /** Whether a prepay used the number, or a close burned it. */
  taken(mchid: string, outTradeNo: string): boolean;
  /** Takes in an unpaid order that was made elsewhere; its number is not taken. */
  place(order: Order): void;
  /** The order as it stands, whoever asks. */
  get(mchid: string, outTradeNo: string, now: number): Order | undefined;
  /** Makes an order a paid one. */
  settle(order: Order, payer: Payment['payer'], now: number): void;
  /** Any order of this merchant but the one with this number. */
  another(merchant: Merchant, outTradeNo: string, now: number): Order | undefined;
  /** Everything, to be written out. */
  dump(): OrderDump;
  /** Takes up what was written out, in the place of everything else. */
  restore(dumped: OrderDump, merchantOf: (mchid: string) => Merchant): void;
}

export function openOrderBook(randomBytes: (size: number) => Buffer): OrderBook {
  const orders = new Map<string, Order>();
  /** By transaction_id, and by out_trade_no or handle: a long test run makes many orders. */
  const paid = new Map<string, Order>();
  const named = new Map<string, readonly Order[]>();
  const burned = new Set<string>();
  const keyOf = (mchid: string, outTradeNo: string): string => `${mchid} ${outTradeNo}`;

  /** The order as it stands now: unpaid ones close by themselves. */
  function current(order: Order | undefined, now: number): Order | undefined {
    // A password that nobody enters leaves the payment undone (UNCONFIRMED: no source says what it becomes).
    if (order?.state === 'USERPAYING' && now > order.payableUntil) order.state = 'NOTPAY';
    if (order?.state === 'NOTPAY' && now >= order.closesAt) order.state = 'CLOSED';
    return order;
  }

  function name(text: string, order: Order): void {
    named.set(text, [...(named.get(text) ?? []), order]);
  }

  function handOut(order: Order, product: Product, now: number): Reply {
    const handle = issueHandle(product, now, randomBytes);
    const handles = withHandle(product, order.handles, handle);
    for (const old of order.handles) if (!handles.includes(old)) named.delete(old.value);
    order.handles = handles;
    name(handle.value, order);
    return ok({ [handleFields[product]]: handle.value });
  }

  function repeat(
    order: Order,
    product: Product,
    party: Party,
    wanted: OrderRequest,
    body: JsonObject,
    now: number,
  ): Reply {
    if (order.state === 'SUCCESS' || order.state === 'REFUND') return orderPaid('ORDERPAID');
    if (order.state === 'CLOSED') return orderClosed;
    if (order.product !== product || order.party !== party || order.combined !== undefined) return numberUsed;
    if ((order.request.v2 === undefined) !== (wanted.v2 === undefined)) return numberUsed;
    if (order.parameters !== parametersOf(body)) return otherParameters;
    if (now > order.payableUntil) return orderExpired;
    return handOut(order, product, now);
  }

  /** The order, or why this caller does not get it. */
  function lookUp(name: OrderName, party: Party, now: number): Order | Reply | undefined {
    const order = current(orders.get(keyOf(name.merchant.mchid, name.outTradeNo)), now);
    if (order === undefined) return undefined;
    if (order.party !== party) return orderNotExist;
    if (party === 'partner' && order.request.sub_mchid !== name.subMchid) return otherSubMerchant;
    return order;
  }

  function settle(order: Order, payer: Payment['payer'], now: number): void {
    order.state = 'SUCCESS';
    order.payment = { transactionId: makeTransactionId(now, randomBytes), successAt: now, payer };
    paid.set(order.payment.transactionId, order);
  }

  return {
    prepay(merchant, product, party, body, now) {
      const request = plain(body) as OrderRequest;
      const key = keyOf(merchant.mchid, request.out_trade_no);
      const existing = current(orders.get(key), now);
      if (existing !== undefined) return repeat(existing, product, party, request, body, now);
      if (burned.has(key)) return otherParameters;
      const payableUntil = readPayableUntil(request.time_expire, product, now);
      const order: Order = {
        party,
        product,
        merchant,
        request,
        parameters: parametersOf(body),
        payableUntil,
        closesAt: Math.max(payableUntil, now + 7 * day),
        state: 'NOTPAY',
        handles: [],
        payment: undefined,
      };
      orders.set(key, order);
      name(request.out_trade_no, order);
      return handOut(order, product, now);
    },

    queryByNumber(name, party, now) {
      const found = lookUp(name, party, now) ?? orderNotExist;
      if ('status' in found) return found;
      return found.combined === undefined ? ok(describeOrder(found)) : orderNotExist;
    },

    look: lookUp,

    *all(now) {
      for (const order of orders.values()) yield current(order, now) ?? order;
    },

    *allPaid() {
      for (const order of paid.values()) if (isPaid(order)) yield order;
    },

    byTransaction: (transactionId) => paid.get(transactionId),

    paidAs(merchant, transactionId) {
      const order = paid.get(transactionId);
      return order?.merchant.mchid === merchant.mchid ? order : undefined;
    },

    queryByTransaction(merchant, transactionId, subMchid, party, now) {
      const order = this.paidAs(merchant, transactionId);
      if (order === undefined) return orderNotExist;
      return this.queryByNumber({ merchant, outTradeNo: order.request.out_trade_no, subMchid }, party, now);
    },

    close(name, party, now) {
      const found = lookUp(name, party, now);
      if (found === undefined) {
        burned.add(keyOf(name.merchant.mchid, name.outTradeNo));
        return noContent;
      }
      if ('status' in found) return found;
      // Sub-orders are asked about and closed through their combined order only (endpoints 9).
      if (found.combined !== undefined) return orderNotExist;
      if (found.product === 'codepay') return onlyReverse;
      if (found.state === 'SUCCESS' || found.state === 'REFUND') return orderPaid('ORDER_PAID');
      found.state = 'CLOSED';
      return noContent;
    },

    find(numberOrHandle, now) {
      const found = named.get(numberOrHandle) ?? [];
      for (const order of found) current(order, now);
      return found;
    },

    pay(order, openid, now) {
      current(order, now);
      if (order.state === 'CLOSED') return 'closed';
      if (order.state !== 'NOTPAY') return 'paid';
      if (now > order.payableUntil) return 'expired';
      if (!order.handles.some((handle) => now <= handle.expiresAt)) return 'handle-expired';
      settle(order, payerOf(order, openid, randomBytes), now);
      return undefined;
    },

    adopt(order) {
      const key = keyOf(order.merchant.mchid, order.request.out_trade_no);
      if (orders.has(key) || burned.has(key)) return false;
      orders.set(key, order);
      name(order.request.out_trade_no, order);
      paid.set(order.payment.transactionId, order);
      return true;
    },

    taken(mchid, outTradeNo) {
      const key = keyOf(mchid, outTradeNo);
      return orders.has(key) || burned.has(key);
    },

    place(order) {
      orders.set(keyOf(order.merchant.mchid, order.request.out_trade_no), order);
      name(order.request.out_trade_no, order);
    },

    dump: () => ({
      orders: [...orders.values()].map(({ merchant, ...order }) => ({ ...order, mchid: merchant.mchid })),
      burned: [...burned],
    }),

    restore(dumped, merchantOf) {
      for (const index of [orders, paid, named, burned]) index.clear();
      for (const { mchid, ...stored } of dumped.orders) {
        const order: Order = { ...stored, merchant: merchantOf(mchid), payment: stored.payment };
        orders.set(keyOf(mchid, order.request.out_trade_no), order);
        name(order.request.out_trade_no, order);
        for (const { value } of order.handles) name(value, order);
      }
      const inOrderOfPayment = [...orders.values()].filter(isPaid);
      inOrderOfPayment.sort((a, b) => a.payment.successAt - b.payment.successAt);
      for (const order of inOrderOfPayment) paid.set(order.payment.transactionId, order);
      for (const key of dumped.burned) burned.add(key);
    },

    get: (mchid, outTradeNo, now) => current(orders.get(keyOf(mchid, outTradeNo)), now),
    settle,

    another(merchant, outTradeNo, now) {
      for (const order of orders.values()) {
        const { mchid } = order.merchant;
        if (mchid === merchant.mchid && order.request.out_trade_no !== outTradeNo) return current(order, now);
      }
      return undefined;
    },
  };
}

/** How a callback is to be signed may change when a prepay is repeated. */
function parametersOf(body: JsonObject): string {
  return canonicalText(new Map([...body].filter(([name]) => name !== 'v2')));
}

export function isPaid(order: Order): order is PaidOrder {
  return order.payment !== undefined;
}

/** The order as query and callback show it: member sets and orders as seen live (endpoints 4.1). */
export function describeOrder(order: Order): Record<string, unknown> {
  const { request, payment, state } = order;
  const party =
    order.party === 'direct'
      ? { appid: request.appid, mchid: request.mchid }
      : {
          sp_appid: request.sp_appid,
          sp_mchid: request.sp_mchid,
          ...(request.sub_appid === undefined ? {} : { sub_appid: request.sub_appid }),
          sub_mchid: request.sub_mchid,
        };
  const words = { trade_state: state, trade_state_desc: stateTexts[state] };
  if (payment === undefined) {
    return {
      amount: { payer_currency: 'CNY', total: request.amount.total },
      ...party,
      out_trade_no: request.out_trade_no,
      promotion_detail: [],
      scene_info: { device_id: request.scene_info?.device_id ?? '' },
      ...words,
    };
  }
  const { total } = request.amount;
  return {
    ...party,
    out_trade_no: request.out_trade_no,
    transaction_id: payment.transactionId,
    trade_type: tradeTypes[order.product],
    ...words,
    bank_type: 'OTHERS',
    ...(request.attach === undefined ? {} : { attach: request.attach }),
    success_time: beijingTime(payment.successAt),
    payer: payment.payer,
    amount: { total, payer_total: total, currency: 'CNY', payer_currency: 'CNY' },
    ...(request.scene_info?.device_id === undefined ? {} : { scene_info: { device_id: request.scene_info.device_id } }),
    promotion_detail: [],
  };
}

/** 28 digits: 4200, six digits, the day, ten digits (states 6). */
export function makeTransactionId(now: number, randomBytes: (size: number) => Buffer): string {
  return `4200${digits(randomBytes, 6)}${beijingDigits(now).slice(0, 8)}${digits(randomBytes, 10)}`;
}

/** Seven days unless `time_expire` says otherwise; raised to a minute ahead, cut at 15 days (native: 7), states 5. */
export function readPayableUntil(timeExpire: string | undefined, product: Product, now: number): number {
  const wanted = timeExpire === undefined ? now + 7 * day : (readTime(timeExpire) ?? now);
  const latest = now + (product === 'native' ? 7 : 15) * day;
  return Math.min(Math.max(wanted, now + minute), latest);
}

function payerOf(
  order: Order,
  openid: string | undefined,
  randomBytes: (size: number) => Buffer,
): Record<string, string> {
  const { payer, sub_appid: subAppid } = order.request;
  const made = openid ?? makeOpenid(randomBytes);
  if (order.party === 'direct') return { openid: payer?.openid ?? made };
  const subOpenid = payer?.sub_openid ?? (subAppid === undefined ? undefined : made);
  return {
    sp_openid: payer?.sp_openid ?? made,
    ...(subOpenid === undefined ? {} : { sub_openid: subOpenid }),
  };
}

export function makeOpenid(randomBytes: (size: number) => Buffer): string {
  return `o${randomBytes(20).toString('base64url').slice(0, 27)}`;
}
