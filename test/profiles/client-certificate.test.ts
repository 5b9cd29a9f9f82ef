import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClientCertificate } from '../../src/core/http/send.ts';
import { presentableCertificate } from '../../src/profiles/client-certificate.ts';
import { openCredentials } from '../../src/profiles/credentials.ts';
import { resolvedFrom } from '../../src/profiles/resolve.ts';
import type { Profile } from '../../src/profiles/schema.ts';
import { makeMerchantFiles, type MerchantFiles } from '../helpers/merchant-files.ts';

const day = 86_400_000;
let dir: string;
let shop: MerchantFiles;
let other: MerchantFiles;
let over: MerchantFiles;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-client-certificate-'));
  shop = makeMerchantFiles(join(dir, 'shop'));
  other = makeMerchantFiles(join(dir, 'other'), { mchid: '1900000002' });
  over = makeMerchantFiles(join(dir, 'over'), { notAfter: new Date(Date.now() - day) });
});
afterAll(() => rmSync(dir, { recursive: true }));

async function present(profile: Partial<Profile>, now = Date.now()): Promise<ClientCertificate> {
  const merged = { version: 1, mchid: shop.mchid, private_key: `file:${shop.keyFile}`, ...profile } as const;
  const resolved = resolvedFrom({ name: 'shop', file: '/p.json', profile: merged });
  const credentials = openCredentials(resolved, { env: {}, platform: process.platform, uid: process.getuid?.() });
  return presentableCertificate(credentials, now);
}

test('a sound one is given to TLS as it is: the PEM texts, or the .p12 unopened', async () => {
  expect(await present({ client_cert_file: shop.certificateFile })).toHaveProperty('cert');
  expect(await present({ client_cert_file: shop.p12File })).toHaveProperty('pfx');
});

test('none at all says which variable supplies it, and why it is wanted', async () => {
  await expect(present({})).rejects.toMatchObject({
    code: 'CREDENTIAL_MISSING',
    hint: 'certs.hint.client_certificate',
    outcome: 'not_sent',
  });
});

test.each(['certificateFile', 'p12File'] as const)(
  'an expired one is said before anything is sent (%s)',
  async (form) => {
    const key = `file:${over.keyFile}`;
    await expect(present({ client_cert_file: over[form], private_key: key })).rejects.toMatchObject({
      code: 'CERTIFICATE_EXPIRED',
      category: 'config',
      outcome: 'not_sent',
      params: { serial: over.serial },
    });
  },
);

test("another merchant's is named with both numbers", async () => {
  const profile = {
    client_cert_file: other.p12File,
    client_cert_passphrase: `file:${join(dir, 'passphrase')}`,
  };
  writeFileSync(join(dir, 'passphrase'), other.mchid, { mode: 0o600 });
  await expect(present(profile)).rejects.toMatchObject({
    code: 'CLIENT_CERTIFICATE_MISMATCH',
    category: 'config',
    outcome: 'not_sent',
    params: { found: '1900000002', mchid: '1900000001' },
  });
});

test('a certificate and a key that are no pair, and a wrong passphrase, keep their own words', async () => {
  await expect(present({ client_cert_file: other.certificateFile })).rejects.toMatchObject({
    code: 'KEY_CERTIFICATE_MISMATCH',
  });
  await expect(present({ client_cert_file: other.p12File })).rejects.toMatchObject({ code: 'P12_PASSPHRASE_WRONG' });
});
