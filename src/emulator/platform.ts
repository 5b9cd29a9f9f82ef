/** WeChat Pay's side of the keys: the CA, the platform certificate and the WeChat Pay public key. */
import { X509Certificate, createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { issueCertificate, makeKeys } from './authority.ts';
import type { Issuer } from './authority.ts';
import { keepFiles, readOwnFile } from './folder.ts';

/** Which keys sign: platform certificate alone, public key alone, or both side by side as during a migration (protocol 4). */
export type Mode = 'certificate' | 'public-key' | 'mixed';

/** A key that signs answers and callbacks, and the id under which the caller knows it. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface Platform {
  readonly issuer: Issuer;
  /** Another key of ours that no merchant trusts: for answers with a foreign signature. */
  readonly foreignKey: KeyObject;
  readonly certificate: SigningKey & {
    readonly pem: string;
    readonly file: string;
    readonly effectiveAt: number;
    readonly expiresAt: number;
  };
  readonly publicKey: SigningKey & { readonly file: string };
}

interface Tools {
  readonly now: number;
  readonly randomBytes: (size: number) => Buffer;
}

/** Reads the platform's keys from `dir`, or makes them there. */
export async function openPlatform(dir: string, tools: Tools): Promise<Platform> {
  const home = await keepFiles(dir, 'platform', tools.randomBytes, async () => makePlatform(tools));
  const read = async (name: string): Promise<string> => readOwnFile(join(home, name));
  const [caKey, caCertificate, key, pem, publicKeyPrivate, publicKeyId] = await Promise.all(
    ['ca_key.pem', 'ca_cert.pem', 'platform_key.pem', 'platform_cert.pem', 'pub_key_private.pem', 'pub_key_id'].map(
      read,
    ) as [Promise<string>, Promise<string>, Promise<string>, Promise<string>, Promise<string>, Promise<string>],
  );
  const x509 = new X509Certificate(pem);
  const publicKey = createPrivateKey(publicKeyPrivate);
  return {
    issuer: { certificate: caCertificate, privateKey: caKey },
    foreignKey: createPrivateKey(caKey),
    certificate: {
      id: x509.serialNumber,
      privateKey: createPrivateKey(key),
      publicKey: x509.publicKey,
      pem,
      file: join(home, 'platform_cert.pem'),
      effectiveAt: Date.parse(x509.validFrom),
      expiresAt: Date.parse(x509.validTo),
    },
    publicKey: {
      id: publicKeyId.trim(),
      privateKey: publicKey,
      publicKey: createPublicKey(publicKey),
      file: join(home, 'pub_key.pem'),
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
