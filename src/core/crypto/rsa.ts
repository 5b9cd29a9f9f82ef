/** RSA as WeChat Pay uses it (protocol 1.2, 2, 5): thin over node:crypto, with the key type pinned. */
import { constants, privateDecrypt, publicEncrypt, sign, verify, type KeyObject } from 'node:crypto';
import { WxpayError } from '../errors.ts';

/** Smallest modulus and exponent of any key we use (THREATS C2, D1). */
const minimumBits = 2048;
const minimumExponent = 65537n;

/**
 * Insists on a plain RSA key of at least 2048 bits with e ≥ 65537. To be called wherever a key is loaded: the algorithm's name
 * alone does not pin the key type in node:crypto, and it accepts 512-bit keys.
 *
 * @throws WxpayError `KEY_WEAK`
 */
export function requireStrongRsa(key: KeyObject, source: string): void {
  const type = key.asymmetricKeyType;
  const refuse = (reason: string): never => {
    throw new WxpayError('KEY_WEAK', { params: { source, reason } });
  };
  if (type !== 'rsa') refuse(`${type ?? 'symmetric'} ≠ rsa`);
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < minimumBits) refuse(`${modulusLength} bits < ${minimumBits}`);
  if (publicExponent < minimumExponent) refuse(`e = ${publicExponent} < ${minimumExponent}`);
}

/** RSASSA-PKCS1-v1_5 with SHA-256, base64 with padding on one line (protocol 1.2). Deterministic. */
export function signSha256(privateKey: KeyObject, message: Uint8Array): string {
  return sign('sha256', message, privateKey).toString('base64');
}

/**
 * Checks an RSASSA-PKCS1-v1_5 SHA-256 signature.
 *
 * `malformed`: not canonical base64, which node:crypto would decode all the same (THREATS 2.2). `wrong` covers every other
 * refusal, a key that is no RSA key among them.
 */
export function verifySha256(
  publicKey: KeyObject,
  message: Uint8Array,
  signature: string,
): 'valid' | 'malformed' | 'wrong' {
  const bytes = decodeBase64(signature);
  if (bytes === undefined) return 'malformed';
  if (publicKey.asymmetricKeyType !== 'rsa') return 'wrong';
  return verify('sha256', message, publicKey, bytes) ? 'valid' : 'wrong';
}

/** Bytes of strict, padded, standard-alphabet base64; `undefined` for anything else, the empty string included. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/**
 * Encrypts a sensitive field: RSAES-OAEP, SHA-1, MGF1-SHA-1, empty label (protocol 5).
 *
 * @param plaintext at most 214 bytes of UTF-8 for a 2048-bit key
 * @returns base64
 * @throws WxpayError `INPUT_INVALID` when it is longer
 */
export function encryptOaep(publicKey: KeyObject, plaintext: string): string {
  const bytes = Buffer.from(plaintext, 'utf8');
  const max = (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8 - 42;
  if (bytes.length > max)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: 'plaintext', reason: 'key:reason.too_many_bytes', bytes: bytes.length, max },
      outcome: 'not_sent',
    });
  return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, bytes).toString(
    'base64',
  );
}

/**
 * Decrypts a sensitive field with the merchant's private key (protocol 5).
 *
 * @throws WxpayError `DECRYPT_FAILED`
 */
export function decryptOaep(privateKey: KeyObject, ciphertext: string): string {
  const bytes = decodeBase64(ciphertext);
  if (bytes === undefined) throw new WxpayError('DECRYPT_FAILED', { params: { reason: 'base64' } });
  try {
    return privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      bytes,
    ).toString('utf8');
  } catch (cause) {
    throw new WxpayError('DECRYPT_FAILED', { params: { reason: 'RSA-OAEP' }, cause });
  }
}
