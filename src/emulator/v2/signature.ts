/** The emulator's own signature of APIv2 (protocol 11.1), written apart from the program's. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { XmlFields } from './xml.ts';

export type SignType = 'MD5' | 'HMAC-SHA256';

/** Upper-case hex; `sign` and empty fields take no part. */
export function makeSign(fields: XmlFields, key: string, type: SignType): string {
  const names = [...fields.keys()].filter((name) => name !== 'sign' && fields.get(name) !== '').sort();
  const text = [...names.map((name) => `${name}=${fields.get(name) ?? ''}`), `key=${key}`].join('&');
  const hash = type === 'MD5' ? createHash('md5') : createHmac('sha256', key);
  return hash.update(text, 'utf8').digest('hex').toUpperCase();
}

export function signHolds(fields: XmlFields, key: string, type: SignType): boolean {
  const wanted = Buffer.from(makeSign(fields, key, type));
  const given = Buffer.from(fields.get('sign') ?? '');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
