/** Payment by code and its reversal, for ordinary merchants and service providers (endpoints 10). */
import type { CodepayDesk } from '../codepay.ts';
import { checkCaller, checkPath, readBody } from '../endpoint.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { isObject, plain } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { checkAccount, checkPrepay } from '../merchant-switches.ts';
import type { Reply } from '../reply.ts';
import { codepayFields, reverseFields } from '../rules/codepay.ts';
import { checkBody, missing } from '../rules/fields.ts';
import type { Fields } from '../rules/fields.ts';
import { outTradeNo } from '../rules/order.ts';
import type { Party } from '../rules/order.ts';
import { checkAppids, checkNoQuery, checkRelation } from './party.ts';

const bases = { direct: '/v3/pay/transactions', partner: '/v3/pay/partner/transactions' } as const;

export function codepayEndpoints(desk: CodepayDesk): Endpoint[] {
  return (['direct', 'partner'] as const).flatMap((party) => [
    { method: 'POST', path: `${bases[party]}/codepay`, answer: (call: Call) => pay(call, desk, party) },
    {
      method: 'POST',
      path: `${bases[party]}/out-trade-no/{out_trade_no}/reverse`,
      answer: (call: Call) => reverse(call, desk, party),
    },
  ]);
}

function pay(call: Call, desk: CodepayDesk, party: Party): Reply {
  const body = checkedBody(call, codepayFields(party), party);
  if ('status' in body) return body;
  const { scene_info: scene, amount } = plain(body) as {
    scene_info: { store_info: Readonly<Record<string, string>> };
    amount: { total: number };
  };
  if (scene.store_info['id'] === undefined && scene.store_info['out_id'] === undefined) {
    return missing('/body/scene_info/store_info/id', 'body', { type: 'string', title: '门店编号', max: 32 });
  }
  return (
    checkParties(call, body, party) ??
    checkPrepay(call.switches, 'codepay', amount.total) ??
    desk.pay(call.merchant, party, body, call.now)
  );
}

function reverse(call: Call, desk: CodepayDesk, party: Party): Reply {
  const malformed = checkPath(call, 'out_trade_no', outTradeNo);
  if (malformed !== undefined) return malformed;
  const body = checkedBody(call, reverseFields(party), party);
  if ('status' in body) return body;
  const refusal = checkParties(call, body, party);
  if (refusal !== undefined) return refusal;
  const identity = plain(body) as Readonly<Record<string, string>>;
  const outTradeNumber = call.path['out_trade_no'] ?? '';
  const name = { merchant: call.merchant, outTradeNo: outTradeNumber, subMchid: identity['sub_mchid'] };
  return desk.reverse(name, party, identity, call.now);
}

function checkedBody(call: Call, fields: Fields, party: Party): JsonObject | Reply {
  const body = readBody(call.request);
  if (!isObject(body as JsonObject)) return body;
  const object = body as JsonObject;
  const caller = object.get(party === 'direct' ? 'mchid' : 'sp_mchid');
  return (
    checkBody(object, fields) ??
    checkNoQuery(call) ??
    checkCaller(call, typeof caller === 'string' ? caller : undefined, 'body') ??
    object
  );
}

function checkParties(call: Call, body: JsonObject, party: Party): Reply | undefined {
  const subMchid = body.get('sub_mchid');
  return (
    checkAccount(call.switches, 400) ??
    checkRelation(call, typeof subMchid === 'string' ? subMchid : undefined, party) ??
    checkAppids(call, body, party)
  );
}
