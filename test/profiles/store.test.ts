import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WxpayError, type ErrorCode } from '../../src/core/errors.ts';
import type { Profile } from '../../src/profiles/schema.ts';
import { openProfileStore, type StorePlace } from '../../src/profiles/store.ts';

let root: string;
let child: string;
let config: string;
let dir: string;

beforeAll(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'wxpay-store-'));
  child = join(root, 'child.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('store-child.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: child,
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  config = join(fs.mkdtempSync(join(root, 'home-')), 'wxpay');
  dir = join(config, 'profiles');
});

let names = 0;
function place(more: Partial<StorePlace> = {}): StorePlace {
  return {
    config,
    platform: process.platform,
    pid: process.pid,
    uid: process.getuid?.(),
    isAlive: (pid) => pid === process.pid,
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    },
    randomName: () => `name${(names += 1)}`,
    ...more,
  };
}

const store = (more?: Partial<StorePlace>) => openProfileStore(place(more));
const shop: Profile = { version: 1, mchid: '1900000001', appid: 'wx0000000000000001' };
const fileOf = (name: string): string => join(dir, `${name}.json`);
const modeOf = (path: string): number => fs.statSync(path).mode & 0o777;

async function codeOf(work: Promise<unknown> | (() => unknown)): Promise<ErrorCode | 'none'> {
  try {
    await (typeof work === 'function' ? work() : work);
    return 'none';
  } catch (error) {
    if (error instanceof WxpayError) return error.code;
    throw error;
  }
}

async function errorOf(work: Promise<unknown>): Promise<WxpayError> {
  return await work.then(
    () => expect.fail('nothing was thrown'),
    (error: unknown) => error as WxpayError,
  );
}

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const started = spawn(process.execPath, [child, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], ...env },
  });
  return { child: started, done: new Promise<number | null>((resolve) => started.on('exit', (code) => resolve(code))) };
}

describe('a profile on disk', () => {
  test('comes back as it was saved, in a file of its own', async () => {
    await store().save('shop', shop);
    expect(await store().read('shop')).toEqual({ name: 'shop', file: fileOf('shop'), profile: shop });
    expect(JSON.parse(fs.readFileSync(fileOf('shop'), 'utf8'))).toEqual(shop);
    expect(store().list()).toEqual(['shop']);
  });

  test('is not replaced without force, and replaced whole with it', async () => {
    await store().save('shop', shop);
    expect(await codeOf(store().save('shop', { version: 1, mchid: '1900000002' }))).toBe('PROFILE_EXISTS');
    await store().save('shop', { version: 1, mchid: '1900000002' }, { force: true });
    expect((await store().read('shop')).profile).toEqual({ version: 1, mchid: '1900000002' });
  });

  test('that differs only by case from another is refused, since some file systems cannot tell them apart', async () => {
    await store().save('shop', shop);
    expect(await codeOf(store().save('Shop', shop))).toBe('PROFILE_EXISTS');
  });

  test('is checked before it is written', async () => {
    expect(await codeOf(store().save('shop', { version: 1, mchid: 'x' }))).toBe('PROFILE_INVALID');
    expect(fs.existsSync(config)).toBe(false);
  });

  test('that is removed is gone, with the choice and with its broken copies', async () => {
    await store().save('shop', shop);
    await store().save('other', shop);
    await store().use('shop');
    fs.writeFileSync(`${fileOf('shop')}.broken-1`, 'secret');
    await store().remove('shop');
    expect(fs.readdirSync(dir)).toEqual(['other.json']);
    expect(store().current()).toBe('other');
    expect(await codeOf(store().remove('shop'))).toBe('PROFILE_NOT_FOUND');
  });

  test('that is chosen is the current one; the only one is chosen by itself', async () => {
    await store().save('a', shop);
    expect(store().current()).toBe('a');
    await store().save('b', shop);
    expect(store().current()).toBeUndefined();
    await store().use('b');
    expect(store().current()).toBe('b');
    expect(await codeOf(store().use('c'))).toBe('PROFILE_NOT_FOUND');
  });
});

describe('E6: files and folders', () => {
  test.each([0o000, 0o077])('are private whatever the umask (%o)', async (mask) => {
    const before = process.umask(mask);
    try {
      await store().save('shop', shop);
      await store().use('shop');
    } finally {
      process.umask(before);
    }
    expect([dir, fileOf('shop'), join(config, 'current')].map(modeOf)).toEqual([0o700, 0o600, 0o600]);
  });

  test('that were open are tightened: the file when it is read, the folders when something is written', async () => {
    await store().save('shop', shop);
    fs.chmodSync(fileOf('shop'), 0o644);
    fs.chmodSync(dir, 0o777);
    fs.chmodSync(config, 0o777);
    await store().read('shop');
    expect(modeOf(fileOf('shop'))).toBe(0o600);
    await store().use('shop');
    expect([modeOf(dir), modeOf(config)]).toEqual([0o700, 0o755]);
  });

  test.each(['read', 'save'] as const)(
    'E7: a symbolic link in the place of a profile is refused (%s)',
    async (verb) => {
      await store().save('shop', shop);
      fs.renameSync(fileOf('shop'), join(config, 'target'));
      fs.symlinkSync(join(config, 'target'), fileOf('shop'));
      const work = verb === 'read' ? store().read('shop') : store().save('shop', shop, { force: true });
      const error = await errorOf(work);
      expect([error.code, error.params['reason']]).toEqual(['PROFILE_FILE_BROKEN', 'key:profile.reason.symlink']);
      expect(fs.lstatSync(fileOf('shop')).isSymbolicLink()).toBe(true);
      expect(fs.readFileSync(join(config, 'target'), 'utf8')).toContain('1900000001');
    },
  );

  test('of another user are refused', async () => {
    await store().save('shop', shop);
    const uid = (process.getuid?.() ?? 0) + 1;
    if (process.getuid?.() === 0) fs.chownSync(fileOf('shop'), 4242, -1);
    const error = await errorOf(store({ uid }).read('shop'));
    expect(error.params['reason']).toBe('key:profile.reason.owner');
  });

  test('that are folders or pipes are refused without waiting for ever', async () => {
    fs.mkdirSync(fileOf('folder'), { recursive: true });
    expect(await codeOf(store().read('folder'))).toBe('PROFILE_FILE_BROKEN');
  });
});

describe('F1: parallel processes', () => {
  test(
    'forty at once add a profile each and update one that they share: nothing is lost',
    { timeout: 180_000 },
    async () => {
      await store().save('shared', { version: 1, mchid: '1900000001' });
      // A hundred take a slow machine more than a minute, in which nothing else gets on: those are in the fault tests.
      const names = Array.from({ length: 40 }, (_, index) => `p${index}`);
      const codes = await Promise.all(names.map((name) => run(['add', config, name]).done));
      expect(codes.filter((code) => code !== 0)).toEqual([]);
      expect(store().list()).toEqual([...names, 'shared'].sort());
      for (const name of names) expect((await store().read(name)).profile.appid).toBe(name);
      const counted = (await store().read('shared')).profile.api_v2_key?.split(',').filter((name) => name !== '');
      expect(counted?.toSorted()).toEqual(names.toSorted());
      expect(fs.readdirSync(dir).filter((name) => !name.endsWith('.json'))).toEqual([]);
    },
  );
});

describe('F2: a disk that takes no more', () => {
  /** A writer whose `call` fails, or writes only half and then fails as a full disk does. */
  function faulty(call: 'writeSync' | 'fsyncSync' | 'renameSync' | 'openSync', code: string): Partial<StorePlace> {
    const error = Object.assign(new Error(`${code}: injected, ${call}`), { code });
    let writes = 0;
    const broken = (): never => {
      throw error;
    };
    const half = (fd: number, bytes: NodeJS.ArrayBufferView, offset: number, length: number): number => {
      writes += 1;
      if (writes > 1) throw error;
      return fs.writeSync(fd, bytes, offset, Math.ceil(length / 2));
    };
    return { fs: { ...fs, [call]: call === 'writeSync' ? half : broken } };
  }

  test.each([
    ['writeSync', 'ENOSPC'],
    ['writeSync', 'EDQUOT'],
    ['fsyncSync', 'EIO'],
    ['renameSync', 'EACCES'],
    ['openSync', 'EMFILE'],
  ] as const)('leaves the old profile whole and says so: %s fails with %s', async (call, code) => {
    await store().save('shop', shop);
    const before = fs.readFileSync(fileOf('shop'));
    const full = store(faulty(call, code));
    expect(await codeOf(full.save('shop', { ...shop, appid: 'new' }, { force: true }))).toBe('FILE_UNWRITABLE');
    expect(await codeOf(full.update('shop', (profile) => ({ ...profile, appid: 'new' })))).toBe('FILE_UNWRITABLE');
    expect(fs.readFileSync(fileOf('shop'))).toEqual(before);
    expect(fs.readdirSync(dir)).toEqual(['shop.json']);
  });
});

describe('F3, F4: a process that is killed in the middle', () => {
  test.each([
    ['F3', {}],
    ['F4 with SNAP set', { SNAP: '1' }],
  ])(
    '%s: 50 kills leave the old or the new profile, and the next write leaves no leftovers',
    { timeout: 120_000 },
    async (_, env) => {
      await store().save('victim', { ...shop, api_v2_key: 'x'.repeat(20_000) });
      const bad: string[] = [];
      // Several victims at once: the kills come at all kinds of moments, also while waiting for the lock.
      for (let round = 0; round < 10; round++) {
        const processes = Array.from({ length: 5 }, () => run(['churn', config, 'victim'], env));
        await Promise.all(
          processes.map(async ({ child: victim, done }, index) => {
            await new Promise<void>((resolve) => victim.stdout?.once('data', () => resolve()));
            await new Promise((resolve) => setTimeout(resolve, (round * 5 + index) * 3));
            victim.kill('SIGKILL');
            await done;
          }),
        );
        const { profile } = await store().read('victim');
        const key = profile.api_v2_key ?? '';
        if (key.length !== 20_000 || key !== (key[0] ?? '').repeat(20_000)) bad.push(key.slice(0, 20));
      }
      expect(bad).toEqual([]);
      await store().save('after', shop);
      expect(fs.readdirSync(dir).sort()).toEqual(['after.json', 'victim.json']);
    },
  );
});

describe('F5: a broken file', () => {
  test.each([
    ['cut off', '{"version":1,"mchid":"19000'],
    ['empty', ''],
    ['binary', Buffer.from([0xff, 0xfe, 0x00])],
    ['a list', '[]'],
    ['with a comma too many', '{\n "version": 1,\n "mchid": "1900000001",\n}'],
  ])('%s: is kept aside, named, and stays named until the profile is added again', async (_, content) => {
    fs.mkdirSync(dir, { recursive: true });
    fs.writeFileSync(fileOf('shop'), content);
    const kept = `${fileOf('shop')}.broken-1`;
    const first = await errorOf(store().read('shop'));
    expect([first.code, first.params['file'], first.params['kept']]).toEqual([
      'PROFILE_FILE_BROKEN',
      fileOf('shop'),
      kept,
    ]);
    expect(fs.readFileSync(kept)).toEqual(Buffer.from(content));
    expect(store().list()).toEqual(['shop']);
    expect((await errorOf(store().read('shop'))).params['kept']).toBe(kept);
    await store().save('shop', shop);
    expect((await store().read('shop')).profile).toEqual(shop);
    expect(fs.readFileSync(kept)).toEqual(Buffer.from(content));
  });

  test('never shows a piece of itself in the message: it holds secrets', async () => {
    fs.mkdirSync(dir, { recursive: true });
    fs.writeFileSync(fileOf('shop'), '{"version":1,"api_v3_key":"CANARY-CANARY"oops}');
    const error = await errorOf(store().read('shop'));
    expect(JSON.stringify([error.params, error.message, error.stack])).not.toContain('CANARY');
  });

  test('a second broken one does not overwrite the first', async () => {
    fs.mkdirSync(dir, { recursive: true });
    for (const content of ['one', 'two']) {
      fs.writeFileSync(fileOf('shop'), content);
      expect(await codeOf(store().read('shop'))).toBe('PROFILE_FILE_BROKEN');
    }
    expect(fs.readFileSync(`${fileOf('shop')}.broken-1`, 'utf8')).toBe('one');
    expect(fs.readFileSync(`${fileOf('shop')}.broken-2`, 'utf8')).toBe('two');
  });

  test('save moves it aside and says where', async () => {
    fs.mkdirSync(dir, { recursive: true });
    fs.writeFileSync(fileOf('shop'), '{');
    expect(await store().save('shop', shop)).toEqual({ kept: `${fileOf('shop')}.broken-1` });
  });

  test('a file with an unknown field is refused, stays, and is moved aside only when it is replaced on purpose', async () => {
    fs.mkdirSync(dir, { recursive: true });
    fs.writeFileSync(fileOf('shop'), '{"version":1,"mchId":"1900000001"}');
    const error = await errorOf(store().read('shop'));
    expect([error.code, error.params['field'], error.params['origin']]).toEqual([
      'PROFILE_INVALID',
      'mchId',
      fileOf('shop'),
    ]);
    expect(await codeOf(store().save('shop', shop))).toBe('PROFILE_INVALID');
    expect(await store().save('shop', shop, { force: true })).toEqual({ kept: `${fileOf('shop')}.broken-1` });
  });

  test('a file of a newer version is refused and left alone, even with force', async () => {
    fs.mkdirSync(dir, { recursive: true });
    const content = '{"version":2,"merchant":{}}';
    fs.writeFileSync(fileOf('shop'), content);
    expect(await codeOf(store().read('shop'))).toBe('PROFILE_FILE_NEWER');
    expect(await codeOf(store().save('shop', shop, { force: true }))).toBe('PROFILE_FILE_NEWER');
    expect(await codeOf(store().update('shop', (profile) => profile))).toBe('PROFILE_FILE_NEWER');
    expect(fs.readFileSync(fileOf('shop'), 'utf8')).toBe(content);
  });

  test('F8: __proto__ in a file is an unknown field and pollutes nothing', async () => {
    fs.mkdirSync(dir, { recursive: true });
    fs.writeFileSync(fileOf('shop'), '{"version":1,"__proto__":{"yes":true}}');
    expect(await codeOf(store().read('shop'))).toBe('PROFILE_INVALID');
    expect(({} as { yes?: boolean }).yes).toBeUndefined();
  });
});

describe('F6: names', () => {
  test.each([
    '',
    '__proto__',
    'a.b',
    '../../evil',
    'a/b',
    'a\\b',
    'x[0]',
    '-dash',
    '_under',
    'name ',
    'a\0b',
    '商户',
    'con',
    'a'.repeat(65),
  ])('%j is refused aloud, and nothing is created', async (name) => {
    expect(await codeOf(store().save(name, shop))).toBe('INPUT_INVALID');
    expect(await codeOf(store().read(name))).toBe('INPUT_INVALID');
    expect(await codeOf(store().remove(name))).toBe('INPUT_INVALID');
    expect(fs.existsSync(config)).toBe(false);
  });

  test.each(['constructor', 'prototype', 'toString', '0', 'shop-1_A', 'a'.repeat(64)])(
    '%j is a name like any other',
    async (name) => {
      await store().save(name, shop);
      expect((await store().read(name)).profile).toEqual(shop);
      expect(store().list()).toEqual([name]);
    },
  );
});

describe('F7: a home that cannot be written', () => {
  test('reading creates nothing', async () => {
    expect(store().list()).toEqual([]);
    expect(store().current()).toBeUndefined();
    expect(await codeOf(store().read('shop'))).toBe('PROFILE_NOT_FOUND');
    expect(fs.existsSync(config)).toBe(false);
  });

  test('a config folder that is a file in truth reads as empty and refuses to be written', async () => {
    fs.writeFileSync(config, '');
    expect(store().list()).toEqual([]);
    expect(store().current()).toBeUndefined();
    expect(await codeOf(store().save('shop', shop))).toBe('FILE_UNWRITABLE');
  });
});

test('leftovers of dead writers go at the next write; those of living ones stay', async () => {
  await store().save('shop', shop);
  fs.writeFileSync(join(dir, '.shop.json.999999999.abc.tmp'), 'secret');
  fs.writeFileSync(join(dir, `.shop.json.${process.pid}.abc.tmp`), 'secret');
  fs.writeFileSync(join(config, '.current.999999999.abc.tmp'), 'shop');
  fs.writeFileSync(join(config, '.foreign.999999999.abc.tmp'), 'not ours');
  await store().use('shop');
  expect(fs.readdirSync(dir).sort()).toEqual([`.shop.json.${process.pid}.abc.tmp`, 'shop.json']);
  expect(fs.readdirSync(config).sort()).toEqual(['.foreign.999999999.abc.tmp', 'current', 'profiles']);
});
