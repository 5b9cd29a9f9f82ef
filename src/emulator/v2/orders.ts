/** APIv2 orders: unifiedorder, orderquery, closeorder; over the same book as APIv3's (protocol 11, states 2). */
import { issueHandle } from '../handles.ts';
import type { Json, JsonObject } from '../json.ts';
import { tradeTypes } from '../orders.ts';
import type { Order, OrderBook } from '../orders.ts';
import type { Reply } from '../reply.ts';
import type { Product } from '../rules/order.ts';
import { beijingDigits, beijingTime } from '../times.ts';
import type { V2Call } from './gateway.ts';
import { answerCall } from './reply.ts';
import {
  checkFields,
  checkParties,
  checkProduct,
  closeRules,
  lacking,
  orderQueryRules,
  orderRules,
  readDigitsTime,
  translate,
} from './rules.ts';
import type { V2Error } from './rules.ts';

const products: Readonly<Record<string, Product>> = { JSAPI: 'jsapi', NATIVE: 'native', APP: 'app', MWEB: 'h5' };
const notExist: V2Error = { code: 'ORDERNOTEXIST', text: '订单不存在' };

export function unifiedOrder(call: V2Call, orders: OrderBook): Reply {
  const { fields, merchant, party, now, randomBytes } = call;
  const tradeType = fields.get('trade_type') ?? '';
  const product = products[tradeType] ?? 'native';
  const refusal =
    checkFields(call, orderRules) ?? checkPayer(call) ?? checkParties(call) ?? checkProduct(call, product);
  if (refusal !== undefined) return answerCall(call, {}, refusal);
  const reply = orders.prepay(merchant, product, party, orderBody(call), now);
  if (reply.status !== 200) return answerCall(call, {}, translate(reply));
  const given = reply.body ?? {};
  const h5Url = textOf(given['h5_url']);
  const prepayId = textOf(given['prepay_id']) ?? prepayIdIn(h5Url) ?? issueHandle('app', now, randomBytes).value;
  return answerCall(call, {
    device_info: fields.get('device_info'),
    trade_type: tradeType,
    prepay_id: prepayId,
    code_url: textOf(given['code_url']),
    mweb_url: h5Url,
  });
}

/** Who pays must be known where the payer is in WeChat already. */
function checkPayer({ fields, party }: V2Call): V2Error | undefined {
  if (fields.get('trade_type') !== 'JSAPI') return undefined;
  if ((fields.get('openid') ?? '') !== '') return undefined;
  if (party === 'partner' && (fields.get('sub_openid') ?? '') !== '') {
    return (fields.get('sub_appid') ?? '') === '' ? lacking('sub_appid') : undefined;
  }
  return { code: 'LACK_PARAMS', text: 'JSAPI支付必须传openid' };
}

/** The order as APIv3 would have placed it: both read the same book. */
export function orderBody({ fields, merchant, party, signType, subMchid }: V2Call): JsonObject {
  const body: JsonObject = new Map();
  const put = (object: JsonObject, name: string, value: Json | undefined): void => {
    if (value !== undefined && value !== '') object.set(name, value);
  };
  const openid = fields.get('openid');
  const payer: JsonObject = new Map();
  if (party === 'direct') {
    put(body, 'appid', fields.get('appid'));
    put(body, 'mchid', merchant.mchid);
    put(payer, 'openid', openid);
  } else {
    put(body, 'sp_appid', fields.get('appid'));
    put(body, 'sp_mchid', merchant.mchid);
    put(body, 'sub_appid', fields.get('sub_appid'));
    put(body, 'sub_mchid', subMchid);
    put(payer, 'sp_openid', openid);
    put(payer, 'sub_openid', fields.get('sub_openid'));
  }
  put(body, 'description', fields.get('body'));
  put(body, 'out_trade_no', fields.get('out_trade_no'));
  const expire = readDigitsTime(fields.get('time_expire') ?? '');
  put(body, 'time_expire', expire === undefined ? undefined : beijingTime(expire));
  put(body, 'attach', fields.get('attach'));
  put(body, 'notify_url', fields.get('notify_url'));
  put(body, 'goods_tag', fields.get('goods_tag'));
  put(body, 'detail', fields.get('detail'));
  put(body, 'amount', new Map([['total', { digits: fields.get('total_fee') ?? '' }]]));
  if (payer.size > 0) put(body, 'payer', payer);
  const deviceInfo = fields.get('device_info');
  if (deviceInfo !== undefined && deviceInfo !== '') put(body, 'scene_info', new Map([['device_id', deviceInfo]]));
  if (fields.get('profit_sharing') === 'Y') put(body, 'settle_info', new Map([['profit_sharing', true]]));
  put(body, 'v2', new Map([['sign_type', signType]]));
  return body;
}

export function queryOrder(call: V2Call, orders: OrderBook): Reply {
  const refusal = checkFields(call, orderQueryRules) ?? checkParties(call);
  if (refusal !== undefined) return answerCall(call, {}, refusal);
  const found = findOrder(call, orders);
  return 'code' in found ? answerCall(call, {}, found) : answerCall(call, describeOrder(found));
}

/** The order that the call names; transaction_id wins where both are given. */
export function findOrder(call: V2Call, orders: OrderBook): Order | V2Error {
  const { fields, merchant, party, subMchid, now } = call;
  const id = fields.get('transaction_id') ?? '';
  const number = id === '' ? fields.get('out_trade_no') : orders.paidAs(merchant, id)?.request.out_trade_no;
  if (id === '' && (number ?? '') === '') return lacking('out_trade_no');
  const found = number === undefined ? undefined : orders.look({ merchant, outTradeNo: number, subMchid }, party, now);
  if (found === undefined) return notExist;
  if ('status' in found) return translate(found);
  // Sub-orders of a combined order are asked about through APIv3.
  return found.combined === undefined ? found : notExist;
}

export function closeOrder(call: V2Call, orders: OrderBook): Reply {
  const refusal = checkFields(call, closeRules) ?? checkParties(call);
  if (refusal !== undefined) return answerCall(call, {}, refusal);
  const { merchant, party, subMchid, now } = call;
  const found = findOrder(call, orders);
  if ('code' in found) return answerCall(call, {}, found);
  if (found.state === 'CLOSED') return answerCall(call, {}, { code: 'ORDERCLOSED', text: '订单已关闭' });
  const reply = orders.close({ merchant, outTradeNo: found.request.out_trade_no, subMchid }, party, now);
  return reply.status < 300 ? answerCall(call, {}) : answerCall(call, {}, translate(reply));
}

const stateTexts: Readonly<Record<string, string>> = {
  NOTPAY: '订单未支付',
  SUCCESS: '支付成功',
  REFUND: '订单发生过退款，退款详情请查询退款单',
  CLOSED: '订单已关闭',
  USERPAYING: '用户支付中，需要输入密码',
  PAYERROR: '支付失败，请撤销订单',
  REVOKED: '订单已撤销',
};

/** The order as orderquery shows it; before it is paid, little more than its state. */
export function describeOrder(order: Order): Record<string, string | undefined> {
  return {
    ...describePayment(order),
    out_trade_no: order.request.out_trade_no,
    attach: order.request.attach,
    trade_state: order.state,
    trade_state_desc: stateTexts[order.state],
  };
}

/** What query and callback have in common. Amounts are fen. */
export function describePayment({ request, payment, product }: Order): Record<string, string | undefined> {
  const total = String(request.amount.total);
  const device = { device_info: request.scene_info?.device_id };
  if (payment === undefined) return { ...device, total_fee: total, fee_type: 'CNY' };
  const { payer } = payment;
  const subOpenid = payer['sub_openid'];
  return {
    ...device,
    openid: payer['openid'] ?? payer['sp_openid'],
    is_subscribe: 'N',
    ...(subOpenid === undefined ? {} : { sub_openid: subOpenid, sub_is_subscribe: 'N' }),
    trade_type: tradeTypes[product],
    bank_type: 'OTHERS',
    total_fee: total,
    fee_type: 'CNY',
    cash_fee: total,
    cash_fee_type: 'CNY',
    transaction_id: payment.transactionId,
    time_end: beijingDigits(payment.successAt),
  };
}

function prepayIdIn(h5Url: string | undefined): string | undefined {
  return /[?&]prepay_id=([^&]+)/.exec(h5Url ?? '')?.[1];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
