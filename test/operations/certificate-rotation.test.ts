/** Rotation over real files and a real cache; the disk fills up and the process dies at every single step. */
import { X509Certificate } from 'node:crypto';
import * as nodeFs from 'node:fs';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FileSystem } from '../../src/core/durable/atomic-file.ts';
import { createKeyRing, type CertificateKeyRing } from '../../src/core/keys/keyring.ts';
import { createCertificateStore, type PlatformCertificate } from '../../src/core/keys/store.ts';
import {
  daysCovered,
  openPending,
  rotateCertificates,
  type RotateOptions,
  type Rotation,
  type Writer,
} from '../../src/operations/certificate-rotation.ts';
import { readAnchors, tenpayAnchors } from '../../src/operations/key-check.ts';
import { fakeClock } from '../core/http/merchant.ts';
import { apiV3Key, day, platformCertificate, type PlatformKey } from '../core/keys/platform.ts';

const clock = fakeClock();
const now = clock.now();
const made = {
  old: platformCertificate('5a'.repeat(20), now - 300 * day, now + 20 * day),
  fresh: platformCertificate('5b'.repeat(20), now - day, now + 900 * day, 1),
  over: platformCertificate('5c'.repeat(20), now - 900 * day, now - day),
};
const asKey = ({ serial, pem, notBefore, notAfter }: PlatformKey): PlatformCertificate => ({
  id: serial,
  kind: 'platform-certificate',
  publicKey: new X509Certificate(pem).publicKey,
  certificate: pem,
  effectiveAt: notBefore,
  expiresAt: notAfter,
});

let dir: string;
let out: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-rotation-'));
  out = join(dir, 'out');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

let names = 0;
const writer = (fs?: FileSystem): Writer => ({
  platform: 'linux',
  pid: process.pid,
  uid: process.getuid?.(),
  isAlive: () => false,
  randomName: () => `r${(names += 1)}`,
  ...(fs === undefined ? {} : { fs }),
});

/** A ring over a cache in `dir`, whose server lists these now. */
function ringOf(listed: () => readonly PlatformCertificate[]): CertificateKeyRing {
  const store = createCertificateStore({
    dir: join(dir, 'cache'),
    mchid: '1900000001',
    origin: 'http://127.0.0.1:1',
    apiV3Key,
    clock,
    ...writer(),
  });
  const download = async () => ({ downloadedAt: clock.now(), certificates: listed() });
  return createKeyRing({ publicKeys: [], clock, certificates: { store, download } });
}

function rotate(listed: readonly PlatformKey[], change: Partial<RotateOptions> = {}): Promise<Rotation> {
  const certificates = listed.map(asKey);
  return rotateCertificates({
    ring: ringOf(() => certificates),
    download: async () => ({ downloadedAt: clock.now(), certificates }),
    clock,
    anchors: undefined,
    look: false,
    out,
    writer: writer(),
    ...change,
  });
}

const fileOf = ({ serial }: PlatformKey): string => join(out, `wechatpay_${serial}.pem`);
const files = (): readonly string[] => (existsSync(out) ? readdirSync(out).sort() : []);
const cached = async (): Promise<readonly string[]> => (await ringOf(() => []).list()).map(({ id }) => id);

describe('rotate', () => {
  test('installs the new certificate beside the old one, and says what is new', async () => {
    expect(await rotate([made.old])).toMatchObject({ changed: true, added: [made.old.serial] });
    const second = await rotate([made.old, made.fresh]);
    expect(second).toMatchObject({
      changed: true,
      added: [made.fresh.serial],
      dropped: [],
      written: [fileOf(made.fresh)],
      removed: [],
    });
    expect(second.certificates.map(({ serial_no, preferred }) => [serial_no, preferred])).toEqual([
      [made.old.serial, false],
      [made.fresh.serial, true],
    ]);
    expect(files()).toHaveLength(2);
    expect(nodeFs.statSync(fileOf(made.fresh)).mode & 0o777).toBe(0o600);
    expect(await cached()).toEqual([made.old.serial, made.fresh.serial]);
  });

  test('without anything new nothing is written', async () => {
    await rotate([made.old]);
    const before = nodeFs.statSync(fileOf(made.old)).mtimeMs;
    expect(await rotate([made.old])).toMatchObject({ changed: false, added: [], written: [] });
    expect(nodeFs.statSync(fileOf(made.old)).mtimeMs).toBe(before);
  });

  test('a file that is missing or was changed is written again', async () => {
    await rotate([made.old]);
    writeFileSync(fileOf(made.old), 'somebody else');
    expect(await rotate([made.old])).toMatchObject({ changed: true, added: [], written: [fileOf(made.old)] });
    expect(readFileSync(fileOf(made.old), 'utf8')).toBe(asKey(made.old).certificate);
  });

  test('what has expired is removed, and nothing else that lies there', async () => {
    mkdirSync(out);
    writeFileSync(fileOf(made.over), made.over.pem);
    writeFileSync(join(out, `wechatpay_${'5D'.repeat(20)}.pem`), made.over.pem);
    writeFileSync(join(out, `wechatpay_${'5E'.repeat(20)}.pem`), 'no certificate');
    writeFileSync(join(out, 'notes.txt'), 'mine');
    const { removed } = await rotate([made.fresh]);
    expect(removed).toEqual([fileOf(made.over)]);
    expect(files()).toEqual(
      [
        `wechatpay_${made.fresh.serial}.pem`,
        `wechatpay_${'5D'.repeat(20)}.pem`,
        `wechatpay_${'5E'.repeat(20)}.pem`,
        'notes.txt',
      ].sort(),
    );
  });

  test('looking changes nothing', async () => {
    await rotate([made.old]);
    const looked = await rotate([made.old, made.fresh], { look: true });
    expect(looked).toMatchObject({ changed: true, added: [made.fresh.serial], written: [fileOf(made.fresh)] });
    expect(files()).toEqual([`wechatpay_${made.old.serial}.pem`]);
    expect(await cached()).toEqual([made.old.serial]);
  });

  test.each([
    ['Tenpay.com Root CA', () => tenpayAnchors()],
    ['the given CA', () => readAnchors(Buffer.from(made.over.pem), 'ca.pem')],
  ])('a foreign chain is refused before anything is kept: not issued by %s', async (_, anchors) => {
    await rotate([made.old]);
    const refused = rotate([made.old, made.fresh], { anchors: anchors() });
    await expect(refused).rejects.toMatchObject({ code: 'CERTIFICATES_INVALID' });
    expect(files()).toHaveLength(1);
    expect(await cached()).toEqual([made.old.serial]);
  });

  test('A7: a symbolic link in a file place is refused, and what it leads to is untouched', async () => {
    mkdirSync(out);
    const target = join(dir, 'authorized_keys');
    writeFileSync(target, 'precious');
    symlinkSync(target, fileOf(made.fresh));
    await expect(rotate([made.fresh])).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
    expect(readFileSync(target, 'utf8')).toBe('precious');
    expect(await cached()).toEqual([]);
    // Not even when it happens to lead to the right content.
    writeFileSync(target, asKey(made.fresh).certificate);
    await expect(rotate([made.fresh])).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  });
});

/** Everything fails from the n-th call on, as after a power cut: nothing is tidied up. */
function dyingFs(n: number): { readonly fs: FileSystem; readonly died: () => boolean } {
  let calls = 0;
  const wrap = <K extends keyof FileSystem>(name: K): FileSystem[K] =>
    ((...args: unknown[]) => {
      calls += 1;
      if (calls >= n) throw Object.assign(new Error('killed'), { code: 'EIO' });
      return (nodeFs[name] as (...inner: unknown[]) => unknown)(...args);
    }) as FileSystem[K];
  return { fs: allOf(wrap), died: () => calls >= n };
}

function allOf(wrap: <K extends keyof FileSystem>(name: K) => FileSystem[K]): FileSystem {
  const calls = [
    'openSync',
    'writeSync',
    'fchmodSync',
    'fsyncSync',
    'fstatSync',
    'closeSync',
    'renameSync',
    'unlinkSync',
    'lstatSync',
  ] as const;
  return Object.fromEntries(calls.map((name) => [name, wrap(name)])) as unknown as FileSystem;
}

describe('D3: a rotation that does not come to its end', () => {
  test('leaves a usable set at every step at which it may die, and the next one finishes', async () => {
    for (let n = 1; ; n += 1) {
      rmSync(out, { recursive: true, force: true });
      rmSync(join(dir, 'cache'), { recursive: true, force: true });
      await rotate([made.old]);
      const { fs, died } = dyingFs(n);
      await rotate([made.old, made.fresh], { writer: writer(fs) }).catch(() => undefined);
      if (!died()) break;
      // The old file is whole, the new one is whole or not there, the cache is believed.
      expect(readFileSync(fileOf(made.old), 'utf8')).toBe(asKey(made.old).certificate);
      if (existsSync(fileOf(made.fresh)))
        expect(readFileSync(fileOf(made.fresh), 'utf8')).toBe(asKey(made.fresh).certificate);
      expect((await cached()).length).toBeGreaterThan(0);
      const again = await rotate([made.old, made.fresh]);
      expect(again.certificates).toHaveLength(2);
      expect(files().filter((name) => !name.startsWith('.'))).toHaveLength(2);
      expect(files().filter((name) => name.startsWith('.'))).toEqual([]);
      expect(n).toBeLessThan(200);
    }
  });

  test.each([
    ['takes nothing', 0],
    ['takes a part', 100],
  ])('F2: a full disk that %s loses nothing', async (_, room) => {
    await rotate([made.old]);
    let left = room;
    const fs = allOf((name) => {
      if (name !== 'writeSync') return nodeFs[name];
      return ((fd: number, bytes: Uint8Array, offset: number, length: number) => {
        if (left <= 0) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        const taken = Math.min(left, length);
        left -= taken;
        return nodeFs.writeSync(fd, bytes, offset, taken);
      }) as never;
    });
    const refused = rotate([made.old, made.fresh], { writer: writer(fs) });
    await expect(refused).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
    expect(files()).toEqual([`wechatpay_${made.old.serial}.pem`]);
    expect(await cached()).toEqual([made.old.serial]);
    // And with room again the change is still a change.
    expect(await rotate([made.old, made.fresh])).toMatchObject({ changed: true, added: [made.fresh.serial] });
  });
});

describe('what the keys at hand cover', () => {
  test.each([
    ['the one that lasts longest', [made.old, made.fresh], 900],
    ['one alone', [made.old], 20],
    ['one that is over', [made.over], -1],
  ])('%s', (_, keys, days) => {
    expect(daysCovered(keys.map(asKey), now)).toBe(days);
  });

  test('a public key has no end', () => {
    const { publicKey } = asKey(made.old);
    expect(
      daysCovered([asKey(made.old), { id: 'PUB_KEY_ID_1', kind: 'wechatpay-public-key', publicKey }], now),
    ).toBeUndefined();
  });
});

describe('a change that is not told yet', () => {
  test('is remembered per hook until it is cleared', () => {
    const pending = openPending(dir, ['m', 'hook'], writer());
    expect(pending.load()).toBeUndefined();
    pending.save({ added: [made.fresh.serial] });
    expect(openPending(dir, ['m', 'hook'], writer()).load()).toEqual({ added: [made.fresh.serial] });
    expect(openPending(dir, ['m', 'other'], writer()).load()).toBeUndefined();
    pending.clear();
    pending.clear();
    expect(pending.load()).toBeUndefined();
  });

  test.each([['no JSON'], ['{"added":["; rm -rf /"]}'], ['{}'], ['null']])('%s is not believed', (text) => {
    const pending = openPending(dir, ['x'], writer());
    pending.save({ added: [] });
    const folder = join(dir, 'rotations');
    writeFileSync(join(folder, readdirSync(folder)[0] ?? ''), text);
    expect(pending.load()).toBeUndefined();
  });

  test('a home that cannot be written to is no reason to stop', () => {
    writeFileSync(join(dir, 'rotations'), 'a file');
    expect(() => openPending(dir, ['x'], writer()).save({ added: [] })).not.toThrow();
  });
});
