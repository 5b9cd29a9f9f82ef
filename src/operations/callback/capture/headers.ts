/** Header fields in the shapes that tools write them (protocol 6.1). Repetition is kept: it is a reason to refuse. */
import type { Headers } from '../../../core/ports.ts';
import { isObject } from '../../fields.ts';

/** Under construction; no prototype, so that no name means anything (THREATS F8). */
export type HeaderLists = Record<string, string[]>;

export function emptyHeaders(): HeaderLists {
  return Object.create(null) as HeaderLists;
}

/** Adds one value, under the name that it has on the wire. Pseudo headers of HTTP/2 (`:path`) are no headers. */
export function addHeader(headers: HeaderLists, name: string, value: string): void {
  const wire = wireName(name);
  if (wire === '' || wire.startsWith(':')) return;
  (headers[wire] ??= []).push(value);
}

/** As they are on the wire; most captures have them so. */
const signatureHeaders: ReadonlySet<string> = new Set(
  ['timestamp', 'nonce', 'serial', 'signature', 'signature-type'].map((part) => `wechatpay-${part}`),
);

/**
 * Lower case; and the signature headers whatever a gateway or a language made of their names: `HTTP_WECHATPAY_NONCE` (CGI, WSGI,
 * PHP), `http_wechatpay_nonce` (nginx), `wechatpayNonce`.
 */
function wireName(name: string): string {
  const lower = name.toLowerCase();
  if (signatureHeaders.has(lower) || !lower.includes('wechatpay')) return lower;
  return signatureName(lower) ?? lower;
}

const signatureHeader =
  /^(?:[a-z$][a-z0-9_$.-]{0,40}[._])?wechatpay[-_]?(timestamp|nonce|serial|signature(?:[-_]?type)?)$/i;

/** The wire name of a signature header, however it is spelled; `undefined` for any other name. */
export function signatureName(name: string): string | undefined {
  // The longest spelling that is looked for.
  if (name.length > 80 || name.length < 14) return undefined;
  const part = signatureHeader.exec(name)?.[1]?.toLowerCase();
  if (part === undefined) return undefined;
  return `wechatpay-${part.startsWith('signature') && part !== 'signature' ? 'signature-type' : part}`;
}

export function hasSignatureHeader(headers: Headers): boolean {
  for (const name in headers) if (name.startsWith('wechatpay-')) return true;
  return false;
}

/**
 * Headers as an object (`{name: value}`, `{name: [values]}`), an array of `{name, value}`, of pairs or of `"Name: value"`, a flat
 * list (Node's rawHeaders), or the text of the header lines.
 *
 * @returns `undefined` when it is none of these
 */
export function headersOf(value: unknown): HeaderLists | undefined {
  const headers = emptyHeaders();
  if (typeof value === 'string') return fromText(value, headers);
  if (Array.isArray(value)) return fromList(value, headers);
  if (!isObject(value)) return undefined;
  for (const name of Object.keys(value)) addValues(headers, name, value[name]);
  return headers;
}

/**
 * Of two records of the same headers: everything in `first`, and of `second` what `first` does not say. A signature header on
 * which they differ is kept twice, so that it is refused.
 */
export function mergeHeaders(first: HeaderLists, second: HeaderLists): HeaderLists {
  for (const [name, values] of Object.entries(second)) {
    const known = first[name];
    if (known === undefined) first[name] = values;
    else if (name.startsWith('wechatpay-')) for (const value of values) if (!known.includes(value)) known.push(value);
  }
  return first;
}

function addValues(headers: HeaderLists, name: string, value: unknown): void {
  if (typeof value === 'string') addHeader(headers, name, value);
  else if (typeof value === 'number' || typeof value === 'boolean') addHeader(headers, name, String(value));
  else if (Array.isArray(value)) for (const one of value) addValues(headers, name, isObject(one) ? one['value'] : one);
  // CloudFront functions keep each value in an object of its own.
  else if (isObject(value) && 'value' in value) addValues(headers, name, value['value']);
}

function fromList(list: readonly unknown[], headers: HeaderLists): HeaderLists | undefined {
  const texts = list.filter((one) => typeof one === 'string');
  if (texts.length === list.length) return fromTexts(texts, headers);
  for (const one of list) {
    if (Array.isArray(one)) {
      const [name, value] = one as readonly unknown[];
      if (typeof name !== 'string' || one.length !== 2) return undefined;
      addValues(headers, name, value);
    } else if (isObject(one)) {
      const name = member(one, nameMembers);
      if (typeof name === 'string') addValues(headers, name, member(one, valueMembers));
      else for (const key of Object.keys(one)) addValues(headers, key, one[key]);
    } else return undefined;
  }
  return headers;
}

const nameMembers = ['name', 'key', 'Name', 'Key', 'header', 'field', 'k', 'n'];
const valueMembers = ['value', 'Value', 'val', 'v', 'values'];

function member(object: Record<string, unknown>, names: readonly string[]): unknown {
  const name = names.find((one) => Object.hasOwn(object, one));
  return name === undefined ? undefined : object[name];
}

function fromTexts(texts: readonly string[], headers: HeaderLists): HeaderLists | undefined {
  const lines = texts.map(splitLine);
  if (texts.length > 0 && lines.every((line) => line !== undefined)) {
    for (const line of lines) if (line !== undefined) addHeader(headers, line.name, line.value);
    return headers;
  }
  if (texts.length % 2 !== 0) return undefined;
  for (let at = 0; at < texts.length; at += 2) addHeader(headers, texts[at] ?? '', texts[at + 1] ?? '');
  return headers;
}

function fromText(text: string, headers: HeaderLists): HeaderLists | undefined {
  let found = 0;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const parts = splitLine(line);
    if (parts === undefined) continue;
    addHeader(headers, parts.name, parts.value);
    found += 1;
  }
  return found === 0 ? undefined : headers;
}

/** `Name: value` of a header line. */
export function splitLine(line: string): { readonly name: string; readonly value: string } | undefined {
  const colon = line.indexOf(':', 1);
  const name = line.slice(0, Math.max(0, colon));
  if (name.length > 256 || !/^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return undefined;
  return { name, value: withoutBlanks(line.slice(colon + 1)) };
}

/** Without spaces and tabs around it; counted by hand, since a pattern would take quadratic time on a hostile line. */
export function withoutBlanks(text: string): string {
  const isBlank = (index: number): boolean => text[index] === ' ' || text[index] === '\t';
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return text.slice(start, end);
}
