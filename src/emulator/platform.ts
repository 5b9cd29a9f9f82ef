/** WeChat Pay's side of the keys: the CA, the platform certificate and the WeChat Pay public key. */
import { X509Certificate, createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { issueCertificate, makeKeys } from './authority.ts';
import type { Issuer } from './authority.ts';
import { keepFiles, parseOwnFile } from './folder.ts';

/** Which keys sign: platform certificate alone, public key alone, or both side by side as during a migration (protocol 4). */
export type Mode = 'certificate' | 'public-key' | 'mixed';

/** A key that signs answers and callbacks, and the id under which the caller knows it. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface PlatformCertificate extends SigningKey {
  readonly pem: string;
  readonly file: string;
  readonly effectiveAt: number;
  readonly expiresAt: number;
}

export interface Platform {
  readonly issuer: Issuer;
  /** Another key of ours that no merchant trusts: for answers with a foreign signature. */
  readonly foreignKey: KeyObject;
  /** The certificate that signs. */
  readonly certificate: PlatformCertificate;
  /** Every certificate that is listed, oldest first: more than one while they are rotated. */
  readonly certificates: readonly PlatformCertificate[];
  readonly publicKey: SigningKey & { readonly file: string };
}

interface Tools {
  readonly now: number;
  readonly randomBytes: (size: number) => Buffer;
}

/** Reads the platform's keys from `dir`, or makes them there. */
export async function openPlatform(dir: string, tools: Tools): Promise<Platform> {
  const home = await keepFiles(dir, 'platform', tools.randomBytes, async () => makePlatform(tools));
  const file = (name: string): string => join(home, name);
  const privateKey = async (name: string): Promise<{ pem: string; key: KeyObject }> =>
    parseOwnFile(file(name), (pem) => ({ pem, key: createPrivateKey(pem) }));
  const certificate = async (name: string): Promise<{ pem: string; x509: X509Certificate }> =>
    parseOwnFile(file(name), (pem) => ({ pem, x509: new X509Certificate(pem) }));
  const [caKey, ca, platformKey, platform, wechatpayKey, publicKeyId] = await Promise.all([
    privateKey('ca_key.pem'),
    certificate('ca_cert.pem'),
    privateKey('platform_key.pem'),
    certificate('platform_cert.pem'),
    privateKey('pub_key_private.pem'),
    parseOwnFile(file('pub_key_id'), (text) => text.trim()),
  ]);
  const { x509 } = platform;
  const first: PlatformCertificate = {
    id: x509.serialNumber,
    privateKey: platformKey.key,
    publicKey: x509.publicKey,
    pem: platform.pem,
    file: file('platform_cert.pem'),
    effectiveAt: Date.parse(x509.validFrom),
    expiresAt: Date.parse(x509.validTo),
  };
  return {
    issuer: { certificate: ca.pem, privateKey: caKey.pem },
    foreignKey: caKey.key,
    certificate: first,
    certificates: [first],
    publicKey: {
      id: publicKeyId,
      privateKey: wechatpayKey.key,
      publicKey: createPublicKey(wechatpayKey.key),
      file: file('pub_key.pem'),
    },
  };
}

async function makePlatform({ now, randomBytes }: Tools): Promise<Record<string, string>> {
  const [ca, platform, wechatpay] = await Promise.all([makeKeys(), makeKeys(), makeKeys()]);
  const root = await issueCertificate({
    publicKey: ca.publicKey,
    privateKey: ca.privateKey,
    commonName: 'wxpay EMULATOR Root CA',
    unit: 'EMULATOR CA',
    years: 15,
    now,
    randomBytes,
  });
  const certificate = await issueCertificate({
    publicKey: platform.publicKey,
    commonName: 'Tenpay.com sign EMULATOR',
    unit: 'EMULATOR platform',
    issuer: { certificate: root, privateKey: ca.privateKey },
    years: 5,
    now,
    randomBytes,
  });
  return {
    'ca_key.pem': ca.privateKey,
    'ca_cert.pem': root,
    'platform_key.pem': platform.privateKey,
    'platform_cert.pem': certificate,
    'pub_key_private.pem': wechatpay.privateKey,
    'pub_key.pem': wechatpay.publicKey,
    pub_key_id: `PUB_KEY_ID_01${digits(randomBytes, 32)}\n`,
  };
}

/** `count` random decimal digits. */
export function digits(randomBytes: (size: number) => Buffer, count: number): string {
  return [...randomBytes(count)].map((byte) => byte % 10).join('');
}
