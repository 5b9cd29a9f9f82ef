/** WeChat Pay's error bodies and what can be learnt from them (protocol 8). */
import type { WechatError } from '../errors.ts';
import { parseJson } from './json.ts';

/**
 * Reads `{"code","message","detail"}`. Never throws: an error answer may be empty, HTML, or cut (protocol 8.2).
 *
 * @returns `undefined` when there is no such body
 */
export function parseErrorBody(body: Uint8Array): WechatError | undefined {
  let value: unknown;
  try {
    // `detail.value` repeats what was sent, a number beyond 2^53 too: no reason to lose the code and the message.
    value = parseJson(body, { maxBytes: 256 * 1024, anyNumber: true });
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { code, message, detail } = value;
  if (typeof code !== 'string' || code === '' || code.length > 64) return undefined;
  return {
    code,
    message: typeof message === 'string' ? message.slice(0, 1024) : '',
    ...(detail === undefined ? {} : { detail }),
  };
}

/** Codes are spelt with and without underscores (`ORDER_PAID`, `ORDERPAID`): compare them in this form (protocol 8.3). */
export function normaliseCode(code: string): string {
  return code.replaceAll('_', '').toUpperCase();
}

/** What the server built when it refused a signature of a known merchant (protocol 8.1). */
export interface SignInformation {
  readonly method: string;
  readonly url: string;
  /** The message with the body cut to its first 8 characters, then a line feed. */
  readonly truncatedSignMessage: string;
  /** Bytes of the whole message. */
  readonly signMessageLength: number;
}

/**
 * Finds `sign_information` in the `detail` of a SIGN_ERROR, at its own level or one level down.
 *
 * @returns `undefined` when it is not there or not whole; a plain 401 of an unknown merchant has none
 */
export function signInformation(detail: unknown): SignInformation | undefined {
  if (!isObject(detail)) return undefined;
  const inner = isObject(detail['detail']) ? detail['detail'] : {};
  const found = detail['sign_information'] ?? inner['sign_information'];
  if (!isObject(found)) return undefined;
  const { method, url, truncated_sign_message: truncatedSignMessage, sign_message_length: signMessageLength } = found;
  if (typeof method !== 'string' || typeof url !== 'string') return undefined;
  if (typeof truncatedSignMessage !== 'string' || typeof signMessageLength !== 'number') return undefined;
  return { method, url, truncatedSignMessage, signMessageLength };
}

/** The number behind the last `-` of a Request-ID: `0` is fine, others name the reason (protocol 8.4). */
export function internalNumber(requestId: string | undefined): number | undefined {
  const digits = /-([0-9]{1,12})$/.exec(requestId ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Known internal numbers (protocol 8.4), as keys of the message catalogue: `sign.internal.<name>`. */
export const internalMeanings = {
  268512771: 'order_not_exist',
  268447840: 'rate_limit',
  268435461: 'parameter',
  268449538: 'order_paid',
  268498689: 'order_paid',
  270924358: 'unknown_parameter',
  268443715: 'merchant_disabled',
  268447843: 'mchid_not_of_order',
  268447914: 'order_expired',
  268448010: 'collection_restricted',
  268449641: 'only_reverse',
  268443699: 'signature',
  268501013: 'openid_missing',
  268498688: 'parameters_differ',
  268445527: 'appid_mchid',
  268435464: 'out_of_range',
  268443705: 'sub_mchid_own',
  268443704: 'sub_mchid_missing',
  268447845: 'sub_mchid_order',
  268443701: 'no_relation',
} as const satisfies Readonly<Record<number, string>>;

export type InternalMeaning = (typeof internalMeanings)[keyof typeof internalMeanings];

/** The name of what a Request-ID's number means; `undefined` for numbers that nobody has documented. */
export function internalMeaning(requestId: string | undefined): InternalMeaning | undefined {
  const number = internalNumber(requestId);
  const meanings: Readonly<Record<number, InternalMeaning>> = internalMeanings;
  return number === undefined || !Object.hasOwn(meanings, number) ? undefined : meanings[number];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
