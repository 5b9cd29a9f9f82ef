/** encrypt and decrypt against an emulator, which has the other half of every key. */
import { constants, privateDecrypt, publicEncrypt, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../../helpers/cli.ts';
import { startLocal, type Local } from '../../helpers/local.ts';
import { runInProcess } from '../../helpers/in-process.ts';

let local: Local;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(() => local.close());

const run = (argv: readonly string[], input?: string | Buffer, env: Record<string, string> = {}): Promise<RunResult> =>
  runInProcess(argv, {
    env: { ...local.home.env, ...local.env, ...env },
    cwd: local.home.dir,
    ...(input === undefined ? {} : { input }),
  });
const publicKeyEnv = (): Record<string, string> => ({
  WXPAY_PUBLIC_KEY_ID: local.info.public_key_id ?? '',
  WXPAY_PUBLIC_KEY_FILE: local.info.public_key_file ?? '',
});
const platformKey = (name: string): string => readFileSync(join(local.home.dir, 'emulator', 'platform', name), 'utf8');
const opened = (ciphertext: string, key: string): string =>
  privateDecrypt(
    { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
    Buffer.from(ciphertext, 'base64'),
  ).toString();

describe('encrypt', () => {
  test('fetches the platform certificate where none is at hand, and names it for the header', async () => {
    const result = await run(['encrypt', '--json'], '张三\n');
    expect(result.code, result.stderr).toBe(0);
    const data = JSON.parse(result.stdout) as { ciphertext: string; wechatpay_serial: string };
    expect(data.wechatpay_serial).toBe(local.info.platform_serial_no);
    expect(data.ciphertext).toHaveLength(344);
    expect(opened(data.ciphertext, platformKey('platform_key.pem'))).toBe('张三');
  });

  test('prefers the WeChat Pay public key, and takes any other by its serial', async () => {
    const preferred = JSON.parse((await run(['encrypt', '--json'], 'a', publicKeyEnv())).stdout) as {
      ciphertext: string;
      wechatpay_serial: string;
    };
    expect(preferred.wechatpay_serial).toBe(local.info.public_key_id);
    expect(opened(preferred.ciphertext, platformKey('pub_key_private.pem'))).toBe('a');
    const serial = (local.info.platform_serial_no ?? '').toLowerCase();
    const named = await run(['encrypt', '--serial', serial, '--json'], 'a', publicKeyEnv());
    expect(JSON.parse(named.stdout)).toMatchObject({ wechatpay_serial: local.info.platform_serial_no });
  });

  test('reads a file without its BOM and its one final line end', async () => {
    writeFileSync(join(local.home.dir, 'name.txt'), '\u{feff}a b\n\r\n');
    const { stdout } = await run(['encrypt', '@name.txt', '--quiet']);
    expect(opened(stdout.trim(), platformKey('platform_key.pem'))).toBe('a b\n');
  });

  test('E1: refuses a plaintext on the command line without repeating it', async () => {
    const result = await run(['encrypt', '622202CANARY', '--json']);
    expect([result.code, result.stdout]).toEqual([2, '']);
    expect(errorOf(result)).toMatchObject({ code: 'SECRET_IN_ARGV' });
    expect(result.stderr).not.toContain('CANARY');
  });

  test.each([
    ['nothing', '', 'INPUT_INVALID'],
    ['more than 214 bytes', 'x'.repeat(215), 'INPUT_INVALID'],
    ['what is not UTF-8', Buffer.from([0xb2, 0xe2]), 'INPUT_INVALID'],
  ])('refuses %s', async (_, input, code) => {
    const result = await run(['encrypt', '--json'], input);
    expect([result.code, errorOf(result)['code']]).toEqual([2, code]);
  });

  test('takes exactly 214 bytes', async () => {
    expect(await run(['encrypt'], 'x'.repeat(214))).toMatchObject({ code: 0 });
  });

  test('a key that nobody knows is not found, and a dry run fetches nothing for it', async () => {
    const env = { WXPAY_BASE_URL: 'http://127.0.0.1:9' };
    const unknown = await run(['encrypt', '--serial', 'PUB_KEY_ID_77', '--json'], 'a', env);
    expect([unknown.code, errorOf(unknown)['code']]).toEqual([5, 'NOT_FOUND']);
    const dry = await run(['encrypt', '--dry-run', '--json'], 'a', env);
    expect(dry.code).toBe(5);
    expect(errorOf(dry)).toMatchObject({ code: 'NOT_FOUND', next: 'wxpay certs download' });
  });

  test('makes a callback resource that decrypt takes back', async () => {
    const made = await run(['encrypt', '--resource-type', 'refund', '--json'], '{"out_refund_no":"R1"}');
    expect(JSON.parse(made.stdout)).toMatchObject({ original_type: 'refund', associated_data: 'refund' });
    const back = await run(['decrypt', '--json'], made.stdout);
    expect(JSON.parse(back.stdout)).toEqual({
      event_type: null,
      original_type: 'refund',
      plaintext: '{"out_refund_no":"R1"}',
      resource: { out_refund_no: 'R1' },
    });
  });
});

describe('decrypt', () => {
  test('of nothing is a value that is missing, and no wrong key', async () => {
    for (const input of ['', '\r\n']) {
      const result = await run(['decrypt', '--json'], input);
      expect([result.code, errorOf(result)['code']]).toEqual([2, 'INPUT_MISSING']);
    }
  });

  test('opens a field that was encrypted with the merchant certificate, folded lines and all', async () => {
    const key = new X509Certificate(readFileSync(local.info.certificate_file)).publicKey;
    const ciphertext = publicEncrypt(
      { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      Buffer.from('622202\u001b[2J'),
    ).toString('base64');
    const json = await run(['decrypt', ciphertext, '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ plaintext: '622202\u001b[2J' });
    // A1: what was decrypted is data for the terminal as well.
    const text = await run(['decrypt'], (ciphertext.match(/.{1,64}/g) ?? []).join('\r\n'));
    expect([text.code, text.stdout]).toEqual([0, '622202\\x1b[2J\n']);
  });

  test('opens the resource of a whole callback, and says that nobody verified it', async () => {
    const body = readFileSync(new URL('../../vectors/derived-callback-transaction-success.body.json', import.meta.url));
    const apiv3 = vectorKey();
    const result = await run(['decrypt', '--resource', '-', '--json'], body, { WXPAY_API_V3_KEY: apiv3 });
    expect(result.code, result.stderr).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({
      event_type: 'TRANSACTION.SUCCESS',
      original_type: 'transaction',
    });
    expect(result.stderr).toContain('verify-callback');
  });

  test.each([
    ['a ciphertext for another key', ['decrypt', Buffer.alloc(256, 7).toString('base64')], 6, 'DECRYPT_FAILED'],
    ['no base64', ['decrypt', '%%%'], 6, 'DECRYPT_FAILED'],
    ['a document without a resource', ['decrypt', '{"id":"1"}'], 6, 'CALLBACK_MALFORMED'],
    ['no JSON', ['decrypt', '--resource', 'hello'], 6, 'CALLBACK_MALFORMED'],
    ['two inputs', ['decrypt', 'AAAA', '--resource', '{}'], 2, 'USAGE'],
    ['a missing file', ['decrypt', '@nowhere'], 2, 'INPUT_UNREADABLE'],
  ])('refuses %s', async (_, argv, code, name) => {
    const result = await run([...argv, '--json']);
    expect([result.code, result.stdout, errorOf(result)['code']]).toEqual([code, '', name]);
  });

  test('C9: another APIv3 key opens nothing', async () => {
    const made = await run(['encrypt', '--resource-type', 'transaction'], '{}');
    const result = await run(['decrypt', '--json'], made.stdout, { WXPAY_API_V3_KEY: 'x'.repeat(32) });
    expect([result.code, errorOf(result)['code']]).toEqual([6, 'DECRYPT_FAILED']);
  });
});

function vectorKey(): string {
  const { vectors } = JSON.parse(readFileSync(new URL('../../vectors/vectors.json', import.meta.url), 'utf8')) as {
    vectors: readonly { id: string; apiv3_key?: string }[];
  };
  return vectors.find(({ id }) => id === 'derived-callback-transaction-success')?.apiv3_key ?? '';
}
