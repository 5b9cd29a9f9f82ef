/** Who may act for whom, and other checks that several resources share. */
import { readQuery } from '../endpoint.ts';
import type { Call } from '../endpoint.ts';
import type { JsonObject } from '../json.ts';
import { refuse } from '../reply.ts';
import type { Reply } from '../reply.ts';
import type { Party } from '../rules/order.ts';

/** Where the same paths serve both, who signs decides who it is. */
export function partyOf(call: Call): Party {
  return call.merchant.subMerchants === undefined ? 'direct' : 'partner';
}

/** Who may act for whom (states 7, step 9). */
export function checkRelation(call: Call, subMchid: string | undefined, party: Party): Reply | undefined {
  const { subMerchants, mchid } = call.merchant;
  if (party === 'direct') {
    // A service provider collects through its sub-merchants only.
    return subMerchants === undefined ? undefined : refuse(403, 'NO_AUTH', '商户号该产品权限未开通', 268448010);
  }
  if (subMchid === mchid) return refuse(400, 'INVALID_REQUEST', 'sub_mchid不能与自身商户号相同', 268443705);
  if (subMerchants?.some((sub) => sub.mchid === subMchid)) return undefined;
  return refuse(403, 'NO_AUTH', '受理关系不存在', 268443701);
}

/** A POST takes no query. */
export function checkNoQuery(call: Call): Reply | undefined {
  const query = readQuery(call.query, {});
  return 'status' in query ? query : undefined;
}

/** The appid is bound to who signs, the sub_appid to the sub-merchant. */
export function checkAppids(call: Call, order: JsonObject, party: Party): Reply | undefined {
  const mismatch = refuse(400, 'APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配', 268445527);
  const appid = textOf(order, party === 'direct' ? 'appid' : 'sp_appid') ?? '';
  if (!call.merchant.appids.includes(appid)) return mismatch;
  const subAppid = textOf(order, 'sub_appid');
  if (subAppid === undefined) return undefined;
  const sub = call.merchant.subMerchants?.find(({ mchid }) => mchid === textOf(order, 'sub_mchid'));
  return sub?.appids.includes(subAppid) ? undefined : mismatch;
}

function textOf(object: JsonObject, name: string): string | undefined {
  const value = object.get(name);
  return typeof value === 'string' ? value : undefined;
}
