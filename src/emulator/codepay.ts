/**
 * Payment by code (付款码) and its reversal: states 1, endpoints 10. Where nobody has confirmed what WeChat Pay does, the
 * comment says what is relied on. Time passes only through `now`.
 */
import { canonicalText, plain } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Merchant } from './merchants.ts';
import {
  describeOrder,
  makeOpenid,
  numberUsed,
  orderClosed,
  orderNotExist,
  orderPaid,
  otherParameters,
  otherSubMerchant,
} from './orders.ts';
import type { NotPayable, Order, OrderBook, OrderName, OrderRequest } from './orders.ts';
import type { Payer, PayerBook } from './payers.ts';
import { ok, refuse } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Party } from './rules/order.ts';

/** A codepay body after validation. */
type CodepayRequest = OrderRequest & { readonly payer: { readonly auth_code: string } };

export interface CodepayDesk {
  /** Takes the money, or asks the payer for the password. */
  pay(merchant: Merchant, party: Party, body: JsonObject, now: number): Reply;
  /** Takes it all back: unpaid is over, paid is refunded whole. */
  reverse(name: OrderName, party: Party, identity: Readonly<Record<string, string>>, now: number): Reply;
  /** The payer enters the password. @returns why that comes to nothing */
  confirm(order: Order, now: number): NotPayable | undefined;
  /** The payer puts the phone away. @returns why there was nothing to decline */
  decline(order: Order, now: number): NotPayable | undefined;
}

interface Tools {
  readonly orders: OrderBook;
  readonly payers: PayerBook;
  readonly randomBytes: (size: number) => Buffer;
}

const second = 1000;
const day = 86_400_000;
/** A reversal may come 15 s after the payment was asked for at the earliest, and seven days at the latest. */
const earliest = 15 * second;
const latest = 7 * day;
/** How long the password may take; UNCONFIRMED, merchants are told to stop asking after 30 to 45 s. */
const passwordMs = 60 * second;

const codeInvalid = refuse(400, 'AUTH_CODE_INVALID', '付款码无效，请重新扫码', 268435461);
const codeExpired = refuse(403, 'AUTH_CODE_EXPIRE', '付款码已过期，请用户刷新后重新扫码', 268435461);
const notEnough = refuse(403, 'NOT_ENOUGH', '用户账户余额不足', 268892709);
const tradeError = refuse(403, 'TRADE_ERROR', '交易错误，用户账户异常', 268435461);
const bankError = refuse(500, 'BANK_ERROR', '银行系统异常', 268435461);
const reversed = refuse(400, 'ORDER_REVERSED', '订单已撤销', 268435461);
/** Success, in that a payment is under way: the one 202 of these endpoints. */
const userPaying: Reply = {
  status: 202,
  body: { code: 'USER_PAYING', message: '用户支付中，需要输入密码' },
  internal: 0,
};
const onlyClose = refuse(403, 'TRADE_ERROR', '当前交易不是付款码支付，不允许撤销', 268435461);
const tooEarly = refuse(403, 'RULE_LIMIT', '请在支付15秒后再撤销', 268435461);
const tooLate = refuse(403, 'RULE_LIMIT', '订单已超过可撤销期限', 268435461);
const refunded = refuse(403, 'TRADE_ERROR', '订单发生过退款，不允许撤销', 268435461);

export function openCodepayDesk({ orders, payers, randomBytes }: Tools): CodepayDesk {
  function repeat(order: Order, parameters: string): Reply {
    // The error list of this product has ORDER_PAID, not ORDERPAID.
    if (order.state === 'SUCCESS' || order.state === 'REFUND') return orderPaid('ORDER_PAID');
    if (order.product !== 'codepay') return numberUsed;
    if (order.state === 'REVOKED') return reversed;
    if (order.state === 'CLOSED') return orderClosed;
    if (order.parameters !== parameters) return otherParameters;
    // Not paid, and its code is used up: a new code needs a new number.
    return order.state === 'USERPAYING' ? userPaying : codeExpired;
  }

  /** Takes the money if the wallet holds it. */
  function charge(order: Order, payer: Payer, now: number): boolean {
    if (!payers.draw(payer.openid, order.request.amount.total)) {
      order.state = 'PAYERROR';
      return false;
    }
    orders.settle(order, payerOf(order, payer.openid), now);
    return true;
  }

  return {
    pay(merchant, party, body, now) {
      const request = plain(body) as CodepayRequest;
      const number = request.out_trade_no;
      const parameters = canonicalText(body);
      const existing = orders.get(merchant.mchid, number, now);
      if (existing !== undefined) return repeat(existing, parameters);
      if (orders.taken(merchant.mchid, number)) return otherParameters;
      const { total } = request.amount;
      const payer = payers.redeem(request.payer.auth_code, now);
      // Refused before there is an order; whether the number counts as used then is UNCONFIRMED.
      if (payer === 'invalid') return codeInvalid;
      if (payer === 'expired') return codeExpired;
      if (payer.state !== 'normal') return tradeError;
      const { payer: _code, ...kept } = request;
      const order: Order = {
        party,
        product: 'codepay',
        merchant,
        request: kept,
        parameters,
        payableUntil: now + passwordMs,
        closesAt: now + 7 * day,
        placedAt: now,
        openid: payer.openid,
        state: 'USERPAYING',
        handles: [],
        payment: undefined,
      };
      orders.place(order);
      if (payer.bank === 'down') return bankError;
      if (payers.asksPassword(payer, total)) return userPaying;
      return charge(order, payer, now) ? ok(describeOrder(order)) : notEnough;
    },

    reverse(name, party, identity, now) {
      const order = orders.look(name, party, now);
      if (order === undefined) return orderNotExist;
      if ('status' in order) return order === otherSubMerchant ? order : orderNotExist;
      if (order.product !== 'codepay') return onlyClose;
      const done = ok({ ...identity, out_trade_no: order.request.out_trade_no });
      // A repeated reversal says the same (UNCONFIRMED; APIv2 does).
      if (order.state === 'REVOKED') return done;
      if (order.state === 'CLOSED') return orderClosed;
      if (order.state === 'REFUND') return refunded;
      const age = now - (order.placedAt ?? now);
      if (age < earliest) return tooEarly;
      if (age > latest) return tooLate;
      if (order.payment !== undefined) payers.draw(order.openid ?? '', -order.request.amount.total);
      // Paid or not, the state is REVOKED; for unpaid ones some say CLOSED (UNCONFIRMED).
      order.state = 'REVOKED';
      return done;
    },

    confirm(order, now) {
      const refusal = notConfirmable(order);
      if (refusal !== undefined) return refusal;
      charge(order, payers.of(order.openid ?? makeOpenid(randomBytes)), now);
      return undefined;
    },

    decline(order) {
      const refusal = notConfirmable(order);
      if (refusal === undefined) order.state = 'NOTPAY';
      return refusal;
    },
  };
}

function notConfirmable({ state }: Order): NotPayable | undefined {
  if (state === 'USERPAYING') return undefined;
  if (state === 'SUCCESS' || state === 'REFUND') return 'paid';
  return state === 'NOTPAY' || state === 'PAYERROR' ? 'expired' : 'closed';
}

function payerOf({ party, request }: Order, openid: string): Record<string, string> {
  if (party === 'direct') return { openid };
  return { sp_openid: openid, ...(request.sub_appid === undefined ? {} : { sub_openid: openid }) };
}
