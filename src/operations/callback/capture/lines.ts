/** Logs: one JSON document a line (NDJSON), as long as it takes, one line in memory at a time. */
import { isWxpayError } from '../../../core/errors.ts';
import { malformedCapture } from './capture.ts';
import { findCaptures, parseCaptureJson, type Found } from './json-capture.ts';
import { decodeText, utf16Order } from './text.ts';

/** A callback has at most 1 MiB of ciphertext (protocol 6.1); escaping and what a logger adds may double it. */
export const longestLine = 4 * 1024 * 1024;

/** What one line holds: nothing, when it is of something else. */
export interface Line {
  /** Counted from 1. */
  readonly number: number;
  readonly found: readonly Found[];
}

/** Every line of a file in memory. */
export function* wholeLines(bytes: Buffer): Generator<Found> {
  const utf8 = utf16Order(bytes) === undefined ? bytes : Buffer.from(decodeText(bytes).text);
  let at = 0;
  while (at < utf8.length) {
    const feed = utf8.indexOf(lineFeed, at);
    const end = feed === -1 ? utf8.length : feed;
    yield* readLine(utf8.subarray(at, end));
    at = end + 1;
  }
}

/**
 * Every line of a stream that is not empty. A line of more than 4 MiB is not held: it is reported and passed over.
 *
 * @param first what was read to find out that these are lines
 */
export async function* streamLines(first: Buffer, rest: AsyncIterator<Uint8Array>): AsyncGenerator<readonly Line[]> {
  let number = 0;
  let held: Buffer[] = [];
  let size = 0;
  const take = (end: Buffer): Line | undefined => {
    number += 1;
    if (size + end.length < 2) return undefined;
    const whole = held.length === 0 ? end : Buffer.concat([...held, end]);
    const found = size + end.length > longestLine ? [tooLong()] : readLine(whole);
    held = [];
    size = 0;
    return { number, found };
  };
  for (let chunk: Buffer | undefined = first; chunk !== undefined; chunk = await nextOf(rest)) {
    const lines: Line[] = [];
    let at = 0;
    for (let feed = chunk.indexOf(lineFeed); feed !== -1; feed = chunk.indexOf(lineFeed, at)) {
      const line = take(chunk.subarray(at, feed));
      if (line !== undefined) lines.push(line);
      at = feed + 1;
    }
    if (at < chunk.length) {
      size += chunk.length - at;
      if (size > longestLine) held = [];
      else held.push(chunk.subarray(at));
    }
    yield lines;
  }
  const last = take(Buffer.alloc(0));
  if (last !== undefined) yield [last];
}

async function nextOf(chunks: AsyncIterator<Uint8Array>): Promise<Buffer | undefined> {
  const { done, value } = await chunks.next();
  return done === true ? undefined : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

const lineFeed = 0x0a;

function tooLong(): Found {
  return malformedCapture('capture_line', { max: longestLine / 1024 / 1024 });
}

/** True for a line that is a JSON document by itself, so that what follows are more of them. */
export function isDocument(line: Buffer): boolean {
  if (!/^\s*[{[]/.test(line.toString('latin1', 0, 64))) return false;
  try {
    JSON.parse(line.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

/**
 * The captures of one line: a JSON document, or what begins as one behind a logger's own words. A line that is meant to be a
 * document, or speaks of signature headers, and cannot be read is reported; any other is of something else.
 */
function readLine(line: Buffer): readonly Found[] {
  const start = line.indexOf(0x7b);
  if (start === -1) return [];
  if (line.length > longestLine) return [tooLong()];
  const alone = isBlank(line, start);
  try {
    return findCaptures(parseLine(alone ? line : line.subarray(start, line.lastIndexOf(0x7d) + 1)), 'ndjson');
  } catch (error) {
    if (!isWxpayError(error, 'CALLBACK_MALFORMED')) throw error;
    return alone || /wechatpay[-_]?(?:nonce|signature)/i.test(line.toString('latin1')) ? [error] : [];
  }
}

/** Nothing but blanks, or the `[` of a list, before the first brace. */
function isBlank(line: Buffer, end: number): boolean {
  for (let at = 0; at < end; at += 1) {
    const byte = line[at] ?? 0;
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x5b) return false;
  }
  return true;
}

function parseLine(line: Buffer): unknown {
  try {
    return parseCaptureJson(line);
  } catch (error) {
    // nginx writes `"` as `\x22` where its log format does not say `escape=json`; every such escape is one byte.
    if (!isWxpayError(error, 'CALLBACK_MALFORMED') || !line.includes(String.raw`\x`)) throw error;
    const text = line.toString('utf8').replaceAll(/\\x([0-9A-Fa-f]{2})/g, String.raw`\u00$1`);
    return bytesAsText(parseCaptureJson(Buffer.from(text)));
  }
}

function bytesAsText(value: unknown): unknown {
  if (typeof value === 'string') {
    // Beyond U+00FF it is no byte, and without anything above U+007F there is nothing to decode.
    if (!/[\u0080-\u00ff]/.test(value) || /[^\u0000-\u00ff]/.test(value)) return value;
    return decodeText(Buffer.from(value, 'latin1')).text;
  }
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Record<string, unknown>;
  for (const name of Object.keys(object)) object[name] = bytesAsText(object[name]);
  return value;
}
