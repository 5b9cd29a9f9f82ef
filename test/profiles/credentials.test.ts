import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WxpayError } from '../../src/core/errors.ts';
import { openCredentials, type Credentials } from '../../src/profiles/credentials.ts';
import { inspectProfile } from '../../src/profiles/inspect.ts';
import { resolvedFrom } from '../../src/profiles/resolve.ts';
import type { Profile, ResolvedProfile } from '../../src/profiles/schema.ts';
import type { SecretReader } from '../../src/profiles/secrets.ts';
import { makeMerchantFiles, type MerchantFiles } from '../helpers/merchant-files.ts';

let dir: string;
let shop: MerchantFiles;
let other: MerchantFiles;
let emulated: MerchantFiles;
let full: Profile;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-credentials-'));
  shop = makeMerchantFiles(join(dir, 'shop'));
  other = makeMerchantFiles(join(dir, 'other'), { mchid: '1900000002', passphrase: 'changed' });
  emulated = makeMerchantFiles(join(dir, 'emulated'), { organisation: 'wxpay EMULATOR' });
  full = {
    version: 1,
    mchid: shop.mchid,
    serial_no: shop.serial,
    private_key: `file:${shop.keyFile}`,
    api_v3_key: 'k'.repeat(32),
    client_cert_file: shop.certificateFile,
    public_key_id: 'PUB_KEY_ID_01',
    public_key: `file:${shop.publicKeyFile}`,
  };
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const resolved = (profile: Partial<Profile>): ResolvedProfile =>
  resolvedFrom({ name: 'shop', file: '/p.json', profile: { version: 1, ...profile } });

const open = (profile: Partial<Profile>, more: Partial<SecretReader> = {}): Credentials =>
  openCredentials(resolved(profile), { env: {}, platform: process.platform, uid: process.getuid?.(), ...more });

async function failureOf(work: Promise<unknown>): Promise<WxpayError> {
  return await work.then(
    () => expect.fail('nothing was thrown'),
    (error: unknown) => error as WxpayError,
  );
}

describe('the private key', () => {
  const same = async (credentials: Credentials): Promise<boolean> =>
    (await credentials.merchantKey()).equals(createPrivateKey(shop.keyPem));

  test('comes from a PEM file, from DER, from PEM text, from a variable, also with its line ends written out', async () => {
    const der = join(dir, 'key.der');
    writeFileSync(der, createPrivateKey(shop.keyPem).export({ type: 'pkcs8', format: 'der' }), { mode: 0o600 });
    expect(await same(open(full))).toBe(true);
    expect(await same(open({ ...full, private_key: `file:${der}` }))).toBe(true);
    expect(await same(open({ ...full, private_key: shop.keyPem }))).toBe(true);
    const env = { KEY: shop.keyPem, FOLDED: shop.keyPem.replaceAll('\n', String.raw`\n`) };
    expect(await same(open({ ...full, private_key: 'env:KEY' }, { env }))).toBe(true);
    expect(await same(open({ ...full, private_key: 'env:FOLDED' }, { env }))).toBe(true);
  });

  test('comes out of the p12 where the profile names no other, with the merchant number as passphrase', async () => {
    expect(await same(open({ mchid: shop.mchid, client_cert_file: shop.p12File }))).toBe(true);
    const changed = { mchid: other.mchid, client_cert_file: other.p12File };
    expect((await failureOf(open(changed).merchantKey())).code).toBe('P12_PASSPHRASE_WRONG');
    const credentials = open({ ...changed, client_cert_passphrase: 'changed' });
    expect((await credentials.merchantKey()).equals(createPrivateKey(other.keyPem))).toBe(true);
  });

  test('I5: of an emulator is refused on a live host, and not on loopback', async () => {
    const profile: Partial<Profile> = {
      ...full,
      private_key: `file:${emulated.keyFile}`,
      client_cert_file: emulated.certificateFile,
    };
    const error = await failureOf(open(profile).merchantKey());
    expect([error.code, error.outcome]).toEqual(['EMULATOR_KEY_ON_LIVE', 'not_sent']);
    await open({ ...profile, base_url: 'http://127.0.0.1:8080' }).merchantKey();
    const packed = { mchid: emulated.mchid, client_cert_file: emulated.p12File };
    expect((await failureOf(open(packed).merchantKey())).code).toBe('EMULATOR_KEY_ON_LIVE');
  });

  test('D1: that is too short is refused', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    expect((await failureOf(open({ ...full, private_key: weak.toString() }).merchantKey())).code).toBe('KEY_WEAK');
  });

  test('that is a certificate in truth is refused by name', async () => {
    const error = await failureOf(open({ ...full, private_key: `file:${shop.certificateFile}` }).merchantKey());
    expect([error.code, error.params['source'], error.params['found']]).toEqual([
      'KEY_WRONG_KIND',
      shop.certificateFile,
      'kind:certificate',
    ]);
  });
});

describe('other credentials', () => {
  test.each([
    ['merchantKey', 'private_key', 'WXPAY_PRIVATE_KEY / WXPAY_PRIVATE_KEY_FILE'],
    ['serialNo', 'serial_no', 'WXPAY_SERIAL_NO'],
    ['apiV3Key', 'api_v3_key', 'WXPAY_API_V3_KEY'],
    ['apiV2Key', 'api_v2_key', 'WXPAY_API_V2_KEY'],
    ['clientCertificate', 'client_cert_file', 'WXPAY_CLIENT_CERT_FILE'],
  ] as const)('%s: what is missing is named with its variable', async (method, field, variable) => {
    const error = await failureOf(open({ mchid: shop.mchid })[method]());
    expect([error.code, error.params['field'], error.params['variable'], error.outcome]).toEqual([
      'CREDENTIAL_MISSING',
      field,
      variable,
      'not_sent',
    ]);
  });

  test('nothing is read before it is asked for', () => {
    expect(open({ mchid: shop.mchid, private_key: 'file:/nowhere', api_v3_key: 'env:NOWHERE' }).mchid()).toBe(
      shop.mchid,
    );
  });

  test('the serial is read from the certificate or p12 where the profile has none', async () => {
    for (const client_cert_file of [shop.certificateFile, shop.p12File])
      expect(await open({ mchid: shop.mchid, client_cert_file }).serialNo()).toBe(shop.serial);
  });

  test.each([
    ['k'.repeat(31), 31],
    ['k'.repeat(33), 33],
    ['微'.repeat(32), 96],
  ])('the APIv3 key has 32 bytes: %s has %i', async (api_v3_key, length) => {
    const error = await failureOf(open({ ...full, api_v3_key }).apiV3Key());
    expect([error.code, error.params['length'], error.message.includes(api_v3_key)]).toEqual([
      'API_V3_KEY_LENGTH',
      length,
      false,
    ]);
  });

  test('the WeChat Pay public key comes with its id, or not at all', async () => {
    expect(await open({ mchid: shop.mchid }).publicKeys()).toEqual([]);
    expect((await open(full).publicKeys()).map(({ id, kind }) => [id, kind])).toEqual([
      ['PUB_KEY_ID_01', 'wechatpay-public-key'],
    ]);
    const pem = readFileSync(shop.publicKeyFile, 'utf8');
    expect(await open({ ...full, public_key: pem }).publicKeys()).toHaveLength(1);
    for (const half of [{ public_key: full.public_key ?? '' }, { public_key_id: 'PUB_KEY_ID_01' }])
      expect((await failureOf(open(half).publicKeys())).code).toBe('CREDENTIAL_MISSING');
  });

  test('a private key in the place of the public one is refused', async () => {
    expect((await failureOf(open({ ...full, public_key: `file:${shop.keyFile}` }).publicKeys())).code).toBe(
      'KEY_WRONG_KIND',
    );
  });

  test('mTLS takes the p12 as it is, or certificate and key, which must be a pair', async () => {
    const packed = await open({ mchid: shop.mchid, client_cert_file: shop.p12File }).clientCertificate();
    expect(packed).toEqual({ pfx: readFileSync(shop.p12File), passphrase: shop.mchid });
    const plain = await open(full).clientCertificate();
    expect(plain).toMatchObject({ cert: readFileSync(shop.certificateFile, 'latin1'), key: shop.keyPem });
    const wrong = open({ ...full, client_cert_file: other.certificateFile });
    expect((await failureOf(wrong.clientCertificate())).code).toBe('KEY_CERTIFICATE_MISMATCH');
  });

  test('a CA file is PEM, or refused', async () => {
    expect(await open({ ca_file: shop.certificateFile }).ca()).toBe(readFileSync(shop.certificateFile, 'utf8'));
    expect((await failureOf(open({ ca_file: shop.keyFile }).ca())).code).toBe('KEY_WRONG_KIND');
  });
});

describe('inspection', () => {
  const inspect = async (profile: Partial<Profile>, askKeychain = true): Promise<string[]> => {
    const { findings } = await inspectProfile(resolved(profile), open(profile), {
      now: Date.parse('2026-11-23'),
      askKeychain,
    });
    return findings.map(({ field, error }) => `${field} ${error.code}`);
  };

  test('finds nothing wrong where everything belongs together', async () => {
    expect(await inspect(full)).toEqual([]);
    expect(await inspect({ mchid: shop.mchid, client_cert_file: shop.p12File })).toEqual([]);
  });

  test('finds a foreign certificate, serial and merchant number, all at once', async () => {
    expect(await inspect({ ...full, client_cert_file: other.certificateFile })).toEqual([
      'private_key KEY_CERTIFICATE_MISMATCH',
      'serial_no PROFILE_INVALID',
      'mchid PROFILE_INVALID',
    ]);
  });

  test('finds an expired certificate and an emulator one on the live host', async () => {
    const old = makeMerchantFiles(join(dir, 'old'), { notAfter: new Date('2026-01-01'), organisation: 'EMULATOR' });
    const profile = { mchid: old.mchid, private_key: `file:${old.keyFile}`, client_cert_file: old.certificateFile };
    expect(await inspect(profile)).toEqual([
      'private_key EMULATOR_KEY_ON_LIVE',
      'client_cert_file CERTIFICATE_EXPIRED',
    ]);
    expect(await inspect({ ...profile, base_url: 'http://127.0.0.1:1' })).toEqual([
      'client_cert_file CERTIFICATE_EXPIRED',
    ]);
  });

  test('finds what cannot be read, each once', async () => {
    const gone = {
      mchid: shop.mchid,
      client_cert_file: '/nowhere.p12',
      api_v3_key: 'env:NOWHERE',
      ca_file: '/nowhere',
    };
    expect(await inspect(gone)).toEqual([
      'client_cert_file SECRET_UNREADABLE',
      'api_v3_key SECRET_UNREADABLE',
      'ca_file SECRET_UNREADABLE',
    ]);
    expect(await inspect({})).toEqual([
      'mchid CREDENTIAL_MISSING',
      'private_key CREDENTIAL_MISSING',
      'serial_no CREDENTIAL_MISSING',
    ]);
  });

  test('leaves the keychain alone when it should', async () => {
    expect(await inspect({ ...full, api_v3_key: 'keychain:shop' }, false)).toEqual([]);
    // Without a service the keychain fails, with one it has no such entry: either way it was asked.
    const [asked] = await inspect({ ...full, api_v3_key: 'keychain:wxpay-test-no-such-entry' });
    expect(asked).toMatch(/^api_v3_key (KEYCHAIN_UNAVAILABLE|SECRET_UNREADABLE)$/);
  });
});
