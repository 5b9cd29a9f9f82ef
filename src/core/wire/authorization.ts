/** The Authorization header (protocol 1.2) and the signer behind it. */
import type { KeyObject } from 'node:crypto';
import { requireStrongRsa, signSha256 } from '../crypto/rsa.ts';
import type { Signer } from '../ports.ts';

export const authorizationScheme = 'WECHATPAY2-SHA256-RSA2048';

export interface AuthorizationParts {
  readonly mchid: string;
  /** Serial of the merchant API certificate, never a platform serial or a public-key id. */
  readonly serialNo: string;
  readonly nonce: string;
  readonly timestamp: string;
  /** base64 */
  readonly signature: string;
}

/** Scheme, one space, five `key="value"` pairs joined by commas, with no other space and no line break. */
export function buildAuthorization({ mchid, serialNo, nonce, timestamp, signature }: AuthorizationParts): string {
  return `${authorizationScheme} mchid="${mchid}",nonce_str="${nonce}",signature="${signature}",timestamp="${timestamp}",serial_no="${serialNo}"`;
}

/**
 * A signer over the merchant's private key.
 *
 * @throws WxpayError `KEY_WEAK`
 */
export function createSigner(options: {
  readonly mchid: string;
  readonly serialNo: string;
  readonly privateKey: KeyObject;
}): Signer {
  const { mchid, serialNo, privateKey } = options;
  requireStrongRsa(privateKey, 'private_key');
  return { mchid, serialNo: serialNo.toUpperCase(), sign: (message) => signSha256(privateKey, message) };
}
