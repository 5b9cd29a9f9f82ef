/**
 * A strict JSON reader for request bodies: it refuses repeated members, keeps every number as it was written (so that 1.0,
 * 1e2 and integers beyond 2^53 are seen for what they are), and bounds the depth.
 */

/** A number as it stood in the text. */
export interface JsonNumber {
  readonly digits: string;
}

export type JsonObject = Map<string, Json>;
export type Json = null | boolean | string | JsonNumber | Json[] | JsonObject;

const maxDepth = 32;
const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const stringPattern = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const spacePattern = /[ \t\n\r]*/y;

/**
 * @returns the value, or `undefined` when the text is not exactly one JSON document, repeats a member, holds an unpaired
 *   surrogate or nests deeper than 32
 */
export function parseJson(text: string): Json | undefined {
  try {
    const reader = { text, at: 0 };
    const value = readValue(reader, 0);
    take(reader, spacePattern);
    return reader.at === text.length ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface Reader {
  readonly text: string;
  at: number;
}

function take(reader: Reader, pattern: RegExp): string | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text)?.[0];
  if (found !== undefined) reader.at += found.length;
  return found;
}

function expect(reader: Reader, text: string): void {
  if (!reader.text.startsWith(text, reader.at)) throw new SyntaxError(`expected ${text}`);
  reader.at += text.length;
}

function readValue(reader: Reader, depth: number): Json {
  if (depth > maxDepth) throw new SyntaxError('too deep');
  take(reader, spacePattern);
  const first = reader.text[reader.at];
  if (first === '{') return readObject(reader, depth);
  if (first === '[') return readArray(reader, depth);
  if (first === '"') return readString(reader);
  if (first === 't') return readWord(reader, 'true', true);
  if (first === 'f') return readWord(reader, 'false', false);
  if (first === 'n') return readWord(reader, 'null', null);
  const digits = take(reader, numberPattern);
  if (digits === undefined) throw new SyntaxError('no value');
  return { digits };
}

function readWord<T>(reader: Reader, word: string, value: T): T {
  expect(reader, word);
  return value;
}

function readString(reader: Reader): string {
  const quoted = take(reader, stringPattern);
  if (quoted === undefined) throw new SyntaxError('no string');
  const text = JSON.parse(quoted) as string;
  if (/\p{Surrogate}/u.test(text)) throw new SyntaxError('unpaired surrogate');
  return text;
}

function readObject(reader: Reader, depth: number): JsonObject {
  const object: JsonObject = new Map();
  expect(reader, '{');
  take(reader, spacePattern);
  if (reader.text[reader.at] === '}') {
    reader.at += 1;
    return object;
  }
  for (;;) {
    take(reader, spacePattern);
    const name = readString(reader);
    if (object.has(name)) throw new SyntaxError('repeated member');
    take(reader, spacePattern);
    expect(reader, ':');
    object.set(name, readValue(reader, depth + 1));
    take(reader, spacePattern);
    if (reader.text[reader.at] === '}') break;
    expect(reader, ',');
  }
  reader.at += 1;
  return object;
}

function readArray(reader: Reader, depth: number): Json[] {
  const array: Json[] = [];
  expect(reader, '[');
  take(reader, spacePattern);
  if (reader.text[reader.at] === ']') {
    reader.at += 1;
    return array;
  }
  for (;;) {
    array.push(readValue(reader, depth + 1));
    take(reader, spacePattern);
    if (reader.text[reader.at] === ']') break;
    expect(reader, ',');
  }
  reader.at += 1;
  return array;
}

export function isObject(json: Json | undefined): json is JsonObject {
  return json instanceof Map;
}

export function isNumber(json: Json | undefined): json is JsonNumber {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof Map);
}

/** The value as ordinary JavaScript, once validation has bounded its numbers. */
export function plain(json: Json): unknown {
  if (Array.isArray(json)) return json.map(plain);
  if (isObject(json)) return Object.fromEntries([...json].map(([name, value]) => [name, plain(value)]));
  if (isNumber(json)) return Number(json.digits);
  return json;
}

/** One text per value, whatever the order of its members: how two bodies are compared on re-entry. */
export function canonicalText(json: Json): string {
  if (Array.isArray(json)) return `[${json.map(canonicalText).join(',')}]`;
  if (isObject(json)) {
    const members = [...json].sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${canonicalText(value)}`).join(',')}}`;
  }
  return isNumber(json) ? json.digits : JSON.stringify(json);
}
