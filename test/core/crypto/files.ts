/** Key files made on the spot with node-forge: certificates, requests, PKCS#12. */
import type { KeyObject } from 'node:crypto';
import forge from 'node-forge';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function forgeKeys({ publicKey, privateKey }: KeyPair): {
  publicKey: forge.pki.rsa.PublicKey;
  privateKey: forge.pki.rsa.PrivateKey;
} {
  return {
    publicKey: forge.pki.publicKeyFromPem(publicKey.export({ type: 'spki', format: 'pem' }) as string),
    privateKey: forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs1', format: 'pem' }) as string),
  };
}

function attributes(name: string): { name: string; value: string }[] {
  return [{ name: 'commonName', value: name.replace(/^CN=/, '') }];
}

/** A certificate of the pair signed by itself. PEM with LF. */
export function certificateFor(pair: KeyPair, name: string, serial = '0a'): string {
  const keys = forgeKeys(pair);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = serial;
  certificate.validity.notBefore = new Date('2026-01-01T00:00:00Z');
  certificate.validity.notAfter = new Date('2031-01-01T00:00:00Z');
  certificate.setSubject(attributes(name));
  certificate.setIssuer(attributes(name));
  certificate.sign(keys.privateKey, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}

export function requestFor(pair: KeyPair): string {
  const keys = forgeKeys(pair);
  const request = forge.pki.createCertificationRequest();
  request.publicKey = keys.publicKey;
  request.setSubject(attributes('CN=1900000109'));
  request.sign(keys.privateKey, forge.md.sha256.create());
  return forge.pki.certificationRequestToPem(request).replaceAll('\r\n', '\n');
}

export interface P12Options {
  readonly algorithm?: '3des' | 'aes128' | 'aes256';
  readonly count?: number;
  readonly useMac?: boolean;
}

/** A `.p12` as WeChat Pay's tool makes it: key and certificate under one passphrase. `null` leaves one of them out. */
export function p12For(
  privateKey: KeyObject | null,
  certificate: string | readonly string[] | null,
  passphrase: string,
  options: P12Options = {},
): Buffer {
  const key =
    privateKey === null
      ? null
      : forge.pki.privateKeyFromPem(privateKey.export({ type: 'pkcs1', format: 'pem' }) as string);
  const chain = (certificate === null ? [] : [certificate].flat()).map((text) => forge.pki.certificateFromPem(text));
  const asn1 = forge.pkcs12.toPkcs12Asn1(
    key,
    // The types want one; the format does not.
    (chain.length === 0 ? null : chain) as forge.pki.Certificate[],
    passphrase,
    { algorithm: '3des', count: 100, ...options },
  );
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1');
}
