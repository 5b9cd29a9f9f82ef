import { createDecipheriv, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEmulator } from '../../src/emulator/server.ts';
import { makeClient } from './raw-client.ts';
import { heldClock, openSibling, openStage, tempDir } from './stage.ts';
import type { Stage } from './stage.ts';
import { expectFast, until } from '../helpers/timing.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => stage.end());

const tools = { clock: heldClock(), randomBytes: (size: number) => randomBytes(size) };

describe('keys', () => {
  test('the line that scripts read has exactly these fields', () => {
    expect(Object.keys(stage.emulator.info)).toEqual([
      'url',
      'mchid',
      'appid',
      'serial_no',
      'private_key_file',
      'certificate_file',
      'p12_file',
      'api_v3_key',
      'api_v2_key',
      'platform_serial_no',
      'platform_certificate_file',
      'public_key_id',
      'public_key_file',
      'https_url',
      'ca_file',
    ]);
  });

  test('I5: everything issued says EMULATOR; the merchant is the common name of its certificate', () => {
    const { info } = stage.emulator;
    const merchant = new X509Certificate(readFileSync(info.certificate_file));
    const platform = new X509Certificate(readFileSync(info.platform_certificate_file!));
    const ca = new X509Certificate(readFileSync(join(stage.dir, 'platform', 'ca_cert.pem')));
    expect(merchant.subject).toContain(`CN=${info.mchid}`);
    for (const certificate of [merchant, platform]) {
      expect(certificate.subject).toContain('EMULATOR');
      expect(certificate.issuer).toContain('CN=wxpay EMULATOR Root CA');
      expect(certificate.checkIssued(ca) && certificate.verify(ca.publicKey)).toBe(true);
      expect(Date.parse(certificate.validTo) - stage.now()).toBe(5 * 365 * 86_400_000 - (stage.now() % 1000));
      expect(certificate.serialNumber).toMatch(/^[0-9A-F]{40}$/);
    }
    expect(ca.ca && ca.verify(ca.publicKey)).toBe(true);
    expect(merchant.serialNumber).toBe(info.serial_no);
    expect(platform.serialNumber).toBe(info.platform_serial_no);
  });

  test('the key file is PKCS#8 and belongs to the certificate; both are in the .p12, whose passphrase is the mchid', () => {
    const { info } = stage.emulator;
    const pem = readFileSync(info.private_key_file, 'utf8');
    expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    const certificate = new X509Certificate(readFileSync(info.certificate_file));
    expect(certificate.checkPrivateKey(createPrivateKey(pem))).toBe(true);
    const pfx = readFileSync(info.p12_file);
    expect(() => createSecureContext({ pfx, passphrase: info.mchid })).not.toThrow();
    expect(() => createSecureContext({ pfx, passphrase: 'wrong' })).toThrow(/mac verify failure/);
    expect(Buffer.byteLength(info.api_v3_key)).toBe(32);
    expect(Buffer.byteLength(info.api_v2_key)).toBe(32);
    expect(info.public_key_id).toMatch(/^PUB_KEY_ID_\d{34}$/);
  });

  test('a second start in the same folder is quick and keeps them all', async () => {
    await expectFast(250, async () => {
      const begin = performance.now();
      const again = await startEmulator({ ...tools, dir: stage.dir });
      const took = performance.now() - begin;
      try {
        expect({ ...again.info, url: '' }).toEqual({ ...stage.emulator.info, url: '' });
        expect(again.controlToken).not.toBe(stage.emulator.controlToken);
      } finally {
        await again.close();
      }
      return took;
    });
  });

  test('two first starts at once in one folder end with one set of keys', async () => {
    const dir = tempDir();
    const both = await Promise.all([startEmulator({ ...tools, dir }), startEmulator({ ...tools, dir })]);
    try {
      expect({ ...both[0].info, url: '' }).toEqual({ ...both[1].info, url: '' });
      expect(readdirSync(dir).filter((name) => name.startsWith('.'))).toEqual([]);
    } finally {
      for (const emulator of both) await emulator.close();
      rmSync(dir, { recursive: true });
    }
  });

  test('a start that was killed leaves nothing that the next one trips over', async () => {
    const dir = tempDir();
    mkdirSync(join(dir, '.platform-000000000000'), { mode: 0o700 });
    writeFileSync(join(dir, '.platform-000000000000', 'ca_key.pem'), 'half');
    const emulator = await startEmulator({ ...tools, dir });
    await emulator.close();
    rmSync(dir, { recursive: true });
  });

  test.each([
    ['platform/platform_key.pem', 'KEY_UNREADABLE'],
    ['platform/platform_cert.pem', 'KEY_UNREADABLE'],
    ['merchants/1900000001/merchant.json', 'KEY_UNREADABLE'],
    ['merchants/1900000001/apiclient_cert.pem', 'KEY_UNREADABLE'],
  ])('a damaged %s is named', async (file, code) => {
    const dir = tempDir();
    cpSync(stage.dir, dir, { recursive: true });
    writeFileSync(join(dir, file), 'damaged');
    await expect(startEmulator({ ...tools, dir })).rejects.toMatchObject({ code, params: { source: join(dir, file) } });
    rmSync(dir, { recursive: true });
  });

  test('a folder that cannot be made is said', async () => {
    const dir = join(stage.emulator.info.private_key_file, 'below-a-file');
    await expect(startEmulator({ ...tools, dir })).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  });
});

test('a busy port is said', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  const { port } = other.address() as AddressInfo;
  await expect(startEmulator({ ...tools, dir: stage.dir, port })).rejects.toMatchObject({
    code: 'EMULATOR_PORT_BUSY',
    params: { port },
  });
  other.close();
});

test('close ends connections, stalled ones too, and removes the record', async () => {
  const own = await openSibling(stage);
  own.emulator.faults.add({ kind: 'stall' });
  const stalled = own.client.call('GET', '/v3/certificates').catch((error: unknown) => error);
  await until(() => own.emulator.faults.list().length === 0);
  await own.end();
  expect(await stalled).toBeInstanceOf(Error);
  expect(() => readFileSync(own.emulator.recordFile)).toThrow(/ENOENT/);
});

describe('certificates', () => {
  test.each(['', '?algorithm_type=RSA', '?algorithm_type=ALL'])(
    'are encrypted under the APIv3 key: %s',
    async (query) => {
      const { info } = stage.emulator;
      const answer = await stage.client.call('GET', `/v3/certificates${query}`);
      const { data } = answer.json as unknown as {
        data: {
          serial_no: string;
          effective_time: string;
          expire_time: string;
          encrypt_certificate: Record<string, string>;
        }[];
      };
      expect(data).toHaveLength(1);
      const [{ encrypt_certificate: sealed, ...entry }] = data as [(typeof data)[0]];
      expect(entry).toEqual({
        serial_no: info.platform_serial_no,
        effective_time: '2026-11-22T10:34:56+08:00',
        expire_time: '2031-11-22T10:34:56+08:00',
      });
      expect(sealed).toMatchObject({ algorithm: 'AEAD_AES_256_GCM', associated_data: 'certificate' });
      const bytes = Buffer.from(sealed['ciphertext']!, 'base64');
      const decipher = createDecipheriv('aes-256-gcm', Buffer.from(info.api_v3_key), Buffer.from(sealed['nonce']!));
      decipher.setAAD(Buffer.from('certificate')).setAuthTag(bytes.subarray(-16));
      const pem = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString();
      expect(pem).toBe(readFileSync(info.platform_certificate_file!, 'utf8'));
    },
  );

  test('each merchant gets them under its own key', async () => {
    const provider = stage.emulator.infoOf('1900000100');
    expect(provider.api_v3_key).not.toBe(stage.emulator.info.api_v3_key);
    const answer = await makeClient(provider, stage.now).call('GET', '/v3/certificates');
    expect(answer.status).toBe(200);
  });

  test.each([
    ['?algorithm_type=SM2', 403, 'NO_AUTH'],
    ['?algorithm_type=', 400, 'PARAM_ERROR'],
    ['?algorithm_type=rsa', 400, 'PARAM_ERROR'],
    ['?mchid=1900000001', 400, 'PARAM_ERROR'],
    ['?algorithm_type=RSA&algorithm_type=RSA', 400, 'PARAM_ERROR'],
  ])('%s answers %i %s', async (query, status, code) => {
    const answer = await stage.client.call('GET', `/v3/certificates${query}`);
    expect([answer.status, answer.json.code]).toEqual([status, code]);
  });
});
