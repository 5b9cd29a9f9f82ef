/** AEAD_AES_256_GCM (RFC 5116) as certificates and callbacks use it (protocol 3.2, 6.1). */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { WxpayError } from '../errors.ts';
import { decodeBase64 } from './base64.ts';

const tagLength = 16;

export interface AesGcmParameters {
  /** The APIv3 key: exactly 32 bytes, as they are, never hex or base64. */
  readonly key: Uint8Array;
  /** Exactly 12 bytes; text stands for its UTF-8 bytes. */
  readonly nonce: string | Uint8Array;
  /** Absent or empty: no associated data. Text stands for its UTF-8 bytes. */
  readonly associatedData: string | Uint8Array | undefined;
}

/**
 * Decrypts and authenticates. No plaintext leaves before the tag has been checked, and only a whole 16-byte tag counts:
 * Node takes tags down to 4 bytes when it is not told (THREATS C9).
 *
 * @param ciphertext base64; the last 16 bytes are the tag
 * @throws `API_V3_KEY_LENGTH`; `DECRYPT_FAILED` for a nonce of another length, broken base64, or a tag that does not hold
 */
export function decryptAesGcm(parameters: AesGcmParameters & { readonly ciphertext: string }): Buffer {
  const { key, nonce, associatedData } = checked(parameters);
  const bytes = decodeBase64(parameters.ciphertext);
  if (bytes === undefined) throw failed({ reason: 'key:reason.no_base64' });
  if (bytes.length < tagLength) throw failed({ reason: 'key:reason.gcm_short', length: bytes.length });
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength });
  decipher.setAAD(associatedData);
  decipher.setAuthTag(bytes.subarray(-tagLength));
  const plaintext = decipher.update(bytes.subarray(0, -tagLength));
  try {
    return Buffer.concat([plaintext, decipher.final()]);
  } catch {
    throw failed({ reason: 'key:reason.gcm_tag' });
  }
}

/**
 * @returns base64 of ciphertext and tag
 * @throws as `decryptAesGcm` for key and nonce
 */
export function encryptAesGcm(parameters: AesGcmParameters & { readonly plaintext: string | Uint8Array }): string {
  const { key, nonce, associatedData } = checked(parameters);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength });
  cipher.setAAD(associatedData);
  const encrypted = cipher.update(bytesOf(parameters.plaintext));
  return Buffer.concat([encrypted, cipher.final(), cipher.getAuthTag()]).toString('base64');
}

/**
 * An APIv3 key is 32 bytes, not 32 characters (THREATS 2.2).
 *
 * @throws `API_V3_KEY_LENGTH`
 */
export function requireApiV3KeyLength(key: Uint8Array): void {
  if (key.length !== 32) throw new WxpayError('API_V3_KEY_LENGTH', { params: { length: key.length } });
}

function checked(parameters: AesGcmParameters): { key: Uint8Array; nonce: Uint8Array; associatedData: Uint8Array } {
  requireApiV3KeyLength(parameters.key);
  const nonce = bytesOf(parameters.nonce);
  if (nonce.length !== 12) throw failed({ reason: 'key:reason.gcm_nonce', length: nonce.length });
  return { key: parameters.key, nonce, associatedData: bytesOf(parameters.associatedData ?? '') };
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}

function failed(params: Readonly<Record<string, string | number>>): WxpayError {
  return new WxpayError('DECRYPT_FAILED', { params });
}
