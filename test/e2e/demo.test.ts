/** The first thing a newcomer runs. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeHome, type Home } from '../helpers/cli.ts';

let home: Home;
let tmp = '';
beforeEach(() => {
  home = makeHome();
  tmp = join(home.dir, 'tmp');
  mkdirSync(tmp);
});
afterEach(() => home.remove());

test('the demo plays the whole life of an order, shows every command, and leaves nothing behind', async () => {
  const { code, stdout, stderr } = await home.run(['demo'], { env: { TMPDIR: tmp } });
  expect({ code, stderr: stderr.slice(-500) }).toMatchObject({ code: 0 });
  for (const command of [
    'order create',
    'emulator pay',
    'verify-callback',
    'order query',
    'order close',
    'certs download',
  ])
    expect(stdout).toContain(`$ wxpay ${command}`);
  expect(stdout).toContain('¥12.34');
  expect(stdout).not.toContain('\u001b');
  expect(readdirSync(tmp)).toEqual([]);
  expect(readdirSync(home.dir)).toEqual(['tmp']);
});

test('the demo is one JSON document when asked, with every step passed', async () => {
  const { code, stdout } = await home.run(['demo', '--json'], { env: { TMPDIR: tmp } });
  expect(code).toBe(0);
  const report = JSON.parse(stdout) as { passed: boolean; steps: { passed: boolean; command: string }[] };
  expect(report.passed).toBe(true);
  expect(report.steps.length).toBeGreaterThanOrEqual(9);
  for (const step of report.steps) expect(step).toMatchObject({ passed: true });
});

test('the demo takes nothing from the merchant that is set up, and speaks Chinese', async () => {
  const live = {
    WXPAY_MCHID: '1900000009',
    WXPAY_BASE_URL: 'https://api.mch.weixin.qq.com',
    WXPAY_SUB_MCHID: '1900000010',
  };
  const proxy = { HTTPS_PROXY: 'http://127.0.0.1:1', HTTP_PROXY: 'http://127.0.0.1:1' };
  const { code, stdout } = await home.run(['demo', '--lang', 'zh-CN'], { env: { ...live, ...proxy, TMPDIR: tmp } });
  expect(code).toBe(0);
  expect(stdout).toMatch(/[\u4e00-\u9fff]/);
  expect(stdout).not.toContain('1900000009');
});

test('the demo fails in one message where it cannot work', async () => {
  const { code, stdout, stderr } = await home.run(['demo', '--json'], { env: { TMPDIR: join(tmp, 'none') } });
  expect(code).toBe(3);
  expect(stdout).toBe('');
  expect(stderr).not.toContain('    at ');
});

test('"npm run demo" builds and runs it', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    scripts: Record<string, string>;
  };
  expect(scripts['demo']).toBe('npm run --silent build && node bin/wxpay.js demo');
});
