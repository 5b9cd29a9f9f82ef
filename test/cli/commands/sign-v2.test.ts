/** `wxpay sign --v2` over the whole program, offline. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../../helpers/cli.ts';
import { runInProcess } from '../../helpers/in-process.ts';

const dir = mkdtempSync(join(tmpdir(), 'wxpay-sign-v2-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const key = '192006250b4c09247ec02edce69f6a2d';
const env = {
  HOME: dir,
  WXPAY_CONFIG_DIR: join(dir, 'config'),
  WXPAY_CACHE_DIR: join(dir, 'cache'),
  WXPAY_MCHID: '10000100',
  WXPAY_APPID: 'wxd930ea5d5a258f4f',
  WXPAY_API_V2_KEY: key,
};
const run = (
  argv: readonly string[],
  more: { input?: string; env?: Record<string, string> } = {},
): Promise<RunResult> =>
  runInProcess(['sign', '--v2', ...argv], {
    env: { ...env, ...more.env },
    cwd: dir,
    ...(more.input === undefined ? {} : { input: more.input }),
  });
const json = async (argv: readonly string[], more = {}): Promise<Record<string, unknown>> => {
  const { stdout, code } = await run([...argv, '--json'], more);
  return { ...(JSON.parse(stdout) as Record<string, unknown>), code };
};

/** The request whose signatures the documentation prints. */
const documented = [
  '-f',
  'appid=wxd930ea5d5a258f4f',
  '-f',
  'body=test',
  '-f',
  'device_info=1000',
  '-f',
  'nonce_str=ibuaiVcKdpRxkhJA',
];
const md5 = '9A0A8659F005D6984697E2CA0A9CF3B7';

describe('wxpay sign --v2', () => {
  test('makes the documented MD5 signature, mch_id filled in from the profile', async () => {
    expect(await json([...documented, '--sign-type', 'md5'])).toMatchObject({ sign: md5, sign_type: 'MD5', code: 0 });
  });

  test('signs with HMAC-SHA256 by default, names it in sign_type, and signs that too', async () => {
    const { sign, xml } = await json(documented);
    expect(sign).toMatch(/^[0-9A-F]{64}$/);
    expect(xml).toContain('<sign_type><![CDATA[HMAC-SHA256]]></sign_type>');
    expect(xml).toContain(`<sign><![CDATA[${String(sign)}]]></sign>`);
  });

  test('reads XML and JSON alike: numbers and objects become the text that is signed', async () => {
    const scene = { store_info: { id: '1' } };
    writeFileSync(
      join(dir, 'a.json'),
      JSON.stringify({ body: '中杯', total_fee: 1, scene_info: scene, nonce_str: 'n' }),
    );
    const text = JSON.stringify(scene);
    writeFileSync(
      join(dir, 'a.xml'),
      `<xml><body>中杯</body><total_fee>1</total_fee><scene_info><![CDATA[${text}]]></scene_info><nonce_str>n</nonce_str></xml>`,
    );
    const fromJson = await json(['--data', '@a.json']);
    const fromXml = await json(['--data', '@a.xml']);
    const piped = await json(['--data', '-'], { input: readFileSync(join(dir, 'a.xml'), 'utf8') });
    expect(fromXml['sign']).toBe(fromJson['sign']);
    expect(piped['sign']).toBe(fromJson['sign']);
  });

  test('--explain shows every signed field, and the key nowhere', async () => {
    const { stdout, stderr } = await run([...documented, '--explain']);
    expect(stdout).toContain('& body=test');
    expect(stdout).toContain('& key=[redacted]');
    expect(stdout + stderr).not.toContain(key);
    const document = await json([...documented, '--explain']);
    expect(document['message']).toMatch(/^appid=.*&sign_type=HMAC-SHA256&key=\[redacted\]$/);
  });

  test('checks a request that carries a sign', async () => {
    const complete = [...documented, '-f', 'mch_id=10000100'];
    expect(await json([...complete, '-f', `sign=${md5}`])).toMatchObject({
      verdict: 'valid',
      sign_type: 'MD5',
      code: 0,
    });
    expect(await json([...complete, '-f', `sign=${md5.replace('9', '8')}`])).toMatchObject({
      verdict: 'invalid',
      expected: md5,
      cause: null,
      code: 6,
    });
  });

  test.each([
    ['lower_case', [`sign=${md5.toLowerCase()}`]],
    ['sign_type', ['sign=6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6']],
  ])('names the slip %s', async (cause, fields) => {
    const argv = [...documented, '-f', 'mch_id=10000100', ...fields.flatMap((field) => ['-f', field])];
    expect(await json(argv)).toMatchObject({ verdict: 'invalid', cause, code: 6 });
  });

  test('makes client pay parameters', async () => {
    const parameters = await json(['--pay', 'app', '--prepay-id', 'wx20141027200939', '--sign-type', 'MD5']);
    expect(parameters).toMatchObject({ partnerid: '10000100', package: 'Sign=WXPay', prepayid: 'wx20141027200939' });
    const jsapi = await json(['--pay', 'jsapi', '--prepay-id', 'wx20141027200939']);
    expect(jsapi).toMatchObject({ signType: 'HMAC-SHA256', package: 'prepay_id=wx20141027200939' });
    expect(jsapi['paySign']).toMatch(/^[0-9A-F]{64}$/);
  });

  test.each([
    ['a pair without =', ['-f', 'body'], 'INPUT_INVALID', 2],
    ['a field twice', ['-f', 'body=1', '-f', 'body=2'], 'INPUT_INVALID', 2],
    ['the key as a field', ['-f', `key=${key}`], 'SECRET_IN_ARGV', 2],
    ['an unknown sign type', ['-f', 'a=1', '--sign-type', 'SHA1'], 'INPUT_INVALID', 2],
    ['a carriage return', ['-f', 'a=1\r\n2'], 'INPUT_INVALID', 2],
    ['a document type', ['--data', '<!DOCTYPE xml><xml><a>1</a></xml>'], 'INPUT_INVALID', 2],
    ['a number that is not whole', ['--data', '{"total_fee":1.5}'], 'INPUT_INVALID', 2],
    ['null', ['--data', '{"a":null}'], 'INPUT_INVALID', 2],
    ['a list', ['--data', '[1]'], 'INPUT_INVALID', 2],
    ['a missing file', ['--data', '@nothing.xml'], 'INPUT_UNREADABLE', 2],
    ['a path', ['POST', '/pay/unifiedorder'], 'INPUT_INVALID', 2],
    ['--against', ['--against', 'x'], 'INPUT_INVALID', 2],
    ['a name that no element can have', ['-f', 'a b=1'], 'INPUT_INVALID', 2],
  ])('refuses %s', async (_, argv, code, exit) => {
    const result = await run([...argv, '--json']);
    expect(result).toMatchObject({ code: exit, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code });
    expect(result.stderr).not.toContain(key);
  });

  test('says which variable holds the APIv2 key where there is none', async () => {
    const { WXPAY_API_V2_KEY: _, ...without } = env;
    const result = await runInProcess(['sign', '--v2', '-f', 'a=1'], { env: without });
    expect(result.code).toBe(3);
    expect(result.stderr).toContain('WXPAY_API_V2_KEY');
  });

  test('-f and --sign-type without --v2 are refused', async () => {
    const result = await runInProcess(['sign', '-f', 'a=1'], { env });
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('--v2');
  });

  test('speaks Chinese', async () => {
    const { stderr } = await run(['-f', 'body', '--lang', 'zh-CN']);
    expect(stderr).toContain('请写成 name=value');
  });
});
