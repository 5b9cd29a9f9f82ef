/** The Authorization header (protocol 1.2). */
import type { KeyObject } from 'node:crypto';
import { requireStrongRsa, signSha256 } from '../crypto/rsa.ts';
import { WxpayError } from '../errors.ts';
import type { Signer } from '../ports.ts';
import { requestMessage, type RequestParts } from './message.ts';

export const authorizationScheme = 'WECHATPAY2-SHA256-RSA2048';

export interface AuthorizationParts {
  /** The merchant that makes the call. */
  readonly mchid: string;
  /** Serial of the merchant API certificate. */
  readonly serialNo: string;
  readonly nonce: string;
  /** Unix seconds. */
  readonly timestamp: string;
  readonly signature: string;
}

/**
 * `WECHATPAY2-SHA256-RSA2048 mchid="…",nonce_str="…",signature="…",timestamp="…",serial_no="…"`.
 *
 * @throws `INPUT_INVALID` for a value that a quoted header field cannot carry
 */
export function buildAuthorization(parts: AuthorizationParts): string {
  const fields = {
    mchid: parts.mchid,
    nonce_str: parts.nonce,
    signature: parts.signature,
    timestamp: parts.timestamp,
    serial_no: parts.serialNo,
  };
  for (const [field, value] of Object.entries(fields))
    if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(value))
      throw new WxpayError('INPUT_INVALID', {
        params: { field, reason: 'key:reason.header_value' },
        outcome: 'not_sent',
      });
  const pairs = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
  return `${authorizationScheme} ${pairs.join(',')}`;
}

/** Signs one request and builds its header: message (protocol 1.1), signature, header. */
export function authorizeRequest(request: RequestParts, signer: Signer): string {
  return buildAuthorization({
    mchid: signer.mchid,
    serialNo: signer.serialNo,
    nonce: request.nonce,
    timestamp: request.timestamp,
    signature: signer.sign(requestMessage(request)),
  });
}

/**
 * Takes a header apart, strictly: the scheme, one space, the five fields once each in any order, joined by `,` with nothing
 * around it.
 *
 * @returns `undefined` for anything else
 */
export function parseAuthorization(header: string): AuthorizationParts | undefined {
  const prefix = `${authorizationScheme} `;
  if (!header.startsWith(prefix)) return undefined;
  const fields = new Map<string, string>();
  for (const pair of header.slice(prefix.length).split(',')) {
    const match = /^([a-z_]+)="([^"\\\u0000-\u001f\u007f]+)"$/.exec(pair);
    const [, name = '', value = ''] = match ?? [];
    if (match === null || fields.has(name)) return undefined;
    fields.set(name, value);
  }
  const mchid = fields.get('mchid');
  const nonce = fields.get('nonce_str');
  const signature = fields.get('signature');
  const timestamp = fields.get('timestamp');
  const serialNo = fields.get('serial_no');
  if (fields.size !== 5 || mchid === undefined || nonce === undefined) return undefined;
  if (signature === undefined || timestamp === undefined || serialNo === undefined) return undefined;
  return { mchid, nonce, signature, timestamp, serialNo };
}

/**
 * A signer that keeps the parsed key: parsing the PEM for every request would cost more than signing.
 *
 * @throws `KEY_WEAK`
 */
export function createSigner(identity: {
  readonly mchid: string;
  readonly serialNo: string;
  readonly privateKey: KeyObject;
}): Signer {
  const { mchid, serialNo, privateKey } = identity;
  requireStrongRsa(privateKey, mchid);
  return { mchid, serialNo: serialNo.toUpperCase(), sign: (message) => signSha256(privateKey, message) };
}
