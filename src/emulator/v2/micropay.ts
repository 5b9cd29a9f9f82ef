/** APIv2 payment by code and its reversal; over the same desk as APIv3's (protocol 11.3, endpoints 10). */
import type { CodepayDesk } from '../codepay.ts';
import type { JsonObject } from '../json.ts';
import type { OrderBook } from '../orders.ts';
import type { Reply } from '../reply.ts';
import type { V2Call } from './gateway.ts';
import { describePayment, findOrder, orderBody } from './orders.ts';
import { answerCall } from './reply.ts';
import { checkFields, checkParties, checkProduct, micropayRules, orderQueryRules, translate } from './rules.ts';
import type { V2Error } from './rules.ts';

/** To be asked about every few seconds, then reversed: nobody is called back (protocol 11.3). */
const userPaying: V2Error = { code: 'USERPAYING', text: '需要用户输入支付密码' };

export function micropay(call: V2Call, orders: OrderBook, desk: CodepayDesk): Reply {
  const { fields, merchant, party, now } = call;
  const refusal = checkFields(call, micropayRules) ?? checkParties(call) ?? checkProduct(call, 'codepay');
  if (refusal !== undefined) return answerCall(call, {}, refusal);
  const body: JsonObject = orderBody(call);
  // Nobody is told, so nothing is to be known about how.
  body.delete('v2');
  body.set('payer', new Map([['auth_code', fields.get('auth_code') ?? '']]));
  const reply = desk.pay(merchant, party, body, now);
  if (reply.status === 202) return answerCall(call, {}, userPaying);
  if (reply.status !== 200) return answerCall(call, {}, translate(reply));
  const order = orders.get(merchant.mchid, fields.get('out_trade_no') ?? '', now);
  if (order === undefined) return answerCall(call, {}, { code: 'SYSTEMERROR', text: '系统超时' });
  const { out_trade_no, attach } = order.request;
  return answerCall(call, { ...describePayment(order), out_trade_no, attach });
}

export function reverse(call: V2Call, orders: OrderBook, desk: CodepayDesk): Reply {
  const { merchant, party, subMchid, now } = call;
  const refusal = checkFields(call, orderQueryRules) ?? checkParties(call);
  if (refusal !== undefined) return answerCall(call, { recall: 'N' }, refusal);
  const order = findOrder(call, orders);
  if ('code' in order) return answerCall(call, { recall: 'N' }, order);
  const reply = desk.reverse({ merchant, outTradeNo: order.request.out_trade_no, subMchid }, party, {}, now);
  // `recall` Y would ask for the same call again.
  return answerCall(call, { recall: 'N' }, reply.status === 200 ? undefined : translate(reply));
}
