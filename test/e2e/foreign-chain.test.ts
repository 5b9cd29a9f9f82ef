/**
 * Platform certificates that Tenpay.com Root CA did not issue, over the wire: the live host's name, led to an emulator by a
 * proxy and trusted by a CA file, so that the program takes it for the live one.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';
import { makeMerchantFiles } from '../helpers/merchant-files.ts';

let local: Local;
let live: Record<string, string>;
let stranger: string;
let issuer: string;
beforeAll(async () => {
  local = await startLocal({ mode: 'certificate', https: { port: 0 }, proxy: { port: 0, others: 'refuse' } });
  const { home, info, emulator } = local;
  mkdirSync(join(home.dir, 'stranger'));
  stranger = makeMerchantFiles(join(home.dir, 'stranger')).certificateFile;
  issuer = join(home.dir, 'issuer.pem');
  copyFileSync(join(home.dir, 'emulator', 'platform', 'ca_cert.pem'), issuer);
  live = {
    WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com',
    WXPAY_CA_FILE: info.ca_file ?? '',
    HTTPS_PROXY: emulator.proxyUrl ?? '',
  };
});
afterAll(async () => local.close());

const run = async (argv: readonly string[], cache = 'shared'): Promise<RunResult> =>
  local.run(argv, { env: { ...live, WXPAY_CACHE_DIR: join(local.home.dir, cache) } });
const warning = /Warning: Tenpay\.com Root CA did not issue [0-9A-F]{40}/;

test('a download says so, loudly, and goes on: its APIv3 key has vouched for them', async () => {
  const result = await run(['certs', 'download', '--quiet'], 'download');
  expect(result).toMatchObject({ code: 0 });
  expect(result.stderr).toMatch(warning);
});

test('so does a call that downloads them on its way', async () => {
  const result = await run(['order', 'query', 'NO_SUCH_ORDER', '--json'], 'query');
  expect(result.code).toBe(5);
  expect(result.stderr).toMatch(warning);
  const again = await run(['order', 'query', 'NO_SUCH_ORDER', '--json'], 'query');
  expect(again.stderr).not.toMatch(warning);
});

test('an emulator at its own address is not warned about', async () => {
  const env = { WXPAY_CACHE_DIR: join(local.home.dir, 'plain') };
  expect((await local.run(['certs', 'download'], { env })).stderr).not.toMatch(warning);
});

test('certs verify refuses them, and accepts them by the CA that did issue them, and by no other', async () => {
  await run(['certs', 'download']);
  expect((await run(['certs', 'verify', '--offline'])).code).toBe(6);
  expect((await run(['certs', 'verify', '--offline', '--ca', issuer])).code).toBe(0);
  expect((await run(['certs', 'verify', '--offline', '--ca', stranger])).code).toBe(6);
});

test('certs rotate --ca refuses them with nothing kept or written', async () => {
  const out = join(local.home.dir, 'out');
  const result = await run(['certs', 'rotate', '--ca', stranger, '--out', out, '--json'], 'rotate');
  expect([result.code, errorOf(result)['code']]).toEqual([6, 'CERTIFICATES_INVALID']);
  expect(existsSync(out) ? readdirSync(out) : []).toEqual([]);
  expect((await run(['certs', 'list', '--json'], 'rotate')).stdout).toBe('[]\n');
  expect((await run(['certs', 'rotate', '--ca', issuer, '--out', out], 'rotate')).code).toBe(0);
  expect(readdirSync(out)).toHaveLength(1);
});

test('without WXPAY_CA_FILE there is no connection at all', async () => {
  const env = { ...live, WXPAY_CA_FILE: '' };
  const result = await local.run(['certs', 'download', '--json'], { env });
  expect([result.code, errorOf(result)['code']]).toEqual([7, 'NETWORK_TLS']);
});
