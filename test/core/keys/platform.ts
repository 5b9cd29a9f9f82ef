/** A WeChat Pay that rotates its platform certificates, for the tests of the key ring. */
import { createCipheriv, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto';
import forge from 'node-forge';
import { apiV3Key } from './api-key.ts';
import { answerMessage } from '../../../src/core/wire/message.ts';
import type { ApiResponse, Headers } from '../../../src/core/ports.ts';

export { apiV3Key };
export const day = 86_400_000;

export interface PlatformKey {
  readonly serial: string;
  readonly privateKey: KeyObject;
  readonly pem: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

const pairs = [
  generateKeyPairSync('rsa', { modulusLength: 2048 }),
  generateKeyPairSync('rsa', { modulusLength: 2048 }),
];

/** A self-signed platform certificate; key pairs are reused, since making them is slow and says nothing. */
export function platformCertificate(serial: string, notBefore: number, notAfter: number, pair = 0): PlatformKey {
  const { privateKey, publicKey } = pairs[pair] ?? pairs[0]!;
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey.export({ type: 'spki', format: 'pem' }).toString());
  certificate.serialNumber = serial;
  certificate.validity.notBefore = new Date(notBefore);
  certificate.validity.notAfter = new Date(notAfter);
  const name = [{ name: 'commonName', value: 'Tenpay.com TEST sign' }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.sign(
    forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    forge.md.sha256.create(),
  );
  return {
    serial: serial.toUpperCase(),
    privateKey,
    pem: forge.pki.certificateToPem(certificate),
    notBefore,
    notAfter,
  };
}

export interface EntryChange {
  readonly key?: Uint8Array;
  readonly serial?: string;
  readonly expireAt?: number;
  readonly expireText?: string;
  readonly pem?: string;
}

/** One entry of `data`, encrypted under the APIv3 key. */
export function entry(of: PlatformKey, change: EntryChange = {}): unknown {
  const nonce = '0123456789ab';
  const cipher = createCipheriv('aes-256-gcm', change.key ?? apiV3Key, Buffer.from(nonce), { authTagLength: 16 });
  cipher.setAAD(Buffer.from('certificate'));
  const ciphertext = Buffer.concat([cipher.update(change.pem ?? of.pem, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return {
    serial_no: change.serial ?? of.serial,
    effective_time: new Date(of.notBefore).toISOString(),
    expire_time: change.expireText ?? new Date(change.expireAt ?? of.notAfter).toISOString(),
    encrypt_certificate: {
      algorithm: 'AEAD_AES_256_GCM',
      nonce,
      associated_data: 'certificate',
      ciphertext: ciphertext.toString('base64'),
    },
  };
}

export interface SignChange {
  readonly privateKey?: KeyObject;
  readonly serial?: string;
  readonly signature?: string;
  readonly at?: number;
}

/** A whole answer, signed with the first certificate unless told otherwise. */
export function answerOf(
  entries: readonly unknown[],
  by: PlatformKey,
  now: number,
  change: SignChange = {},
): ApiResponse {
  const body = Buffer.from(JSON.stringify({ data: entries }));
  const timestamp = String(Math.floor((change.at ?? now) / 1_000));
  const message = answerMessage({ timestamp, nonce: 'N', body });
  const headers: Headers = {
    'wechatpay-timestamp': [timestamp],
    'wechatpay-nonce': ['N'],
    'wechatpay-serial': [change.serial ?? by.serial],
    'wechatpay-signature': [
      change.signature ?? signBytes('sha256', message, change.privateKey ?? by.privateKey).toString('base64'),
    ],
  };
  return { status: 200, headers, body, trust: 'unchecked', host: 'h', requestId: 'R-1' };
}
