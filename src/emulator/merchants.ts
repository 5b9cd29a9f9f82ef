/** The merchants that the emulator serves. */
import { X509Certificate, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { WxpayError } from '../core/errors.ts';
import { issueCertificate, makeKeys, makePkcs12 } from './authority.ts';
import type { Issuer } from './authority.ts';
import { keepFiles, listSets, parseOwnFile } from './folder.ts';

export interface SubMerchant {
  readonly mchid: string;
  readonly appids: readonly string[];
}

/** A merchant to serve besides the emulator's own ones: an app's own, so that it runs unmodified. */
export interface MerchantOptions {
  /** 8 to 10 digits. */
  readonly mchid: string;
  readonly appids: readonly string[];
  /** 32 bytes. Made when it is not given. */
  readonly apiV3Key?: string;
  readonly apiV2Key?: string;
  /** PEM text of the merchant API certificate. Neither this nor a public key: the emulator issues key and certificate. */
  readonly certificate?: string;
  /** PEM text (SPKI) of the merchant's public key; needs `serialNo`. */
  readonly publicKey?: string;
  readonly serialNo?: string;
  /** Makes the merchant a service provider for these. */
  readonly subMerchants?: readonly SubMerchant[];
}

export interface Merchant {
  readonly mchid: string;
  readonly appids: readonly string[];
  readonly apiV3Key: string;
  readonly apiV2Key: string;
  /** Upper-case hex, exactly as the merchant must send it. */
  readonly serialNo: string;
  readonly publicKey: KeyObject;
  /** `undefined` for an ordinary merchant. */
  readonly subMerchants: readonly SubMerchant[] | undefined;
  /** Where the emulator keeps the files that it issued; absent for a merchant that brought its own key. */
  readonly files?: {
    readonly private_key_file: string;
    readonly certificate_file: string;
    readonly p12_file: string;
  };
}

/** The ordinary merchant and the service provider that every emulator has. */
export const defaultMchid = '1900000001';
export const defaultServiceProvider = '1900000100';

interface Tools {
  readonly now: number;
  readonly randomBytes: (size: number) => Buffer;
  readonly issuer: Issuer;
  /** For the appids of the merchants that every emulator has; default: `randomBytes`. */
  readonly appidBytes?: (size: number) => Buffer;
}

/** The merchants kept in `dir`; at first start the ordinary merchant and the service provider are made. */
export async function openMerchants(dir: string, tools: Tools): Promise<Merchant[]> {
  const appid = (): string => `wx${(tools.appidBytes ?? tools.randomBytes)(8).toString('hex')}`;
  await Promise.all([
    keepMerchant(dir, { mchid: defaultMchid, appids: [appid()] }, tools),
    keepMerchant(
      dir,
      {
        mchid: defaultServiceProvider,
        appids: [appid()],
        subMerchants: [{ mchid: '1900000109', appids: [appid()] }],
      },
      tools,
    ),
  ]);
  const names = await listSets(dir);
  return Promise.all(names.sort().map(async (name) => readMerchant(join(dir, name))));
}

/**
 * A merchant from its description. One that brings a certificate or public key is served from memory; for any other, key and
 * certificate are issued and kept in `dir`.
 *
 * @throws WxpayError `INPUT_INVALID`, `API_V3_KEY_LENGTH`, `KEY_UNREADABLE`
 */
export async function makeMerchant(dir: string, options: MerchantOptions, tools: Tools): Promise<Merchant> {
  if (!/^\d{8,10}$/.test(options.mchid)) throw invalid('mchid', options.mchid);
  if (options.appids.length === 0) throw invalid('appids', '');
  const keyLength = Buffer.byteLength(options.apiV3Key ?? '');
  if (options.apiV3Key !== undefined && keyLength !== 32) {
    throw new WxpayError('API_V3_KEY_LENGTH', { params: { length: keyLength } });
  }
  if (options.certificate === undefined && options.publicKey === undefined) {
    return readMerchant(await keepMerchant(dir, options, tools));
  }
  const { serialNo, publicKey } = ownKey(options);
  return {
    mchid: options.mchid,
    appids: options.appids,
    apiV3Key: options.apiV3Key ?? makeApiKey(tools.randomBytes),
    apiV2Key: options.apiV2Key ?? makeApiKey(tools.randomBytes),
    serialNo,
    publicKey,
    subMerchants: options.subMerchants,
  };
}

function ownKey({ certificate, publicKey, serialNo }: MerchantOptions): { serialNo: string; publicKey: KeyObject } {
  try {
    if (certificate !== undefined) {
      const x509 = new X509Certificate(certificate);
      return { serialNo: x509.serialNumber, publicKey: x509.publicKey };
    }
    if (serialNo === undefined) throw invalid('serialNo', '');
    return { serialNo: serialNo.toUpperCase(), publicKey: createPublicKey(publicKey ?? '') };
  } catch (error) {
    if (error instanceof WxpayError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new WxpayError('KEY_UNREADABLE', { params: { source: 'merchant', reason }, cause: error });
  }
}

async function keepMerchant(dir: string, options: MerchantOptions, tools: Tools): Promise<string> {
  return keepFiles(dir, options.mchid, tools.randomBytes, async () => {
    const keys = await makeKeys();
    const certificate = await issueCertificate({
      publicKey: keys.publicKey,
      commonName: options.mchid,
      unit: 'EMULATOR merchant',
      issuer: tools.issuer,
      years: 5,
      now: tools.now,
      randomBytes: tools.randomBytes,
    });
    const merchant = {
      mchid: options.mchid,
      appids: options.appids,
      api_v3_key: options.apiV3Key ?? makeApiKey(tools.randomBytes),
      api_v2_key: options.apiV2Key ?? makeApiKey(tools.randomBytes),
      sub_merchants: options.subMerchants,
    };
    return {
      'apiclient_key.pem': keys.privateKey,
      'apiclient_cert.pem': certificate,
      'apiclient_cert.p12': await makePkcs12(certificate, keys.privateKey, options.mchid),
      // For profiles, which refer to secrets by file.
      api_v3_key: merchant.api_v3_key,
      api_v2_key: merchant.api_v2_key,
      'merchant.json': `${JSON.stringify(merchant, null, 2)}\n`,
    };
  });
}

interface StoredMerchant {
  readonly mchid: string;
  readonly appids: readonly string[];
  readonly api_v3_key: string;
  readonly api_v2_key: string;
  readonly sub_merchants?: readonly SubMerchant[];
}

/** A merchant that is kept in `home`. @throws WxpayError `KEY_UNREADABLE` */
export async function readMerchant(home: string): Promise<Merchant> {
  const certificateFile = join(home, 'apiclient_cert.pem');
  const [stored, x509] = await Promise.all([
    parseOwnFile(join(home, 'merchant.json'), (text) => JSON.parse(text) as StoredMerchant),
    parseOwnFile(certificateFile, (pem) => new X509Certificate(pem)),
  ]);
  return {
    mchid: stored.mchid,
    appids: stored.appids,
    apiV3Key: stored.api_v3_key,
    apiV2Key: stored.api_v2_key,
    serialNo: x509.serialNumber,
    publicKey: x509.publicKey,
    subMerchants: stored.sub_merchants,
    files: {
      private_key_file: join(home, 'apiclient_key.pem'),
      certificate_file: certificateFile,
      p12_file: join(home, 'apiclient_cert.p12'),
    },
  };
}

/**
 * Stands in orders of an earlier run for a merchant that has not come back yet: one that brought its own keys, which are not
 * kept. It is the real one as soon as `find` knows it; until then its keys cannot be had.
 *
 * @throws WxpayError `NOT_FOUND` from everything but its number
 */
export function absentMerchant(mchid: string, find: (mchid: string) => Merchant | undefined): Merchant {
  const real = (): Merchant => {
    const merchant = find(mchid);
    if (merchant === undefined) throw new WxpayError('NOT_FOUND', { params: { what: mchid } });
    return merchant;
  };
  return {
    mchid,
    get appids() {
      return real().appids;
    },
    get apiV3Key() {
      return real().apiV3Key;
    },
    get apiV2Key() {
      return real().apiV2Key;
    },
    get serialNo() {
      return real().serialNo;
    },
    get publicKey() {
      return real().publicKey;
    },
    get subMerchants() {
      return real().subMerchants;
    },
  };
}

/** 32 letters and digits. */
function makeApiKey(randomBytes: (size: number) => Buffer): string {
  const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';
  return [...randomBytes(32)].map((byte) => alphabet[byte % alphabet.length]).join('');
}

function invalid(field: string, value: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: value === '' ? 'empty' : value } });
}
