/** `emulator run`: programs that know WeChat Pay's hosts and nothing of an emulator, through the built binary. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binary, errorOf, makeHome, type Home, type RunOptions, type RunResult } from '../helpers/cli.ts';

const app = (name: string): string => fileURLToPath(new URL(`./apps/${name}`, import.meta.url));
const node = process.execPath;
const url = 'https://api.mch.weixin.qq.com/v3/certificates';

let home: Home;
let temporary: string;
beforeAll(async () => {
  home = makeHome();
  temporary = join(home.dir, 'tmp');
  mkdirSync(temporary);
  // The first run makes the keys; the others find them.
  expect(await run(['sh', '-c', 'true'])).toMatchObject({ code: 0 });
});
afterAll(() => home.remove());

async function run(
  command: readonly string[],
  options: RunOptions & { flags?: readonly string[] } = {},
): Promise<RunResult> {
  const flags = ['--dir', join(home.dir, 'emulator'), ...(options.flags ?? [])];
  const env = { TMPDIR: temporary, ...options.env };
  return home.run(['emulator', 'run', ...flags, '--', ...command], { timeout: 60_000, ...options, env });
}

const said = (result: RunResult): unknown => {
  expect(result).toMatchObject({ code: 0 });
  return JSON.parse(result.stdout);
};
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const curl = (...flags: string[]): string[] => ['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', ...flags, url];

describe('programs that are not changed', () => {
  test('a Node.js app orders, is paid, hears the callback on this machine and asks, by https and fetch', async () => {
    const result = await run([node, app('life.cjs'), binary]);
    expect(said(result)).toEqual({ order: 200, called: true, state: 'SUCCESS' });
  });

  test.skipIf(!hasCurl)('whatever a Node.js program connects with ends at the emulator', async () => {
    const unsigned = '400 ';
    const result = said(await run([node, app('clients.mjs')])) as Record<string, string>;
    expect(result).toMatchObject({
      'https.get, by name': expect.stringMatching(/^40[01]/),
      'https with an agent of its own': expect.stringMatching(/^40[01]/),
      'a URL with a port': expect.stringMatching(/^40[01]/),
      fetch: expect.stringMatching(/^40[01]/),
      tls: expect.stringMatching(/^40[01]/),
      'http2, which WeChat Pay does not speak': expect.not.stringMatching(/ENOTFOUND|EAI_AGAIN|connected/),
      'a worker': expect.stringMatching(/^40[01]/),
      'a client certificate': expect.not.stringContaining('SSL certificate'),
      'no client certificate': `${unsigned}400 No required SSL certificate was sent`,
      'a proxy spoken to in the clear': expect.stringMatching(/^40[01]/),
      'the same with a client certificate': expect.not.stringContaining('SSL certificate'),
      'curl below Node.js': expect.stringMatching(/^40[01]/),
      'another host': expect.stringContaining('Refused: HTTPS to example.com'),
      'another host of WeChat Pay': expect.stringContaining('Refused: HTTPS to apihk.mch.weixin.qq.com'),
    });
  });

  test.skipIf(!hasCurl)('curl, whose certificate check is on', async () => {
    expect(await run(curl())).toMatchObject({ code: 0, stdout: '401' });
  });

  test
    .skipIf(!hasCurl)
    .each([
      [{ NO_PROXY: '*' }],
      [{ no_proxy: '.qq.com,example.test', NO_PROXY: 'weixin.qq.com' }],
      [{ NO_PROXY: 'api.mch.weixin.qq.com:443' }],
      [{ HTTPS_PROXY: 'http://127.0.0.1:9', https_proxy: 'http://127.0.0.1:9', ALL_PROXY: 'http://127.0.0.1:9' }],
      [{ CURL_CA_BUNDLE: '/nowhere.pem', SSL_CERT_FILE: '/nowhere.pem' }],
    ])('%j of the surroundings leads nobody past it', async (env) => {
    expect(await run(curl(), { env })).toMatchObject({ code: 0, stdout: '401' });
  });

  test('Python, by urllib and, where it is, by requests', async () => {
    if (spawnSync('python3', ['--version']).status !== 0) {
      process.stderr.write('emulator run with Python: skipped, there is no python3 here\n');
      return;
    }
    const result = said(await run(['python3', app('clients.py')])) as { urllib: number; requests: number | null };
    expect(result.urllib).toBe(401);
    if (result.requests === null)
      process.stderr.write('emulator run with requests: skipped, it is not installed here\n');
    else expect(result.requests).toBe(401);
  });

  test.skipIf(!hasCurl)('other hosts are refused, once and aloud, with the way out', async () => {
    const twice = 'curl -sS https://example.com/ ; curl -sS https://example.com/';
    const result = await run(['sh', '-c', twice]);
    expect(result.code).toBe(56);
    expect(result.stderr.match(/Refused: HTTPS to example\.com\. "--others pass"/g)).toHaveLength(1);
    const live = await run(['curl', '-sS', 'https://apihk.mch.weixin.qq.com/'], { flags: ['--others', 'pass'] });
    expect(live).toMatchObject({ code: 56 });
  });
});

describe('what surrounds the program', () => {
  test.each([
    ['exit 0', 0],
    ['exit 42', 42],
    ['kill -TERM $$', 143],
    ['kill -KILL $$', 137],
  ])('%s: its exit code is ours', async (script, code) => {
    expect(await run(['sh', '-c', script])).toMatchObject({ code, stdout: '' });
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s is passed on, and the program has the last word',
    async (signal) => {
      const script = `process.on('${signal}', () => setTimeout(() => { console.log('put away'); process.exit(7); }, 500)); setInterval(() => {}, 1000); console.log('ready');`;
      const flags = ['--dir', join(home.dir, 'emulator')];
      const child = home.spawn(['emulator', 'run', ...flags, '--', node, '-e', script], {
        env: { TMPDIR: temporary },
        timeout: 60_000,
      });
      child.stdout.on('data', (chunk: Buffer) => chunk.toString().includes('ready') && child.kill(signal));
      const result = await child;
      expect(result).toMatchObject({ exitCode: 7, stdout: 'ready\nput away\n' });
      expect(existsSync(join(home.dir, 'emulator', 'emulator.json'))).toBe(false);
    },
  );

  test("the answer is the program's own: standard input and output are passed through as they are", async () => {
    const result = await run(['cat'], { input: '\u0000\u001b[31m微信' });
    expect(result).toMatchObject({ code: 0, stdout: '\u0000\u001b[31m微信' });
  });

  test('a program that does not exist is our error, in both languages', async () => {
    const result = await home.run(['emulator', 'run', '--json', '--', 'no-such-program'], {
      env: { TMPDIR: temporary },
    });
    expect([result.code, errorOf(result)['code']]).toEqual([2, 'INPUT_INVALID']);
    const chinese = await run(['no-such-program'], { env: { WXPAY_LANG: 'zh-CN' } });
    expect(chinese.code).toBe(2);
    expect(chinese.stderr).toContain('没有程序 no-such-program');
    expect((await home.run(['emulator', 'run'])).code).toBe(2);
  });

  test("a live merchant's variables do not reach it, the emulator's do", async () => {
    const live = {
      WXPAY_PRIVATE_KEY: 'LIVE',
      WXPAY_PROFILE: 'live',
      WXPAY_SUB_MCHID: '1',
      WXPAY_API_V3_KEY: 'LIVE',
      WXPAY_NOTIFY_URL: 'http://127.0.0.1:3000/n',
    };
    const result = await run([node, '-p', 'JSON.stringify(process.env)'], { env: live });
    const env = said(result) as Record<string, string>;
    expect(env).toMatchObject({ WXPAY_MCHID: '1900000001', WXPAY_NOTIFY_URL: 'http://127.0.0.1:3000/n' });
    expect(env['WXPAY_BASE_URL']).toMatch(/^https:\/\/127\.0\.0\.1:/);
    expect(env['WXPAY_EMULATOR_DIR']).toBe(join(home.dir, 'emulator'));
    expect(JSON.stringify(env)).not.toContain('LIVE');
    for (const name of ['WXPAY_PROFILE', 'WXPAY_SUB_MCHID', 'WXPAY_PRIVATE_KEY']) expect(env).not.toHaveProperty(name);
  });

  test('wxpay itself runs in it, doctor included', async () => {
    const result = await run([node, binary, 'doctor', '--json']);
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout)).not.toMatchObject({ verdict: 'failed' });
  });

  test('nothing is left among the temporary files, and what a killed run left is put away', async () => {
    const left = join(temporary, 'wxpay-run-4194303-aB3dE6');
    mkdirSync(left);
    writeFileSync(join(left, 'ca-bundle.pem'), 'x');
    expect((await home.run(['emulator', 'run', '--', 'sh', '-c', 'true'], { env: { TMPDIR: temporary } })).code).toBe(
      0,
    );
    expect(readdirSync(temporary)).toEqual([]);
  });
});
