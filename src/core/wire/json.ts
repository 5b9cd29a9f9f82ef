/** JSON from the network or a user, made safe before anything looks at it (THREATS F8, H3). */
import { isUtf8 } from 'node:buffer';
import { WxpayError } from '../errors.ts';

export interface JsonLimits {
  /** Default 8 MiB: a callback's ciphertext alone may have 1 MiB. */
  readonly maxBytes?: number;
  /** Default 64 levels. */
  readonly maxDepth?: number;
  /** Numbers that a double changes are let through: for texts that are shown and never counted with. */
  readonly anyNumber?: boolean;
}

/**
 * Parses UTF-8 JSON, strictly: no byte order mark, no broken UTF-8, no member twice, no `__proto__`, `constructor` or
 * `prototype`, no number that a double cannot hold exactly as an integer (beyond 2^53), at most 64 levels deep.
 *
 * @returns the value; nothing is known about its shape
 * @throws `ANSWER_MALFORMED` with a reason; callers that read something else lay their own code over it
 */
export function parseJson(bytes: Uint8Array, limits: JsonLimits = {}): unknown {
  const { maxBytes = 8 * 1024 * 1024, maxDepth = 64, anyNumber = false } = limits;
  if (bytes.length > maxBytes) throw malformed('size', { max: maxBytes });
  if (bytes.length === 0) throw malformed('empty');
  if (!isUtf8(bytes)) throw malformed('utf8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (text.startsWith('\uFEFF')) throw malformed('bom');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed('syntax');
  }
  // What was merged or dropped while parsing shows in the number of members; names are compared only where something did.
  const count = inspect(text, { maxDepth, anyNumber, names: false });
  if (count === undefined || count !== countMembers(value)) inspect(text, { maxDepth, anyNumber, names: true });
  return value;
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const one of value) if (typeof one === 'object') count += countMembers(one);
    return count;
  }
  const object = value as Record<string, unknown>;
  for (const name in object) {
    count += 1;
    if (typeof object[name] === 'object') count += countMembers(object[name]);
  }
  return count;
}

const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

interface Inspection {
  readonly maxDepth: number;
  readonly anyNumber: boolean;
  /** Look at every name, and say which one is wrong. */
  readonly names: boolean;
}

/**
 * Walks the tokens of a text that is known to be valid JSON.
 *
 * @returns the number of member names; `undefined` when there are names that have to be looked at
 */
function inspect(text: string, { maxDepth, anyNumber, names }: Inspection): number | undefined {
  if (!names && forbiddenWords.test(text)) return undefined;
  /** One entry per open bracket: the member names of an object, or `undefined` for an array. */
  const open: (Set<string> | undefined)[] = [];
  let depth = 0;
  let count = 0;
  let at = 0;
  while (at < text.length) {
    const char = text.charCodeAt(at);
    if (char === quote) {
      const end = endOfString(text, at);
      if (isName(text, end)) {
        count += 1;
        const known = open[depth - 1];
        if (known !== undefined) addName(known, text.slice(at, end));
        // An escape may spell any name.
        else if (hasEscape(text, at + 1, end)) return undefined;
      }
      at = end;
    } else if (char === openBrace || char === openBracket) {
      depth += 1;
      if (depth > maxDepth) throw malformed('depth', { max: maxDepth });
      if (names) open[depth - 1] = char === openBrace ? new Set() : undefined;
      at += 1;
    } else if (char === closeBrace || char === closeBracket) {
      depth -= 1;
      at += 1;
    } else if (char === minus || (char >= zero && char <= nine)) {
      number.lastIndex = at;
      const token = number.exec(text)?.[0] ?? '';
      const value = Number(token);
      if (!anyNumber && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER))
        throw malformed('number', { number: token.slice(0, 64) });
      at = number.lastIndex;
    } else at += 1;
  }
  return count;
}

const forbiddenWords = /__proto__|constructor|prototype/;

function hasEscape(text: string, from: number, end: number): boolean {
  for (let at = from; at < end; at += 1) if (text.charCodeAt(at) === backslash) return true;
  return false;
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket, minus, zero, nine, colon, space] =
  Buffer.from(String.raw`"\{}[]-09: `) as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
const number = /[-+.0-9eE]+/y;

/** The index behind the closing quote. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === backslash) backslashes += 1;
  return backslashes % 2 === 1;
}

/** In valid JSON a string is a member name exactly when a colon follows. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (text.charCodeAt(at) <= space) at += 1;
  return text.charCodeAt(at) === colon;
}

function addName(names: Set<string>, token: string): void {
  const name = token.includes('\\') ? String(JSON.parse(token)) : token.slice(1, -1);
  if (forbidden.has(name)) throw malformed('name', { name });
  if (names.has(name)) throw malformed('duplicate', { name: name.slice(0, 64) });
  names.add(name);
}

function malformed(reason: string, params: Readonly<Record<string, string | number>> = {}): WxpayError {
  return new WxpayError('ANSWER_MALFORMED', { params: { ...params, reason: `key:reason.json_${reason}` } });
}
