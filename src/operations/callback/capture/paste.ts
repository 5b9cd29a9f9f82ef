/**
 * A callback copied out of a window: nearly an HTTP message. Lines may be indented, quoted or prefixed as by `curl -v`; names
 * and values may be apart by tabs or on lines of their own, as developer tools have them.
 */
import { malformedCapture, type Capture } from './capture.ts';
import {
  addHeader,
  emptyHeaders,
  hasSignatureHeader,
  signatureName,
  withoutBlanks,
  type HeaderLists,
} from './headers.ts';
import { isStartLine } from './raw-http.ts';

/** A head of more lines, or of longer ones, is none. */
const mostLines = 2_000;
const longestLine = 16 * 1024;

/**
 * Reads header lines up to the body, which begins at the first line that begins as JSON or XML does; if that line is JSON by
 * itself, what follows is not of the body. Blanks around the body belong to the paste, not to the callback.
 *
 * @throws `CALLBACK_MALFORMED` when there is nothing in it that looks like a callback
 */
export function parsePaste(text: string): Omit<Capture, 'origin'> {
  const { before, body, after } = cut(text);
  const above = readHead(before);
  const headers = hasSignatureHeader(above) ? above : readHead([...before, ...after]);
  if (!hasSignatureHeader(headers) && !(before.length > 0 && body.includes('"ciphertext"')))
    throw malformedCapture(text.trim() === '' ? 'capture_empty' : 'capture_unknown');
  return { headers, body: Buffer.from(body), bodyIs: 'text', format: 'paste' };
}

/** The header lines of a paste, or of a file of their own. What is no header line is passed over. */
export function readHead(lines: readonly string[]): HeaderLists {
  const headers = emptyHeaders();
  /** A name whose value is on the next line. */
  let open: string | undefined;
  for (const raw of lines) {
    const line = withoutBlanks(raw);
    if (line === '' || line.length > longestLine || isStartLine(line)) continue;
    const field = fieldOf(line);
    if (open !== undefined && (field === undefined || !field.apart)) {
      addHeader(headers, open, line);
      open = undefined;
      continue;
    }
    if (open !== undefined) addHeader(headers, open, '');
    open = undefined;
    if (field !== undefined && field.value !== '') addHeader(headers, field.name, field.value);
    else if (isName(field?.name ?? line)) open = field?.name ?? line;
  }
  if (open !== undefined) addHeader(headers, open, '');
  return headers;
}

interface Field {
  readonly name: string;
  readonly value: string;
  /** Something more than one character stands between them, so that it is no value like `127.0.0.1:80` or `c2lnbg==`. */
  readonly apart: boolean;
}

/** `Name: value`, `Name<tab>value`, `Name=value`, `"Name": "value",`, `'Name' => 'value',`. */
function fieldOf(line: string): Field | undefined {
  const match = /^["'`]?(:?[A-Za-z0-9_$.-]{1,80})["'`]?([ \t]{0,9}(?:=>|[:：=\t])[ \t]{0,9})/.exec(line);
  const [all, name, between] = match ?? [];
  if (all === undefined || name === undefined || between === undefined) return undefined;
  const value = unquoted(line.slice(all.length));
  return { name, value, apart: between.length > 1 || between === '\t' || signatureName(name) !== undefined };
}

function unquoted(value: string): string {
  const match = /^(["'`])(.*)\1[,;]?$/.exec(value);
  return match?.[2] === undefined ? value : match[2].replaceAll(String.raw`\/`, '/');
}

/** A line that is a name alone; headings (`Request Headers`) are none. */
function isName(text: string): boolean {
  return signatureName(text) !== undefined || /^:?[A-Za-z][A-Za-z0-9-]{1,60}$/.test(text);
}

interface Cut {
  readonly before: readonly string[];
  readonly body: string;
  readonly after: readonly string[];
}

function cut(text: string): Cut {
  const prefix = prefixOf(text);
  const before: string[] = [];
  let at = 0;
  while (at < text.length && before.length < mostLines) {
    const end = endOfLine(text, at);
    const line = withoutPrefix(text.slice(at, Math.min(end, at + 2 * longestLine)), prefix);
    if (line !== undefined) {
      const start = bodyStart(line);
      if (start !== -1) return { before, ...bodyFrom(text, at, { prefix, start }) };
      before.push(line);
    }
    at = afterLine(text, end);
  }
  return { before, body: '', after: [] };
}

interface BodyAt {
  readonly prefix: string | undefined;
  /** Characters of the line, without prefix, before the body. */
  readonly start: number;
}

function bodyFrom(text: string, at: number, { prefix, start }: BodyAt): Omit<Cut, 'before'> {
  const end = endOfLine(text, at);
  const first = (withoutPrefix(text.slice(at, end), prefix) ?? '').slice(start).trimEnd();
  if (isJson(first)) return { body: first, after: linesOf(text.slice(end), prefix) };
  const rest = text.slice(end);
  const body =
    prefix === undefined
      ? rest
      : rest.replaceAll(
          /(\r\n|\n|\r)([^\r\n]*)/g,
          (_, feed: string, line: string) => `${feed}${withoutPrefix(line, prefix) ?? ''}`,
        );
  return { body: `${first}${body}`.replace(/```\s*$/, '').trimEnd(), after: [] };
}

function linesOf(text: string, prefix: string | undefined): readonly string[] {
  return text
    .slice(0, mostLines * 100)
    .split(/\r\n|\n|\r/, mostLines)
    .map((line) => withoutPrefix(line, prefix) ?? '');
}

function isJson(text: string): boolean {
  if (!/[}\]]$/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Where in the line the body begins, or −1: at once, or behind a label. `{ [5 bytes data]` is what curl says of a body. */
function bodyStart(line: string): number {
  const match =
    /^[ \t]{0,200}(?:[A-Za-z -]{0,20}(?:body|payload|data|raw)["'`]?[ \t]{0,9}[:=][ \t]{0,9})?['`]?(?=[{<])/i.exec(
      line,
    );
  if (match === null) return -1;
  const start = match[0].length;
  const rest = line.slice(start, start + 64);
  if (/^\{ \[\d+ bytes data\]/.test(rest)) return -1;
  return rest.startsWith('{') || /^<(?:xml|\?xml)\b/i.test(rest) ? start : -1;
}

/** What stands before every line: `>` or `<` of curl -v, `|` of a log, `#` or `//` of a comment. */
function prefixOf(text: string): string | undefined {
  const at = text.search(/wechatpay[-_]?(?:timestamp|nonce|serial|signature)/i);
  if (at === -1) return undefined;
  const start = Math.max(text.lastIndexOf('\n', at), text.lastIndexOf('\r', at)) + 1;
  return /^[ \t]{0,200}([><|#│]|\/\/)[ \t]/.exec(text.slice(start, at))?.[1];
}

/** `undefined` for a line that is of the tool and not of the message. */
function withoutPrefix(line: string, prefix: string | undefined): string | undefined {
  if (prefix === undefined) return /^\s{0,9}(?:```|[*] )/.test(line) ? undefined : line;
  const bare = line.replace(/^[ \t]{0,200}/, '');
  if (bare.startsWith(prefix)) return bare.slice(prefix.length).replace(/^ /, '');
  return /^[><*}]/.test(bare) || bare.startsWith('{ [') ? undefined : line;
}

function endOfLine(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x0a || code === 0x0d) return at;
  }
  return text.length;
}

function afterLine(text: string, end: number): number {
  return text.startsWith('\r\n', end) ? end + 2 : end + 1;
}
