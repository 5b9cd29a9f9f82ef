/** Profit sharing, for ordinary merchants and service providers alike (endpoints 12). */
import { checkPath, readBody, readQuery, refuseBody } from '../endpoint.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { isObject, plain } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { maxRatio } from '../profit-sharing.ts';
import type {
  Receiver,
  ReturnRequest,
  ShareRequest,
  SharingBook,
  SharingCall,
  UnfreezeRequest,
} from '../profit-sharing.ts';
import { makeLimiter } from '../rate-limits.ts';
import type { rateLimits } from '../rate-limits.ts';
import { ok, refuse } from '../reply.ts';
import type { Reply } from '../reply.ts';
import { checkBody, missing } from '../rules/fields.ts';
import type { Fields, StringField } from '../rules/fields.ts';
import { id32, parties, transactionId } from '../rules/order.ts';
import {
  addReceiverFields,
  deleteReceiverFields,
  outOrderNo,
  outReturnNo,
  returnFields,
  shareFields,
  unfreezeFields,
} from '../rules/profit-sharing.ts';
import { refundParty } from '../rules/refund.ts';
import { decryptFields } from '../sensitive.ts';
import { checkNoQuery, checkRelation, partyOf } from './party.ts';

const base = '/v3/profitsharing';

export function sharingEndpoints(book: SharingBook, isLimited: () => boolean): Endpoint[] {
  const limiter = makeLimiter();
  const limited =
    (name: keyof typeof rateLimits, answer: (call: Call, book: SharingBook) => Reply) =>
    (call: Call): Reply => {
      const act = (): Reply => answer(call, book);
      return isLimited() ? limiter(name, call.merchant.mchid, call.now, act) : act();
    };
  return [
    { method: 'POST', path: `${base}/orders`, answer: limited('share', share) },
    { method: 'GET', path: `${base}/orders/{out_order_no}`, answer: limited('share_query', query) },
    { method: 'POST', path: `${base}/orders/unfreeze`, answer: (call) => unfreeze(call, book) },
    { method: 'POST', path: `${base}/return-orders`, answer: limited('share_return', giveBack) },
    { method: 'GET', path: `${base}/return-orders/{out_return_no}`, answer: (call) => queryReturn(call, book) },
    { method: 'GET', path: `${base}/transactions/{transaction_id}/amounts`, answer: (call) => amounts(call, book) },
    { method: 'POST', path: `${base}/receivers/add`, answer: (call) => addReceiver(call, book) },
    { method: 'POST', path: `${base}/receivers/delete`, answer: (call) => deleteReceiver(call, book) },
    { method: 'GET', path: `${base}/merchant-configs/{sub_mchid}`, answer: (call) => merchantConfig(call) },
  ];
}

const mismatch = refuse(400, 'APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配', 268445527);

/** The body after every check that all of these calls share. */
function checkedBody(call: Call, fields: Fields): JsonObject | Reply {
  const body = readBody(call.request);
  if (!isObject(body as JsonObject)) return body;
  const object = body as JsonObject;
  const refusal = checkBody(object, fields) ?? checkNoQuery(call);
  if (refusal !== undefined) return refusal;
  const { sub_mchid: subMchid, appid } = plain(object) as { readonly sub_mchid?: string; readonly appid?: string };
  if (appid !== undefined && !call.merchant.appids.includes(appid)) return mismatch;
  return checkRelation(call, subMchid, partyOf(call)) ?? object;
}

function callOf(call: Call, subMchid: string | undefined): SharingCall {
  return { merchant: call.merchant, subMchid, now: call.now };
}

/** The object with its encrypted name opened. */
function openName<T extends { readonly name?: string }>(call: Call, named: T): T | Reply {
  if (named.name === undefined) return named;
  const opened = decryptFields(call, [named.name]);
  return 'status' in opened ? opened : { ...named, name: opened.texts[0]?.toString('utf8') ?? '' };
}

function share(call: Call, book: SharingBook): Reply {
  const body = checkedBody(call, shareFields(partyOf(call)));
  if ('status' in body) return body;
  const request = plain(body) as ShareRequest & { readonly appid?: string; readonly sub_appid?: string };
  const { receivers = [] } = request;
  // Nothing to share, and nothing to unfreeze either.
  if (receivers.length === 0 && !request.unfreeze_unsplit) {
    return missing('/body/receivers', 'body', { type: 'string', title: '分账接收方列表', max: 1 });
  }
  const lacking = (['appid', 'sub_appid'] as const).find((name) => {
    const type = name === 'appid' ? 'PERSONAL_OPENID' : 'PERSONAL_SUB_OPENID';
    return request[name] === undefined && receivers.some((receiver) => receiver.type === type);
  });
  if (lacking !== undefined) return missing(`/body/${lacking}`, 'body', id32('应用ID'));
  const opened = receivers.map((receiver) => openName(call, receiver));
  const refusal = opened.find((receiver): receiver is Reply => 'status' in receiver);
  if (refusal !== undefined) return refusal;
  const { appid: _appid, sub_appid: _subAppid, ...rest } = request;
  return book.share(callOf(call, request.sub_mchid), {
    ...rest,
    receivers: opened as ShareRequest['receivers'] & object,
  });
}

function unfreeze(call: Call, book: SharingBook): Reply {
  const body = checkedBody(call, unfreezeFields(partyOf(call)));
  if ('status' in body) return body;
  const request = plain(body) as UnfreezeRequest;
  return book.unfreeze(callOf(call, request.sub_mchid), request);
}

function giveBack(call: Call, book: SharingBook): Reply {
  const body = checkedBody(call, returnFields(partyOf(call)));
  if ('status' in body) return body;
  const request = plain(body) as ReturnRequest;
  if (request.order_id === undefined && request.out_order_no === undefined) {
    return missing('/body/order_id', 'body', id32('微信分账单号'));
  }
  return book.giveBack(callOf(call, request.sub_mchid), request);
}

function addReceiver(call: Call, book: SharingBook): Reply {
  const body = checkedBody(call, addReceiverFields(partyOf(call)));
  if ('status' in body) return body;
  const given = plain(body) as Receiver & {
    readonly sub_mchid?: string;
    readonly relation_type: string;
    readonly custom_relation?: string;
  };
  // UNCONFIRMED for merchants, long known.
  if (given.type === 'MERCHANT_ID' && given.name === undefined)
    return missing('/body/name', 'body', id32('分账接收方姓名'));
  if (given.relation_type === 'CUSTOM' && given.custom_relation === undefined) {
    return missing('/body/custom_relation', 'body', id32('自定义的分账关系'));
  }
  const opened = openName(call, given);
  if ('status' in opened) return opened;
  const { type, account, name } = opened;
  book.addReceiver(callOf(call, given.sub_mchid), { type, account, ...(name === undefined ? {} : { name }) });
  // An echo, the name as it came.
  const { appid: _appid, sub_appid: _subAppid, ...echo } = plain(body) as Record<string, unknown>;
  return ok(echo);
}

function deleteReceiver(call: Call, book: SharingBook): Reply {
  const body = checkedBody(call, deleteReceiverFields(partyOf(call)));
  if ('status' in body) return body;
  const given = plain(body) as Receiver & { readonly sub_mchid?: string };
  book.deleteReceiver(callOf(call, given.sub_mchid), given);
  const { sub_mchid: subMchid, type, account } = given;
  return ok({ ...(subMchid === undefined ? {} : { sub_mchid: subMchid }), type, account });
}

function query(call: Call, book: SharingBook): Reply {
  const fields = { ...refundParty(partyOf(call)), transaction_id: { ...transactionId, required: true } as const };
  const found = checkedQuery(call, 'out_order_no', outOrderNo, fields);
  if ('status' in found) return found;
  const { sub_mchid: subMchid, transaction_id: id = '' } = found.values;
  return book.query(callOf(call, subMchid), call.path['out_order_no'] ?? '', id);
}

function queryReturn(call: Call, book: SharingBook): Reply {
  const fields = { ...refundParty(partyOf(call)), out_order_no: { ...outOrderNo, required: true } as const };
  const found = checkedQuery(call, 'out_return_no', outReturnNo, fields);
  if ('status' in found) return found;
  const { sub_mchid: subMchid, out_order_no: number = '' } = found.values;
  return book.queryReturn(callOf(call, subMchid), call.path['out_return_no'] ?? '', number);
}

function checkedQuery(
  call: Call,
  name: string,
  field: StringField,
  fields: Readonly<Record<string, StringField>>,
): { readonly values: Readonly<Record<string, string>> } | Reply {
  const query = readQuery(call.query, fields);
  if ('status' in query) return query;
  return (
    refuseBody(call.request) ??
    checkPath(call, name, field) ??
    checkRelation(call, query.values['sub_mchid'], partyOf(call)) ??
    query
  );
}

/** It takes no parameters, not even a sub-merchant's number. */
function amounts(call: Call, book: SharingBook): Reply {
  const query = readQuery(call.query, {});
  if ('status' in query) return query;
  return (
    refuseBody(call.request) ??
    checkPath(call, 'transaction_id', transactionId) ??
    book.amounts(callOf(call, undefined), call.path['transaction_id'] ?? '')
  );
}

/** For service providers only: an ordinary merchant has no sub-merchants. */
function merchantConfig(call: Call): Reply {
  const query = readQuery(call.query, {});
  if ('status' in query) return query;
  const { sub_mchid: field } = parties.partner;
  const subMchid = call.path['sub_mchid'];
  return (
    refuseBody(call.request) ??
    (field === undefined ? undefined : checkPath(call, 'sub_mchid', field)) ??
    checkRelation(call, subMchid, 'partner') ??
    ok({ sub_mchid: subMchid, max_ratio: maxRatio })
  );
}
