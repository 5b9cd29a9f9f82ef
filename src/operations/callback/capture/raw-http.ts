/**
 * A callback captured as the raw HTTP message: request line, headers, empty line, body. Bytes stay bytes: the signature
 * covers the body exactly as it was sent.
 */
import type { Headers } from '../../../core/ports.ts';
import { malformedCapture as malformed, type Capture } from './capture.ts';

/**
 * Reads a raw HTTP message. Line ends may be CRLF or LF in the head; the body is taken untouched. With a Content-Length
 * the body is exactly that long, as HTTP has it.
 *
 * @throws WxpayError `CALLBACK_MALFORMED` when there is no head, no empty line, a broken header, a body shorter than declared,
 * or a transfer coding (which must be removed by whoever captures)
 */
export function parseRawHttp(bytes: Uint8Array): Capture {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { head, body } = split(buffer);
  const lines = head.split(/\r?\n/);
  const first = lines[0] ?? '';
  const start = /^(?:[A-Z]+ \S+ HTTP\/\d(?:\.\d)?|HTTP\/\d(?:\.\d)? \d{3}.*)$/.test(first) ? 1 : 0;
  const headers: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const line of lines.slice(start)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) throw malformed('header_line', { line: line.slice(0, 80) });
    (headers[name.toLowerCase()] ??= []).push(withoutBlanks(line.slice(colon + 1)));
  }
  if (headers['transfer-encoding'] !== undefined) throw malformed('transfer_encoding');
  return { headers, body: declared(headers, body), bodyIs: 'bytes', format: 'http' };
}

/** Without spaces and tabs around it; counted by hand, since a pattern would take quadratic time on a hostile line. */
function withoutBlanks(text: string): string {
  const isBlank = (index: number): boolean => text[index] === ' ' || text[index] === '\t';
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return text.slice(start, end);
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
  if (body.length < length) throw malformed('body_short', { length: body.length, declared: length });
  return body.subarray(0, length);
}
