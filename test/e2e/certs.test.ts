/** The certs commands of the built program against an emulator. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { errorOf } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';

let local: Local;
let serial: string;
beforeAll(async () => {
  local = await startLocal();
  serial = local.info.platform_serial_no ?? '';
});
afterAll(() => local.close());

const cacheFiles = (): string[] =>
  readdirSync(local.home.dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => /certificates[\\/][0-9a-f]{32}\.json/.test(name))
    .map((name) => join(local.home.dir, name));

test('before any download there is nothing to list or show, and nothing is sent for it', async () => {
  const env = { WXPAY_BASE_URL: 'http://127.0.0.1:9' };
  const list = await local.run(['certs', 'list', '--json'], { env });
  expect([list.code, JSON.parse(list.stdout)]).toEqual([0, []]);
  const show = await local.run(['certs', 'show', '--json'], { env });
  expect([show.code, show.stdout]).toEqual([5, '']);
  expect(errorOf(show)).toMatchObject({ code: 'NOT_FOUND', next: 'wxpay certs download' });
});

test('download verifies, caches privately and exports one PEM per serial', async () => {
  const out = join(local.home.dir, 'pems');
  const result = await local.run(['certs', 'download', '--out', out, '--json']);
  expect(result.code, result.stderr).toBe(0);
  const data = JSON.parse(result.stdout) as { certificates: { serial_no: string }[]; files: string[]; cached: boolean };
  expect(data.cached).toBe(true);
  expect(data.certificates[0]?.serial_no).toBe(serial);
  expect(data.files).toEqual([join(out, `wechatpay_${serial}.pem`)]);
  const pem = readFileSync(data.files[0] ?? '', 'utf8');
  expect(new X509Certificate(pem).fingerprint256).toBe(
    new X509Certificate(readFileSync(local.info.platform_certificate_file ?? '')).fingerprint256,
  );
  expect(statSync(data.files[0] ?? '').mode & 0o777).toBe(0o600);
  const [cache] = cacheFiles();
  expect(statSync(cache ?? '').mode & 0o777).toBe(0o600);
});

test('what was cached is listed and shown without a request, and the table stays within 80 columns', async () => {
  const env = { WXPAY_LANG: 'zh-CN' };
  const list = await local.run(['certs', 'list'], { env });
  expect(list.code, list.stderr).toBe(0);
  expect(list.stdout).toContain(serial);
  expect(list.stdout).not.toMatch(/\u001b/);
  const show = await local.run(['certs', 'show', serial.toLowerCase()]);
  expect(show.stdout).toContain('BEGIN CERTIFICATE');
});

test('C8: a cache that was tampered with is not believed; the next command fetches again', async () => {
  const [cache = ''] = cacheFiles();
  const document = JSON.parse(readFileSync(cache, 'utf8')) as { content: { downloaded_at: string } };
  document.content.downloaded_at = '2030-01-01T00:00:00.000Z';
  writeFileSync(cache, JSON.stringify(document));
  expect(JSON.parse((await local.run(['certs', 'list', '--json'])).stdout)).toEqual([]);
  expect((await local.run(['certs', 'download', '--quiet'])).stdout.trim()).toBe(serial);
});

test('a wrong APIv3 key is named as the cause, and nothing is stored', async () => {
  const result = await local.run(['certs', 'download', '--json'], { env: { WXPAY_API_V3_KEY: 'x'.repeat(32) } });
  expect([result.code, result.stdout]).toEqual([6, '']);
  expect(errorOf(result)).toMatchObject({ code: 'DECRYPT_FAILED' });
});

test('a dry run sends nothing', async () => {
  const result = await local.run(['certs', 'download', '--dry-run', '--json'], {
    env: { WXPAY_BASE_URL: 'http://127.0.0.1:9' },
  });
  expect(result.code, result.stderr).toBe(0);
  expect(JSON.parse(result.stdout)).toMatchObject({ method: 'GET' });
});
