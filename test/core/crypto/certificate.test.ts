import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import forge from 'node-forge';
import { describe, expect, test } from 'vitest';
import { describeCertificate, isIssuedBy, keyUsageOf, tenpayRootCa } from '../../../src/core/crypto/certificate.ts';
import { certificateFor } from './files.ts';

const vector = (name: string): X509Certificate =>
  new X509Certificate(readFileSync(new URL(`../../vectors/keys/${name}.cert.pem`, import.meta.url)));
const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });

test('a genuine platform certificate is described as the merchant platform shows it', () => {
  expect(describeCertificate(vector('real_platform_5DEA10EF'))).toMatchObject({
    serial_no: '5DEA10EF55877E3CF6C33255C2E7DEFFF7E427EC',
    common_name: 'Tenpay.com sign',
    not_before: Date.parse('2023-09-19T15:15:58Z'),
    not_after: Date.parse('2028-09-17T15:15:58Z'),
    issuer: expect.stringContaining('CN=Tenpay.com Root CA') as string,
    fingerprint256: expect.stringMatching(/^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/) as string,
  });
});

test('key usage is read, and its absence told from an empty one', () => {
  expect(keyUsageOf(vector('real_platform_5DEA10EF'))).toEqual([
    'digitalSignature',
    'nonRepudiation',
    'keyEncipherment',
    'dataEncipherment',
    'keyAgreement',
  ]);
  expect(keyUsageOf(new X509Certificate(tenpayRootCa))).toEqual(['keyCertSign', 'cRLSign']);
  expect(keyUsageOf(new X509Certificate(certificateFor(pair, 'CN=1900000109')))).toBeUndefined();
});

/** A certificate whose key usage is what is given. */
function withKeyUsage(der: string): X509Certificate {
  const made = forge.pki.createCertificate();
  made.publicKey = forge.pki.publicKeyFromPem(pair.publicKey.export({ type: 'spki', format: 'pem' }) as string);
  made.serialNumber = '01';
  const extension = { id: '2.5.29.15', critical: true, value: Buffer.from(der, 'hex').toString('latin1') };
  made.setExtensions([extension]);
  made.sign(
    forge.pki.privateKeyFromPem(pair.privateKey.export({ type: 'pkcs1', format: 'pem' }) as string),
    forge.md.sha256.create(),
  );
  return new X509Certificate(forge.pki.certificateToPem(made));
}

test.each<[string, string[]]>([
  ['03020780', ['digitalSignature']],
  ['03020102', ['cRLSign']],
  ['03020640', ['nonRepudiation']],
  ['03020520', ['keyEncipherment']],
  // encipherOnly and decipherOnly, which nobody asks for.
  ['0303070180', []],
  ['030100', []],
  // No bit string.
  ['040180', []],
  ['ff', []],
])('the key usage %s says %j', (der, usages) => {
  expect(keyUsageOf(withKeyUsage(der))).toEqual(usages);
});

test('a certificate in place of the root that cannot even be compared is no issuer', () => {
  const root = new X509Certificate(tenpayRootCa);
  const broken = Object.create(root, {
    publicKey: {
      get: () => {
        throw new Error('no key');
      },
    },
    ca: { value: true },
  }) as X509Certificate;
  const stub = { checkIssued: () => true, verify: () => true } as unknown as X509Certificate;
  expect(isIssuedBy(stub, root)).toBe(true);
  expect(isIssuedBy(stub, broken)).toBe(false);
});

test("the common name of a merchant's certificate is its number", () => {
  const certificate = new X509Certificate(certificateFor(pair, 'CN=1900000109'));
  expect(describeCertificate(certificate).common_name).toBe('1900000109');
});

test('a serial keeps its leading zero, which some clients lose', () => {
  const serial = '0dde55ad98ed71d6edd4a4a16996de7b47773a8c';
  const certificate = new X509Certificate(certificateFor(pair, 'CN=1900000109', serial));
  expect(describeCertificate(certificate).serial_no).toBe(serial.toUpperCase());
});

test('a subject without a common name has none', () => {
  const keys = {
    publicKey: forge.pki.publicKeyFromPem(pair.publicKey.export({ type: 'spki', format: 'pem' }) as string),
    privateKey: forge.pki.privateKeyFromPem(pair.privateKey.export({ type: 'pkcs1', format: 'pem' }) as string),
  };
  const made = forge.pki.createCertificate();
  made.publicKey = keys.publicKey;
  made.serialNumber = '01';
  made.setSubject([{ name: 'organizationName', value: 'CN=fake' }]);
  made.setIssuer([{ name: 'organizationName', value: 'o' }]);
  made.sign(keys.privateKey, forge.md.sha256.create());
  const certificate = new X509Certificate(forge.pki.certificateToPem(made));
  expect(describeCertificate(certificate).common_name).toBeUndefined();
});

describe('C8: issued by Tenpay.com Root CA', () => {
  const root = new X509Certificate(tenpayRootCa);

  test('the pinned root is the published one', () => {
    expect(root.fingerprint256).toBe(
      'B2:9F:8B:25:13:EB:2F:7C:49:C0:7C:7C:20:F4:02:7C:A9:03:D0:71:DF:72:CA:A0:B2:B9:24:EF:F4:3A:94:52',
    );
    expect(describeCertificate(root)).toMatchObject({ serial_no: '1BD4220E50DBC04B06AD397549846C01C3E8EBD2' });
  });

  test('holds for a genuine platform certificate', () => {
    expect(isIssuedBy(vector('real_platform_5DEA10EF'), root)).toBe(true);
  });

  test.each(['platform_39FACCC1', 'platform_699AE9A3', 'java_wechatpay', 'java_merchant', 'go_test'])(
    'does not hold for %s',
    (name) => {
      expect(isIssuedBy(vector(name), root)).toBe(false);
    },
  );

  test('does not hold for a root of the same name with another key', () => {
    const impostor = new X509Certificate(certificateFor(pair, 'CN=Tenpay.com Root CA'));
    expect(isIssuedBy(vector('real_platform_5DEA10EF'), impostor)).toBe(false);
  });

  test('does not hold for an issuer that is no CA, although its signature verifies', () => {
    const own = new X509Certificate(certificateFor(pair, 'CN=leaf'));
    expect(own.verify(own.publicKey)).toBe(true);
    expect(isIssuedBy(own, own)).toBe(false);
  });
});
