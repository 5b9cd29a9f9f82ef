/** A merchant's certificate package, made for a test: real keys, real certificates, in a folder. */
import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import forge from 'node-forge';

export interface MerchantFiles {
  readonly mchid: string;
  readonly serial: string;
  readonly keyFile: string;
  readonly keyPem: string;
  readonly certificateFile: string;
  readonly p12File: string;
  /** The WeChat Pay public key: another pair's. */
  readonly publicKeyFile: string;
}

export interface MerchantOptions {
  readonly mchid?: string;
  /** The subject's organisation; one with the word EMULATOR makes an emulator's certificate. */
  readonly organisation?: string;
  readonly notAfter?: Date;
  readonly passphrase?: string;
}

export function makeMerchantFiles(dir: string, options: MerchantOptions = {}): MerchantFiles {
  const { mchid = '1900000001', organisation = 'Test Merchant', notAfter = new Date('2040-01-01') } = options;
  mkdirSync(dir, { recursive: true });
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const wechat = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = forge.pki.privateKeyFromPem(pair.privateKey);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey);
  certificate.serialNumber = `1d${randomBytes(19).toString('hex')}`;
  certificate.validity.notBefore = new Date('2020-01-01');
  certificate.validity.notAfter = notAfter;
  const name = [
    { name: 'commonName', value: mchid },
    { name: 'organizationName', value: organisation },
  ];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.sign(key, forge.md.sha256.create());
  const pem = forge.pki.certificateToPem(certificate);
  const p12 = forge.pkcs12.toPkcs12Asn1(key, [certificate], options.passphrase ?? mchid, { algorithm: '3des' });
  const file = (name: string, content: string | Buffer): string => {
    const path = join(dir, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  return {
    mchid,
    serial: new X509Certificate(pem).serialNumber,
    keyFile: file('apiclient_key.pem', pair.privateKey),
    keyPem: pair.privateKey,
    certificateFile: file('apiclient_cert.pem', pem),
    p12File: file('apiclient_cert.p12', Buffer.from(forge.asn1.toDer(p12).getBytes(), 'latin1')),
    publicKeyFile: file('pub_key.pem', wechat.publicKey.export({ type: 'spki', format: 'pem' })),
  };
}
