/** AEAD_AES_256_GCM as certificates and callbacks use it (protocol 3.2). */
import { createCipheriv } from 'node:crypto';

export interface EncryptedResource {
  readonly algorithm: 'AEAD_AES_256_GCM';
  readonly associated_data: string;
  readonly ciphertext: string;
  readonly nonce: string;
}

/**
 * @param key the APIv3 key, 32 bytes as text
 * @param nonce 12 ASCII characters; its bytes are the IV
 */
export function encryptResource(
  plaintext: string,
  associatedData: string,
  key: string,
  nonce: string,
): EncryptedResource {
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(key, 'utf8'), Buffer.from(nonce, 'utf8'));
  cipher.setAAD(Buffer.from(associatedData, 'utf8'));
  const encrypted = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return {
    algorithm: 'AEAD_AES_256_GCM',
    associated_data: associatedData,
    ciphertext: encrypted.toString('base64'),
    nonce,
  };
}
