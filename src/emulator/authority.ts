/**
 * The emulator's certificate authority. Certificates are issued with node-forge (loaded only when something has to be
 * issued); keys come from node:crypto. Every subject and issuer contains EMULATOR, so that nothing issued here can be
 * taken for the real thing (THREATS I5).
 */
import { generateKeyPair } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';

const generate = promisify(generateKeyPair);
const day = 86_400_000;

export interface KeyTexts {
  /** PKCS#8, as apiclient_key.pem is. */
  readonly privateKey: string;
  /** SPKI, as pub_key.pem is. */
  readonly publicKey: string;
}

/** A new RSA-2048 key pair, made off the main thread; several run in parallel. */
export async function makeKeys(): Promise<KeyTexts> {
  return generate('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

export interface Issuer {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface Issue {
  readonly publicKey: string;
  readonly commonName: string;
  readonly unit: string;
  /** Absent for the root, which signs itself with `privateKey`. */
  readonly issuer?: Issuer;
  readonly privateKey?: string;
  readonly years: number;
  /** Makes a TLS server's certificate for these DNS names and IP addresses. */
  readonly serverNames?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly randomBytes: (size: number) => Buffer;
}

/** Issues one certificate. @returns its PEM text */
export async function issueCertificate(issue: Issue): Promise<string> {
  const { default: forge } = await import('node-forge');
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(issue.publicKey);
  certificate.serialNumber = makeSerial(issue.randomBytes);
  certificate.validity.notBefore = new Date(issue.now - day);
  certificate.validity.notAfter = new Date(issue.now + issue.years * 365 * day);
  const subject = [
    { name: 'commonName', value: issue.commonName },
    { name: 'organizationName', value: 'wxpay EMULATOR' },
    { name: 'organizationalUnitName', value: issue.unit },
    { name: 'countryName', value: 'CN' },
  ];
  certificate.setSubject(subject);
  const root = issue.issuer === undefined;
  certificate.setIssuer(
    issue.issuer === undefined ? subject : forge.pki.certificateFromPem(issue.issuer.certificate).subject.attributes,
  );
  certificate.setExtensions([
    { name: 'basicConstraints', cA: root, critical: true },
    root
      ? { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true }
      : { name: 'keyUsage', digitalSignature: true, nonRepudiation: true, keyEncipherment: true },
    ...(issue.serverNames === undefined ? [] : serverExtensions(issue.serverNames)),
  ]);
  const signingKey = issue.issuer?.privateKey ?? issue.privateKey ?? '';
  certificate.sign(forge.pki.privateKeyFromPem(signingKey), forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}

function serverExtensions(names: readonly string[]): object[] {
  const altNames = names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name }));
  return [
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames },
  ];
}

/** `apiclient_cert.p12`: certificate and key, encrypted as the real ones are (3DES), passphrase = mchid (protocol 12). */
export async function makePkcs12(certificate: string, privateKey: string, passphrase: string): Promise<Buffer> {
  const { default: forge } = await import('node-forge');
  const pfx = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(privateKey),
    [forge.pki.certificateFromPem(certificate)],
    passphrase,
    { algorithm: '3des', friendlyName: 'Tenpay Certificate' },
  );
  return Buffer.from(forge.asn1.toDer(pfx).getBytes(), 'latin1');
}

/** 20 bytes, positive: the first one is 01 to 7F, so that serials with a leading zero digit do occur. */
function makeSerial(randomBytes: (size: number) => Buffer): string {
  const bytes = randomBytes(20);
  bytes[0] = ((bytes[0] ?? 0) % 0x7f) + 1;
  return bytes.toString('hex');
}
