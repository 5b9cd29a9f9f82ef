/** How a merchant's app opens a callback, by hand: signature, then AES-256-GCM. Nothing of the program is used. */
import { createDecipheriv, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import type { EmulatorInfo } from '../../src/emulator/contract.ts';

/** Whether the platform signed it, with the certificate or the public key that the callback names. */
export function holdsCallback(headers: IncomingHttpHeaders, text: string, info: EmulatorInfo): boolean {
  const serial = headers['wechatpay-serial'];
  const signature = String(headers['wechatpay-signature'] ?? '');
  const key =
    serial === info.public_key_id
      ? createPublicKey(readFileSync(info.public_key_file!))
      : new X509Certificate(readFileSync(info.platform_certificate_file!)).publicKey;
  const timestamp = String(headers['wechatpay-timestamp'] ?? '');
  const nonce = String(headers['wechatpay-nonce'] ?? '');
  const message = Buffer.from(`${timestamp}\n${nonce}\n${text}\n`, 'utf8');
  return verify('RSA-SHA256', message, key, Buffer.from(signature, 'base64'));
}

/** @param text the envelope */
export function decrypt(text: string, apiV3Key: string): Record<string, unknown> {
  const { resource } = JSON.parse(text) as { resource: Record<string, string> };
  const bytes = Buffer.from(resource['ciphertext']!, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(apiV3Key), Buffer.from(resource['nonce']!));
  decipher.setAAD(Buffer.from(resource['associated_data'] ?? ''));
  decipher.setAuthTag(bytes.subarray(-16));
  const plain = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
  return JSON.parse(plain.toString('utf8')) as Record<string, unknown>;
}
