/** Sensitive fields: RSA-OAEP (SHA-1) ciphertexts for the key that `Wechatpay-Serial` names (protocol 5). */
import { constants, privateDecrypt, publicEncrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Call } from './endpoint.ts';
import { headerOf } from './gateway.ts';
import { refuse } from './reply.ts';
import type { Reply } from './reply.ts';

export const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' } as const;
const paramError = (message: string): Reply => refuse(400, 'PARAM_ERROR', message, 268435461);

/**
 * The plaintexts, or the refusal: no `Wechatpay-Serial`, one that is not (or no longer) the merchant's to use, or a
 * ciphertext that does not open.
 */
export function decryptFields(call: Call, ciphertexts: readonly string[]): { readonly texts: Buffer[] } | Reply {
  const serial = headerOf(call.request, 'wechatpay-serial');
  if (serial === undefined) return paramError('HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)');
  const { certificates, publicKey } = call.platform;
  // The two kinds side by side only while the merchant has both.
  const keys = [
    ...(call.mode === 'public-key' ? [] : certificates),
    ...(call.mode === 'certificate' ? [] : [publicKey]),
  ];
  const key = keys.find(({ id }) => id === serial)?.privateKey;
  if (key === undefined) return paramError('平台证书序列号Wechatpay-Serial错误');
  try {
    return { texts: ciphertexts.map((text) => privateDecrypt({ key, ...oaep }, Buffer.from(text, 'base64'))) };
  } catch {
    return paramError('敏感信息解密失败');
  }
}

/** A field of an answer or callback, for the merchant's own certificate. */
export function encryptField(plaintext: Buffer, key: KeyObject): string {
  return publicEncrypt({ key, ...oaep }, plaintext).toString('base64');
}
