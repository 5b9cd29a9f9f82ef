/** Merchant transfers, the API of 2025: create, query by either number, cancel (endpoints 11.1). */
import { checkPath, readBody, readQuery, refuseBody } from '../endpoint.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { isObject, plain } from '../json.ts';
import type { JsonObject } from '../json.ts';
import { makeLimiter } from '../rate-limits.ts';
import type { rateLimits } from '../rate-limits.ts';
import { paramError, refuse } from '../reply.ts';
import type { Reply } from '../reply.ts';
import { checkBody, missing } from '../rules/fields.ts';
import { amountLimits, outBillNo, scenes, transferBillNo, transferFields } from '../rules/transfer.ts';
import { decryptFields } from '../sensitive.ts';
import type { TransferBook, TransferRequest } from '../transfers.ts';
import { checkNoQuery, checkRelation } from './party.ts';

const base = '/v3/fund-app/mch-transfer/transfer-bills';

export function transferEndpoints(book: TransferBook, isLimited: () => boolean): Endpoint[] {
  const limiter = makeLimiter();
  const limited =
    (name: keyof typeof rateLimits, answer: (call: Call, book: TransferBook) => Reply) =>
    (call: Call): Reply => {
      const act = (): Reply => answer(call, book);
      return isLimited() ? limiter(name, call.merchant.mchid, call.now, act) : act();
    };
  return [
    {
      method: 'POST',
      path: base,
      arrived: (call) => {
        const body = readBody(call.request);
        const number = isObject(body as JsonObject) ? (body as JsonObject).get('out_bill_no') : undefined;
        if (typeof number === 'string') book.seen(call.merchant.mchid, number);
      },
      answer: limited('transfer', create),
    },
    { method: 'GET', path: `${base}/out-bill-no/{out_bill_no}`, answer: limited('transfer_query', queryOut) },
    { method: 'GET', path: `${base}/transfer-bill-no/{transfer_bill_no}`, answer: limited('transfer_query', queryId) },
    { method: 'POST', path: `${base}/out-bill-no/{out_bill_no}/cancel`, answer: limited('transfer_cancel', cancel) },
  ];
}

const invalidRequest = (message: string): Reply => refuse(400, 'INVALID_REQUEST', message, 268435461);
const mismatch = refuse(400, 'APPID_MCHID_NOT_MATCH', 'appid和mch_id不匹配', 268445527);
const outOfLimits = invalidRequest('超过单笔转账上下限，请检查转账金额');
const redPacketTooLarge = invalidRequest('红包样式的转账金额不能超过200元');
const otherPerception = invalidRequest('暂不支持展示当前传入的用户收款感知');
// The code is UNCONFIRMED.
const sceneNotOpened = refuse(403, 'NO_AUTH', '商户号未开通该转账场景', 268448010);

function create(call: Call, book: TransferBook): Reply {
  const body = readBody(call.request);
  if (!isObject(body as JsonObject)) return body as Reply;
  const fields = body as JsonObject;
  const refusal = checkBody(fields, transferFields) ?? checkNoQuery(call);
  if (refusal !== undefined) return refusal;
  const given = plain(fields) as TransferRequest;
  // These paths serve ordinary merchants; service providers have their own below `partner/`.
  const early = checkReports(given) ?? checkName(given) ?? checkRelation(call, undefined, 'direct');
  if (early !== undefined) return early;
  const request = openName(call, given);
  if ('status' in request) return request;
  return checkBusiness(call, request) ?? book.create(call.merchant, request, call.now);
}

/** The scene's items, all of them and no others. */
function checkReports({
  transfer_scene_id: id,
  transfer_scene_report_infos: infos = [],
}: Pick<TransferRequest, 'transfer_scene_id'> & Partial<Pick<TransferRequest, 'transfer_scene_report_infos'>>):
  | Reply
  | undefined {
  const wanted = scenes[id]?.reports;
  const found = infos.map(({ info_type: type }) => type);
  const complete =
    wanted === undefined
      ? infos.length > 0
      : found.length === wanted.length && wanted.every((type) => found.includes(type));
  return complete ? undefined : paramError('需传入转账场景报备信息，请检查', 'body', found);
}

function checkName({ user_name: name, transfer_amount: amount }: TransferRequest): Reply | undefined {
  const field = transferFields['user_name'];
  if (amount < amountLimits.nameFrom || name !== undefined || field === undefined) return undefined;
  return missing('/body/user_name', 'body', field);
}

function openName(call: Call, request: TransferRequest): TransferRequest | Reply {
  if (request.user_name === undefined) return request;
  const opened = decryptFields(call, [request.user_name]);
  return 'status' in opened ? opened : { ...request, user_name: opened.texts[0]?.toString('utf8') ?? '' };
}

function checkBusiness({ merchant }: Call, request: TransferRequest): Reply | undefined {
  const { transfer_amount: amount, transfer_scene_id: id, user_recv_perception: perception } = request;
  if (!merchant.appids.includes(request.appid)) return mismatch;
  const scene = Object.hasOwn(scenes, id) ? scenes[id] : undefined;
  if (scene === undefined) return sceneNotOpened;
  if (amount < amountLimits.least || amount > amountLimits.most) return outOfLimits;
  if (request.user_recv_style?.type === 'RED_PACKET' && amount > amountLimits.redPacket) return redPacketTooLarge;
  const known = perception === undefined || scene.perceptions === undefined || scene.perceptions.includes(perception);
  return known ? undefined : otherPerception;
}

function queryOut(call: Call, book: TransferBook): Reply {
  const number = call.path['out_bill_no'] ?? '';
  const refusal = checkRead(call) ?? checkPath(call, 'out_bill_no', outBillNo);
  return refusal ?? book.query(call.merchant, { out_bill_no: number }, call.now);
}

function queryId(call: Call, book: TransferBook): Reply {
  const number = call.path['transfer_bill_no'] ?? '';
  const refusal = checkRead(call) ?? checkPath(call, 'transfer_bill_no', transferBillNo);
  return refusal ?? book.query(call.merchant, { transfer_bill_no: number }, call.now);
}

function checkRead(call: Call): Reply | undefined {
  const query = readQuery(call.query, {});
  return 'status' in query ? query : refuseBody(call.request);
}

/** Its body may be empty, or `{}`. */
function cancel(call: Call, book: TransferBook): Reply {
  if (call.request.body.length > 0) {
    const body = readBody(call.request);
    if (!isObject(body as JsonObject)) return body as Reply;
    const refusal = checkBody(body as JsonObject, {});
    if (refusal !== undefined) return refusal;
  }
  const number = call.path['out_bill_no'] ?? '';
  const refusal = checkNoQuery(call) ?? checkPath(call, 'out_bill_no', outBillNo);
  return refusal ?? book.cancel(call.merchant, number, call.now);
}
