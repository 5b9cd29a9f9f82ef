/** AEAD_AES_256_GCM as callbacks and certificates use it (protocol 3.2; RFC 5116). */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { WxpayError } from '../errors.ts';
import { decodeBase64 } from './rsa.ts';

export interface SealedText {
  /** The APIv3 key: 32 bytes, as they are. */
  readonly key: Uint8Array;
  /** Exactly 12 bytes of UTF-8: Node takes others, WeChat Pay never sends them (THREATS C9). */
  readonly nonce: string;
  /** Absent is the same as empty: no additional data. */
  readonly associatedData: string | undefined;
}

const tagBytes = 16;

/**
 * Decrypts. No plaintext is released before the tag has been checked.
 *
 * @param ciphertext base64; the last 16 decoded bytes are the tag
 * @throws WxpayError `API_V3_KEY_LENGTH`, `DECRYPT_FAILED`
 */
export function decryptAesGcm({
  key,
  nonce,
  associatedData,
  ciphertext,
}: SealedText & { readonly ciphertext: string }): Buffer {
  requireKeyLength(key);
  const fail = (reason: string, cause?: unknown): never => {
    throw new WxpayError('DECRYPT_FAILED', { params: { reason }, cause });
  };
  if (Buffer.byteLength(nonce) !== 12) fail(`nonce: ${Buffer.byteLength(nonce)} bytes ≠ 12`);
  const sealed = decodeBase64(ciphertext) ?? fail('base64');
  if (sealed.length < tagBytes) fail(`ciphertext: ${sealed.length} bytes < ${tagBytes}`);
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(associatedData ?? ''));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  const plaintext = decipher.update(sealed.subarray(0, sealed.length - tagBytes));
  try {
    return Buffer.concat([plaintext, decipher.final()]);
  } catch (cause) {
    return fail('AES-256-GCM', cause);
  }
}

/** Encrypts; the tag is appended, as WeChat Pay does. The nonce must be fresh for every message under one key. */
export function encryptAesGcm({
  key,
  nonce,
  associatedData,
  plaintext,
}: SealedText & { readonly plaintext: string | Uint8Array }): string {
  requireKeyLength(key);
  if (Buffer.byteLength(nonce) !== 12) throw new RangeError('an AES-GCM nonce has 12 bytes');
  const cipher = createCipheriv('aes-256-gcm', key, Buffer.from(nonce), { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(associatedData ?? ''));
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

/** @throws WxpayError `API_V3_KEY_LENGTH` */
export function requireKeyLength(key: Uint8Array): void {
  if (key.length !== 32) throw new WxpayError('API_V3_KEY_LENGTH', { params: { length: key.length } });
}
