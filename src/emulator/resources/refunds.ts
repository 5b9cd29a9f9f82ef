/** Refunds: create and query, for ordinary merchants and service providers alike (endpoints 6). */
import { checkPath, readBody, readQuery, refuseBody } from '../endpoint.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { isObject, plain } from '../json.ts';
import type { JsonObject } from '../json.ts';
import type { RefundBook, RefundRequest } from '../refunds.ts';
import { paramError } from '../reply.ts';
import type { Reply } from '../reply.ts';
import { checkBody, missing } from '../rules/fields.ts';
import { transactionId } from '../rules/order.ts';
import type { Party } from '../rules/order.ts';
import { outRefundNo, refundFields, refundParty } from '../rules/refund.ts';
import { checkNoQuery, checkRelation } from './party.ts';

const base = '/v3/refund/domestic/refunds';

export function refundEndpoints(refunds: RefundBook): Endpoint[] {
  return [
    {
      method: 'POST',
      path: base,
      arrived: (call) => {
        const body = readBody(call.request);
        const number = isObject(body as JsonObject) ? (body as JsonObject).get('out_refund_no') : undefined;
        if (typeof number === 'string') refunds.seen(call.merchant, number);
      },
      answer: (call) => create(call, refunds),
    },
    { method: 'GET', path: `${base}/{out_refund_no}`, answer: (call) => query(call, refunds) },
  ];
}

/** The same paths serve both: who signs decides who it is. */
function partyOf(call: Call): Party {
  return call.merchant.subMerchants === undefined ? 'direct' : 'partner';
}

function create(call: Call, refunds: RefundBook): Reply {
  const body = readBody(call.request);
  if (!isObject(body as JsonObject)) return body as Reply;
  const party = partyOf(call);
  const fields = body as JsonObject;
  const refusal = checkBody(fields, refundFields(party)) ?? checkTogether(fields) ?? checkNoQuery(call);
  if (refusal !== undefined) return refusal;
  const request = plain(fields) as RefundRequest;
  return (
    checkRelation(call, request.sub_mchid, party) ??
    refunds.create({ merchant: call.merchant, party, now: call.now }, request)
  );
}

/** The rules that no single field carries. */
function checkTogether(body: JsonObject): Reply | undefined {
  if (!body.has('transaction_id') && !body.has('out_trade_no')) {
    return missing('/body/transaction_id', 'body', transactionId);
  }
  const { amount } = plain(body) as RefundRequest;
  if (amount.refund <= amount.total) return undefined;
  const source = '输入源“/body/amount/refund”映射到数值字段“退款金额”规则校验失败';
  return paramError(`${source}，值高于最大值 ${amount.total}`, 'body', amount.refund);
}

function query(call: Call, refunds: RefundBook): Reply {
  const party = partyOf(call);
  const query = readQuery(call.query, refundParty(party));
  if ('status' in query) return query;
  const subMchid = query.values['sub_mchid'];
  return (
    refuseBody(call.request) ??
    checkPath(call, 'out_refund_no', outRefundNo) ??
    checkRelation(call, subMchid, party) ??
    refunds.query({ merchant: call.merchant, party, now: call.now }, call.path['out_refund_no'] ?? '', subMchid)
  );
}
