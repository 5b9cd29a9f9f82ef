import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { WxpayError } from '../../src/core/errors.ts';
import { readSecret, secretOf, type OpenKeychain, type SecretReader } from '../../src/profiles/secrets.ts';
import { expectFast, timeOf } from '../helpers/timing.ts';

const root = mkdtempSync(join(tmpdir(), 'wxpay-secrets-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(root, 'd-'));
});

const reader = (more: Partial<SecretReader> = {}): SecretReader => ({
  env: { SHOP_KEY: 'from the environment' },
  platform: process.platform,
  uid: process.getuid?.(),
  ...more,
});

async function failureOf(reference: string, more: Partial<SecretReader> = {}): Promise<WxpayError> {
  return await readSecret('api_v3_key', reference, reader(more)).then(
    () => expect.fail('nothing was thrown'),
    (error: unknown) => error as WxpayError,
  );
}

test('E2: a secret prints itself nowhere but to reveal', () => {
  const secret = secretOf('CANARY');
  const prints = [
    `a ${secret as unknown as string}`,
    String(secret),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
    Object.values(secret).join(),
    inspect(new Error('x', { cause: secret })),
  ];
  for (const print of prints) expect(print).not.toContain('CANARY');
  expect(secret.reveal()).toBe('CANARY');
});

describe('a reference', () => {
  test('env: reads a variable; an unset or empty one is an error that names it', async () => {
    expect((await readSecret('api_v3_key', 'env:SHOP_KEY', reader())).reveal()).toBe('from the environment');
    for (const env of [{}, { SHOP_KEY: '' }]) {
      const error = await failureOf('env:SHOP_KEY', { env });
      expect([error.code, error.params['reference']]).toEqual(['SECRET_UNREADABLE', 'env:SHOP_KEY']);
    }
  });

  test.each([
    ['key', 'key'],
    ['key\n', 'key'],
    ['key\r\n', 'key'],
    ['key\n\n', 'key\n'],
    [' key ', ' key '],
  ])('file: reads %j as %j: one final line end goes, nothing else', async (content, secret) => {
    const file = join(dir, 'key');
    writeFileSync(file, content, { mode: 0o600 });
    expect((await readSecret('api_v3_key', `file:${file}`, reader())).reveal()).toBe(secret);
  });

  test('anything without a scheme is the secret itself', async () => {
    expect((await readSecret('api_v3_key', 'https://x', reader())).reveal()).toBe('https://x');
  });

  test.each([
    ['absent', () => {}],
    ['a folder', (file: string) => mkdirSync(file)],
    ['too large', (file: string) => writeFileSync(file, Buffer.alloc(70_000))],
    ['not text', (file: string) => writeFileSync(file, Buffer.from([0xff, 0xfe]))],
  ])('file: %s is an error that names the file', async (_, make) => {
    const file = join(dir, 'key');
    make(file);
    const error = await failureOf(`file:${file}`);
    expect([error.code, error.params['reference']]).toEqual(['SECRET_UNREADABLE', `file:${file}`]);
  });
});

describe('E6: files of secrets', () => {
  test.each([
    [0o600, []],
    [0o400, []],
    [0o640, [0o640]],
    [0o604, [0o604]],
  ])('mode %o: whoever else may read it is reported', async (mode, reported) => {
    const file = join(dir, 'key');
    writeFileSync(file, 'key');
    chmodSync(file, mode);
    const modes: number[] = [];
    await readSecret('api_v3_key', `file:${file}`, reader({ onLooseFile: (_, mode) => modes.push(mode) }));
    expect(modes).toEqual(reported);
  });

  test.runIf(process.getuid?.() === 0)('of another user are refused, of root they are not', async () => {
    const file = join(dir, 'key');
    writeFileSync(file, 'key', { mode: 0o600 });
    expect((await readSecret('api_v3_key', `file:${file}`, reader({ uid: 4242 }))).reveal()).toBe('key');
    chownSync(file, 4243, -1);
    expect((await failureOf(`file:${file}`)).params['reason']).toBe('key:profile.reason.owner');
  });

  test('links are followed: that is how Kubernetes mounts secrets', async () => {
    writeFileSync(join(dir, 'data'), 'key', { mode: 0o600 });
    symlinkSync(join(dir, 'data'), join(dir, 'key'));
    expect((await readSecret('api_v3_key', `file:${join(dir, 'key')}`, reader())).reveal()).toBe('key');
  });
});

describe('E8: the keychain', () => {
  const answering =
    (answer: () => Promise<string | null>): OpenKeychain =>
    async () => ({ getPassword: answer });

  test('gives the entry of service wxpay', async () => {
    const asked: string[][] = [];
    const openKeychain: OpenKeychain = async (...names) => {
      asked.push(names);
      return { getPassword: async () => 'key' };
    };
    expect((await readSecret('api_v3_key', 'keychain:shop', reader({ openKeychain }))).reveal()).toBe('key');
    expect(asked).toEqual([['wxpay', 'shop']]);
  });

  test('that has no such entry says so', async () => {
    const error = await failureOf('keychain:shop', { openKeychain: answering(async () => null) });
    expect([error.code, error.params['reason']]).toEqual(['SECRET_UNREADABLE', 'key:profile.reason.keychain_entry']);
  });

  test('that fails gives one clean line, not a backtrace', async () => {
    const broken = answering(async () => {
      throw new Error("Couldn't access platform storage: AccessDenied\n   0: std::backtrace\n   1: …");
    });
    const error = await failureOf('keychain:shop', { openKeychain: broken });
    expect([error.code, error.params['reason']]).toEqual([
      'KEYCHAIN_UNAVAILABLE',
      "Couldn't access platform storage: AccessDenied",
    ]);
  });

  test('that hangs is given up after three seconds', async () => {
    const givenUp = async (): Promise<void> => {
      const error = await failureOf('keychain:shop', { openKeychain: answering(() => new Promise(() => {})) });
      const reason = 'key:profile.reason.keychain_silent';
      expect([error.code, error.params['reason']]).toEqual(['KEYCHAIN_UNAVAILABLE', reason]);
    };
    await expectFast(4_000, () => timeOf(givenUp));
  });

  test('whose package is not installed is named', async () => {
    // What Node says where the optional package could not be installed.
    const absent = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    const error = await failureOf('keychain:shop', { openKeychain: () => Promise.reject(absent) });
    expect([error.code, error.params['reason']]).toEqual([
      'KEYCHAIN_UNAVAILABLE',
      'key:profile.reason.keychain_package',
    ]);
  });
});
