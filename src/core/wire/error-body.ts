/** WeChat Pay's error bodies (protocol 8). Reading them never throws: the status alone is an answer too. */
import type { WechatError } from '../errors.ts';
import { parseJson } from './json.ts';

/** The `code`, `message` and `detail` of an error body; `undefined` for an empty body, HTML, or anything else (protocol 8.2). */
export function parseErrorBody(body: Uint8Array): WechatError | undefined {
  if (body.length === 0) return undefined;
  let value: unknown;
  try {
    value = parseJson(body);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || typeof value['code'] !== 'string' || value['code'] === '') return undefined;
  const message = typeof value['message'] === 'string' ? value['message'] : '';
  return { code: value['code'], message, ...(value['detail'] === undefined ? {} : { detail: value['detail'] }) };
}

/** Old pages spell codes without underscores (`NOTENOUGH`): compare without them (protocol 8.3). */
export function normaliseCode(code: string): string {
  return code.replaceAll('_', '').toUpperCase();
}

/** The internal number after the last `-` of a Request-ID; `0` means fine (protocol 8.4). */
export function internalCode(requestId: string): string | undefined {
  return /-(\d+)$/.exec(requestId)?.[1];
}

/** What WeChat Pay built to check a signature, out of a SIGN_ERROR's detail (protocol 8.1). */
export interface SignInformation {
  readonly method: string;
  readonly url: string;
  /** The message with its body cut to 8 characters, LF after it. */
  readonly truncatedSignMessage: string;
  /** Bytes of the whole message. */
  readonly signMessageLength: number;
}

/** Accepts both the nested and the flat shape. */
export function signInformation(detail: unknown): SignInformation | undefined {
  if (!isRecord(detail)) return undefined;
  const found =
    detail['sign_information'] ?? (isRecord(detail['detail']) ? detail['detail']['sign_information'] : undefined);
  if (!isRecord(found)) return undefined;
  const { method, url, truncated_sign_message: truncatedSignMessage, sign_message_length: signMessageLength } = found;
  if (
    typeof method !== 'string' ||
    typeof url !== 'string' ||
    typeof truncatedSignMessage !== 'string' ||
    typeof signMessageLength !== 'number'
  )
    return undefined;
  return { method, url, truncatedSignMessage, signMessageLength };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
