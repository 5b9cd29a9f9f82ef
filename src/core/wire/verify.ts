/** Verifies the signature of an answer or a callback (protocol 2, 6.1; THREATS C). */
import { clockToleranceSeconds } from '../clock-tolerance.ts';
import { decodeBase64 } from '../crypto/base64.ts';
import { requireStrongRsa, verifySha256, type Verdict } from '../crypto/rsa.ts';
import { WxpayError } from '../errors.ts';
import type { Headers, VerificationKey } from '../ports.ts';
import { authorizationScheme } from './authorization.ts';
import { answerMessage } from './message.ts';

/** WeChat Pay sends wrong signatures with this prefix on purpose; refusing them is right (protocol 2). */
export const probePrefix = 'WECHATPAY/SIGNTEST/';

/** The raw header values: the message is made of these strings, never of what they mean. */
export interface SignatureHeaders {
  /** Ten digits, Unix seconds. */
  readonly timestamp: string;
  readonly nonce: string;
  /** Hex digits as they came, or `PUB_KEY_ID_…`. */
  readonly serial: string;
  readonly signature: string;
  /** As it came; an absent header means RSA. */
  readonly type: string;
}

const longest = 4096;

/**
 * Reads the signature headers without judging age, key or signature.
 *
 * @throws `SIGNATURE_MISSING` when all four are absent; `SIGNATURE_HEADER_INVALID` (params `header`, `reason`) when one is
 * absent, empty, repeated, longer than 4 KiB or of another form
 */
export function readSignatureHeaders(headers: Headers): SignatureHeaders {
  const names = ['wechatpay-timestamp', 'wechatpay-nonce', 'wechatpay-serial', 'wechatpay-signature'];
  if (names.every((name) => !present(headers, name))) throw new WxpayError('SIGNATURE_MISSING');
  const timestamp = single(headers, 'wechatpay-timestamp', 'Wechatpay-Timestamp');
  const nonce = single(headers, 'wechatpay-nonce', 'Wechatpay-Nonce');
  const serial = single(headers, 'wechatpay-serial', 'Wechatpay-Serial');
  const signature = single(headers, 'wechatpay-signature', 'Wechatpay-Signature');
  if (!/^[0-9]{10}$/.test(timestamp)) throw invalid('Wechatpay-Timestamp', 'not_ten_digits');
  // A comma is what is left when something joined two headers of the same name.
  if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(nonce)) throw invalid('Wechatpay-Nonce', 'header_characters');
  if (!/^(?:[0-9A-Fa-f]{8,40}|PUB_KEY_ID_[0-9]{1,64})$/.test(serial)) throw invalid('Wechatpay-Serial', 'no_serial');
  if (!signature.startsWith(probePrefix) && (decodeBase64(signature)?.length ?? 0) === 0)
    throw invalid('Wechatpay-Signature', 'no_base64');
  const type = present(headers, 'wechatpay-signature-type')
    ? single(headers, 'wechatpay-signature-type', 'Wechatpay-Signature-Type', true)
    : authorizationScheme;
  return { timestamp, nonce, serial, signature, type };
}

export interface VerifyOptions {
  /** The key with this id: hex is upper case here. */
  readonly find: (id: string) => Promise<VerificationKey | undefined>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** |now − timestamp| in whole seconds up to which a message passes; 300 by default. */
  readonly maxAgeSeconds?: number;
  /** For old captures: the timestamp is read, its age is not judged. */
  readonly ignoreAge?: boolean;
  /** `verifySha256` by default; `verifySha256InPool` where many messages are verified at once. */
  readonly check?: SignatureCheck | undefined;
}

/** One of the ways to verify a signature: base64, over `message`. */
export type SignatureCheck = (
  publicKey: VerificationKey['publicKey'],
  message: Uint8Array,
  signature: string,
) => Verdict | Promise<Verdict>;

/**
 * Verifies a message over its raw header strings and raw body bytes. In this order: headers, type, age, probe, key,
 * signature; so a probe or a stale message never makes anybody fetch a key.
 *
 * @returns the id of the key that verified it
 * @throws `SIGNATURE_MISSING`, `SIGNATURE_HEADER_INVALID`, `SIGNATURE_TYPE_UNSUPPORTED`, `SIGNATURE_STALE`,
 * `SIGNATURE_PROBE`, `SIGNATURE_SERIAL_UNKNOWN`, `SIGNATURE_WRONG`; `KEY_WEAK` for a key that should never have been stored;
 * whatever `find` throws
 */
export async function verifyMessage(
  message: { readonly headers: Headers; readonly body: Uint8Array },
  options: VerifyOptions,
): Promise<{ readonly serial: string }> {
  const { timestamp, nonce, serial, signature, type } = readSignatureHeaders(message.headers);
  if (type !== authorizationScheme)
    throw new WxpayError('SIGNATURE_TYPE_UNSUPPORTED', { params: { type: type === '' ? '""' : type.slice(0, 64) } });
  const skew = Number(timestamp) - Math.floor(options.now / 1000);
  if (options.ignoreAge !== true && Math.abs(skew) > (options.maxAgeSeconds ?? clockToleranceSeconds))
    throw new WxpayError('SIGNATURE_STALE', { params: { seconds: Math.abs(skew), skew } });
  if (signature.startsWith(probePrefix)) throw new WxpayError('SIGNATURE_PROBE', { params: { serial } });
  // Hex is compared without case, `PUB_KEY_ID_…` exactly (THREATS C3).
  const id = serial.startsWith('PUB_KEY_ID_') ? serial : serial.toUpperCase();
  const key = await options.find(id);
  if (key === undefined) throw new WxpayError('SIGNATURE_SERIAL_UNKNOWN', { params: { serial: id } });
  requireStrongRsa(key.publicKey, id);
  const { check = verifySha256 } = options;
  const verdict = await check(key.publicKey, answerMessage({ timestamp, nonce, body: message.body }), signature);
  if (verdict !== 'valid') throw new WxpayError('SIGNATURE_WRONG', { params: { serial: id } });
  return { serial: id };
}

function valuesOf(headers: Headers, name: string): readonly string[] {
  return (Object.hasOwn(headers, name) ? headers[name] : undefined) ?? [];
}

function present(headers: Headers, name: string): boolean {
  return valuesOf(headers, name).length > 0;
}

function single(headers: Headers, name: string, title: string, mayBeEmpty = false): string {
  const values = valuesOf(headers, name);
  const [value] = values;
  if (value === undefined) throw invalid(title, 'header_missing');
  if (values.length > 1) throw invalid(title, 'header_repeated');
  if (value.trim() === '' && !mayBeEmpty) throw invalid(title, 'header_empty');
  if (value.length > longest) throw invalid(title, 'header_long');
  return value;
}

function invalid(header: string, reason: string): WxpayError {
  return new WxpayError('SIGNATURE_HEADER_INVALID', {
    params: { header, reason: `key:reason.${reason}` },
  });
}
