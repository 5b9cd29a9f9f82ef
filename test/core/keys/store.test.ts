import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createCertificateStore,
  createMemoryStore,
  type CertificateSet,
  type StoreOptions,
} from '../../../src/core/keys/store.ts';
import { realClock } from '../http/loopback.ts';
import { apiV3Key, day, platformCertificate } from './platform.ts';
import { createHmac, X509Certificate } from 'node:crypto';
import { WxpayError } from '../../../src/core/errors.ts';

let dir: string;
let names = 0;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-store-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const now = Date.now();
const made = platformCertificate('5a'.repeat(20), now - day, now + 400 * day);
const set: CertificateSet = {
  downloadedAt: now,
  certificates: [
    {
      id: made.serial,
      kind: 'platform-certificate',
      publicKey: new X509Certificate(made.pem).publicKey,
      certificate: made.pem,
      effectiveAt: now - day,
      expiresAt: now + 400 * day,
    },
  ],
};

function store(options: Partial<StoreOptions> = {}) {
  return createCertificateStore({
    dir,
    mchid: '1900000001',
    origin: 'https://api.mch.weixin.qq.com',
    apiV3Key,
    clock: realClock,
    platform: process.platform,
    pid: process.pid,
    uid: process.getuid?.(),
    isAlive: () => true,
    randomName: () => `n${(names += 1)}`,
    ...options,
  });
}

test('what was saved is loaded, key and all', () => {
  expect(store().load()).toBeUndefined();
  expect(store().save(set)).toBe(true);
  const loaded = store().load();
  expect(loaded?.downloadedAt).toBe(set.downloadedAt);
  expect(loaded?.certificates[0]).toMatchObject({
    id: made.serial,
    effectiveAt: now - day,
    expiresAt: now + 400 * day,
  });
  expect(loaded?.certificates[0]?.publicKey.equals(set.certificates[0]!.publicKey)).toBe(true);
});

test(
  'E6: the file is 0600 in a 0700 directory, also where both were wider',
  { skip: process.platform === 'win32' },
  () => {
    mkdirSync(join(dir, 'certificates'), { mode: 0o755 });
    chmodSync(join(dir, 'certificates'), 0o755);
    const cache = store();
    writeFileSync(cache.file, '{}', { mode: 0o644 });
    cache.save(set);
    expect(statSync(cache.file).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'certificates')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(dir, 'certificates'))).toHaveLength(1);
  },
);

test("merchants, servers and APIv3 keys do not see each other's certificates", () => {
  store().save(set);
  expect(store({ mchid: '1900000002' }).load()).toBeUndefined();
  expect(store({ origin: 'http://127.0.0.1:8080' }).load()).toBeUndefined();
  expect(store({ apiV3Key: Buffer.alloc(32, 'y') }).load()).toBeUndefined();
  const [a, b] = [store(), store({ mchid: '1900000002' })];
  writeFileSync(b.file, readFileSync(a.file));
  expect(b.load()).toBeUndefined();
});

test('a file that was tampered with, in any byte, is not believed', () => {
  const cache = store();
  cache.save(set);
  const original = readFileSync(cache.file);
  for (let at = 0; at < original.length; at += 53) {
    const changed = Buffer.from(original);
    changed[at] = (changed[at] ?? 0) ^ 0x04;
    writeFileSync(cache.file, changed);
    const loaded = cache.load();
    // A flipped bit may hit white space between members, and then changes nothing.
    if (loaded !== undefined) expect(loaded.certificates[0]?.certificate).toBe(made.pem);
  }
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '{"hmac":"00","content":{}}',
    '{"hmac":"","content":null}',
    'x'.repeat(2e6),
  ]) {
    writeFileSync(cache.file, text);
    expect(cache.load()).toBeUndefined();
  }
});

test('E7: a symbolic link in place of the file is not written through', () => {
  const cache = store();
  cache.save(set);
  rmSync(cache.file);
  const target = join(dir, 'target');
  symlinkSync(target, cache.file);
  expect(cache.save(set)).toBe(false);
  expect(existsSync(target)).toBe(false);
});

test('F7: where nothing can be written, saving says so and work is done without the lock', async () => {
  // A file in place of the directory stands for every reason; a root user can write anywhere else.
  const blocked = store({ dir: join(dir, 'file') });
  writeFileSync(join(dir, 'file'), '');
  expect(blocked.save(set)).toBe(false);
  expect(blocked.load()).toBeUndefined();
  expect(await blocked.exclusively(async () => 'done')).toBe('done');
});

test('whether there is a file is told apart from whether it can be believed', () => {
  const cache = store();
  expect(cache.exists()).toBe(false);
  mkdirSync(join(dir, 'certificates'));
  expect(cache.exists()).toBe(false);
  writeFileSync(cache.file, 'not ours');
  expect([cache.exists(), cache.load()]).toEqual([true, undefined]);
  rmSync(cache.file);
  symlinkSync(join(dir, 'nowhere'), cache.file);
  expect([cache.exists(), cache.load()]).toEqual([true, undefined]);
  writeFileSync(join(dir, 'file'), '');
  expect(store({ dir: join(dir, 'file') }).exists()).toBe(false);
});

test('a file of 1 MiB is read, a byte more is not', () => {
  const cache = store();
  cache.save(set);
  const text = readFileSync(cache.file, 'utf8');
  writeFileSync(cache.file, text.padEnd(1_048_576));
  expect(cache.load()?.certificates).toHaveLength(1);
  writeFileSync(cache.file, text.padEnd(1_048_577));
  expect(cache.load()).toBeUndefined();
});

test('the content must be of this version, merchant and server, whatever the name of the file', () => {
  const cache = store();
  cache.save(set);
  const { content } = JSON.parse(readFileSync(cache.file, 'utf8')) as { content: Record<string, unknown> };
  const write = (change: object): void => {
    const changed = { ...content, ...change };
    const hmac = createHmac('sha256', apiV3Key)
      .update('wxpay platform certificates 1\n')
      .update(JSON.stringify(changed))
      .digest('hex');
    writeFileSync(cache.file, JSON.stringify({ hmac, content: changed }));
  };
  write({});
  expect(cache.load()?.certificates).toHaveLength(1);
  for (const change of [{ version: 2 }, { mchid: '1900000002' }, { base_url: 'http://127.0.0.1:1' }]) {
    write(change);
    expect([change, cache.load()]).toEqual([change, undefined]);
  }
});

test('leftovers of a killed process go with the next save', () => {
  const cache = store({ isAlive: () => false });
  cache.save(set);
  writeFileSync(join(dir, 'certificates', '.x.json.11.abc.tmp'), 'secret');
  cache.save(set);
  expect(readdirSync(join(dir, 'certificates'))).toHaveLength(1);
});

test('what is no trouble of the disk is no reason to work from memory', () => {
  const failure = new TypeError('mine');
  const broken = store({
    randomName: () => {
      throw failure;
    },
  });
  expect(() => broken.save(set)).toThrow(failure);
});

test('exclusively: one at a time, and nothing stays of the lock', async () => {
  const log: string[] = [];
  const cache = store();
  const work = (name: string) => async (): Promise<void> => {
    log.push(`${name} in`);
    await realClock.sleep(10);
    log.push(`${name} out`);
  };
  await Promise.all([cache.exclusively(work('a')), cache.exclusively(work('b'))]);
  expect([log[0]?.[0] === log[1]?.[0], log[2]?.[0] === log[3]?.[0], log.length]).toEqual([true, true, 4]);
  expect(readdirSync(join(dir, 'certificates'))).toEqual([]);
});

test('a lock that somebody is stuck in is waited for twenty seconds, then work is done without it', async () => {
  const cache = store();
  let waited = 0;
  const clock = {
    now: () => now + waited,
    monotonic: () => waited,
    sleep: async (milliseconds: number) => void (waited += milliseconds),
  };
  await cache.exclusively(async () => {
    const other = store({ clock });
    expect(await other.exclusively(async () => 'alone')).toBe('alone');
    expect(waited).toBeGreaterThanOrEqual(20_000);
    expect(waited).toBeLessThan(20_200);
  });
});

test('a failure of the work that looks like one of the lock does not run the work again', async () => {
  let runs = 0;
  const work = async (): Promise<never> => {
    runs += 1;
    throw new WxpayError('LOCK_TIMEOUT', { params: { file: 'another', holder: 1 } });
  };
  await expect(store().exclusively(work)).rejects.toMatchObject({ params: { file: 'another' } });
  expect(runs).toBe(1);
});

test('where there is no directory the certificates live as long as the process', async () => {
  const memory = createMemoryStore();
  expect([memory.load(), memory.exists(), memory.file]).toEqual([undefined, false, '']);
  expect(memory.save(set)).toBe(true);
  expect([memory.load(), memory.exists()]).toEqual([set, true]);
  expect(await memory.exclusively(async () => 'done')).toBe('done');
  expect(createMemoryStore().load()).toBeUndefined();
});

test("an error of the work is the work's, and it runs once", async () => {
  let runs = 0;
  const work = async (): Promise<never> => {
    runs += 1;
    throw new TypeError('mine');
  };
  await expect(store().exclusively(work)).rejects.toThrow('mine');
  expect(runs).toBe(1);
});
