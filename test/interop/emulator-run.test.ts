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
  const { stdout } = await promisify(execFile)(process.execPath, argv, { env, timeout: 110_000 });
  return JSON.parse(stdout);
}

test('wechatpay-axios-plugin orders, asks, reads bills, and refunds by APIv2 with the certificate that APIv2 wants', async () => {
  const said = await run('axios-plugin.cjs', info.platform_serial_no ?? '', info.platform_certificate_file ?? '');
  expect(said).toEqual({
    'trade bill': true,
    'trade bill, packed': true,
    'fund flow bill': true,
    order: 200,
    state: 'SUCCESS',
    'refund without a certificate': 400,
    refund: 'SUCCESS',
  });
});

test('wechatpay-node-v3 orders, asks, refunds, reads bills and fetches certificates', async () => {
  expect(await run('node-v3.cjs', info.certificate_file)).toEqual({
    'trade bill': true,
    'fund flow bill': true,
    order: 200,
    state: 'SUCCESS',
    refund: 'PROCESSING',
    certificates: 1,
  });
});

test('wxpay-v3 lives through an order and verifies both callbacks; it verifies no answer', async () => {
  expect(await run('wxpay-v3.cjs')).toEqual({
    certificates: 1,
    placed: [200, 200, 200, 200],
    unpaid: 'NOTPAY',
    closed: 204,
    missing: [404, 'ORDER_NOT_EXIST'],
    'callback of the payment': [true, true, 'SUCCESS'],
    'the same, changed': false,
    queried: 'SUCCESS',
    refund: ['PROCESSING', 'SUCCESS', 290],
    'callback of the refund': [true, 'SUCCESS'],
    'trade bill': true,
    'fund flow bill': true,
  });
});

test('node-easywechat lives through an order and verifies both callbacks; it verifies no answer', async () => {
  expect(await run('easywechat.cjs', info.certificate_file)).toEqual({
    placed: 200,
    closed: 204,
    states: ['NOTPAY', 'SUCCESS'],
    refund: ['PROCESSING', 'SUCCESS'],
    callbacks: [
      ['paid', 'SUCCESS'],
      ['refunded', 'SUCCESS'],
    ],
    'a changed callback': 'Invalid Signature',
    'trade bill': true,
  });
});

test('wechat-pay (APIv2) verifies every answer and callback of an order, and refunds over mTLS', async () => {
  expect(await run('wechat-pay.cjs')).toEqual({
    placed: true,
    closed: 'SUCCESS',
    queried: 'SUCCESS',
    refund: ['SUCCESS', 'SUCCESS'],
    'callback of the payment': [true, 'SUCCESS'],
    'callback of the refund': expect.objectContaining({ refund_status: 'SUCCESS', refund_fee: '100' }),
    'a wrong key': '签名错误，请检查后再试',
    bill: [1, '1'],
  });
});

test('tenpay (APIv2) refunds over mTLS, and is refused without its certificate; callbacks are judged in apiv2.test.ts', async () => {
  expect(await run('tenpay.cjs')).toEqual({
    placed: true,
    queried: 'REFUND',
    refunded: 'SUCCESS',
    refund: 'SUCCESS',
    callbacks: 2,
    'a refund without a certificate': 'refused',
    bill: true,
  });
});
