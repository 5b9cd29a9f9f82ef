/**
 * A callback captured as the raw HTTP message: request line, headers, empty line, body. Bytes stay bytes: the signature
 * covers the body exactly as it was sent.
 */
import type { Headers } from '../../../core/ports.ts';
import { malformedCapture as malformed, type Capture } from './capture.ts';
import { addHeader, emptyHeaders, splitLine } from './headers.ts';

/**
 * Reads a raw HTTP message. Line ends may be CRLF or LF in the head; the body is taken untouched. With a Content-Length
 * the body ends there, as HTTP has it, unless it plainly goes on: an app that writes down the headers that came and the
 * body as it serialised it anew leaves a length that belongs to another body. A shorter one is taken as it is, for what was
 * lost is a finding and no reason not to look. The pseudo headers of HTTP/2 that proxies print are passed over.
 *
 * @throws WxpayError `CALLBACK_MALFORMED` when there is no head, no empty line, a broken header or Content-Length, or a
 * transfer coding that is neither whole nor already removed
 */
export function parseRawHttp(bytes: Uint8Array): Capture {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { head, body } = split(buffer);
  const lines = head.split(/\r?\n/);
  const headers = emptyHeaders();
  for (const line of lines.slice(isStartLine(lines[0] ?? '') ? 1 : 0)) {
    const parts = splitLine(line);
    if (parts === undefined) throw malformed('header_line', { line: line.slice(0, 80) });
    addHeader(headers, parts.name, parts.value);
  }
  const whole = headers['transfer-encoding'] === undefined ? declared(headers, body) : withoutChunks(body);
  return { headers, body: whole, bodyIs: 'bytes', format: 'http' };
}

/**
 * The messages of a capture that holds several POSTs, one behind the other, as tools that write down traffic do. A message ends
 * where the next one's request line begins, but not inside what Content-Length says is its body, except where the body is
 * whole before that. Everything else stays with the message before it.
 */
export function splitMessages(bytes: Uint8Array): readonly Buffer[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Latin-1 keeps one character for each byte. One pass over all of it, however many there are.
  const text = buffer.toString('latin1');
  const starts = [...text.matchAll(/(?:\r?\n|(?<=[}>]))(?=POST \S{1,2048} HTTP\/\d(?:\.\d)?\r?\n)/g)];
  const found: Buffer[] = [];
  let from = 0;
  let body = bodyOf(text, from);
  for (const { index, 0: separator } of starts) {
    if (body === undefined || index < body.at) continue;
    const isWhole = index >= body.at + body.length || isWholeJson(text, body, index);
    body.tried = true;
    if (!isWhole) continue;
    // A blank line between two messages is nobody's, where nothing says how long the body is.
    const end =
      body.length === 0 && /\}\r?\n$/.test(text.slice(index - 3, index)) ? text.lastIndexOf('}', index) + 1 : index;
    found.push(buffer.subarray(from, end));
    from = index + separator.length;
    body = bodyOf(text, from);
  }
  return [...found, buffer.subarray(from)];
}

interface Extent {
  /** Where the body begins. */
  readonly at: number;
  /** As declared; 0 where nothing is. */
  readonly length: number;
  /** Whether it was looked at whole already: once is enough, or a long body full of request lines would be read again and again. */
  tried: boolean;
}

function bodyOf(text: string, from: number): Extent | undefined {
  const end = /\r?\n\r?\n/g;
  end.lastIndex = from;
  const found = end.exec(text);
  if (found === null) return undefined;
  const head = text.slice(from, Math.min(found.index, from + 65_536));
  const length = Number(/^content-length:[ \t]*(\d{1,9})[ \t]*\r?$/im.exec(head)?.[1] ?? 0);
  return { at: found.index + found[0].length, length, tried: false };
}

function isWholeJson(text: string, body: Extent, end: number): boolean {
  if (body.tried || text[body.at] !== '{') return false;
  try {
    JSON.parse(text.slice(body.at, end));
    return true;
  } catch {
    return false;
  }
}

/** A request line or a status line. */
export function isStartLine(line: string): boolean {
  return /^(?:[A-Z]+ \S+ HTTP\/\d(?:\.\d)?|HTTP\/\d(?:\.\d)? \d{3}(?: .*)?)$/.test(line);
}

function split(buffer: Buffer): { head: string; body: Buffer } {
  const crlf = buffer.indexOf('\r\n\r\n');
  const lf = buffer.indexOf('\n\n');
  const end = crlf !== -1 && (lf === -1 || crlf < lf) ? { at: crlf, length: 4 } : { at: lf, length: 2 };
  if (end.at === -1) throw malformed('no_empty_line');
  return { head: buffer.subarray(0, end.at).toString('latin1'), body: buffer.subarray(end.at + end.length) };
}

function declared(headers: Headers, body: Buffer): Buffer {
  const lengths = headers['content-length'];
  if (lengths === undefined) return body;
  const length = lengths.length === 1 && /^\d{1,9}$/.test(lengths[0] ?? '') ? Number(lengths[0]) : Number.NaN;
  if (Number.isNaN(length)) throw malformed('content_length');
  const rest = body.subarray(length);
  return goesOn(body, rest) ? body.subarray(0, length + nextMessage(rest)) : body.subarray(0, length);
}

/** Whether what stands behind the declared length belongs to the body: the document is not whole without it. */
function goesOn(body: Buffer, rest: Buffer): boolean {
  if (body[0] !== 0x7b && body[0] !== 0x3c) return false;
  if (rest.toString('latin1', 0, 64).trim() === '' || nextMessage(rest) === 0) return false;
  const before = body
    .subarray(0, body.length - rest.length)
    .toString('latin1')
    .trimEnd();
  if (body[0] === 0x3c) return !before.endsWith('</xml>');
  try {
    JSON.parse(before);
    return false;
  } catch {
    return true;
  }
}

/** Where another message begins in the same capture, or its end. */
function nextMessage(rest: Buffer): number {
  const at = /(?:^|\r?\n|(?<=[}>]))[A-Z]{3,8} \S{1,2048} HTTP\/\d(?:\.\d)?\r?\n/.exec(rest.toString('latin1'))?.index;
  return at ?? rest.length;
}

/**
 * Tools show a chunked body with its chunk sizes, or already put together under the header that announced them. What begins
 * as JSON or XML does is the latter: no chunk size begins so.
 */
function withoutChunks(body: Buffer): Buffer {
  if (body.length === 0 || body[0] === 0x7b || body[0] === 0x3c) return body;
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = body.indexOf('\r\n', at);
    const size = end === -1 || end - at > 64 ? undefined : chunkSize(body.toString('latin1', at, end));
    if (size === undefined) throw malformed('transfer_encoding');
    if (size === 0) return Buffer.concat(parts);
    at = end + 2;
    if (body.length < at + size + 2 || body[at + size] !== 0x0d || body[at + size + 1] !== 0x0a)
      throw malformed('transfer_encoding');
    parts.push(body.subarray(at, at + size));
    at += size + 2;
  }
}

function chunkSize(line: string): number | undefined {
  const digits = /^([0-9A-Fa-f]{1,7})[ \t]*(?:;.*)?$/.exec(line)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}
