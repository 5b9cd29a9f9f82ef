/** Compares what we signed with what WeChat Pay built to check it: the `sign_information` of a SIGN_ERROR (protocol 8.1). */
import type { SignInformation } from './error-body.ts';
import type { RequestParts } from './message.ts';

export type SignedPart = 'method' | 'url' | 'timestamp' | 'nonce' | 'body_length' | 'body_start';

/** What most likely turned ours into theirs; message keys are `sign.cause.<name>`. */
export type DifferenceCause =
  | 'method_case'
  | 'url_host'
  | 'url_query_missing'
  | 'url_query_added'
  | 'url_encoding'
  | 'other_request'
  | 'milliseconds'
  | 'body_not_received'
  | 'body_not_signed'
  | 'line_ends'
  | 'final_line_feed'
  | 'byte_order_mark'
  | 'reserialised'
  | 'unicode_escapes'
  | 'slash_escapes';

export interface SignDifference {
  readonly part: SignedPart;
  readonly signed: string;
  readonly seen: string;
  readonly cause?: DifferenceCause;
}

/** The message as WeChat Pay saw it, taken apart. */
export interface SeenMessage {
  readonly method: string;
  readonly url: string;
  readonly timestamp: string;
  readonly nonce: string;
  /** The first characters of the body, at most 8. */
  readonly bodyStart: string;
  /** Bytes of the whole body. */
  readonly bodyLength: number;
}

/**
 * Takes `sign_information` apart.
 *
 * @returns `undefined` when its truncated message has not the four lines and a length that fits them
 */
export function readSeenMessage(information: SignInformation): SeenMessage | undefined {
  const match = /^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^]*?)\n?$/.exec(information.truncatedSignMessage);
  if (match === null) return undefined;
  const [, method = '', url = '', timestamp = '', nonce = '', bodyStart = ''] = match;
  const head = Buffer.byteLength(`${method}\n${url}\n${timestamp}\n${nonce}\n`);
  // The line feed behind the body counts too.
  const bodyLength = information.signMessageLength - head - 1;
  if (!Number.isSafeInteger(bodyLength) || bodyLength < 0) return undefined;
  return { method, url, timestamp, nonce, bodyStart, bodyLength };
}

/**
 * Lists what differs, in the order of the message's lines. Nothing means that the message was the same, so the key is the
 * suspect: it does not belong to the certificate that `serial_no` names.
 */
export function compareSigned(signed: RequestParts, seen: SeenMessage): readonly SignDifference[] {
  const differences: SignDifference[] = [];
  const add = (part: SignedPart, ours: string, theirs: string, cause?: DifferenceCause): void => {
    if (ours !== theirs)
      differences.push({ part, signed: ours, seen: theirs, ...(cause === undefined ? {} : { cause }) });
  };
  const { method, target, timestamp, nonce } = signed;
  const sameCase = method.toUpperCase() === seen.method.toUpperCase();
  add('method', method, seen.method, sameCase ? 'method_case' : undefined);
  add('url', target, seen.url, urlCause(target, seen.url));
  const other = timestamp !== seen.timestamp && nonce !== seen.nonce ? 'other_request' : undefined;
  const milliseconds = [timestamp, seen.timestamp].some((time) => /^\d{13}$/.test(time)) ? 'milliseconds' : undefined;
  add('timestamp', timestamp, seen.timestamp, milliseconds ?? other);
  add('nonce', nonce, seen.nonce, other);
  const body = Buffer.from(signed.body);
  add('body_length', String(body.length), String(seen.bodyLength), bodyCause(body, seen));
  const [ours, theirs] = comparableStarts(body, seen);
  add('body_start', ours, theirs, theirs.startsWith('\uFEFF') ? 'byte_order_mark' : undefined);
  return differences;
}

function urlCause(ours: string, theirs: string): DifferenceCause | undefined {
  const [path, query] = ours.split('?', 2);
  const [theirPath, theirQuery] = theirs.split('?', 2);
  if (/^https?:/i.test(ours)) return 'url_host';
  if (path === theirPath && query === undefined && theirQuery !== undefined) return 'url_query_missing';
  if (path === theirPath && query !== undefined && theirQuery === undefined) return 'url_query_added';
  return decoded(ours) === decoded(theirs) ? 'url_encoding' : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/** Of their body only start and length are known: the first known damage that would give both is named. */
function bodyCause(body: Buffer, seen: SeenMessage): DifferenceCause | undefined {
  if (seen.bodyLength === 0) return 'body_not_received';
  if (body.length === 0) return 'body_not_signed';
  const start = seen.bodyStart.replace(/\uFFFD+$/, '');
  const fits = (text: string): boolean => Buffer.byteLength(text) === seen.bodyLength && text.startsWith(start);
  return damagesOf(body.toString('utf8')).find(({ texts }) => texts.some(fits))?.cause;
}

interface Damage {
  readonly cause: DifferenceCause;
  readonly texts: readonly string[];
}

function damagesOf(text: string): readonly Damage[] {
  const plain: readonly Damage[] = [
    { cause: 'byte_order_mark', texts: [`\uFEFF${text}`, text.replace(/^\uFEFF/, '')] },
    { cause: 'final_line_feed', texts: [`${text}\n`, text.replace(/\r?\n$/, '')] },
    { cause: 'line_ends', texts: [text.replaceAll(/\r?\n/g, '\r\n'), text.replaceAll('\r\n', '\n')] },
  ];
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return plain;
  }
  const written = [JSON.stringify(value), spaced(value), ...[2, 4, '\t'].map((by) => JSON.stringify(value, null, by))];
  const unicode = (json: string): string =>
    json.replaceAll(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const slashes = (json: string): string => json.replaceAll('/', String.raw`\/`);
  const all = [text, ...written];
  return [
    ...plain,
    {
      cause: 'slash_escapes',
      texts: all.flatMap((json) => [slashes(json), slashes(unicode(json))]).filter((json) => json.includes('\\/')),
    },
    { cause: 'reserialised', texts: written },
    { cause: 'unicode_escapes', texts: all.map(unicode) },
  ];
}

/** JSON as Python's `json.dumps` writes it: a space behind every colon and comma. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, inner]) => `${JSON.stringify(name)}: ${spaced(inner)}`)
    .join(', ')}}`;
}

/** Our start cut to the length of theirs. A character that the cut went through is left out of both. */
function comparableStarts(body: Buffer, { bodyStart, bodyLength }: SeenMessage): readonly [string, string] {
  const withoutCut = (text: string): string => text.replace(/\uFFFD+$/, '');
  const theirs = withoutCut(bodyStart);
  const whole = Buffer.byteLength(bodyStart) >= bodyLength;
  const text = body.toString('utf8');
  // A body may hold the mark of a cut character itself, and then ours ends with it as well.
  return [withoutCut(text.slice(0, whole ? Math.max(8, theirs.length) : theirs.length)), theirs];
}
