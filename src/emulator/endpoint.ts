/** What an endpoint gets to see, and the checks that all of them share (states 7, steps 7 to 9). */
import type { RawRequest } from './gateway.ts';
import { headerOf } from './gateway.ts';
import { isObject, parseJson } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Merchant } from './merchants.ts';
import type { MerchantSwitches } from './merchant-switches.ts';
import type { Mode, Platform } from './platform.ts';
import { paramError, refuse } from './reply.ts';
import type { Reply } from './reply.ts';
import { checkText, missing, undefinedParameters } from './rules/fields.ts';
import type { StringField } from './rules/fields.ts';

export interface Call {
  readonly request: RawRequest;
  readonly merchant: Merchant;
  /** What holds for that merchant at the moment. */
  readonly switches: MerchantSwitches;
  /** The path parameters, percent-decoded. */
  readonly path: Readonly<Record<string, string>>;
  /** The query as it stood after the `?`; empty for none. */
  readonly query: string;
  readonly platform: Platform;
  readonly mode: Mode;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly randomBytes: (size: number) => Buffer;
}

/** One modelled endpoint. Answering is acting: what an endpoint does to its state is done when it returns. */
export interface Endpoint {
  readonly method: string;
  /** Path with `{parameters}`. */
  readonly path: string;
  /** Told of every authentic call before anything becomes of it, trouble included. */
  arrived?(call: Call): void;
  answer(call: Call): Reply;
}

/** The body as a JSON object, or the refusal of one that is none: not JSON, not UTF-8, not sent as JSON. */
export function readBody(request: RawRequest): JsonObject | Reply {
  const type = headerOf(request, 'content-type') ?? '';
  if (!/^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i.test(type.trim())) {
    return refuse(400, 'PARAM_ERROR', 'Http头Content-Type应为application/json', 268435461);
  }
  if (request.headers.has('content-encoding')) {
    return refuse(400, 'PARAM_ERROR', '不支持压缩的请求体', 268435461);
  }
  const body = parseJson(decodeUtf8(request.body) ?? '');
  if (!isObject(body)) return paramError('请求体不是合法的 UTF-8 编码的 Json 对象', 'body', '');
  return body;
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A call without a body must have none. */
export function refuseBody(request: RawRequest): Reply | undefined {
  return request.body.length === 0 ? undefined : refuse(400, 'INVALID_REQUEST', '该接口不接受请求体', 268435461);
}

/** The query's parameters checked against a table: unknown, repeated, missing, malformed. */
export function readQuery(
  query: string,
  fields: Readonly<Record<string, StringField>>,
): { readonly values: Readonly<Record<string, string>> } | Reply {
  const values: Record<string, string> = {};
  const unknown: string[] = [];
  for (const pair of query === '' ? [] : query.split('&')) {
    const [name = '', ...rest] = pair.split('=');
    const value = decode(rest.join('='));
    if (!Object.hasOwn(fields, name) || Object.hasOwn(values, name)) unknown.push(`/query/${name}`);
    else values[name] = value;
  }
  if (unknown.length > 0) return undefinedParameters(unknown);
  for (const [name, field] of Object.entries(fields)) {
    const value = values[name];
    const pointer = `/query/${name}`;
    if (value === undefined && field.required) return missing(pointer, 'query', field);
    const refusal = value === undefined ? undefined : checkText(value, pointer, 'query', field);
    if (refusal !== undefined) return refusal;
  }
  return { values };
}

/** A path parameter checked against its field. */
export function checkPath(call: Call, name: string, field: StringField): Reply | undefined {
  return checkText(call.path[name] ?? '', `/uri_template/${name}`, 'uri_template', field);
}

/** Percent-decoding; what is not decodable stays as it is and fails its pattern. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The merchant number of the call must be the one that signed (states 7, step 8). */
export function checkCaller(call: Call, mchid: string | undefined, where: 'body' | 'query'): Reply | undefined {
  if (mchid === call.merchant.mchid) return undefined;
  const message =
    where === 'body'
      ? 'http header中的mchid与post payload中的mchid不匹配'
      : 'http header中的mchid与query中的mchid不匹配';
  return paramError(message, where, mchid ?? '');
}
