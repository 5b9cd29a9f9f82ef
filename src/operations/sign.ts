/** What `wxpay sign` does: signs a request or pay parameters, and explains both. Offline; data in, data out. */
import { createHash } from 'node:crypto';
import { WxpayError } from '../core/errors.ts';
import { parseBaseUrl } from '../core/http/base-url.ts';
import { checkTarget } from '../core/http/request-target.ts';
import type { Method, Signer } from '../core/ports.ts';
import { authorizationScheme, buildAuthorization } from '../core/wire/authorization.ts';
import { parseErrorBody, signInformation, type SignInformation } from '../core/wire/error-body.ts';
import { parseJson } from '../core/wire/json.ts';
import { requestMessage, type RequestParts } from '../core/wire/message.ts';
import { compareSigned, readSeenMessage, type SignDifference } from '../core/wire/sign-difference.ts';
import { isObject } from './fields.ts';

const methods: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** What to sign: method and target as they will stand on the request line. */
export interface Subject {
  readonly method: Method;
  readonly target: string;
  /** `https://host` of a full URL; `undefined` for a path. */
  readonly origin: string | undefined;
  /** True when a URL parser changes what was typed (spaces, Chinese, `..`): the changed form is what HTTP clients send. */
  readonly normalised: boolean;
}

/**
 * Reads `[METHOD] <path-or-url>`. Without a method it is POST where there is a body, else GET.
 *
 * @param allowHosts hosts beyond WeChat Pay's and loopback that are meant
 * @throws `INPUT_MISSING`, `INPUT_INVALID`, `HOST_NOT_ALLOWED`, `PATH_INVALID`
 */
export function readSubject(words: readonly string[], hasBody: boolean, allowHosts: readonly string[]): Subject {
  const [first, second] = words;
  const place = second ?? (first?.includes('/') === true ? first : undefined);
  if (place === undefined)
    throw new WxpayError('INPUT_MISSING', {
      params: { field: 'url', flag: '<path-or-url>', variable: '<url>' },
      hint: 'sign.hint.usage',
      outcome: 'not_sent',
    });
  const method = second === undefined ? (hasBody ? 'POST' : 'GET') : readMethod(first ?? '');
  return { method, ...readPlace(place, allowHosts) };
}

function readMethod(text: string): Method {
  const method = methods.find((candidate) => candidate === text.toUpperCase());
  if (method === undefined)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: 'METHOD', reason: 'key:reason.not_one_of', values: methods.join(', ') },
      outcome: 'not_sent',
    });
  return method;
}

function readPlace(text: string, allowHosts: readonly string[]): Omit<Subject, 'method'> {
  // MSYS and Git Bash turn a leading /v3 into a Windows path.
  if (/^[A-Za-z]:[\\/]/.test(text)) throw invalidPath(text, 'key:reason.path_mangled');
  const [, origin, rest = ''] = /^(https?:\/\/[^/?#\\]*)([^]*)$/i.exec(text) ?? [];
  const base = origin === undefined ? undefined : parseBaseUrl(origin, allowHosts).origin;
  const typed = origin === undefined ? (text.startsWith('/') ? text : `/${text}`) : rest === '' ? '/' : rest;
  if (origin === undefined && /^[A-Za-z][A-Za-z0-9+.-]*:/.test(text)) throw invalidPath(text, 'key:reason.path_scheme');
  if (typed.startsWith('//') || typed.includes('\\')) throw invalidPath(text, 'key:reason.path_changes');
  if (/[\u0000-\u001f\u007f]/.test(typed)) throw invalidPath(text, 'key:reason.path_control');
  const url = new URL(`https://host${typed.startsWith('?') ? '/' : ''}${typed}`);
  if (url.host !== 'host') throw invalidPath(text, 'key:reason.path_changes');
  const target = url.pathname + url.search;
  checkTarget(target);
  return { target, origin: base, normalised: target !== typed };
}

function invalidPath(value: string, reason: string): WxpayError {
  return new WxpayError('PATH_INVALID', { params: { value: value.slice(0, 200), reason }, outcome: 'not_sent' });
}

/** Ten digits. @throws `INPUT_INVALID` */
export function readTimestamp(text: string): string {
  if (!/^[0-9]{10}$/.test(text)) throw invalidInput('--timestamp', 'key:reason.not_ten_digits');
  return text;
}

/** WeChat Pay's own code uses 32 letters and digits; up to 64 are taken here to reproduce other people's requests. @throws `INPUT_INVALID` */
export function readNonce(text: string): string {
  if (!/^[0-9A-Za-z_-]{1,64}$/.test(text)) throw invalidInput('--nonce', 'key:reason.nonce_form');
  return text;
}

function invalidInput(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason }, outcome: 'not_sent' });
}

export interface SignedRequest {
  readonly parts: RequestParts;
  /** The exact bytes that were signed. */
  readonly message: Buffer;
  /** Lower-case hex. */
  readonly messageSha256: string;
  /** Lower-case hex. */
  readonly bodySha256: string;
  readonly scheme: string;
  readonly signature: string;
  /** The header's value. */
  readonly authorization: string;
}

export function signRequest(parts: RequestParts, signer: Signer): SignedRequest {
  const message = requestMessage(parts);
  const signature = signer.sign(message);
  const { mchid, serialNo } = signer;
  const { nonce, timestamp } = parts;
  return {
    parts,
    message,
    messageSha256: sha256(message),
    bodySha256: sha256(parts.body),
    scheme: authorizationScheme,
    signature,
    authorization: buildAuthorization({ mchid, serialNo, nonce, timestamp, signature }),
  };
}

/** Lower-case hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export interface MessageLine {
  /** What the line is; a body of several lines has one for each. */
  readonly part: 'method' | 'url' | 'timestamp' | 'nonce_str' | 'body' | 'appid' | 'prepay';
  /** With every invisible byte made visible, the line feed too. */
  readonly text: string;
  /** Bytes, the line feed included. */
  readonly bytes: number;
}

const requestLines = ['method', 'url', 'timestamp', 'nonce_str'] as const;
const payLines = ['appid', 'timestamp', 'nonce_str', 'prepay'] as const;

/** A signed message line by line. */
export function explainMessage(message: Buffer, kind: 'request' | 'pay'): readonly MessageLine[] {
  const names = kind === 'request' ? requestLines : payLines;
  const lines: MessageLine[] = [];
  let start = 0;
  while (start < message.length) {
    const feed = message.indexOf(0x0a, start);
    const end = feed === -1 ? message.length : feed + 1;
    const part = names[lines.length] ?? 'body';
    lines.push({ part, text: visible(message.subarray(start, end)), bytes: end - start });
    start = end;
  }
  return lines;
}

/**
 * Bytes as text in which nothing hides: `\n`, `\r`, `\t`, `\x00`, `\xff` for bytes that are no UTF-8, `\\` for a backslash,
 * `<U+FEFF>` for invisible characters, `␣` for a space at an end or beside another one.
 */
export function visible(bytes: Uint8Array): string {
  return pieces(bytes)
    .replaceAll('\\', '\\\\')
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (char) => escapes[char] ?? hex(char.charCodeAt(0)))
    .replaceAll(/\ue000([0-9a-f]{2})/g, (_, byte: string) => String.raw`\x${byte}`)
    .replaceAll(/(?! )[␣\p{Cf}\p{Z}\p{Co}\p{Default_Ignorable_Code_Point}]/gu, (char) => codePoint(char))
    .replaceAll(/^ +| +(?=\\n$|\\r\\n$)| +$| {2,}/g, (spaces) => '␣'.repeat(spaces.length));
}

const escapes: Readonly<Record<string, string>> = { '\n': String.raw`\n`, '\r': String.raw`\r`, '\t': String.raw`\t` };

/** UTF-8 as text; each byte that is none becomes U+E000 and its hex digits, and a real U+E000 is named right away. */
function pieces(bytes: Uint8Array): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const decode = (part: Uint8Array): string => decoder.decode(part).replaceAll('\ue000', '<U+E000>');
  try {
    return decode(bytes);
  } catch {
    // Byte by byte from here on; a message with broken UTF-8 is rare and the interesting part.
  }
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((size) => {
      try {
        // The shortest run that decodes is one character.
        return at + size <= bytes.length && decoder.decode(bytes.subarray(at, at + size)) !== '';
      } catch {
        return false;
      }
    });
    text +=
      length === undefined
        ? `\ue000${(bytes[at] ?? 0).toString(16).padStart(2, '0')}`
        : decode(bytes.subarray(at, at + length));
    at += length ?? 1;
  }
  return text;
}

function hex(byte: number): string {
  return String.raw`\x${byte.toString(16).padStart(2, '0')}`;
}

function codePoint(char: string): string {
  return `<U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`;
}

export interface CurlCommand {
  readonly words: readonly string[];
  /** The body as an argument, or base64 to be decoded into curl's standard input; absent for no body. */
  readonly body?: { readonly text: string } | { readonly base64: string };
}

/**
 * The command that sends exactly what was signed. A body that an argument cannot carry, or that would not survive being shown
 * and copied, goes through standard input.
 *
 * @param isPlain whether a text is shown and copied unchanged
 */
export function curlCommand(
  signed: SignedRequest,
  options: {
    readonly origin: string;
    readonly wechatpaySerial?: string | undefined;
    readonly isPlain: (text: string) => boolean;
  },
): CurlCommand {
  const { method, target, body } = signed.parts;
  const headers = [`Authorization: ${signed.authorization}`, 'Accept: application/json'];
  if (body.length > 0) headers.push('Content-Type: application/json');
  if (options.wechatpaySerial !== undefined) headers.push(`Wechatpay-Serial: ${options.wechatpaySerial}`);
  // curl reads brackets and braces in a URL as patterns, and would resolve dot segments.
  const glob = /[[\]{}]/.test(target) ? ['--globoff'] : [];
  const words = ['curl', '--path-as-is', ...glob, '-X', method, options.origin + target];
  words.push(...headers.flatMap((header) => ['-H', header]));
  if (body.length === 0) return { words };
  const text = asText(body);
  if (text !== undefined && text.length < 100_000 && options.isPlain(text)) return { words, body: { text } };
  return { words, body: { base64: Buffer.from(body).toString('base64') } };
}

function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Reads a SIGN_ERROR answer: WeChat Pay's body, or the error line that wxpay prints with `-o json`.
 *
 * @throws `INPUT_INVALID` when it is no such answer, or carries no `sign_information` (an unknown merchant's 401 has none)
 */
export function readSignError(bytes: Uint8Array): SignInformation {
  const detail = parseErrorBody(bytes)?.detail ?? ownErrorDetail(bytes);
  const information = signInformation(detail);
  if (information === undefined) throw invalidInput('--against', 'key:reason.no_sign_information');
  return information;
}

function ownErrorDetail(bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch {
    return undefined;
  }
  const error = isObject(value) ? value['error'] : undefined;
  const wechat = isObject(error) ? error['wechat'] : undefined;
  return isObject(wechat) ? wechat['detail'] : undefined;
}

export interface Comparison {
  readonly signed: SignedRequest;
  readonly differences: readonly SignDifference[];
  /** False when the answer shows only the start of the body: the rest may differ with equal length. */
  readonly wholeBodySeen: boolean;
}

/**
 * Compares what would be signed here with what WeChat Pay saw. A timestamp or nonce that is not given is taken over from the
 * answer, so that only the rest can differ.
 *
 * @param fresh supplies a timestamp and nonce where neither the user nor a well-formed answer does
 * @throws `INPUT_INVALID`
 */
export function compareWithAnswer(
  information: SignInformation,
  request: { readonly method: string; readonly target: string; readonly body: Uint8Array },
  given: { readonly timestamp?: string | undefined; readonly nonce?: string | undefined },
  fresh: { readonly timestamp: string; readonly nonce: string },
  signer: Signer,
): Comparison {
  const seen = readSeenMessage(information);
  if (seen === undefined) throw invalidInput('--against', 'key:reason.no_sign_information');
  const adopt = (text: string, form: RegExp, otherwise: string): string => (form.test(text) ? text : otherwise);
  const timestamp = given.timestamp ?? adopt(seen.timestamp, /^[0-9]{10}$/, fresh.timestamp);
  const nonce = given.nonce ?? adopt(seen.nonce, /^[0-9A-Za-z_-]{1,64}$/, fresh.nonce);
  const signed = signRequest({ ...request, timestamp, nonce }, signer);
  const wholeBodySeen = !seen.bodyStart.endsWith('\uFFFD') && Buffer.byteLength(seen.bodyStart) >= seen.bodyLength;
  return { signed, differences: compareSigned(signed.parts, seen), wholeBodySeen };
}
