/** The signature of APIv2: requests, answers, payment callbacks and client pay parameters (protocol 11.1, 11.5). */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { WxpayError } from '../errors.ts';
import type { V2Fields } from './v2-xml.ts';

export type V2SignType = 'MD5' | 'HMAC-SHA256';

export const v2SignTypes: readonly V2SignType[] = ['MD5', 'HMAC-SHA256'];

/**
 * The text that is signed, less its secret end: every field but `sign` with a value, sorted by the ASCII bytes of its name,
 * `k=v` joined with `&`, values as they are.
 */
export function v2Canonical(fields: V2Fields): string {
  return [...fields]
    .filter(([name, value]) => name !== 'sign' && value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/**
 * Upper-case hex over the canonical text with `&key=<APIv2 key>` at its end; HMAC uses the same key once more (protocol 11.1).
 *
 * @param key the APIv2 key as text
 */
export function signV2(fields: V2Fields, key: string, type: V2SignType): string {
  return signV2Text(v2Canonical(fields), key, type);
}

/** The signature over a canonical text that is there already. */
export function signV2Text(canonical: string, key: string, type: V2SignType): string {
  const message = `${canonical}&key=${key}`;
  const digest = type === 'MD5' ? createHash('md5').update(message) : createHmac('sha256', key).update(message);
  return digest.digest('hex').toUpperCase();
}

/**
 * Checks `sign` over all fields received, also unknown ones. The algorithm is what `sign_type` says; without it, what was
 * asked for, told apart by the length of the digest otherwise.
 *
 * @param asked the sign type of the request that is answered; an answer by the other one is refused
 * @returns the algorithm that held
 * @throws `SIGNATURE_MISSING`, `SIGNATURE_TYPE_UNSUPPORTED`, `SIGNATURE_WRONG`
 */
export function verifyV2(fields: V2Fields, key: string, asked?: V2SignType): V2SignType {
  const sign = fields.get('sign');
  if (sign === undefined || sign === '') throw new WxpayError('SIGNATURE_MISSING');
  const said = fields.get('sign_type');
  const type = said === undefined ? (asked ?? (sign.length === 64 ? 'HMAC-SHA256' : 'MD5')) : requireSignType(said);
  // Otherwise whoever can forge MD5 could choose it.
  if (asked !== undefined && type !== asked) throw unsupported(type);
  const wanted = Buffer.from(signV2(fields, key, type), 'latin1');
  const given = Buffer.from(sign, 'utf8');
  // Digests of one length are compared in constant time (THREATS C11).
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    throw new WxpayError('SIGNATURE_WRONG', { params: { serial: 'APIv2' }, hint: 'v2.hint.signature_wrong' });
  }
  return type;
}

function unsupported(type: string): WxpayError {
  const hint = 'v2.hint.sign_type';
  return new WxpayError('SIGNATURE_TYPE_UNSUPPORTED', { params: { type: type.slice(0, 32) }, hint });
}

function requireSignType(text: string): V2SignType {
  const type = readSignType(text);
  if (type === undefined) throw unsupported(text);
  return type;
}

export function readSignType(text: string): V2SignType | undefined {
  return v2SignTypes.find((type) => type === text);
}

export interface V2PayInput {
  readonly appid: string;
  /** APP only: the merchant number. */
  readonly partnerid: string;
  /** Bare, without `prepay_id=`. */
  readonly prepayId: string;
  /** Unix seconds. */
  readonly timestamp: string;
  /** At most 32 characters. */
  readonly nonce: string;
  readonly key: string;
  /** The one used when ordering. */
  readonly signType: V2SignType;
}

/** What is signed, less its secret end; and what the client gets. */
export interface V2PayParameters {
  readonly canonical: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Client pay parameters for an APIv2 order. In JSAPI and the mini-program five fields are signed, `signType` among them; in
 * APP six with lower-case names, `package` among them (protocol 11.5).
 */
export function v2PayParameters(client: 'jsapi' | 'mini' | 'app', input: V2PayInput): V2PayParameters {
  const { appid, partnerid, prepayId, timestamp, nonce, key, signType } = input;
  if (client === 'app') {
    const fields = { appid, partnerid, prepayid: prepayId, package: 'Sign=WXPay', noncestr: nonce, timestamp };
    const canonical = v2Canonical(new Map(Object.entries(fields)));
    return { canonical, parameters: { ...fields, sign: signV2Text(canonical, key, signType) } };
  }
  const handed = { timeStamp: timestamp, nonceStr: nonce, package: `prepay_id=${prepayId}`, signType };
  const canonical = v2Canonical(new Map(Object.entries({ appId: appid, ...handed })));
  const signed = { ...handed, paySign: signV2Text(canonical, key, signType) };
  return { canonical, parameters: client === 'jsapi' ? { appId: appid, ...signed } : signed };
}
