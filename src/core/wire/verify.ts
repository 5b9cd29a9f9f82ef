/**
 * Verification of answers and callbacks (protocol 2 and 6). Every way to fail has its own code, and all of them refuse:
 * missing header, broken header, wrong type, probe, stale clock, unknown key, wrong signature.
 */
import { verifySha256 } from '../crypto/rsa.ts';
import { WxpayError } from '../errors.ts';
import type { Headers, VerificationKey } from '../ports.ts';
import { authorizationScheme } from './authorization.ts';
import { answerMessage } from './message.ts';

export interface SignedMessage {
  readonly headers: Headers;
  /** The raw bytes, before any decoding or parsing. */
  readonly body: Uint8Array;
}

export interface SignatureHeaders {
  /** Ten digits, as they stood in the header. */
  readonly timestamp: string;
  readonly nonce: string;
  readonly signature: string;
  readonly serial: string;
}

export interface VerifyOptions {
  /** Looks the key up; may fetch. */
  readonly find: (serial: string) => Promise<VerificationKey | undefined>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A difference of exactly this many seconds passes (default 300, DESIGN section 4). */
  readonly maxAgeSeconds?: number;
  /** For old captures: the timestamp must be well formed, its age is not judged. */
  readonly ignoreAge?: boolean;
}

const names = ['wechatpay-timestamp', 'wechatpay-nonce', 'wechatpay-serial', 'wechatpay-signature'] as const;
const headerLimit = 4096;

/** How WeChat Pay marks a signature that is wrong on purpose (protocol 2, signature probes). */
export const probePrefix = 'WECHATPAY/SIGNTEST/';

/** True for the two shapes that `Wechatpay-Serial` may have: a certificate serial, or a public key's id. */
export function isSerial(text: string): boolean {
  return /^(?:[0-9A-Fa-f]{8,40}|PUB_KEY_ID_[0-9]{1,64})$/.test(text);
}

/**
 * Reads the four signature headers. Each must be there just once (THREATS C1).
 *
 * @throws WxpayError `SIGNATURE_MISSING` when none of them is there; `SIGNATURE_HEADER_INVALID`, `SIGNATURE_TYPE_UNSUPPORTED`
 */
export function readSignatureHeaders(headers: Headers): SignatureHeaders {
  if (names.every((name) => headers[name] === undefined)) throw new WxpayError('SIGNATURE_MISSING');
  const [timestamp, nonce, serial, signature] = names.map((name) => only(headers, name)) as [
    string,
    string,
    string,
    string,
  ];
  if (!/^[0-9]{10}$/.test(timestamp)) throw invalid('Wechatpay-Timestamp', 'not_ten_digits');
  if (!isSerial(serial)) throw invalid('Wechatpay-Serial', 'no_serial');
  const types = headers['wechatpay-signature-type'];
  // An absent type stands for RSA; an empty or repeated one stands for nothing (THREATS C2).
  if (types !== undefined && (types.length !== 1 || types[0] !== authorizationScheme))
    throw new WxpayError('SIGNATURE_TYPE_UNSUPPORTED', { params: { type: types.join(', ') } });
  return { timestamp, nonce, serial, signature };
}

function only(headers: Headers, name: string): string {
  const title = name.replaceAll(/(^|-)([a-z])/g, (whole) => whole.toUpperCase());
  const values = headers[name];
  const [value] = values ?? [];
  if (values === undefined || value === undefined) throw invalid(title, 'header_missing');
  if (values.length > 1) throw invalid(title, 'header_repeated');
  if (value === '') throw invalid(title, 'header_empty');
  if (value.length > headerLimit) throw invalid(title, 'header_long');
  // Neither spaces nor commas nor anything beyond visible ASCII belongs into any of the four.
  if (!/^[\u0021-\u002B\u002D-\u007E]+$/.test(value)) throw invalid(title, 'header_characters');
  return value;
}

function invalid(header: string, reason: string): WxpayError {
  return new WxpayError('SIGNATURE_HEADER_INVALID', { params: { header, reason: `key:reason.${reason}` } });
}

/**
 * Verifies a message over its raw header strings and raw bytes.
 *
 * @returns the id of the key that verified it
 * @throws WxpayError `SIGNATURE_…`, and whatever `find` throws
 */
export async function verifyMessage(
  message: SignedMessage,
  options: VerifyOptions,
): Promise<{ readonly serial: string }> {
  const { timestamp, nonce, serial, signature } = readSignatureHeaders(message.headers);
  if (signature.startsWith(probePrefix)) throw new WxpayError('SIGNATURE_PROBE', { params: { serial } });
  if (options.ignoreAge !== true) {
    // Whole seconds, as the header has them.
    const seconds = Math.floor(options.now / 1000) - Number(timestamp);
    if (Math.abs(seconds) > (options.maxAgeSeconds ?? 300))
      throw new WxpayError('SIGNATURE_STALE', { params: { seconds, timestamp } });
  }
  const key = await options.find(serial);
  if (key === undefined) throw new WxpayError('SIGNATURE_SERIAL_UNKNOWN', { params: { serial } });
  const verdict = verifySha256(key.publicKey, answerMessage({ timestamp, nonce, body: message.body }), signature);
  if (verdict === 'malformed') throw invalid('Wechatpay-Signature', 'no_base64');
  if (verdict === 'wrong') throw new WxpayError('SIGNATURE_WRONG', { params: { serial } });
  return { serial };
}
