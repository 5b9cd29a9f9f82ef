/**
 * Callbacks in JSON, as proxies, loggers, serverless gateways and frameworks write them. There are too many shapes to name:
 * an object is a capture when it has signature headers, in any shape, and a body near them.
 */
import { decodeBase64 } from '../../../core/crypto/base64.ts';
import { isWxpayError, WxpayError } from '../../../core/errors.ts';
import { parseJson } from '../../../core/wire/json.ts';
import { isObject } from '../../fields.ts';
import { malformedCapture, type Capture, type CaptureFormat } from './capture.ts';
import {
  emptyHeaders,
  hasSignatureHeader,
  headersOf,
  mergeHeaders,
  signatureName,
  type HeaderLists,
} from './headers.ts';
import { parseRawHttp } from './raw-http.ts';

/** A capture, or why what looks like one is none. */
export type Found = Omit<Capture, 'origin'> | WxpayError;
type JsonObject = Record<string, unknown>;

/** Deeper than any logger nests; JSON inside a string counts as well. */
const maxDepth = 64;

/**
 * Parses JSON that somebody captured: strictly, but with numbers of any size, which are never counted with here.
 *
 * @throws `CALLBACK_MALFORMED` with the reason
 */
export function parseCaptureJson(bytes: Uint8Array, maxBytes?: number): unknown {
  try {
    return parseJson(bytes, { anyNumber: true, maxDepth, ...(maxBytes === undefined ? {} : { maxBytes }) });
  } catch (error) {
    if (!isWxpayError(error, 'ANSWER_MALFORMED')) throw error;
    throw new WxpayError('CALLBACK_MALFORMED', { params: error.params });
  }
}

/**
 * Finds the captures in a JSON document, in their order.
 *
 * - Headers: `headers`, `multiValueHeaders`, `rawHeaders` and the like, as object, array or text; or signature headers among
 *   the members (`http_wechatpay_nonce` of nginx, `HTTP_WECHATPAY_NONCE` of WSGI and PHP).
 * - Body: `rawBody`, `body`, `postData`, `content` and the like next to the headers or further out, as text, base64, a
 *   Buffer's JSON, bytes, or an object.
 *
 * @returns none when nothing in it looks like a callback; `CALLBACK_MALFORMED` in the place of one whose body is missing or is
 * declared to be base64 and is none
 */
export function findCaptures(document: unknown, format: CaptureFormat): readonly Found[] {
  const found: Found[] = [];
  walk(document, { path: [], depth: 0, found, format });
  return found;
}

interface Walk {
  /** The objects around, outermost first; a list ends it, for what is beside a list belongs to no one member of it. */
  readonly path: readonly JsonObject[];
  readonly depth: number;
  readonly found: Found[];
  readonly format: CaptureFormat;
}

function walk(value: unknown, at: Walk): void {
  if (at.depth > maxDepth) return;
  if (Array.isArray(value)) {
    for (const one of value) walk(one, { ...at, path: [], depth: at.depth + 1 });
    return;
  }
  if (typeof value === 'string') {
    const inner = insideText(value);
    if (inner !== undefined) walk(inner, { ...at, path: [], depth: at.depth + 16 });
    return;
  }
  if (!isObject(value)) return;
  const capture = judge(value, at);
  if (capture !== undefined) {
    at.found.push(capture);
    return;
  }
  const path = [...at.path.slice(-3), value];
  for (const name of Object.keys(value))
    if (!answers.has(name.toLowerCase())) walk(value[name], { ...at, path, depth: at.depth + 1 });
}

/** Answers of WeChat Pay are signed with the same headers, and are no callbacks. */
const answers: ReadonlySet<string> = new Set(['response', 'res', 'resp', 'serverresponse', 'responseheaders']);

/** Loggers put the whole line, as text, into a member of their own. */
function insideText(text: string): unknown {
  if (text.length < 40 || !/wechatpay/i.test(text)) return undefined;
  const start = /^\s*[{[]/.exec(text);
  if (start === null) return undefined;
  try {
    return parseCaptureJson(Buffer.from(text));
  } catch {
    return undefined;
  }
}

function judge(object: JsonObject, at: Walk): Found | undefined {
  try {
    return captureOf(object, at);
  } catch (error) {
    if (isWxpayError(error, 'CALLBACK_MALFORMED')) return error;
    throw error;
  }
}

function captureOf(object: JsonObject, { path, format }: Walk): Found | undefined {
  const raw = rawMessageOf(object, format);
  if (raw !== undefined) return raw;
  const headers = headersIn(object);
  if (headers === undefined) return undefined;
  const own = bodyIn(object);
  // Without signature headers only what a callback holds makes a request one: something took the headers away.
  if (!hasSignatureHeader(headers) && !looksEncrypted(own?.value)) return undefined;
  const held =
    own ??
    path
      .toReversed()
      .map(bodyIn)
      .find((body) => body !== undefined);
  if (held === undefined) throw malformedCapture('capture_no_body');
  return { headers, ...bodyOf(held.value, held.base64), format };
}

const headerMembers: readonly string[] = [
  'rawheaders',
  'multivalueheaders',
  'headers',
  'header',
  'requestheaders',
  'reqheaders',
  'httpheaders',
  'meta',
  'environ',
];

/** All headers of an object, whichever of its members tell of them. */
function headersIn(object: JsonObject): HeaderLists | undefined {
  let headers: HeaderLists | undefined;
  const own = emptyHeaders();
  const named: unknown[] = [];
  for (const name of Object.keys(object)) {
    const value = object[name];
    if (signatureName(name) !== undefined) addOwn(own, name, value);
    else {
      const rank = headerMembers.indexOf(plain(name));
      if (rank !== -1) named[rank] = value;
    }
  }
  for (const value of named) {
    const more = value === undefined ? undefined : headersOf(deeper(value));
    if (more !== undefined) headers = headers === undefined ? more : mergeHeaders(headers, more);
  }
  if (Object.keys(own).length === 0) return headers ?? bareHeaders(object);
  return headers === undefined ? own : mergeHeaders(headers, own);
}

function addOwn(headers: HeaderLists, name: string, value: unknown): void {
  const lists = headersOf({ [name]: value });
  if (lists === undefined) return;
  for (const [key, values] of Object.entries(lists)) (headers[key] ??= []).push(...values);
}

/** The four values under names of their own, as wechatpay-java's RequestParam has them. */
function bareHeaders(object: JsonObject): HeaderLists | undefined {
  const { timestamp, nonce, signature } = object;
  const serial = object['serial'] ?? object['serialNumber'];
  const type = object['signType'];
  if (typeof nonce !== 'string' || typeof signature !== 'string' || typeof serial !== 'string') return undefined;
  if (typeof timestamp !== 'string' && typeof timestamp !== 'number') return undefined;
  const headers = emptyHeaders();
  headers['wechatpay-timestamp'] = [String(timestamp)];
  headers['wechatpay-nonce'] = [nonce];
  headers['wechatpay-serial'] = [serial];
  headers['wechatpay-signature'] = [signature];
  if (typeof type === 'string') headers['wechatpay-signature-type'] = [type];
  return headers;
}

/** Text that is JSON; and Charles's `header: { headers: […] }`. */
function deeper(value: unknown): unknown {
  if (typeof value === 'string' && /^\s*[{[]/.test(value)) {
    try {
      return parseCaptureJson(Buffer.from(value));
    } catch {
      return value;
    }
  }
  if (isObject(value) && Array.isArray(value['headers'])) return value['headers'];
  return value;
}

/** In this order: whatever kept the bytes comes before what somebody parsed. */
const bodyMembers: readonly string[] = [
  'rawbody',
  'bodyraw',
  'bodybase64',
  'rawrequestbody',
  'body',
  'bodytext',
  'requestbody',
  'requestbodytext',
  'reqbody',
  'httpbody',
  'postdata',
  'payload',
  'content',
  'text',
  'data',
  'b',
  'raw',
];

/** Names that many other things have too: what is in them has to look like a callback, if anything beside them does. */
const weakest = bodyMembers.indexOf('payload');

interface Held {
  readonly value: unknown;
  readonly base64: boolean;
}

function bodyIn(object: JsonObject): Held | undefined {
  const members: unknown[] = [];
  let unnamed: unknown;
  for (const name of Object.keys(object)) {
    const rank = bodyMembers.indexOf(plain(name));
    if (rank !== -1) members[rank] = object[name];
    else if (unnamed === undefined && looksEncrypted(object[name])) unnamed = object[name];
  }
  let at = members.findIndex((value) => value !== undefined && value !== null);
  if (at >= weakest && !looksEncrypted(members[at])) {
    const better = members.findIndex(looksEncrypted);
    if (better !== -1) at = better;
    else if (unnamed !== undefined) at = -1;
  }
  if (at !== -1) return { value: members[at], base64: isBase64(object) || bodyMembers[at] === 'bodybase64' };
  if (unnamed !== undefined) return { value: unnamed, base64: false };
  return members.includes(null) ? { value: null, base64: false } : undefined;
}

type Body = Pick<Capture, 'body' | 'bodyIs'>;

function isBase64(object: JsonObject): boolean {
  for (const name of Object.keys(object)) {
    const key = plain(name);
    const value = object[name];
    if (
      (key === 'isbase64encoded' || key === 'base64encoded' || key === 'isbase64') &&
      (value === true || value === 'true')
    )
      return true;
    if ((key === 'bodyencoding' || key === 'encoding') && typeof value === 'string' && plain(value) === 'base64')
      return true;
  }
  return false;
}

function bodyOf(value: unknown, base64: boolean): Body {
  if (value === null) return { body: Buffer.alloc(0), bodyIs: 'parsed' };
  if (typeof value === 'string') return bodyOfText(value, base64);
  const bytes = bytesOf(value);
  if (bytes !== undefined) return { body: bytes, bodyIs: 'bytes' };
  if (isObject(value) && !looksEncrypted(value)) {
    // HAR's and Charles's { text, encoding }, Postman's { mode, raw }.
    for (const name of ['text', 'raw', 'encoded', 'content', 'base64', 'data'])
      if (typeof value[name] === 'string')
        return bodyOfText(value[name], base64 || isBase64(value) || name === 'encoded' || name === 'base64');
  }
  return { body: Buffer.from(JSON.stringify(value)), bodyIs: 'parsed' };
}

function bodyOfText(text: string, base64: boolean): Body {
  if (base64) {
    const bytes = decodeBase64(text.replaceAll(/[\r\n]/g, ''));
    if (bytes === undefined) throw malformedCapture('capture_base64');
    return { body: bytes, bodyIs: 'bytes' };
  }
  // Bytes that a serialiser wrote as base64 without saying so: text that is a JSON object is never base64.
  if (text.length >= 64 && /^[A-Za-z0-9+/]/.test(text)) {
    const bytes = decodeBase64(text);
    if (bytes?.[0] === 0x7b || bytes?.[0] === 0x3c) return { body: bytes, bodyIs: 'bytes' };
  }
  return { body: Buffer.from(text), bodyIs: 'text' };
}

/** A Buffer's JSON (`{ type: 'Buffer', data: […] }`), or bytes as numbers, signed as in Java or not. */
function bytesOf(value: unknown): Buffer | undefined {
  const list = isObject(value) && value['type'] === 'Buffer' ? value['data'] : value;
  if (!Array.isArray(list) || list.length === 0) return undefined;
  const numbers = list as readonly unknown[];
  for (const one of numbers)
    if (typeof one !== 'number' || !Number.isInteger(one) || one < -128 || one > 255) return undefined;
  return Buffer.from(numbers as readonly number[]);
}

/** A whole message in base64 (ngrok) or as text. */
function rawMessageOf(object: JsonObject, format: CaptureFormat): Found | undefined {
  for (const name of ['raw', 'raw_request', 'rawRequest', 'message']) {
    const text = object[name];
    if (typeof text !== 'string' || text.length < 40) continue;
    const bytes = /^[A-Z]+ \S+ HTTP\//.test(text) ? Buffer.from(text) : decodeBase64(text);
    if (bytes === undefined || !/^[A-Z]+ \S+ HTTP\//.test(bytes.subarray(0, 4096).toString('latin1'))) continue;
    try {
      const { headers, body } = parseRawHttp(bytes);
      if (!hasSignatureHeader(headers)) continue;
      return { headers, body, bodyIs: bytes.length === text.length ? 'text' : 'bytes', format };
    } catch (error) {
      if (!isWxpayError(error, 'CALLBACK_MALFORMED')) throw error;
    }
  }
  return undefined;
}

function looksEncrypted(value: unknown): boolean {
  if (typeof value === 'string')
    return /^\s{0,9}</.test(value)
      ? /^\s{0,9}<xml>/.test(value)
      : value.length > 100 && value.includes('ciphertext') && /^\s{0,9}["{]/.test(value);
  return isObject(value) && isObject(value['resource']) && typeof value['resource']['ciphertext'] === 'string';
}

/** A logger uses the same names on every line. */
const plainNames = new Map<string, string>();

/** A name without what languages and taste add to it. */
function plain(name: string): string {
  const known = plainNames.get(name);
  if (known !== undefined) return known;
  if (name.length > 40) return name;
  const found = name.toLowerCase().replaceAll(/[_$ -]/g, '');
  if (plainNames.size >= 1_000) plainNames.clear();
  plainNames.set(name, found);
  return found;
}
