/** rotate, verify, import, export and migrate, as commands, against an emulator that rotates. */
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../../../helpers/cli.ts';
import { runInProcess, shiftedClock } from '../../../helpers/in-process.ts';
import { startLocal, type Local } from '../../../helpers/local.ts';
import { makeMerchantFiles } from '../../../helpers/merchant-files.ts';

const day = 86_400_000;
let local: Local;
let home: string;
let counter = 0;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(() => local.close());
beforeEach(() => {
  counter += 1;
  home = join(local.home.dir, `home-${counter}`);
  mkdirSync(home);
});
afterEach(async () => {
  local.emulator.faults.clear();
  await local.emulator.rotate({ mode: 'mixed' });
  await local.emulator.rotate({ step: 'retire' });
});

type Env = Readonly<Record<string, string>>;
const run = (
  argv: readonly string[],
  env: Env = {},
  more: { input?: string; ahead?: number } = {},
): Promise<RunResult> =>
  runInProcess(argv, {
    env: { ...local.home.env, HOME: home, ...local.env, ...env },
    cwd: home,
    ...(more.input === undefined ? {} : { input: more.input }),
    ...(more.ahead === undefined ? {} : { clock: shiftedClock(() => more.ahead ?? 0) }),
  });
const json = async <T = Record<string, unknown>>(argv: readonly string[], env: Env = {}): Promise<T> => {
  const result = await run([...argv, '--json'], env);
  expect(result.code, result.stderr).toBe(0);
  return JSON.parse(result.stdout) as T;
};
const downloads = (): number => local.emulator.requests.filter(({ target }) => target === '/v3/certificates').length;
const publicKey = (): Env => ({
  WXPAY_PUBLIC_KEY_ID: local.info.public_key_id ?? '',
  WXPAY_PUBLIC_KEY_FILE: local.info.public_key_file ?? '',
});
const ca = (): string => join(local.home.dir, 'emulator', 'platform', 'ca_cert.pem');
const cachedSerials = async (): Promise<readonly string[]> =>
  (await json<{ serial_no: string }[]>(['certs', 'list'])).map(({ serial_no }) => serial_no);

describe('certs rotate', () => {
  test('--on-change learns files and serials from its environment, one per line, when something changed', async () => {
    const seen = join(home, 'seen');
    const hook = `printf '%s|%s|%s' "$WXPAY_ROTATED_SERIALS" "$WXPAY_ROTATED_FILES" "$WXPAY_DROPPED_SERIALS" > ${seen}`;
    const first = await json<{ added: string[] }>(['certs', 'rotate', '--out', 'c', '--on-change', hook]);
    const [serial = ''] = first.added;
    expect(readFileSync(seen, 'utf8')).toBe(`${serial}|${join(home, 'c', `wechatpay_${serial}.pem`)}|`);
    rmSync(seen);
    expect(await json(['certs', 'rotate', '--out', 'c', '--on-change', hook])).toMatchObject({
      changed: false,
      on_change: { ran: false },
    });
    expect(existsSync(seen)).toBe(false);
    await local.emulator.rotate();
    await local.emulator.rotate({ step: 'retire' });
    const second = await json<{ added: string[] }>(['certs', 'rotate', '--out', 'c', '--on-change', hook]);
    expect(readFileSync(seen, 'utf8')).toBe(
      `${second.added[0]}|${join(home, 'c', `wechatpay_${second.added[0]}.pem`)}|${serial}`,
    );
  });

  test('into another folder, with nothing new, it says so and names no serial', async () => {
    await json(['certs', 'rotate', '--out', 'first']);
    const { code, stdout } = await run(['certs', 'rotate', '--out', 'second']);
    expect(code).toBe(0);
    expect(stdout).toContain('Installed; no new serials.');
    expect(readdirSync(join(home, 'second'))).toHaveLength(1);
  });

  test('no name becomes a part of the command: a directory called like one', async () => {
    const out = '$(touch pwned); `touch pwned` && touch pwned #\n touch pwned';
    const { code, stderr } = await run([
      'certs',
      'rotate',
      '--out',
      out,
      '--on-change',
      'for f in $WXPAY_ROTATED_FILES; do echo "$f"; done',
    ]);
    expect(code, stderr).toBe(0);
    expect(existsSync(join(home, 'pwned'))).toBe(false);
    expect(readdirSync(join(home, out))).toHaveLength(1);
  });

  test('what the hook prints is conversation, made inert; stdout stays one document', async () => {
    const hook = String.raw`printf 'hello\033[2J'; printf 'oops' >&2`;
    const result = await run(['certs', 'rotate', '--on-change', hook, '--json']);
    expect(JSON.parse(result.stdout)).toMatchObject({ changed: true, on_change: { ran: true, failed: null } });
    expect(result.stderr).toContain(String.raw`hello\x1b[2J`);
    expect(result.stderr).toContain('oops');
  });

  test('a hook that fails is exit 3, and is run again next time although nothing is new', async () => {
    const hook = 'test -f ready && touch done';
    const failed = await run(['certs', 'rotate', '--on-change', hook, '--json']);
    expect([failed.code, JSON.parse(failed.stdout)]).toMatchObject([3, { on_change: { ran: true, failed: 'exit 1' } }]);
    writeFileSync(join(home, 'ready'), '');
    expect(await json(['certs', 'rotate', '--on-change', hook])).toMatchObject({
      changed: false,
      on_change: { ran: true },
    });
    expect(existsSync(join(home, 'done'))).toBe(true);
    rmSync(join(home, 'done'));
    await json(['certs', 'rotate', '--on-change', hook]);
    expect(existsSync(join(home, 'done'))).toBe(false);
  });

  test('--check only looks: exit 3 when there is something to install, 0 when not', async () => {
    const due = await run(['certs', 'rotate', '--check', '--out', 'c', '--on-change', 'touch hook', '--json']);
    expect([due.code, JSON.parse(due.stdout)]).toMatchObject([3, { changed: true }]);
    expect([existsSync(join(home, 'c')), existsSync(join(home, 'hook')), await cachedSerials()]).toEqual([
      false,
      false,
      [],
    ]);
    await json(['certs', 'rotate', '--out', 'c']);
    expect(await run(['certs', 'rotate', '--check', '--out', 'c'])).toMatchObject({ code: 0 });
  });

  test('--within asks nobody, and is exit 3 when the certificates at hand end within the time', async () => {
    await json(['certs', 'rotate']);
    const before = local.emulator.requests.length;
    expect(await run(['certs', 'rotate', '--within', '30d'])).toMatchObject({ code: 0 });
    expect(await run(['certs', 'rotate', '--within', '3000d'])).toMatchObject({ code: 3 });
    expect(local.emulator.requests).toHaveLength(before);
    // With --check it is what WeChat Pay offers that counts.
    expect(await run(['certs', 'rotate', '--within', '3000d', '--check', '--json'])).toMatchObject({ code: 3 });
    expect(local.emulator.requests.length).toBeGreaterThan(before);
  });

  test('--within with nothing at hand is exit 5, with the command that helps', async () => {
    const result = await run(['certs', 'rotate', '--within', '30d', '--json']);
    expect([result.code, errorOf(result)]).toMatchObject([5, { next: 'wxpay certs rotate' }]);
  });

  test('a public key has no end, and a merchant without certificates has nothing to rotate', async () => {
    expect(await run(['certs', 'rotate', '--within', '3000d'], publicKey())).toMatchObject({ code: 0 });
    await local.emulator.rotate({ mode: 'public-key' });
    expect(await json(['certs', 'rotate'], publicKey())).toMatchObject({ changed: false, certificates: [] });
    const without = await run(['certs', 'rotate', '--json']);
    expect([without.code, errorOf(without)['code']]).toEqual([5, 'CERTIFICATES_NONE']);
  });

  test.each([
    ['a forged answer', 'foreign', 'SIGNATURE_WRONG'],
    ['an answer of an unknown key', 'unknown-serial', 'CERTIFICATES_INVALID'],
    ['an old answer', 'stale', 'SIGNATURE_STALE'],
    ['an answer without signature', 'missing', 'SIGNATURE_MISSING'],
  ] as const)('C8: %s is refused, and nothing changes', async (_, variant, code) => {
    await json(['certs', 'rotate', '--out', 'c']);
    const before = [readdirSync(join(home, 'c')), await cachedSerials()];
    await local.emulator.rotate();
    local.emulator.faults.add({ path: '/v3/certificates', count: -1, kind: 'signature', variant });
    const result = await run(['certs', 'rotate', '--out', 'c', '--on-change', 'touch hook', '--json']);
    expect([result.code, result.stdout, errorOf(result)['code']]).toEqual([6, '', code]);
    local.emulator.faults.clear();
    expect([readdirSync(join(home, 'c')), await cachedSerials()]).toEqual(before);
    expect(existsSync(join(home, 'hook'))).toBe(false);
  });

  test('C8: a list encrypted under another APIv3 key is refused', async () => {
    const result = await run(['certs', 'rotate', '--out', 'c', '--json'], { WXPAY_API_V3_KEY: 'x'.repeat(32) });
    expect([result.code, errorOf(result)['code'], existsSync(join(home, 'c'))]).toEqual([6, 'DECRYPT_FAILED', false]);
  });

  test('C8: an expired certificate signs nothing; one that is only listed is left out', async () => {
    await local.emulator.rotate({ step: 'issue', days: -0.5 });
    expect(await json<{ certificates: unknown[] }>(['certs', 'rotate'])).toMatchObject({ certificates: [{}] });
    await local.emulator.rotate({ step: 'switch' });
    const result = await run(['certs', 'rotate', '--json']);
    expect([result.code, errorOf(result)['code']]).toEqual([6, 'CERTIFICATES_INVALID']);
    await local.emulator.rotate();
  });

  test('--ca refuses what another CA issued, and takes what it issued itself', async () => {
    const { certificateFile } = makeMerchantFiles(join(home, 'ca'));
    const result = await run(['certs', 'rotate', '--ca', certificateFile, '--json']);
    expect([result.code, errorOf(result)['code'], await cachedSerials()]).toEqual([6, 'CERTIFICATES_INVALID', []]);
    expect(await json(['certs', 'rotate', '--ca', ca()])).toMatchObject({ changed: true });
  });

  test('A7: a link at the export path is exit 3, its target is untouched, the cache is not', async () => {
    await json(['certs', 'rotate', '--out', 'c']);
    const [name = ''] = readdirSync(join(home, 'c'));
    rmSync(join(home, 'c', name));
    writeFileSync(join(home, 'target'), 'precious');
    symlinkSync(join(home, 'target'), join(home, 'c', name));
    const result = await run(['certs', 'rotate', '--out', 'c', '--json']);
    expect([result.code, errorOf(result)['code']]).toEqual([3, 'FILE_UNWRITABLE']);
    expect(readFileSync(join(home, 'target'), 'utf8')).toBe('precious');
    expect(await cachedSerials()).toHaveLength(1);
  });

  test('a dry run sends nothing', async () => {
    const before = downloads();
    expect(await run(['certs', 'rotate', '--dry-run'])).toMatchObject({ code: 0 });
    expect(downloads()).toBe(before);
  });
});

interface Verified {
  readonly serial_no: string;
  readonly chain: string | null;
  readonly live: string;
  readonly usage: string | null;
  readonly faults: readonly string[];
}

describe('certs verify', () => {
  test('holds every key against its CA and against a live answer', async () => {
    await local.emulator.rotate();
    const result = await run(['certs', 'verify', '--ca', ca(), '--json'], publicKey());
    expect(result.code, result.stderr).toBe(0);
    // The public key alone is at hand: nothing was downloaded yet.
    expect(JSON.parse(result.stdout)).toMatchObject([{ chain: null, live: 'verified', faults: [] }]);
    await json(['certs', 'rotate']);
    const all = await json<Verified[]>(['certs', 'verify', '--ca', ca()], publicKey());
    expect(all.map(({ chain, live, usage, faults }) => [chain, live, usage, faults])).toEqual([
      [null, 'verified', null, []],
      ['given', 'other_key', 'good', []],
      ['given', 'verified', 'good', []],
    ]);
  });

  test('C8: refuses a foreign chain: exit 6', async () => {
    const result = await run(['certs', 'verify', '--json']);
    expect([result.code, JSON.parse(result.stdout)]).toMatchObject([6, [{ chain: 'foreign', faults: ['chain'] }]]);
  });

  test('refuses what has expired, offline and by date', async () => {
    await local.emulator.rotate({ step: 'issue', days: 2 });
    await json(['certs', 'rotate']);
    const result = await run(['certs', 'verify', '--offline', '--ca', ca(), '--json'], {}, { ahead: 3 * day });
    const keys = JSON.parse(result.stdout) as Verified[];
    expect([result.code, keys.map(({ faults }) => faults)]).toEqual([6, [[], ['expired']]]);
  });

  test('a public key that is not the one that signs fails the live answer', async () => {
    const { publicKeyFile } = makeMerchantFiles(join(home, 'other'));
    const result = await run(['certs', 'verify', '--json'], { ...publicKey(), WXPAY_PUBLIC_KEY_FILE: publicKeyFile });
    expect([result.code, JSON.parse(result.stdout)]).toMatchObject([
      6,
      [{ live: 'failed', faults: ['live'], error: 'SIGNATURE_WRONG' }],
    ]);
  });

  test('offline sends nothing, and has nothing to say where nothing is at hand', async () => {
    const before = local.emulator.requests.length;
    const result = await run(['certs', 'verify', '--offline', '--json']);
    expect([result.code, errorOf(result)['code'], local.emulator.requests.length]).toEqual([5, 'NOT_FOUND', before]);
  });

  test.each([
    ['no certificate', 'hello'],
    ['a key', ''],
  ])('refuses a CA file that is %s', async (_, text) => {
    writeFileSync(join(home, 'ca.pem'), text === '' ? readFileSync(local.info.private_key_file) : text);
    const result = await run(['certs', 'verify', '--ca', 'ca.pem', '--json']);
    expect([result.code, errorOf(result)['code']]).toEqual([3, 'KEY_WRONG_KIND']);
  });
});

describe('certs import', () => {
  const p12 = (): string => local.info.p12_file;

  test('splits the file to PEM, 0600, with the merchant number as passphrase', async () => {
    const data = await json<{ private_key_file: string; certificate_file: string }>([
      'certs',
      'import',
      p12(),
      '--out',
      'keys',
    ]);
    expect(data).toMatchObject({ mchid: local.info.mchid, serial_no: local.info.serial_no, profile: null });
    expect(statSync(data.private_key_file).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, 'keys')).mode & 0o777).toBe(0o700);
    const certificate = new X509Certificate(readFileSync(data.certificate_file));
    expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(data.private_key_file)))).toBe(true);
  });

  test('needs no profile: the merchant number may be given', async () => {
    const env = { WXPAY_MCHID: '' };
    const missing = await run(['certs', 'import', p12(), '--json'], env);
    expect([missing.code, errorOf(missing)['code']]).toEqual([2, 'INPUT_MISSING']);
    expect(await run(['certs', 'import', p12(), '--mchid', local.info.mchid], env)).toMatchObject({ code: 0 });
  });

  test('another passphrase comes by file or standard input, never by argument', async () => {
    const { p12File } = makeMerchantFiles(join(home, 'm'), { passphrase: 'CANARY1' });
    const wrong = await run(['certs', 'import', p12File, '--json']);
    expect([wrong.code, errorOf(wrong)['code']]).toEqual([3, 'P12_PASSPHRASE_WRONG']);
    const typed = await run(['certs', 'import', p12File, '--p12-passphrase=CANARY1', '--json']);
    expect([typed.code, errorOf(typed)['code']]).toEqual([2, 'SECRET_IN_ARGV']);
    expect(typed.stderr).not.toContain('CANARY');
    expect(await run(['certs', 'import', p12File, '--p12-passphrase-stdin'], {}, { input: 'CANARY1\n' })).toMatchObject(
      { code: 0 },
    );
    writeFileSync(join(home, 'pass'), 'CANARY1\n', { mode: 0o600 });
    expect(await run(['certs', 'import', p12File, '--p12-passphrase-file', 'pass'])).toMatchObject({ code: 0 });
  });

  test('never overwrites another key without --force; the same again is fine', async () => {
    await json(['certs', 'import', p12(), '--out', 'keys']);
    expect(await run(['certs', 'import', p12(), '--out', 'keys'])).toMatchObject({ code: 0 });
    writeFileSync(join(home, 'keys', 'apiclient_cert.pem'), 'precious');
    const before = readFileSync(join(home, 'keys', 'apiclient_key.pem'), 'utf8');
    const refused = await run([
      'certs',
      'import',
      makeMerchantFiles(join(home, 'm')).p12File,
      '--out',
      'keys',
      '--json',
    ]);
    expect([refused.code, errorOf(refused)['code']]).toEqual([3, 'FILE_UNWRITABLE']);
    expect(readFileSync(join(home, 'keys', 'apiclient_key.pem'), 'utf8')).toBe(before);
    expect(await run(['certs', 'import', p12(), '--out', 'keys', '--force'])).toMatchObject({ code: 0 });
  });

  test('offers a profile, and adds one when asked to', async () => {
    const offered = await run(['certs', 'import', p12(), '--out', 'keys']);
    expect(offered.stderr).toMatch(/wxpay profile add NAME --mchid 1900000001 --private-key-file/);
    const added = await json([
      'certs',
      'import',
      p12(),
      '--out',
      'keys',
      '--add-profile',
      'shop',
      '--base-url',
      local.info.url,
    ]);
    expect(added).toMatchObject({ profile: 'shop' });
    const shown = await run(['profile', 'show', 'shop', '--json'], { WXPAY_MCHID: '' });
    expect(JSON.parse(shown.stdout)).toMatchObject({
      values: {
        mchid: { value: local.info.mchid },
        client_cert_file: { value: join(home, 'keys', 'apiclient_cert.pem') },
      },
    });
    // An emulator's key is no key for the live host: the files are there, the profile is not.
    const live = ['--add-profile', 'live', '--base-url', 'https://api.mch.weixin.qq.com', '--json'];
    const refused = await run(['certs', 'import', p12(), '--out', 'keys', ...live]);
    expect([refused.code, JSON.parse(refused.stdout)]).toMatchObject([3, { profile: null }]);
  });

  test.each([
    ['no such file', '/nowhere.p12', 3, 'SECRET_UNREADABLE'],
    ['a PEM', '', 3, 'KEY_WRONG_KIND'],
  ])('refuses %s', async (_, path, code, name) => {
    const result = await run(['certs', 'import', path === '' ? local.info.certificate_file : path, '--json']);
    expect([result.code, errorOf(result)['code']]).toEqual([code, name]);
  });

  test('a dry run writes nothing', async () => {
    expect(await run(['certs', 'import', p12(), '--out', 'keys', '--dry-run'])).toMatchObject({ code: 0 });
    expect(existsSync(join(home, 'keys'))).toBe(false);
  });
});

describe('certs export', () => {
  beforeEach(async () => void (await json(['certs', 'download'])));
  const serial = (): Promise<string> => cachedSerials().then(([first = '']) => first);

  test('pem is printed, all keys or one', async () => {
    const all = await run(['certs', 'export'], publicKey());
    expect(all.stdout.match(/-----BEGIN (?:CERTIFICATE|PUBLIC KEY)-----/g)).toHaveLength(2);
    const one = await run(['certs', 'export', (await serial()).toLowerCase()], publicKey());
    expect(new X509Certificate(one.stdout).serialNumber).toBe(await serial());
  });

  test('der and pem are files, 0600, named by their serial', async () => {
    const { files } = await json<{ files: string[] }>(
      ['certs', 'export', '--format', 'der', '--out', 'd'],
      publicKey(),
    );
    expect(files.map((file) => file.slice(home.length + 3)).sort()).toEqual(
      [`wechatpay_${await serial()}.der`, `wechatpay_${local.info.public_key_id}.der`].sort(),
    );
    const certificate = files.find((file) => file.includes(files.length === 2 ? 'wechatpay_' : '')) ?? '';
    expect(statSync(certificate).mode & 0o777).toBe(0o600);
    expect(new X509Certificate(readFileSync(join(home, 'd', `wechatpay_${await serial()}.der`))).serialNumber).toBe(
      await serial(),
    );
  });

  test('jwks is what a JOSE library verifies with', async () => {
    const { keys } = await json<{ keys: webcrypto.JsonWebKey[] }>(['certs', 'export', '--format', 'jwks'], publicKey());
    const kids = keys.map((key) => (key as { kid?: string }).kid);
    expect(new Set(kids)).toEqual(new Set([await serial(), local.info.public_key_id]));
    for (const key of keys) {
      const imported = await webcrypto.subtle.importKey(
        'jwk',
        key,
        { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
        true,
        ['verify'],
      );
      expect(imported.algorithm).toMatchObject({ modulusLength: 2048 });
    }
    expect(keys.find((key) => 'x5c' in key)).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig' });
  });

  test("p12 holds the merchant's own pair, and import takes it back", async () => {
    const env = { WXPAY_CLIENT_CERT_FILE: local.info.certificate_file };
    const { files } = await json<{ files: string[] }>(['certs', 'export', '--format', 'p12', '--out', 'm.p12'], env);
    expect(statSync(files[0] ?? '').mode & 0o777).toBe(0o600);
    expect(await json(['certs', 'import', 'm.p12', '--out', 'back'])).toMatchObject({
      serial_no: local.info.serial_no,
    });
    writeFileSync(join(home, 'pass'), 'other', { mode: 0o600 });
    await json(['certs', 'export', '--format', 'p12', '--out', 'm.p12', '--p12-passphrase-file', 'pass'], env);
    expect(await run(['certs', 'import', 'm.p12', '--out', 'x'])).toMatchObject({ code: 3 });
  });

  test.each([
    ['p12 without a place', ['--format', 'p12'], 2, 'INPUT_MISSING'],
    ['der without a place', ['--format', 'der'], 2, 'INPUT_MISSING'],
    ['p12 without a certificate', ['--format', 'p12', '--out', 'm.p12'], 3, 'CREDENTIAL_MISSING'],
    ['another format', ['--format', 'jks'], 2, 'USAGE'],
    ['an unknown serial', ['AAAABBBB'], 5, 'NOT_FOUND'],
  ])('refuses %s', async (_, flags, code, name) => {
    const result = await run(['certs', 'export', ...flags, '--json']);
    expect([result.code, errorOf(result)['code']]).toEqual([code, name]);
  });

  test('A7: a link at the path is refused', async () => {
    writeFileSync(join(home, 'target'), 'precious');
    symlinkSync(join(home, 'target'), join(home, 'keys.json'));
    const result = await run(['certs', 'export', '--format', 'jwks', '--out', 'keys.json', '--json']);
    expect([result.code, readFileSync(join(home, 'target'), 'utf8')]).toEqual([3, 'precious']);
  });

  test.skipIf(process.getuid?.() === 0)('a folder that takes no files is exit 3', async () => {
    mkdirSync(join(home, 'ro'));
    chmodSync(join(home, 'ro'), 0o500);
    expect(await run(['certs', 'export', '--out', 'ro/x'])).toMatchObject({ code: 3 });
  });
});

interface Migration {
  readonly phase: string;
  readonly steps: readonly { readonly step: string; readonly state: string; readonly message: string }[];
}

describe('certs migrate', () => {
  const states = ({ steps }: Migration): readonly string[] => steps.map(({ state }) => state);

  test('goes from preparing over switching to finished, and says what is left', async () => {
    await local.emulator.rotate({ mode: 'certificate' });
    const start = await json<Migration>(['certs', 'migrate']);
    expect([start.phase, states(start)]).toEqual([
      'preparing',
      ['todo', 'done', 'todo', 'open', 'open', 'open', 'open'],
    ]);
    await json(['certs', 'download']);
    // The key is in the profile before WeChat Pay takes it: the id is unknown there.
    const early = await run(['certs', 'migrate', '--json'], publicKey());
    expect([early.code, JSON.parse(early.stdout)]).toMatchObject([6, { phase: 'preparing' }]);
    await local.emulator.rotate({ mode: 'mixed' });
    const switching = await json<Migration>(['certs', 'migrate'], publicKey());
    expect([switching.phase, states(switching)]).toEqual([
      'switching',
      ['done', 'done', 'done', 'done', 'done', 'waiting', 'todo'],
    ]);
    await local.emulator.rotate({ mode: 'public-key' });
    const end = await json<Migration>(['certs', 'migrate'], publicKey());
    expect([end.phase, new Set(states(end))]).toEqual(['finished', new Set(['done'])]);
    for (const { steps } of [start, switching, end])
      expect(steps.every(({ message }) => message.length > 10 && !message.includes('{'))).toBe(true);
  });

  test('a public key that is not the right one is a fault: exit 6', async () => {
    const { publicKeyFile } = makeMerchantFiles(join(home, 'other'));
    const result = await run(['certs', 'migrate', '--json'], { ...publicKey(), WXPAY_PUBLIC_KEY_FILE: publicKeyFile });
    expect([result.code, states(JSON.parse(result.stdout) as Migration)]).toMatchObject([
      6,
      ['done', 'done', 'todo', 'failed', 'open', 'open', 'open'],
    ]);
  });

  test('keeps nothing of what it fetches', async () => {
    await json(['certs', 'migrate'], publicKey());
    expect(await cachedSerials()).toEqual([]);
  });
});
