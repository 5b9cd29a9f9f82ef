/** The profile commands through the built binary. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { binary, errorOf, makeHome, type Home, type RunOptions, type RunResult } from '../../../helpers/cli.ts';
import { makeMerchantFiles, type MerchantFiles } from '../../../helpers/merchant-files.ts';

let root: string;
let shop: MerchantFiles;
let other: MerchantFiles;
let emulated: MerchantFiles;
let home: Home;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'wxpay-profile-'));
  shop = makeMerchantFiles(join(root, 'shop'));
  other = makeMerchantFiles(join(root, 'other'), { mchid: '1900000002', passphrase: 'changed-passphrase' });
  emulated = makeMerchantFiles(join(root, 'emulated'), { organisation: 'wxpay EMULATOR' });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  home = makeHome();
});
afterEach(() => home.remove());

const v3 = 'CANARYv3CANARYv3CANARYv3CANARYv3';
const profiles = (): string => join(home.dir, '.config', 'wxpay', 'profiles');
const stored = (name: string): Record<string, string> =>
  JSON.parse(readFileSync(join(profiles(), `${name}.json`), 'utf8')) as Record<string, string>;
const json = (result: RunResult): Record<string, unknown> => JSON.parse(result.stdout) as Record<string, unknown>;
const profile = (argv: readonly string[], options?: RunOptions): Promise<RunResult> =>
  home.run(['profile', ...argv], options);
const add = (name: string, more: readonly string[] = [], options?: RunOptions): Promise<RunResult> =>
  profile(
    [
      'add',
      name,
      '--mchid',
      shop.mchid,
      '--private-key-file',
      shop.keyFile,
      '--certificate-file',
      shop.certificateFile,
      ...more,
    ],
    options,
  );

describe('profile add off a terminal', () => {
  test('a PEM given as --p12-file is called by its kind, whatever its name is', async () => {
    const pem = join(home.dir, 'cert.p12');
    writeFileSync(pem, readFileSync(shop.certificateFile));
    const result = await profile(['add', 'shop', '--mchid', shop.mchid, '--p12-file', pem, '--json']);
    expect([result.code, errorOf(result)['code']]).toEqual([3, 'KEY_WRONG_KIND']);
    expect(result.stderr).toContain(pem);
    // And a .p12 is one under any name.
    const odd = join(home.dir, 'certificate.bin');
    writeFileSync(odd, readFileSync(shop.p12File));
    expect((await profile(['add', 'shop', '--mchid', shop.mchid, '--certificate-file', odd])).code).toBe(0);
  });

  test('a pair that does not match is reported with the file of the certificate', async () => {
    const pair = ['--private-key-file', shop.keyFile, '--certificate-file', other.certificateFile];
    const result = await profile(['add', 'shop', '--mchid', shop.mchid, ...pair]);
    expect([result.code, result.stderr]).toEqual([3, expect.stringContaining(other.certificateFile)]);
  });

  test('WXPAY_BASE_URL goes into the profile, and an odd appid is remarked on', async () => {
    const result = await add('shop', ['--appid', 'wxshort'], { env: { WXPAY_BASE_URL: 'http://127.0.0.1:18080' } });
    expect([result.code, result.stderr]).toEqual([0, expect.stringContaining('wxshort does not look like one')]);
    expect(stored('shop')['base_url']).toBe('http://127.0.0.1:18080');
    expect((await add('well', ['--appid', 'wx0123456789abcdef'])).stderr).not.toContain('look like one');
  });

  test('reads the serial from the certificate and keeps references, not keys', async () => {
    const file = join(home.dir, 'v3');
    writeFileSync(file, `${v3}\n`, { mode: 0o600 });
    const result = await add('shop', ['--api-v3-key-file', 'v3', '--appid', 'wx01'], { cwd: home.dir });
    expect([result.code, result.stderr]).toEqual([0, expect.stringContaining('Saved the profile shop')]);
    expect(stored('shop')).toEqual({
      version: 1,
      mchid: shop.mchid,
      appid: 'wx01',
      serial_no: shop.serial,
      private_key: `file:${shop.keyFile}`,
      api_v3_key: `file:${file}`,
      client_cert_file: shop.certificateFile,
    });
    expect(statSync(join(profiles(), 'shop.json')).mode & 0o777).toBe(0o600);
    expect(statSync(profiles()).mode & 0o777).toBe(0o700);
  });

  test('takes key, certificate and serial out of a p12, whose passphrase is the merchant number or comes by file', async () => {
    const result = await profile(['add', 'shop', '--mchid', shop.mchid, '--p12-file', shop.p12File]);
    expect([result.code, stored('shop')['serial_no'], stored('shop')['private_key']]).toEqual([
      0,
      shop.serial,
      undefined,
    ]);
    const changed = ['add', 'other', '--mchid', other.mchid, '--p12-file', other.p12File];
    expect(errorOf(await profile([...changed, '--json']))['code']).toBe('P12_PASSPHRASE_WRONG');
    const input = 'changed-passphrase\n';
    expect((await profile([...changed, '--p12-passphrase-stdin'], { input })).code).toBe(0);
    expect(stored('other')).toMatchObject({ serial_no: other.serial, client_cert_passphrase: 'changed-passphrase' });
  });

  test('reads a secret from standard input, without its final line end', async () => {
    expect((await add('shop', ['--api-v3-key-stdin'], { input: `${v3}\r\n` })).code).toBe(0);
    expect(stored('shop')['api_v3_key']).toBe(v3);
  });

  test('keeps a reference; a variable that is not set here is said, not refused', async () => {
    const result = await add('shop', ['--api-v3-key-ref', 'env:SHOP_V3']);
    expect([result.code, stored('shop')['api_v3_key']]).toEqual([0, 'env:SHOP_V3']);
    expect(result.stderr).toContain('env:SHOP_V3');
  });

  test('the variables of CI supply what flags leave out; secrets become references to them', async () => {
    const env = {
      WXPAY_PROFILE: 'ci',
      WXPAY_MCHID: shop.mchid,
      WXPAY_SERIAL_NO: shop.serial.toLowerCase(),
      WXPAY_PRIVATE_KEY: shop.keyPem,
      WXPAY_API_V3_KEY: v3,
    };
    expect((await profile(['add'], { env })).code).toBe(0);
    expect(stored('ci')).toEqual({
      version: 1,
      mchid: shop.mchid,
      serial_no: shop.serial,
      private_key: 'env:WXPAY_PRIVATE_KEY',
      api_v3_key: 'env:WXPAY_API_V3_KEY',
    });
  });

  test.each([
    ['the name', [], 'name', 'WXPAY_PROFILE'],
    ['the merchant number', ['shop'], '--mchid', 'WXPAY_MCHID'],
    ['the key', ['shop', '--mchid', '1900000001'], '--private-key-file', 'WXPAY_PRIVATE_KEY_FILE'],
  ])('I2: without %s it ends at once with exit 2, naming flag and variable', async (_, argv, flag, variable) => {
    const result = await profile(['add', ...argv]);
    expect([result.code, result.stdout]).toEqual([2, '']);
    expect(result.stderr).toContain(flag);
    expect(result.stderr).toContain(variable);
    expect(existsSync(profiles())).toBe(false);
  });

  test('I2: an open silent stdin does not hold it', async () => {
    const argv = ['profile', 'add', 'shop', '--mchid', shop.mchid, '--private-key-file', shop.keyFile];
    const child = spawn(process.execPath, [binary, ...argv], { env: home.env, stdio: ['pipe', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect([code, stderr]).toEqual([2, expect.stringContaining('--serial-no')]);
  });

  test.each([
    ['a foreign certificate', () => ['--certificate-file', other.certificateFile], 3, 'KEY_CERTIFICATE_MISMATCH'],
    ['a foreign serial', () => ['--serial-no', '1'.repeat(40)], 3, 'PROFILE_INVALID'],
    ['an APIv3 key of 31 bytes', () => ['--api-v3-key-file', short()], 3, 'API_V3_KEY_LENGTH'],
    ['a certificate as key', () => ['--private-key-file', shop.certificateFile], 3, 'KEY_WRONG_KIND'],
    [
      'a private key as public key',
      () => ['--public-key-id', 'PUB_KEY_ID_01', '--public-key-file', shop.keyFile],
      3,
      'KEY_WRONG_KIND',
    ],
    ['a public key without id', () => ['--public-key-file', shop.publicKeyFile], 2, 'INPUT_MISSING'],
    ['a bad merchant number', () => ['--mchid', '123'], 2, 'INPUT_INVALID'],
    ['a foreign host', () => ['--base-url', 'https://evil.example'], 2, 'HOST_NOT_ALLOWED'],
    ['two ways for one secret', () => ['--api-v3-key-stdin', '--api-v3-key-ref', 'env:X'], 2, 'INPUT_INVALID'],
    ['two secrets from one stdin', () => ['--api-v3-key-stdin', '--api-v2-key-stdin'], 2, 'INPUT_INVALID'],
  ] as const)('refuses %s and saves nothing', async (_, more, code, error) => {
    const result = await add('shop', [...more(), '--json'], { input: `${v3}\n` });
    expect([result.code, errorOf(result)['code'], result.stdout]).toEqual([code, error, '']);
    expect(existsSync(profiles())).toBe(false);
  });

  test('F6: refuses a name that is a path, and writes nowhere', async () => {
    const result = await add('../../evil', ['--json']);
    expect([result.code, errorOf(result)['code']]).toEqual([2, 'INPUT_INVALID']);
    expect(readdirSync(home.dir)).toEqual([]);
  });

  function short(): string {
    const file = join(home.dir, 'short');
    writeFileSync(file, v3.slice(1), { mode: 0o600 });
    return file;
  }

  test('I5: an emulator certificate is refused on the live host, and welcome on loopback', async () => {
    const argv = [
      'add',
      'local',
      '--mchid',
      emulated.mchid,
      '--private-key-file',
      emulated.keyFile,
      '--certificate-file',
      emulated.certificateFile,
    ];
    expect(errorOf(await profile([...argv, '--json']))['code']).toBe('EMULATOR_KEY_ON_LIVE');
    const result = await profile([...argv, '--base-url', 'http://127.0.0.1:8080', '--json']);
    expect([result.code, json(result)['live']]).toEqual([0, false]);
  });

  test('does not replace a profile without --force', async () => {
    await add('shop');
    const again = await add('shop', ['--json']);
    expect([again.code, errorOf(again)['code']]).toEqual([3, 'PROFILE_EXISTS']);
    expect((await add('shop', ['--force', '--appid', 'wx02'])).code).toBe(0);
    expect(stored('shop')['appid']).toBe('wx02');
  });

  test('--dry-run checks everything and saves nothing', async () => {
    const result = await add('shop', ['--dry-run']);
    expect([result.code, existsSync(profiles())]).toEqual([0, false]);
  });

  test('E6: a key that others may read is warned about once, with the way to mend it', async () => {
    const file = join(home.dir, 'loose.pem');
    writeFileSync(file, shop.keyPem);
    chmodSync(file, 0o644);
    const { stderr } = await add('shop', ['--private-key-file', file]);
    expect(stderr.split('\n').filter((line) => line.includes('chmod 600'))).toHaveLength(1);
  });
});

describe('E1: secrets on the command line', () => {
  test.each([
    ['--api-v3-key=CANARY'],
    ['--api-v3-key', 'CANARY'],
    ['--api-v2-key=CANARY'],
    ['--private-key=CANARY'],
    ['--p12-passphrase', 'CANARY'],
    ['--api-v3-key-ref', 'CANARY'],
  ])('%s %s is refused, and not repeated', async (...words) => {
    const result = await profile([
      'add',
      'shop',
      '--mchid',
      shop.mchid,
      ...words.filter((word) => word !== undefined),
      '--json',
    ]);
    expect([result.code, errorOf(result)['code']]).toEqual([2, 'SECRET_IN_ARGV']);
    expect(result.stdout + result.stderr).not.toContain('CANARY');
  });

  test('on a command that knows no such option the value is not repeated either', async () => {
    const result = await home.run(['order', 'query', 'X1234567', '--api-v3-key=CANARY', '--debug']);
    expect([result.code, (result.stdout + result.stderr).includes('CANARY')]).toEqual([2, false]);
  });
});

describe('profile show', () => {
  test('E2: shows no secret in any format, whatever the place it is kept in', async () => {
    const canary = 'CANARYv2CANARYv2CANARYv2CANARYv2';
    await add('shop', ['--api-v3-key-stdin', '--api-v2-key-ref', 'env:SHOP_V2'], { input: v3 });
    const inner = shop.keyPem.split('\n')[3] ?? '';
    writeFileSync(
      join(profiles(), 'inline.json'),
      JSON.stringify({ ...stored('shop'), private_key: shop.keyPem, client_cert_passphrase: 'CANARYpassphrase' }),
    );
    const env = { SHOP_V2: canary, WXPAY_API_V3_KEY: v3.toLowerCase() };
    const secrets = [v3, v3.toLowerCase(), canary, inner, 'CANARYpassphrase'];
    const forms = secrets.flatMap((secret) => [
      secret,
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      Buffer.from(secret).toString('hex'),
    ]);
    for (const name of ['shop', 'inline'])
      for (const argv of [
        [],
        ['-o', 'json'],
        ['-o', 'csv'],
        ['-o', 'ndjson'],
        ['--debug', '--verbose'],
        ['--query', '@'],
      ]) {
        const result = await profile(['show', name, ...argv], { env: { ...env, NODE_DEBUG: '*' } });
        expect(result.code).toBe(0);
        for (const form of forms) expect(result.stdout + result.stderr).not.toContain(form);
      }
  });

  test('names the source of every value and what it hides', async () => {
    await add('shop', ['--api-v3-key-stdin', '--use'], { input: v3 });
    const result = await profile(['show', '--json', '--base-url', 'http://127.0.0.1:1'], {
      env: { WXPAY_APPID: 'wx09', WXPAY_BASE_URL: 'http://127.0.0.1:2' },
    });
    expect(json(result)).toMatchObject({
      name: 'shop',
      current: true,
      live: false,
      values: {
        mchid: { value: shop.mchid, source: 'profile', origin: 'shop' },
        appid: { value: 'wx09', source: 'env', origin: 'WXPAY_APPID' },
        private_key: { value: null, secret: true, reference: `file:${shop.keyFile}` },
        api_v3_key: { value: null, secret: true, reference: null },
        base_url: { value: 'http://127.0.0.1:1', source: 'flag', origin: '--base-url' },
      },
      shadowed: [{ field: 'base_url', used: '--base-url', ignored: 'WXPAY_BASE_URL' }],
      certificate: { serial_no: shop.serial },
      problems: [],
    });
    const table = await profile(['show'], { env: { WXPAY_MCHID: '1900000009' } });
    expect(table.stdout).toContain(`[set: file:${shop.keyFile}]`);
    expect(table.stdout).toContain('mchid: WXPAY_MCHID is used, shop is ignored.');
  });

  test('F7: works from variables alone where the home cannot be written, and creates nothing', async () => {
    const result = await profile(['show', '--json'], {
      env: {
        HOME: '/dev/null/home',
        WXPAY_MCHID: shop.mchid,
        WXPAY_PRIVATE_KEY: shop.keyPem,
        WXPAY_SERIAL_NO: shop.serial,
      },
    });
    expect([result.code, json(result)['name'], json(result)['problems']]).toEqual([0, null, []]);
    const refused = await add('shop', ['--json'], { env: { HOME: '/dev/null/home' } });
    expect([refused.code, errorOf(refused)['code']]).toEqual([3, 'FILE_UNWRITABLE']);
  });

  test('without any profile it is exit 3 and says how to begin', async () => {
    const result = await profile(['show']);
    expect([result.code, result.stdout]).toEqual([3, '']);
    expect(result.stderr).toContain('wxpay profile add');
    expect(readdirSync(home.dir)).toEqual([]);
  });
});

describe('profile list, use and remove', () => {
  test('the current one is marked, and every name that list prints is taken by the others', async () => {
    for (const name of ['a', 'B-2', '0']) await add(name);
    await profile(['use', 'B-2']);
    const list = JSON.parse((await profile(['list', '--json'])).stdout) as { name: string; current: boolean }[];
    expect(list.map(({ name, current }) => [name, current])).toEqual([
      ['0', false],
      ['B-2', true],
      ['a', false],
    ]);
    for (const { name } of list) {
      expect((await profile(['show', name])).code).toBe(0);
      expect((await profile(['use', name])).code).toBe(0);
      expect((await profile(['remove', name, '--yes'])).code).toBe(0);
    }
    const empty = await profile(['list']);
    expect([empty.code, empty.stdout]).toEqual([0, expect.stringContaining('wxpay profile add')]);
    expect((await profile(['list', '--json'])).stdout).toBe('[]\n');
  });

  test('F5: a broken file hides no other profile, is kept aside and named, and show is exit 3', async () => {
    await add('good');
    mkdirSync(profiles(), { recursive: true });
    writeFileSync(join(profiles(), 'bad.json'), '{"version":1,');
    const kept = join(profiles(), 'bad.json.broken-1');
    for (let round = 0; round < 2; round++) {
      const list = JSON.parse((await profile(['list', '--json'])).stdout) as {
        name: string;
        error: { code: string } | null;
      }[];
      expect(list.map(({ name, error }) => [name, error?.code])).toEqual([
        ['bad', 'PROFILE_FILE_BROKEN'],
        ['good', undefined],
      ]);
    }
    const show = await profile(['show', 'bad']);
    expect([show.code, show.stderr]).toEqual([3, expect.stringContaining(kept)]);
    expect(readFileSync(kept, 'utf8')).toBe('{"version":1,');
  });

  test.each(['', 'y\n', 'yes\n'])('I3: remove with %j on a pipe is exit 10 and removes nothing', async (input) => {
    await add('shop');
    const result = await profile(['remove', 'shop', '--json'], { input });
    expect([result.code, errorOf(result)['code']]).toEqual([10, 'REMOVAL_UNCONFIRMED']);
    expect(existsSync(join(profiles(), 'shop.json'))).toBe(true);
  });

  test('unknown names are exit 3', async () => {
    for (const argv of [
      ['use', 'x'],
      ['remove', 'x', '--yes'],
      ['show', 'x'],
    ])
      expect((await profile(argv)).code).toBe(3);
  });
});
