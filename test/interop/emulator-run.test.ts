/** Apps on other vendors' clients, with the hosts that these clients bring, below `wxpay emulator run`. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEmulator, type EmulatorInfo } from '../../src/emulator/server.ts';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const wxpay = path('../../bin/wxpay.js');
let dir: string;
let info: EmulatorInfo;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-interop-run-'));
  // Makes the keys that the runs then find, and says where they are.
  const clock = { now: () => Date.now(), monotonic: () => performance.now(), sleep: async () => {} };
  const emulator = await startEmulator({ dir, clock, randomBytes });
  ({ info } = emulator);
  await emulator.close();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function run(app: string, ...args: string[]): Promise<unknown> {
  const argv = [wxpay, 'emulator', 'run', '--dir', dir, '--', process.execPath, path(`./apps/${app}`), wxpay, ...args];
  const env = { PATH: process.env['PATH'] ?? '', HOME: dir, LANG: 'C.UTF-8', WXPAY_LANG: 'en' };
  const { stdout } = await promisify(execFile)(process.execPath, argv, { env, timeout: 25_000 });
  return JSON.parse(stdout);
}

test('wechatpay-axios-plugin orders, asks, and refunds by APIv2 with the certificate that APIv2 wants', async () => {
  const said = await run('axios-plugin.cjs', info.platform_serial_no ?? '', info.platform_certificate_file ?? '');
  expect(said).toEqual({
    order: 200,
    state: 'SUCCESS',
    'refund without a certificate': 400,
    refund: 'SUCCESS',
  });
});

test('wechatpay-node-v3 orders, asks, refunds and fetches certificates', async () => {
  expect(await run('node-v3.cjs', info.certificate_file)).toEqual({
    order: 200,
    state: 'SUCCESS',
    refund: 'PROCESSING',
    certificates: 1,
  });
});
