import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createKeyRing, type CertificateKeyRing } from '../../src/core/keys/keyring.ts';
import { createMemoryStore, type PlatformCertificate } from '../../src/core/keys/store.ts';
import type { VerificationKey } from '../../src/core/ports.ts';
import {
  downloadKeys,
  exportCertificates,
  listKeys,
  showKey,
  type KeyReport,
} from '../../src/operations/certificates.ts';
import { fakeClock } from '../core/http/merchant.ts';
import { day, platformCertificate } from '../core/keys/platform.ts';

const clock = fakeClock();
const now = clock.now();
const made = platformCertificate('5a'.repeat(20), now - day, now + 40 * day);
const certificate: PlatformCertificate = {
  id: made.serial,
  kind: 'platform-certificate',
  publicKey: new X509Certificate(made.pem).publicKey,
  certificate: made.pem,
  effectiveAt: now - day,
  expiresAt: now + 30.5 * day,
};
const publicKey: VerificationKey = {
  id: 'PUB_KEY_ID_0000000000000024101100397200000006',
  kind: 'wechatpay-public-key',
  publicKey: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey,
};

function ring(publicKeys: VerificationKey[] = []): CertificateKeyRing {
  const download = async () => ({ downloadedAt: now, certificates: [certificate] });
  return createKeyRing({ publicKeys, clock, certificates: { store: createMemoryStore(), download } });
}

test('a platform certificate is described with its days, issuer and fingerprint', async () => {
  const { keys, cached } = await downloadKeys(ring(), clock);
  expect(cached).toBe(true);
  expect(keys).toEqual([
    {
      serial_no: made.serial,
      kind: 'platform-certificate',
      effective_time: new Date(now - day).toISOString(),
      expire_time: new Date(now + 30.5 * day).toISOString(),
      days_left: 30,
      preferred: true,
      subject: 'CN=Tenpay.com TEST sign',
      issuer: 'CN=Tenpay.com TEST sign',
      tenpay_issued: false,
      fingerprint_sha256: new X509Certificate(made.pem).fingerprint256,
      pem: made.pem,
    },
  ]);
});

test('a public key has a fingerprint and no dates', async () => {
  const [key] = await listKeys(ring([publicKey]), clock);
  expect(key).toMatchObject({
    serial_no: publicKey.id,
    kind: 'wechatpay-public-key',
    effective_time: null,
    expire_time: null,
    days_left: null,
    preferred: true,
    fingerprint_sha256: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/) as string,
    pem: expect.stringContaining('BEGIN PUBLIC KEY') as string,
  });
});

test('one key is shown by serial in any spelling, or the one in use; an unknown one is not found', async () => {
  const both = ring([publicKey]);
  await both.refresh();
  expect((await showKey(both, clock, made.serial.toLowerCase())).serial_no).toBe(made.serial);
  expect((await showKey(both, clock, undefined)).serial_no).toBe(publicKey.id);
  for (const serial of ['AB'.repeat(20), publicKey.id.toLowerCase()])
    await expect(showKey(both, clock, serial)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      params: { what: serial },
      hint: 'certs.hint.serials',
      next: ['certs', 'list'],
    });
  await expect(showKey(ring(), clock, undefined)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    next: ['certs', 'download'],
  });
});

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-export-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function reports(): Promise<readonly KeyReport[]> {
  return (await downloadKeys(ring([publicKey]), clock)).keys;
}
const options = () => ({ dir: join(dir, 'a', 'b'), platform: process.platform, randomName: () => 'r' });

test('E6: exported as one 0600 PEM per serial, and again over the same file', async () => {
  const keys = await reports();
  for (let i = 0; i < 2; i++) {
    const [path] = exportCertificates(keys, options());
    expect(path).toBe(join(dir, 'a', 'b', `wechatpay_${made.serial}.pem`));
    expect(new X509Certificate(readFileSync(path ?? '')).serialNumber).toBe(made.serial);
    if (process.platform !== 'win32') expect(statSync(path ?? '').mode & 0o777).toBe(0o600);
  }
  expect(readdirSync(join(dir, 'a', 'b'))).toHaveLength(1);
});

test.each(['../../.ssh/authorized_keys', '', 'abcdef12', 'A'.repeat(41), 'ABCDEF12/../x', 'ABCDEF12\n'])(
  'A7: the serial %j does not become a file name',
  async (serial_no) => {
    const keys = (await reports()).map((key) => ({ ...key, serial_no }));
    expect(() => exportCertificates(keys, options())).toThrow(
      expect.objectContaining({ code: 'CERTIFICATES_INVALID' }),
    );
    expect(readdirSync(dir)).toEqual([]);
  },
);

test("E7: a link planted at the file's name is refused and not followed", async () => {
  const keys = await reports();
  exportCertificates(keys, options());
  const path = join(dir, 'a', 'b', `wechatpay_${made.serial}.pem`);
  rmSync(path);
  symlinkSync(join(dir, 'target'), path);
  expect(() => exportCertificates(keys, options())).toThrow('FILE_UNWRITABLE');
  expect(existsSync(join(dir, 'target'))).toBe(false);
});
