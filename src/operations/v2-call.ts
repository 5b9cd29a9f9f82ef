/** One call of APIv2: planned, signed, sent, and its answer verified before anything of it is believed (protocol 11). */
import { gunzipSync } from 'node:zlib';
import { isWxpayError, WxpayError, type ErrorFacts } from '../core/errors.ts';
import { wantsClientCertificate } from '../core/http/client-certificate.ts';
import { settle, unknownBecause } from '../core/http/outcome.ts';
import { checkTarget } from '../core/http/request-target.ts';
import type { ApiRequest, ApiResponse, Effect, Transport } from '../core/ports.ts';
import { signV2, verifyV2, type V2SignType } from '../core/wire/v2-sign.ts';
import { buildV2Xml, parseV2Xml, type V2Fields } from '../core/wire/v2-xml.ts';
import type { V2FieldMap } from './v2-fields.ts';

/** What is known of an endpoint. One that is not in the table is a write: nothing about repeating it is known. */
interface Known {
  readonly effect: Effect;
  /** The number that makes repeating safe and that a lost answer is asked about by. */
  readonly number?: 'out_trade_no' | 'out_refund_no';
  /** Any of these will do instead. */
  readonly orElse?: 'transaction_id';
  /** Where to ask when the answer is lost. */
  readonly ask?: '/pay/orderquery' | '/pay/refundquery';
  /** Answers with plain text, and with XML only when it refuses. */
  readonly text?: true;
}

const order = { number: 'out_trade_no', ask: '/pay/orderquery' } as const;

const known: Readonly<Record<string, Known>> = {
  '/pay/unifiedorder': { effect: 'prepay', ...order },
  '/pay/micropay': { effect: 'write', ...order },
  '/pay/orderquery': { effect: 'read' },
  '/pay/closeorder': { effect: 'close', ...order },
  '/secapi/pay/refund': { effect: 'refund', number: 'out_refund_no', ask: '/pay/refundquery' },
  '/secapi/pay/reverse': { effect: 'write', ...order, orElse: 'transaction_id' },
  '/pay/refundquery': { effect: 'read' },
  '/pay/downloadbill': { effect: 'read', text: true },
  '/pay/downloadfundflow': { effect: 'read', text: true },
  '/pay/profitsharingquery': { effect: 'read' },
  '/tools/authcodetoopenid': { effect: 'read' },
  '/tools/shorturl': { effect: 'read' },
  '/mmpaymkttransfers/gethbinfo': { effect: 'read' },
  '/mmpaymkttransfers/gettransferinfo': { effect: 'read' },
  '/mmpaysptrans/query_bank': { effect: 'read' },
};

/** A call before anything has left. */
export interface V2Plan {
  readonly path: string;
  readonly effect: Effect;
  /** With nonce_str, sign_type and sign. */
  readonly fields: V2Fields;
  readonly signType: V2SignType;
  readonly xml: string;
  readonly request: ApiRequest;
  readonly known: Known | undefined;
  /** Whether TLS carries the merchant's certificate. */
  readonly clientCertificate: boolean;
}

/** Who calls: what is filled in where the fields do not say it. */
export interface V2Identity {
  readonly mchid: string;
  readonly appid?: string | undefined;
  readonly sub_mchid?: string | undefined;
  readonly sub_appid?: string | undefined;
}

/**
 * Fills in who calls, `nonce_str` and `sign_type`, and signs.
 *
 * @param signType default HMAC-SHA256, and MD5 for the marketing and bank calls, which know nothing else
 * @throws `PATH_INVALID`, `INPUT_INVALID`, `INPUT_MISSING` (a call that is asked about by its number must have one)
 */
export function planV2(
  path: string,
  given: V2Fields,
  identity: V2Identity,
  secret: { readonly key: string; readonly nonce: string; readonly signType?: V2SignType | undefined },
): V2Plan {
  checkTarget(path);
  if (path.startsWith('/v3/') || path.includes('?')) throw notV2(path);
  const facts = Object.hasOwn(known, path) ? known[path] : undefined;
  const fields: V2FieldMap = new Map(given);
  const fill = (name: string, value: string | undefined): void => {
    if (value !== undefined && (fields.get(name) ?? '') === '') fields.set(name, value);
  };
  const onlyMd5 = path.startsWith('/mmpay');
  const signType = secret.signType ?? (onlyMd5 ? 'MD5' : 'HMAC-SHA256');
  // The marketing calls name the merchant and the appid in several other ways.
  if (!fields.has('mchid') && !fields.has('combine_mch_id')) fill('mch_id', identity.mchid);
  if (path.startsWith('/pay/') || path.startsWith('/secapi/pay/')) {
    fill('appid', identity.appid);
    fill('sub_mch_id', identity.sub_mchid);
    fill('sub_appid', identity.sub_appid);
  }
  fill('nonce_str', secret.nonce);
  if (signType === 'HMAC-SHA256' || fields.has('sign_type')) fields.set('sign_type', signType);
  requireNumber(facts, fields);
  fields.delete('sign');
  fields.set('sign', signV2(fields, secret.key, signType));
  const xml = buildV2Xml(fields);
  const effect = facts?.effect ?? 'write';
  const clientCertificate = wantsClientCertificate(path);
  const request: ApiRequest = { method: 'POST', target: path, body: Buffer.from(xml), effect, answer: 'v2' };
  return { path, effect, fields, signType, xml, request, known: facts, clientCertificate };
}

function notV2(path: string): WxpayError {
  return new WxpayError('PATH_INVALID', {
    params: { value: path.slice(0, 200), reason: 'key:reason.v2_path' },
    outcome: 'not_sent',
  });
}

function requireNumber(facts: Known | undefined, fields: V2Fields): void {
  const field = facts?.number;
  if (field === undefined || (fields.get(field) ?? '') !== '') return;
  if (facts?.orElse !== undefined && (fields.get(facts.orElse) ?? '') !== '') return;
  throw new WxpayError('INPUT_MISSING', {
    params: { field, flag: `-f ${field}=…`, variable: '--data' },
    hint: 'v2.hint.number',
    outcome: 'not_sent',
  });
}

export type V2Answer =
  | { readonly kind: 'fields'; readonly fields: V2Fields }
  /** A bill: plain text that nothing signs. */
  | { readonly kind: 'text'; readonly text: string };

/**
 * Sends the call and believes its answer only if it is signed, under the algorithm of the request, and about what was asked.
 *
 * @param key the APIv2 key
 * @param options `origin` where it is sent: over http no certificate can be shown
 * @throws `WxpayError`: refusals with WeChat Pay's own code; `SIGNATURE_*`, `ANSWER_*` for reads; `OUTCOME_UNKNOWN` with the
 *   command that asks for everything that may have been carried out
 */
export async function callV2(
  transport: Transport,
  plan: V2Plan,
  key: string,
  { origin = '' }: { readonly origin?: string } = {},
): Promise<V2Answer> {
  try {
    const response = await settle(plan.request, async () => refuseUnknownPath(plan, await transport(plan.request)));
    const text = billText(plan, response);
    if (text !== undefined) return { kind: 'text', text };
    return { kind: 'fields', fields: await readAnswer(plan, response, key) };
  } catch (error) {
    throw explained(plan, error, origin);
  }
}

/** A server that does not implement a path that wxpay does not know either has done nothing. */
function refuseUnknownPath(plan: V2Plan, response: ApiResponse): ApiResponse {
  const { status, requestId } = response;
  if (plan.known !== undefined || (status !== 404 && status !== 405 && status !== 501)) return response;
  throw new WxpayError('NOT_FOUND', {
    params: { what: plan.path },
    hint: 'v2.hint.no_path',
    httpStatus: status,
    outcome: 'rejected',
    unsigned: true,
    ...(requestId === undefined ? {} : { requestId }),
  });
}

const maxBill = 256 * 1024 * 1024;

/** A bill, unpacked; `undefined` for XML, which is a refusal. */
function billText({ known: facts }: V2Plan, { body, host }: ApiResponse): string | undefined {
  if (facts?.text !== true) return undefined;
  const isPacked = body[0] === 0x1f && body[1] === 0x8b;
  let plain: Uint8Array;
  try {
    plain = isPacked ? gunzipSync(body, { maxOutputLength: maxBill }) : body;
  } catch {
    throw new WxpayError('ANSWER_TOO_LARGE', { params: { host, limit: maxBill } });
  }
  const text = new TextDecoder('utf-8').decode(plain);
  return /^\s*</.test(text) ? undefined : text;
}

async function readAnswer(plan: V2Plan, response: ApiResponse, key: string): Promise<V2Fields> {
  const facts: ErrorFacts = {
    httpStatus: response.status,
    ...(response.requestId === undefined ? {} : { requestId: response.requestId }),
  };
  let fields: V2Fields;
  try {
    fields = parseV2Xml(response.body);
    if (fields.get('return_code') === 'SUCCESS') {
      verifyV2(fields, key, plan.signType);
      requireSame(plan, fields);
    }
  } catch (error) {
    if (!isWxpayError(error)) throw error;
    throw plan.effect === 'read' ? error.with(facts) : unknownBecause(error.with(facts));
  }
  if (fields.get('return_code') !== 'SUCCESS') throw await refusedCall(plan, fields, response);
  if (fields.get('result_code') === 'FAIL') throw await refusedResult(plan, fields, response);
  return fields;
}

/** An answer that is signed and about something else is no answer to this (THREATS C4). */
function requireSame({ fields: asked }: V2Plan, fields: V2Fields): void {
  for (const [name, also] of [
    ['appid'],
    ['mch_id'],
    ['sub_mch_id'],
    ['out_trade_no'],
    ['transaction_id'],
    ['out_refund_no', 'out_refund_no_0'],
    ['refund_id', 'refund_id_0'],
  ] as const) {
    const wanted = asked.get(name) ?? '';
    const found = fields.get(name) ?? (also === undefined ? undefined : fields.get(also));
    if (wanted === '' || found === undefined || found === wanted) continue;
    throw new WxpayError('ANSWER_MISMATCH', { params: { field: name, found: found.slice(0, 64), wanted } });
  }
}

/**
 * `return_code` FAIL is never signed. Over verified TLS it is the refusal that it is where its text is known for one; of
 * anything that moves money, another text leaves the outcome open.
 */
async function refusedCall(plan: V2Plan, fields: V2Fields, response: ApiResponse): Promise<unknown> {
  const message = (fields.get('return_msg') ?? '').slice(0, 256);
  const credentials = /签名|sign|证书|cert|mch_?id|商户号|appid/i.test(message);
  const form = /参数|param|XML|post|编码|格式|bill|账单|\berror\b/i.test(message);
  const moves = plan.effect === 'refund' || plan.effect === 'write';
  const status = credentials ? 401 : form || !moves ? 400 : 500;
  const body = { code: fields.get('return_code') ?? 'FAIL', message };
  return asRefusal(plan, { ...response, status, trust: 'unsigned' }, body, response.status);
}

/** `result_code` FAIL, signed: WeChat Pay's code decides what it means. */
async function refusedResult(plan: V2Plan, fields: V2Fields, response: ApiResponse): Promise<unknown> {
  const code = (fields.get('err_code') ?? 'FAIL').slice(0, 64);
  const message = (fields.get('err_code_des') ?? '').slice(0, 256);
  return asRefusal(
    plan,
    { ...response, status: statusOf(code), trust: 'verified' },
    { code, message },
    response.status,
  );
}

/** APIv2 says with codes what APIv3 says with statuses; the table of outcomes is the same for both. */
function statusOf(code: string): number {
  if (/^(?:SYSTEMERROR|BANKERROR|BIZERR_NEED_RETRY|USERPAYING)$/.test(code)) return 500;
  if (/^(?:FREQUENCY_LIMITED|FREQ_LIMIT|RATELIMIT_EXCEEDED|INVALID_REQ_TOO_MUCH)$/.test(code)) return 429;
  if (/^(?:ORDERNOTEXIST|REFUNDNOTEXIST)$/.test(code)) return 404;
  return /^(?:SIGNERROR|NOAUTH|CERT_ERROR)$/.test(code) ? 401 : 400;
}

async function asRefusal(
  plan: V2Plan,
  response: ApiResponse,
  wechat: { readonly code: string; readonly message: string },
  httpStatus: number,
): Promise<unknown> {
  try {
    const body = Buffer.from(JSON.stringify(wechat));
    return await settle(plan.request, async () => ({ ...response, body }));
  } catch (error) {
    if (!isWxpayError(error)) return error;
    const what = numberOf(plan) ?? plan.path;
    const reason = error.code === 'OUTCOME_UNKNOWN' ? { reason: `${wechat.code} ${wechat.message}`.trim() } : {};
    return error.with({
      httpStatus,
      params: { ...error.params, status: httpStatus, what, out_trade_no: what, ...reason },
    });
  }
}

/** What the call is about. */
function numberOf({ fields }: V2Plan): string | undefined {
  return ['out_refund_no', 'out_trade_no', 'transaction_id', 'refund_id']
    .map((name) => fields.get(name) ?? '')
    .find((value) => value !== '');
}

/** Lays over an error what this call knows: where to ask. */
function explained(plan: V2Plan, error: unknown, origin: string): unknown {
  if (!isWxpayError(error)) return error;
  if (error.code === 'CLIENT_CERTIFICATE_REFUSED' && origin.startsWith('http:'))
    return error.with({ hint: 'v2.hint.certificate_http' });
  if (error.code === 'OUTCOME_UNKNOWN') {
    const next = askNext(plan);
    return next === undefined ? error.with({ hint: 'v2.hint.nothing_asks' }) : error.with({ next });
  }
  return error;
}

/** Of a path that wxpay does not know, what it may be about: numbers have the same names everywhere. */
const guesses = [
  ['out_refund_no', '/pay/refundquery'],
  ['out_trade_no', '/pay/orderquery'],
  ['transaction_id', '/pay/orderquery'],
] as const;

function askNext({ known: facts, fields }: V2Plan): readonly string[] | undefined {
  if (facts === undefined) {
    const guess = guesses.find(([name]) => (fields.get(name) ?? '') !== '');
    return guess === undefined
      ? undefined
      : ['api', '--v2', guess[1], '-f', `${guess[0]}=${fields.get(guess[0]) ?? ''}`];
  }
  if (facts.ask === undefined || facts.number === undefined) return undefined;
  const name = (fields.get(facts.number) ?? '') === '' ? facts.orElse : facts.number;
  return name === undefined ? undefined : ['api', '--v2', facts.ask, '-f', `${name}=${fields.get(name) ?? ''}`];
}
