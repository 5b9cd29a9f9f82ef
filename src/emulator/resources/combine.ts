/** Combined orders: prepay, query and close, for ordinary merchants and service providers alike (endpoints 9). */
import type { CombinedBook, CombineRequest, SubOrderName } from '../combined-orders.ts';
import { checkCaller, checkPath, readBody, readQuery, refuseBody } from '../endpoint.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { isObject, plain } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { checkAccount, checkPrepay } from '../merchant-switches.ts';
import type { MerchantSwitches } from '../merchant-switches.ts';
import type { Merchant } from '../merchants.ts';
import { refuse } from '../reply.ts';
import type { Reply } from '../reply.ts';
import { combineCloseFields, combineFields, combineOutTradeNo, subOrderCounts } from '../rules/combine.ts';
import { checkBody, missing } from '../rules/fields.ts';
import type { Party, Product } from '../rules/order.ts';
import { decryptFields } from '../sensitive.ts';
import { checkNoQuery, checkRelation, partyOf } from './party.ts';

const base = '/v3/combine-transactions';

/** Who takes part, and what holds for each. */
export interface Participants {
  readonly find: (mchid: string) => Merchant | undefined;
  readonly switchesOf: (mchid: string) => MerchantSwitches;
}

export function combineEndpoints(combined: CombinedBook, participants: Participants): Endpoint[] {
  const products: readonly Product[] = ['jsapi', 'app', 'h5', 'native'];
  return [
    ...products.map((product) => ({
      method: 'POST',
      path: `${base}/${product}`,
      answer: (call: Call) => prepay(call, combined, product, participants),
    })),
    {
      method: 'GET',
      path: `${base}/out-trade-no/{combine_out_trade_no}`,
      answer: (call) => query(call, combined),
    },
    {
      method: 'POST',
      path: `${base}/out-trade-no/{combine_out_trade_no}/close`,
      answer: (call) => close(call, combined),
    },
  ];
}

const mismatch = refuse(400, 'APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配', 268445527);
// The reference knows which of these are INVALID_REQUEST; the words are ours.
const invalid = (message: string): Reply => refuse(400, 'INVALID_REQUEST', message, 268435461);

function prepay(call: Call, combined: CombinedBook, product: Product, participants: Participants): Reply {
  const body = readBody(call.request);
  if (!isObject(body as JsonObject)) return body as Reply;
  const fields = body as JsonObject;
  const party = partyOf(call);
  const malformed = checkBody(fields, combineFields(product, party));
  if (malformed !== undefined) return malformed;
  const request = plain(fields) as CombineRequest;
  const refusal =
    checkPayer(call, request, fields, product) ??
    checkNoQuery(call) ??
    checkCaller(call, request.combine_mchid, 'body') ??
    checkAccount(call.switches, 400) ??
    checkSubOrders(call, request, party, participants) ??
    checkRights(call, request, product, participants);
  return refusal ?? combined.prepay(call.merchant, product, party, fields, call.now);
}

function checkPayer(call: Call, request: CombineRequest, body: JsonObject, product: Product): Reply | undefined {
  const { openid, sub_openid: subOpenid } = request.combine_payer_info ?? {};
  if (product === 'jsapi' && openid === undefined && subOpenid === undefined) {
    return missing('/body/combine_payer_info/openid', 'body', { type: 'string', title: '用户标识', max: 128 });
  }
  const payer = body.get('combine_payer_info');
  const identity = isObject(payer) ? payer.get('identity') : undefined;
  if (!isObject(identity)) return undefined;
  const { number, name } = plain(identity) as { readonly number: string; readonly name: string };
  const opened = decryptFields(call, [number, name]);
  return 'status' in opened ? opened : undefined;
}

function checkSubOrders(
  call: Call,
  request: CombineRequest,
  party: Party,
  participants: Participants,
): Reply | undefined {
  const { sub_orders: subOrders, combine_appid: appid } = request;
  const [least, most] = subOrderCounts[party];
  if (subOrders.length < least || subOrders.length > most) {
    return invalid(`子单数量必须在${least}到${most}之间`);
  }
  if (!call.merchant.appids.includes(appid)) return mismatch;
  const numbers = new Set(subOrders.map(({ mchid, out_trade_no: number }) => `${mchid} ${number}`));
  if (numbers.size !== subOrders.length) return invalid('子单商户订单号重复');
  for (const sub of subOrders) {
    const refusal =
      party === 'direct'
        ? checkParticipant(sub.mchid, sub.sub_appid, appid, participants)
        : checkSubMerchant(call, sub.mchid, sub.sub_mchid, sub.sub_appid);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Every merchant that takes part has the combined order's appid bound. */
function checkParticipant(
  mchid: string,
  subAppid: string | undefined,
  appid: string,
  { find, switchesOf }: Participants,
): Reply | undefined {
  const merchant = find(mchid);
  if (merchant === undefined || switchesOf(mchid).account === 'closed')
    return refuse(400, 'MCH_NOT_EXISTS', '子单商户号不存在', 268435461);
  if (merchant.subMerchants !== undefined) return refuse(403, 'NO_AUTH', '商户号该产品权限未开通', 268448010);
  if (subAppid !== undefined && subAppid !== appid) return invalid('子单appid与combine_appid不一致');
  return merchant.appids.includes(appid) ? undefined : mismatch;
}

/** The product must be opened for whoever places it and whoever is paid by it; amounts are limited order by order. */
function checkRights(
  call: Call,
  { sub_orders: subOrders }: CombineRequest,
  product: Product,
  { switchesOf }: Participants,
): Reply | undefined {
  const refusal = checkPrepay({ ...call.switches, max_total: null }, product, 0);
  for (const { mchid, amount } of refusal === undefined ? subOrders : []) {
    const refused = checkPrepay(switchesOf(mchid), product, amount.total_amount);
    if (refused !== undefined) return refused;
  }
  return refusal;
}

function checkSubMerchant(
  call: Call,
  mchid: string,
  subMchid: string | undefined,
  subAppid: string | undefined,
): Reply | undefined {
  if (mchid !== call.merchant.mchid) return invalid('服务商模式下子单mchid必须为服务商商户号');
  const refusal = checkRelation(call, subMchid, 'partner');
  if (refusal !== undefined || subAppid === undefined) return refusal;
  const sub = call.merchant.subMerchants?.find((candidate) => candidate.mchid === subMchid);
  return sub?.appids.includes(subAppid) ? undefined : mismatch;
}

function query(call: Call, combined: CombinedBook): Reply {
  const query = readQuery(call.query, {});
  if ('status' in query) return query;
  return (
    refuseBody(call.request) ??
    checkPath(call, 'combine_out_trade_no', combineOutTradeNo) ??
    checkAccount(call.switches, 400) ??
    combined.query(call.merchant, call.path['combine_out_trade_no'] ?? '', call.now)
  );
}

function close(call: Call, combined: CombinedBook): Reply {
  const body = readBody(call.request);
  if (!isObject(body as JsonObject)) return body as Reply;
  const fields = body as JsonObject;
  const refusal =
    checkPath(call, 'combine_out_trade_no', combineOutTradeNo) ??
    checkBody(fields, combineCloseFields(partyOf(call))) ??
    checkNoQuery(call) ??
    checkAccount(call.switches, 400);
  if (refusal !== undefined) return refusal;
  const { combine_appid: appid, sub_orders: subOrders } = plain(fields) as {
    readonly combine_appid: string;
    readonly sub_orders: readonly SubOrderName[];
  };
  const number = call.path['combine_out_trade_no'] ?? '';
  return combined.close(call.merchant, number, appid, subOrders, call.now);
}
