/** RSA as WeChat Pay uses it: PKCS#1 v1.5 with SHA-256 for signatures, OAEP with SHA-1 for fields (protocol 1.2, 5). */
import { constants, privateDecrypt, publicDecrypt, publicEncrypt, sign, verify, type KeyObject } from 'node:crypto';
import { WxpayError } from '../errors.ts';
import { decodeBase64 } from './base64.ts';

/** `malformed`: no canonical base64, so there is nothing to verify. `wrong`: it does not hold for this key and message. */
export type Verdict = 'valid' | 'malformed' | 'wrong';

/**
 * base64( RSASSA-PKCS1-v1_5( SHA-256( message ) ) ), one line, padded (protocol 1.2). Deterministic.
 *
 * @throws `KEY_WEAK` when the key is not RSA
 */
export function signSha256(privateKey: KeyObject, message: Uint8Array): string {
  requireRsa(privateKey, 'private', 'private key');
  return sign('sha256', message, { key: privateKey, padding: constants.RSA_PKCS1_PADDING }).toString('base64');
}

/**
 * Verifies a base64 signature over `message`. The key's type is asserted, because `crypto.verify` would take an EC key's
 * ECDSA signature for the same call (THREATS 2.2).
 *
 * @throws `KEY_WEAK` when the key is not RSA; `INTERNAL` for a private key, which must never stand for a public one
 */
export function verifySha256(publicKey: KeyObject, message: Uint8Array, signature: string): Verdict {
  requireRsa(publicKey, 'public', 'public key');
  const bytes = decodeBase64(signature);
  if (bytes === undefined || bytes.length === 0) return 'malformed';
  const holds = verify('sha256', message, { key: publicKey, padding: constants.RSA_PKCS1_PADDING }, bytes);
  return holds ? 'valid' : 'wrong';
}

/**
 * The same in Node's thread pool: dearer by itself, and free for this thread, so for many messages at once.
 *
 * @throws as `verifySha256`, by rejecting
 */
export async function verifySha256InPool(
  publicKey: KeyObject,
  message: Uint8Array,
  signature: string,
): Promise<Verdict> {
  requireRsa(publicKey, 'public', 'public key');
  const bytes = decodeBase64(signature);
  if (bytes === undefined || bytes.length === 0) return 'malformed';
  const key = { key: publicKey, padding: constants.RSA_PKCS1_PADDING };
  return new Promise((resolve, reject) => {
    verify('sha256', message, key, bytes, (error, holds) => {
      if (error === null) resolve(holds ? 'valid' : 'wrong');
      else reject(error);
    });
  });
}

/** DigestInfo of SHA-256 without the digest (RFC 8017, 9.2, note 1). */
const sha256Prefix = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * The SHA-256 digest that a signature was made over, when `publicKey` belongs to the key that made it: what the signer
 * saw can be looked for without verifying each guess. A means of searching only; what is found is judged by `verifySha256`.
 *
 * @param signature the raw bytes
 * @returns 32 bytes; `undefined` when this key did not make the signature, or its bytes were changed
 * @throws `KEY_WEAK` when the key is not RSA
 */
export function recoverSha256(publicKey: KeyObject, signature: Uint8Array): Buffer | undefined {
  requireRsa(publicKey, 'public', 'public key');
  try {
    const info = publicDecrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, signature);
    const whole =
      info.length === sha256Prefix.length + 32 && info.subarray(0, sha256Prefix.length).equals(sha256Prefix);
    return whole ? info.subarray(sha256Prefix.length) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The policy for every key that is loaded: RSA, 2048 bits or more, public exponent 65537 or more (THREATS D1).
 *
 * @param source names the key in the message: a file, a variable, a serial
 * @throws `KEY_WEAK`
 */
export function requireStrongRsa(key: KeyObject, source: string): void {
  requireRsa(key, key.type, source);
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (bits < 2048) throw new WxpayError('KEY_WEAK', { params: { source, reason: 'key:reason.rsa_bits', bits } });
  if (exponent < 65_537n)
    throw new WxpayError('KEY_WEAK', {
      params: { source, reason: 'key:reason.rsa_exponent', exponent: String(exponent) },
    });
}

/** OAEP with SHA-1 takes this many bytes: 214 for RSA-2048 (protocol 5). */
export function oaepLimit(key: KeyObject): number {
  return Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8) - 42;
}

/**
 * Encrypts a sensitive field for the holder of the key: RSAES-OAEP, SHA-1, MGF1-SHA-1, empty label, UTF-8, base64
 * (protocol 5).
 *
 * @throws `INPUT_INVALID` for more than 214 bytes (RSA-2048) or half a character; `KEY_WEAK` when the key is not RSA
 */
export function encryptOaep(publicKey: KeyObject, plaintext: string): string {
  requireRsa(publicKey, 'public', 'public key');
  const bytes = Buffer.from(plaintext, 'utf8');
  const max = oaepLimit(publicKey);
  if (/\p{Surrogate}/u.test(plaintext)) throw invalidPlaintext({ reason: 'key:reason.not_unicode' });
  if (bytes.length > max) throw invalidPlaintext({ reason: 'key:reason.oaep_too_long', bytes: bytes.length, max });
  return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, bytes).toString(
    'base64',
  );
}

/**
 * Decrypts a field that WeChat Pay encrypted with the merchant certificate (protocol 5).
 *
 * @throws `DECRYPT_FAILED` for broken base64, the wrong key, or a plaintext that is not UTF-8; one wording for the last two
 */
export function decryptOaep(privateKey: KeyObject, ciphertext: string): string {
  requireRsa(privateKey, 'private', 'private key');
  const bytes = decodeBase64(ciphertext);
  if (bytes === undefined || bytes.length === 0)
    throw new WxpayError('DECRYPT_FAILED', { params: { reason: 'key:reason.no_base64' } });
  try {
    const plaintext = privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      bytes,
    );
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plaintext);
  } catch {
    throw new WxpayError('DECRYPT_FAILED', {
      params: { reason: 'key:reason.oaep_failed' },
      hint: 'sign.hint.oaep_failed',
    });
  }
}

function requireRsa(key: KeyObject, type: KeyObject['type'], source: string): void {
  if (key.asymmetricKeyType !== 'rsa')
    throw new WxpayError('KEY_WEAK', {
      params: { source, reason: 'key:reason.not_rsa', type: key.asymmetricKeyType ?? key.type },
    });
  if (key.type !== type)
    throw new WxpayError('INTERNAL', { params: { reason: `${source}: a ${key.type} key, expected ${type}` } });
}

function invalidPlaintext(params: Readonly<Record<string, string | number>>): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field: 'plaintext', ...params }, outcome: 'not_sent' });
}
