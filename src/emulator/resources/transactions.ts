/** Prepay, query and close, for ordinary merchants and service providers (endpoints 2 to 5). */
import { checkCaller, checkPath, readBody, readQuery, refuseBody } from '../endpoint.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { isObject, plain } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { checkAccount, checkPrepay } from '../merchant-switches.ts';
import type { OrderBook } from '../orders.ts';
import { paramError } from '../reply.ts';
import type { Reply } from '../reply.ts';
import { checkBody, missing } from '../rules/fields.ts';
import { closeFields, outTradeNo, parties, prepayFields, transactionId } from '../rules/order.ts';
import type { Party, Product } from '../rules/order.ts';
import { decryptFields } from '../sensitive.ts';
import { checkAppids, checkNoQuery, checkRelation } from './party.ts';

const bases: Readonly<Record<Party, string>> = {
  direct: '/v3/pay/transactions',
  partner: '/v3/pay/partner/transactions',
};

export function transactionEndpoints(orders: OrderBook): Endpoint[] {
  const products: readonly Product[] = ['jsapi', 'app', 'h5', 'native'];
  return (['direct', 'partner'] as const).flatMap((party) => [
    ...products.map((product) => ({
      method: 'POST',
      path: `${bases[party]}/${product}`,
      answer: (call: Call) => prepay(call, orders, product, party),
    })),
    {
      method: 'GET',
      path: `${bases[party]}/out-trade-no/{out_trade_no}`,
      answer: (call) => queryByNumber(call, orders, party),
    },
    {
      method: 'GET',
      path: `${bases[party]}/id/{transaction_id}`,
      answer: (call) => queryByTransaction(call, orders, party),
    },
    {
      method: 'POST',
      path: `${bases[party]}/out-trade-no/{out_trade_no}/close`,
      answer: (call) => close(call, orders, party),
    },
  ]);
}

function prepay(call: Call, orders: OrderBook, product: Product, party: Party): Reply {
  const body = readBody(call.request);
  if (!isObject(body as JsonObject)) return body as Reply;
  const order = body as JsonObject;
  const caller = party === 'direct' ? 'mchid' : 'sp_mchid';
  const refusal =
    checkBody(order, prepayFields(product, party)) ??
    checkPayer(call, order, party) ??
    checkCaller(call, textOf(order, caller), 'body') ??
    checkAccount(call.switches, 400) ??
    checkRelation(call, textOf(order, 'sub_mchid'), party) ??
    checkAppids(call, order, party) ??
    checkPrepay(call.switches, product, totalOf(order));
  return refusal ?? orders.prepay(call.merchant, product, party, order, call.now);
}

function queryByNumber(call: Call, orders: OrderBook, party: Party): Reply {
  const query = checkQuery(call, party);
  if ('status' in query) return query;
  const refusal =
    checkPath(call, 'out_trade_no', outTradeNo) ??
    checkAccount(call.switches, 400) ??
    checkRelation(call, query.values['sub_mchid'], party);
  if (refusal !== undefined) return refusal;
  const name = {
    merchant: call.merchant,
    outTradeNo: call.path['out_trade_no'] ?? '',
    subMchid: query.values['sub_mchid'],
  };
  return orders.queryByNumber(name, party, call.now);
}

function queryByTransaction(call: Call, orders: OrderBook, party: Party): Reply {
  const query = checkQuery(call, party);
  if ('status' in query) return query;
  const subMchid = query.values['sub_mchid'];
  const refusal =
    checkPath(call, 'transaction_id', transactionId) ??
    checkAccount(call.switches, 400) ??
    checkRelation(call, subMchid, party);
  if (refusal !== undefined) return refusal;
  return orders.queryByTransaction(call.merchant, call.path['transaction_id'] ?? '', subMchid, party, call.now);
}

function close(call: Call, orders: OrderBook, party: Party): Reply {
  const body = readBody(call.request);
  if (!isObject(body as JsonObject)) return body as Reply;
  const fields = body as JsonObject;
  const subMchid = textOf(fields, 'sub_mchid');
  const refusal =
    checkPath(call, 'out_trade_no', outTradeNo) ??
    checkBody(fields, closeFields(party)) ??
    checkNoQuery(call) ??
    checkCaller(call, textOf(fields, party === 'direct' ? 'mchid' : 'sp_mchid'), 'body') ??
    checkAccount(call.switches, 400) ??
    checkRelation(call, subMchid, party);
  if (refusal !== undefined) return refusal;
  const name = { merchant: call.merchant, outTradeNo: call.path['out_trade_no'] ?? '', subMchid };
  return orders.close(name, party, call.now);
}

function checkQuery(call: Call, party: Party): { readonly values: Readonly<Record<string, string>> } | Reply {
  const query = readQuery(call.query, parties[party]);
  if ('status' in query) return query;
  const caller = query.values[party === 'direct' ? 'mchid' : 'sp_mchid'];
  return refuseBody(call.request) ?? checkCaller(call, caller, 'query') ?? query;
}

/** The rules about the payer that no single field carries (endpoints 3), and the encrypted identity (protocol 5). */
function checkPayer(call: Call, order: JsonObject, party: Party): Reply | undefined {
  const payer = order.get('payer');
  if (!isObject(payer)) return undefined;
  if (party === 'partner') {
    const hasSub = payer.has('sub_openid');
    if (payer.has('sp_openid') === hasSub) {
      return paramError('sp_openid和sub_openid必须且只能传一个', 'body', '', 268501013);
    }
    if (hasSub && !order.has('sub_appid')) {
      return missing('/body/sub_appid', 'body', { type: 'string', title: '子商户应用ID', max: 32 });
    }
  }
  const identity = payer.get('identity');
  if (!isObject(identity)) return undefined;
  const opened = decryptFields(call, [textOf(identity, 'number') ?? '', textOf(identity, 'name') ?? '']);
  return 'status' in opened ? opened : undefined;
}

/** Fen; the form is checked by then. */
function totalOf(order: JsonObject): number {
  const { amount } = plain(order) as { readonly amount: { readonly total: number } };
  return amount.total;
}

function textOf(object: JsonObject, name: string): string | undefined {
  const value = object.get(name);
  return typeof value === 'string' ? value : undefined;
}
