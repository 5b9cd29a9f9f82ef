/** Captures in whatever form they come, told apart by what is in them (DESIGN section 5). */
import { isWxpayError, WxpayError } from '../../../core/errors.ts';
import { isObject } from '../../fields.ts';
import { malformedCapture, type Capture, type CaptureFormat, type CaptureOrigin } from './capture.ts';
import { isCommand, parseCommands } from './curl.ts';
import { emptyHeaders, hasSignatureHeader, headersOf } from './headers.ts';
import { findCaptures, parseCaptureJson, type Found } from './json-capture.ts';
import { isDocument, longestLine, streamLines, wholeLines } from './lines.ts';
import { parsePaste, readHead } from './paste.ts';
import { parseRawHttp, splitMessages } from './raw-http.ts';
import { decodeText, utf16Order, withoutByteOrderMark } from './text.ts';

export interface ReadOptions {
  /** Read it as this, whatever it looks like. */
  readonly format?: CaptureFormat | undefined;
  /** What `origin.file` says. */
  readonly file?: string | undefined;
}

/** Beyond this a capture is no capture of callbacks; only lines of NDJSON may go on for ever. */
export const largestFile = 64 * 1024 * 1024;

/** A capture, or why something that should be one is none. */
export type CaptureEntry =
  | { readonly capture: Capture }
  | { readonly unreadable: WxpayError; readonly origin: CaptureOrigin };

/**
 * Reads a whole file, clipboard or stream that is in memory.
 *
 * @returns at least one capture
 * @throws `CALLBACK_MALFORMED` with the reason, when it is too large (64 MiB), of no known form, or one capture in it is broken
 */
export function readCaptures(bytes: Uint8Array, options: ReadOptions = {}): readonly Capture[] {
  return readEntries(bytes, options).map((entry) => {
    if ('unreadable' in entry) throw entry.unreadable;
    return entry.capture;
  });
}

/**
 * The same, where one broken capture does not hide the others.
 *
 * @throws `CALLBACK_MALFORMED` when nothing at all can be read
 */
export function readEntries(bytes: Uint8Array, { format, file }: ReadOptions = {}): readonly CaptureEntry[] {
  if (bytes.length > largestFile) throw malformedCapture('capture_large', { max: largestFile / 1024 / 1024 });
  const buffer = withoutByteOrderMark(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const entries = [...(format === undefined ? detect(buffer) : readAs[format](buffer))];
  if (entries.length === 0) throw malformedCapture('capture_none');
  return entries.map((found, index) => entryOf(found, { ...fileOf({ file }), index }));
}

function entryOf(found: Found, origin: CaptureOrigin): CaptureEntry {
  if (found instanceof WxpayError) return { unreadable: found, origin };
  const { headers, body, bodyIs, format } = found;
  return { capture: { headers, body, bodyIs, format, origin } };
}

const readAs: Readonly<Record<CaptureFormat, (bytes: Buffer) => Iterable<Found>>> = {
  http: rawMessages,
  paste: (bytes) => [parsePaste(decodeText(bytes).text)],
  curl: (bytes) => parseCommands(decodeText(bytes).text),
  har: (bytes) => findCaptures(parseDocument(bytes), 'har'),
  json: jsonOrBody,
  ndjson: wholeLines,
  files: (bytes) => [bodyAlone(bytes)],
};

/** By what it begins with; what is no whole message is a paste if it is anything. */
function detect(bytes: Buffer): Iterable<Found> {
  const wide = utf16Order(bytes) !== undefined;
  const start = wide ? decodeText(bytes.subarray(0, 2048)).text : bytes.toString('latin1', 0, 1024);
  if (/^\s*[{[]/.test(start)) return json(bytes);
  if (/^\s*<(?:xml|\?xml)\b/i.test(start)) return [bodyAlone(bytes)];
  if (isCommand(start)) return readAs.curl(bytes);
  let failure: unknown;
  try {
    const found = rawMessages(bytes);
    if (beginsAsMessage(start, found[0])) return found;
  } catch (error) {
    failure = error;
  }
  return pasteOrLog(bytes, failure);
}

/** Labels (`Request body:`) look like headers: without a request line it is a message only if the body stands where it should. */
function beginsAsMessage(start: string, { headers, body }: Omit<Capture, 'origin'>): boolean {
  if (/^[A-Z]+ \S+ HTTP\/\d/.test(start)) return true;
  if (/^[\s\u{feff}]*[{<]/u.test(body.toString('utf8', 0, 64)))
    return hasSignatureHeader(headers) || looksLikeMessage(start);
  return false;
}

function looksLikeMessage(start: string): boolean {
  return /^[A-Z]+ \S+ HTTP\/\d/.test(start) || /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\n]*\n/.test(start);
}

/**
 * Bytes are kept, except where a shell or an editor has made UTF-16 of them, which nothing on the wire is.
 *
 * @throws what is wrong with the first message; what is wrong with another is an entry of its own
 */
function rawMessages(bytes: Buffer): readonly [Omit<Capture, 'origin'>, ...Found[]] {
  const wide = utf16Order(bytes) !== undefined;
  const [first = bytes, ...others] = splitMessages(wide ? Buffer.from(decodeText(bytes).text) : bytes);
  const read = (message: Buffer): Omit<Capture, 'origin'> => ({
    ...parseRawHttp(message),
    ...(wide ? { bodyIs: 'text' } : {}),
  });
  return [read(first), ...others.map((message) => orFailure(() => read(message)))];
}

function orFailure(work: () => Omit<Capture, 'origin'>): Found {
  try {
    return work();
  } catch (error) {
    if (error instanceof WxpayError) return error;
    throw error;
  }
}

/** @throws what was wrong with it as a message when it looked like one, else that it is of no known form */
function pasteOrLog(bytes: Buffer, failure: unknown): Iterable<Found> {
  const { text } = decodeText(bytes);
  try {
    return [parsePaste(text)];
  } catch (error) {
    if (!isWxpayError(error, 'CALLBACK_MALFORMED')) throw error;
    const lines = /wechatpay[-_]?nonce/i.test(text) ? [...wholeLines(bytes)] : [];
    if (lines.some((line) => !(line instanceof WxpayError))) return lines;
    if (isWxpayError(failure) && looksLikeMessage(text.slice(0, 1024))) throw failure;
    throw error;
  }
}

function json(bytes: Buffer): Iterable<Found> {
  let failure: unknown;
  try {
    return jsonOrBody(bytes);
  } catch (error) {
    if (!isWxpayError(error, 'CALLBACK_MALFORMED')) throw error;
    failure = error;
  }
  const lines = bytes.subarray(0, longestLine).indexOf(0x0a) === -1 ? [] : [...wholeLines(bytes)];
  if (lines.some((line) => !(line instanceof WxpayError))) return lines;
  throw failure;
}

function jsonOrBody(bytes: Buffer): readonly Found[] {
  const document = parseDocument(bytes);
  const isHar = isObject(document) && isObject(document['log']) && Array.isArray(document['log']['entries']);
  const found = findCaptures(document, isHar ? 'har' : 'json');
  if (found.length > 0) return found;
  // The envelope itself: somebody kept the body and not the headers.
  return isObject(document) && isObject(document['resource']) ? [bodyAlone(bytes)] : [];
}

function parseDocument(bytes: Buffer): unknown {
  const { text, encoding } = decodeText(bytes);
  return encoding === 'utf-8'
    ? parseCaptureJson(bytes, largestFile)
    : parseCaptureJson(Buffer.from(text), 2 * largestFile);
}

function bodyAlone(bytes: Buffer): Omit<Capture, 'origin'> {
  return { headers: emptyHeaders(), body: bytes, bodyIs: 'bytes', format: 'files' };
}

/**
 * A file of headers (lines or JSON, as they were copied) and a file that is the body, byte for byte.
 *
 * @throws `CALLBACK_MALFORMED` when the first holds no headers
 */
export function readFiles(headerFile: Uint8Array, bodyFile: Uint8Array, file?: string): Capture {
  for (const { length } of [headerFile, bodyFile])
    if (length > largestFile) throw malformedCapture('capture_large', { max: largestFile / 1024 / 1024 });
  const { text } = decodeText(headerFile);
  const headers = /^\s*[{[]/.test(text)
    ? headersOf(parseCaptureJson(Buffer.from(text)))
    : readHead(text.split(/\r\n|\n|\r/));
  if (headers === undefined || Object.keys(headers).length === 0) throw malformedCapture('capture_no_headers');
  return {
    headers,
    body: Buffer.from(bodyFile.buffer, bodyFile.byteOffset, bodyFile.byteLength),
    bodyIs: 'bytes',
    format: 'files',
    origin: { ...(file === undefined ? {} : { file }), index: 0 },
  };
}

export interface StreamOptions extends ReadOptions {
  /** Told of each line that is of something else. */
  readonly onOtherLine?: () => void;
}

/**
 * Reads captures as they come. Lines (NDJSON, or `format: 'ndjson'`) are held one at a time and may go on for ever; any other
 * form is one file of at most 64 MiB. What cannot be read is an entry of its own and does not end the stream.
 *
 * @returns the entries in the order of their coming, in batches: what one piece of the input completed
 */
export async function* readCaptureStream(
  chunks: AsyncIterable<Uint8Array>,
  options: StreamOptions = {},
): AsyncGenerator<readonly CaptureEntry[]> {
  const input = chunks[Symbol.asyncIterator]();
  try {
    const { held, lines } = await peek(input, options.format);
    if (lines) yield* entriesOfLines(held, input, options);
    else yield readWhole(held, options);
  } finally {
    await input.return?.();
  }
}

function readWhole(held: Buffer, options: ReadOptions): readonly CaptureEntry[] {
  try {
    return readEntries(held, options);
  } catch (error) {
    if (!isWxpayError(error, 'CALLBACK_MALFORMED')) throw error;
    return [{ unreadable: error, origin: fileOf(options) }];
  }
}

async function* entriesOfLines(
  held: Buffer,
  input: AsyncIterator<Uint8Array>,
  { file, onOtherLine }: StreamOptions,
): AsyncGenerator<readonly CaptureEntry[]> {
  let index = 0;
  for await (const lines of streamLines(withoutByteOrderMark(held), input)) {
    const entries: CaptureEntry[] = [];
    for (const { number, found } of lines) {
      if (found.length === 0) onOtherLine?.();
      for (const one of found) {
        entries.push(entryOf(one, { ...fileOf({ file }), index, line: number }));
        index += 1;
      }
    }
    if (entries.length > 0) yield entries;
  }
  if (index === 0) yield [{ unreadable: malformedCapture('capture_none'), origin: fileOf({ file }) }];
}

/** Reads until it is known whether the input is made of lines: its first line is a document of its own. */
async function peek(
  input: AsyncIterator<Uint8Array>,
  format: CaptureFormat | undefined,
): Promise<{ readonly held: Buffer; readonly lines: boolean }> {
  const held: Uint8Array[] = [];
  let size = 0;
  let undecided = format === undefined || format === 'ndjson';
  while (size <= largestFile) {
    const next = await input.next();
    if (next.done === true) break;
    held.push(next.value);
    size += next.value.length;
    if (!undecided) continue;
    const bytes = Buffer.concat(held);
    const wide = utf16Order(bytes) !== undefined;
    if (format === 'ndjson' && !wide) return { held: bytes, lines: true };
    const feed = firstLineEnd(bytes);
    if (feed === -1) {
      undecided = size <= longestLine;
      continue;
    }
    undecided = false;
    if (!wide && isDocument(withoutByteOrderMark(bytes.subarray(0, feed)))) return { held: bytes, lines: true };
  }
  return { held: Buffer.concat(held), lines: false };
}

/** The end of the first line that is not blank; −1 while it has not ended. */
function firstLineEnd(bytes: Buffer): number {
  let at = 0;
  while (bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x20) at += 1;
  return bytes.indexOf(0x0a, at);
}

function fileOf({ file }: ReadOptions): CaptureOrigin {
  return file === undefined ? {} : { file };
}
