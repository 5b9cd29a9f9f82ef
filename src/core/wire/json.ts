/** JSON from the network or a user, made safe before anything looks at it (THREATS F8, H3). */
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
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw malformed('utf8');
  }
  if (text.startsWith('\uFEFF')) throw malformed('bom');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed('syntax');
  }
  inspect(text, maxDepth, anyNumber);
  return value;
}

/** Made once: making one costs more than decoding an answer. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Walks the tokens of a text that is known to be valid JSON. */
function inspect(text: string, maxDepth: number, anyNumber: boolean): void {
  /** One entry per open bracket: the member names of an object, or `undefined` for an array. */
  const open: (Set<string> | undefined)[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charCodeAt(at);
    if (char === quote) {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (names !== undefined && isName(text, end)) addName(names, text.slice(at, end));
      at = end;
    } else if (char === openBrace || char === openBracket) {
      open.push(char === openBrace ? new Set() : undefined);
      if (open.length > maxDepth) throw malformed('depth', { max: maxDepth });
      at += 1;
    } else if (char === closeBrace || char === closeBracket) {
      open.pop();
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
