/** Refunds: create, query, and the way out of an abnormal one; for ordinary merchants and service providers alike (endpoints 6). */
import { checkPath, readBody, readQuery, refuseBody } from '../endpoint.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { isObject, plain } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { checkAccount, checkRefundRight } from '../merchant-switches.ts';
import type { RefundBook, RefundRequest } from '../refunds.ts';
import { makeLimiter } from '../rate-limits.ts';
import type { rateLimits } from '../rate-limits.ts';
import { paramError } from '../reply.ts';
import type { Reply } from '../reply.ts';
import { checkBody, missing } from '../rules/fields.ts';
import type { Fields } from '../rules/fields.ts';
import { transactionId } from '../rules/order.ts';
import { abnormalFields, banks, outRefundNo, refundFields, refundId, refundParty } from '../rules/refund.ts';
import { decryptFields } from '../sensitive.ts';
import { checkNoQuery, checkRelation, partyOf } from './party.ts';

const base = '/v3/refund/domestic/refunds';

export function refundEndpoints(refunds: RefundBook): Endpoint[] {
  const limiter = makeLimiter();
  const limited =
    (name: keyof typeof rateLimits, answer: (call: Call, refunds: RefundBook) => Reply) =>
    (call: Call): Reply => {
      const act = (): Reply => answer(call, refunds);
      return refunds.settings().rate_limits ? limiter(name, call.merchant.mchid, call.now, act) : act();
    };
  return [
    {
      method: 'POST',
      path: base,
      arrived: (call) => {
        const body = readBody(call.request);
        const number = isObject(body as JsonObject) ? (body as JsonObject).get('out_refund_no') : undefined;
        if (typeof number === 'string') refunds.seen(call.merchant, number);
      },
      answer: limited('create', create),
    },
    { method: 'GET', path: `${base}/{out_refund_no}`, answer: limited('query', query) },
    {
      method: 'POST',
      path: `${base}/{refund_id}/apply-abnormal-refund`,
      answer: limited('abnormal', applyAbnormal),
    },
  ];
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
    checkAccount(call.switches, 404) ??
    checkRelation(call, request.sub_mchid, party) ??
    checkRefundRight(call.switches) ??
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
    checkAccount(call.switches, 404) ??
    checkRelation(call, subMchid, party) ??
    refunds.query({ merchant: call.merchant, party, now: call.now }, call.path['out_refund_no'] ?? '', subMchid)
  );
}

/** The fields of a bank card, which go together. */
const cardFields = ['bank_type', 'bank_account', 'real_name'] as const;

interface AbnormalBody {
  readonly sub_mchid?: string;
  readonly out_refund_no: string;
  readonly type: 'USER_BANK_CARD' | 'MERCHANT_BANK_CARD';
  readonly bank_type?: string;
  readonly bank_account?: string;
  readonly real_name?: string;
}

function applyAbnormal(call: Call, refunds: RefundBook): Reply {
  const body = readBody(call.request);
  if (!isObject(body as JsonObject)) return body as Reply;
  const party = partyOf(call);
  const table = abnormalFields(party);
  const fields = body as JsonObject;
  const refusal =
    checkPath(call, 'refund_id', refundId) ??
    checkBody(fields, table) ??
    checkCard(fields, table) ??
    checkNoQuery(call);
  if (refusal !== undefined) return refusal;
  const request = plain(fields) as AbnormalBody;
  const account = readAccount(call, request);
  if (typeof account !== 'string') return account;
  return (
    checkRelation(call, request.sub_mchid, party) ??
    refunds.applyAbnormal(
      { merchant: call.merchant, party, now: call.now },
      call.path['refund_id'] ?? '',
      request.sub_mchid,
      { out_refund_no: request.out_refund_no, account },
    )
  );
}

function checkCard(body: JsonObject, table: Fields): Reply | undefined {
  if (body.get('type') !== 'USER_BANK_CARD') return undefined;
  const name = cardFields.find((field) => !body.has(field));
  const field = name === undefined ? undefined : table[name];
  return field === undefined ? undefined : missing(`/body/${name}`, 'body', field);
}

/** Where the money goes: bank, kind of card and its last four digits, as `user_received_account` has them. */
function readAccount(call: Call, request: AbnormalBody): string | Reply {
  const { type, bank_type: bank = '', bank_account: account, real_name: name } = request;
  const ciphertexts = [account, name].filter((text) => text !== undefined);
  const opened = ciphertexts.length === 0 ? { texts: [] } : decryptFields(call, ciphertexts);
  if ('status' in opened) return opened;
  if (type === 'MERCHANT_BANK_CARD') return '商户结算银行账户';
  return `${banks[bank] ?? bank}借记卡${opened.texts[0]?.toString('utf8').slice(-4) ?? ''}`;
}
