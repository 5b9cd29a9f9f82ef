import { spawn } from 'node:child_process';
import * as nodeFs from 'node:fs';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  ensurePrivateDir,
  removeStaleTemps,
  writeFileAtomic,
  type AtomicFileOptions,
  type FileSystem,
} from '../../../src/core/durable/atomic-file.ts';

const posix = process.platform !== 'win32';
let dir: string;
let file: string;
let counter = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-atomic-'));
  file = join(dir, 'store.json');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const options: AtomicFileOptions = {
  platform: process.platform,
  pid: process.pid,
  randomName: () => `r${(counter += 1)}`,
};
const modeOf = (path: string): number => statSync(path).mode & 0o777;

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected, call`), { code });
}

test.each(['text 微信', new Uint8Array([0, 255, 10]), ''])('writes what it was given (%#)', (data) => {
  writeFileAtomic(file, data, options);
  expect(readFileSync(file)).toEqual(Buffer.from(data as string));
  expect(readdirSync(dir)).toEqual(['store.json']);
});

test.skipIf(!posix).each([0o000, 0o022, 0o077])(
  'E6: is 0600 under umask %i, also when the old file was wider',
  (umask) => {
    writeFileSync(file, 'old', { mode: 0o644 });
    chmodSync(file, 0o644);
    // Worker threads cannot set the umask of the process; the explicit fchmod is what makes it irrelevant.
    expect(umask).toBeLessThan(0o100);
    writeFileAtomic(file, 'new', options);
    expect(modeOf(file)).toBe(0o600);
    writeFileAtomic(file, 'new', { ...options, mode: 0o644 });
    expect(modeOf(file)).toBe(0o644);
  },
);

test('F2: a file system that writes one byte at a time still gets the whole file', () => {
  const fs: FileSystem = {
    ...nodeFs,
    writeSync: ((fd: number, bytes: Uint8Array, offset: number) => nodeFs.writeSync(fd, bytes, offset, 1)) as never,
  };
  writeFileAtomic(file, 'a'.repeat(3_000), { ...options, fs });
  expect(readFileSync(file, 'utf8')).toBe('a'.repeat(3_000));
});

test.each<[string, Partial<FileSystem>]>([
  [
    'the disk is full at once',
    {
      writeSync: () => {
        throw systemError('ENOSPC');
      },
    },
  ],
  ['the disk takes nothing and says so with 0', { writeSync: () => 0 }],
  [
    'the disk lies about what it wrote',
    { writeSync: ((_fd: number, _bytes: Uint8Array, _o: number, n: number) => n) as never },
  ],
  [
    'fsync fails',
    {
      fsyncSync: () => {
        throw systemError('EIO');
      },
    },
  ],
  [
    'the mode cannot be set',
    {
      fchmodSync: () => {
        throw systemError('EPERM');
      },
    },
  ],
  [
    'rename fails',
    {
      renameSync: () => {
        throw systemError('EXDEV');
      },
    },
  ],
  [
    'no more file descriptors',
    {
      openSync: () => {
        throw systemError('EMFILE');
      },
    },
  ],
])('F2, G10: when %s, the old file stays, no temporary file does, and the reason is named', (_what, broken) => {
  writeFileSync(file, 'old');
  const fs: FileSystem = { ...nodeFs, ...broken };
  expect(() => writeFileAtomic(file, 'new content', { ...options, fs })).toThrow(
    expect.objectContaining({ code: 'FILE_UNWRITABLE', params: expect.objectContaining({ file }) }),
  );
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(readdirSync(dir)).toEqual(['store.json']);
});

test('a short count followed by a full disk leaves the old file', () => {
  writeFileSync(file, 'old');
  let calls = 0;
  const writeSync = ((fd: number, bytes: Uint8Array, offset: number) => {
    calls += 1;
    if (calls > 1) throw systemError('ENOSPC');
    return nodeFs.writeSync(fd, bytes, offset, 4);
  }) as never;
  expect(() => writeFileAtomic(file, 'new content', { ...options, fs: { ...nodeFs, writeSync } })).toThrow(
    expect.objectContaining({ params: { file, reason: 'ENOSPC: injected' } }),
  );
  expect(readFileSync(file, 'utf8')).toBe('old');
});

test('a directory that cannot be synced on this file system is no failure; an I/O error is one', () => {
  let calls = 0;
  const failing = (code: string): FileSystem => ({
    ...nodeFs,
    fsyncSync: (fd) => {
      calls += 1;
      if (calls % 2 === 0) throw systemError(code);
      nodeFs.fsyncSync(fd);
    },
  });
  writeFileAtomic(file, 'one', { ...options, platform: 'linux', fs: failing('EINVAL') });
  expect(() => writeFileAtomic(file, 'two', { ...options, platform: 'linux', fs: failing('EIO') })).toThrow(
    'FILE_UNWRITABLE',
  );
  // What has no code is no excuse either.
  expect(() => writeFileAtomic(file, 'three', { ...options, platform: 'linux', fs: failing('') })).toThrow(
    'FILE_UNWRITABLE',
  );
});

test('on win32 a rename that a scanner holds up is tried again, a bounded number of times', () => {
  let left = 3;
  const renameSync = ((from: string, to: string) => {
    if (left-- > 0) throw systemError('EPERM');
    nodeFs.renameSync(from, to);
  }) as never;
  writeFileAtomic(file, 'new', { ...options, platform: 'win32', fs: { ...nodeFs, renameSync } });
  expect(readFileSync(file, 'utf8')).toBe('new');
  const never = (() => {
    throw systemError('EBUSY');
  }) as never;
  expect(() =>
    writeFileAtomic(file, 'newer', { ...options, platform: 'win32', fs: { ...nodeFs, renameSync: never } }),
  ).toThrow('FILE_UNWRITABLE');
  expect(readdirSync(dir)).toEqual(['store.json']);
});

test.each(['EXDEV', ''])('on win32 a rename that fails for another reason (%j) is not tried again', (code) => {
  let tries = 0;
  const renameSync = (() => {
    tries += 1;
    throw systemError(code);
  }) as never;
  expect(() => writeFileAtomic(file, 'new', { ...options, platform: 'win32', fs: { ...nodeFs, renameSync } })).toThrow(
    'FILE_UNWRITABLE',
  );
  expect([tries, readdirSync(dir)]).toEqual([1, []]);
});

test('E7: refuses a symbolic link, a directory, and a missing directory; the link target is untouched', () => {
  const target = join(dir, 'target');
  writeFileSync(target, 'mine');
  symlinkSync(target, file);
  expect(() => writeFileAtomic(file, 'x', options)).toThrow('file_link');
  expect(readFileSync(target, 'utf8')).toBe('mine');
  mkdirSync(join(dir, 'sub'));
  expect(() => writeFileAtomic(join(dir, 'sub'), 'x', options)).toThrow('file_kind');
  expect(() => writeFileAtomic(join(dir, 'no', 'file'), 'x', options)).toThrow('ENOENT');
});

test('E7: while somebody swaps file, link and directory, nothing is ever written outside', async () => {
  const outside = join(dir, 'outside');
  mkdirSync(outside);
  const target = join(outside, 'target');
  writeFileSync(target, 'untouched');
  const swap = `
    const fs = require('node:fs');
    const [file, target] = process.argv.slice(1);
    const steps = [() => fs.writeFileSync(file, 'x'), () => fs.symlinkSync(target, file), () => fs.mkdirSync(file)];
    for (let i = 0; ; i++) {
      try { fs.rmSync(file, { recursive: true, force: true }); steps[i % 3](); } catch {}
    }`;
  const attacker = spawn(process.execPath, ['-e', swap, file, target], { stdio: 'ignore' });
  const end = performance.now() + 1_200;
  let refused = 0;
  let written = 0;
  while (performance.now() < end) {
    try {
      writeFileAtomic(file, 'secret', options);
      written += 1;
    } catch (error) {
      expect(error).toMatchObject({ code: 'FILE_UNWRITABLE' });
      refused += 1;
    }
    if ((written + refused) % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  attacker.kill('SIGKILL');
  await new Promise((resolve) => attacker.once('exit', resolve));
  expect([written > 0, refused > 0]).toEqual([true, true]);
  expect(readFileSync(target, 'utf8')).toBe('untouched');
  expect(readdirSync(outside)).toEqual(['target']);
  expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('E7: a temporary name that somebody planted is not opened', () => {
  const planted = join(dir, `.store.json.${process.pid}.known.tmp`);
  const target = join(dir, 'target');
  symlinkSync(target, planted);
  expect(() => writeFileAtomic(file, 'secret', { ...options, randomName: () => 'known' })).toThrow('EEXIST');
  expect(readdirSync(dir).includes('target')).toBe(false);
});

test.skipIf(!posix)(
  "E6: a private directory is made with its parents, tightened, and refused when it is a link or another user's",
  () => {
    const uid = process.getuid?.();
    const path = join(dir, 'a', 'b');
    ensurePrivateDir(path, { platform: process.platform, uid });
    expect([modeOf(path), modeOf(join(dir, 'a'))]).toEqual([0o700, 0o700]);
    chmodSync(path, 0o777);
    ensurePrivateDir(path, { platform: process.platform, uid });
    expect(modeOf(path)).toBe(0o700);
    expect(() => ensurePrivateDir(path, { platform: process.platform, uid: (uid ?? 0) + 1 })).toThrow('file_owner');
    symlinkSync(path, join(dir, 'link'));
    expect(() => ensurePrivateDir(join(dir, 'link'), { platform: process.platform, uid })).toThrow('file_link');
    writeFileSync(join(dir, 'plain'), '');
    expect(() => ensurePrivateDir(join(dir, 'plain'), { platform: process.platform, uid })).toThrow('FILE_UNWRITABLE');
  },
);

test.skipIf(!posix)('on win32 a private directory only has to be there', () => {
  const path = join(dir, 'wide');
  mkdirSync(path);
  chmodSync(path, 0o755);
  ensurePrivateDir(path, { platform: 'win32', uid: undefined });
  expect(modeOf(path)).toBe(0o755);
  ensurePrivateDir(path, { platform: 'linux', uid: undefined });
  expect(modeOf(path)).toBe(0o700);
  expect(() => ensurePrivateDir(join(dir, 'wide', 'x\0'), { platform: 'win32', uid: undefined })).toThrow(
    'FILE_UNWRITABLE',
  );
});

test('F3: in a directory that others write to, only the leftovers of the one file go', () => {
  const mine = '.report.csv.11.abc.tmp';
  const others = ['.other.csv.11.abc.tmp', '.report.csv.bak.11.abc.tmp'];
  for (const name of [mine, ...others]) writeFileSync(join(dir, name), 'x');
  expect(removeStaleTemps(dir, { isAlive: () => false, now: 0, of: 'report.csv' })).toBe(1);
  expect(readdirSync(dir).sort()).toEqual([...others].sort());
});

test('F3: an old leftover that cannot be removed is not counted, and its neighbours go', () => {
  mkdirSync(join(dir, '.a.11.folder.tmp'));
  writeFileSync(join(dir, '.b.11.file.tmp'), '');
  expect(removeStaleTemps(dir, { isAlive: () => false, now: 0 })).toBe(1);
  expect(readdirSync(dir)).toEqual(['.a.11.folder.tmp']);
});

test('F3: a leftover counts as old after an hour, not before', () => {
  const now = 1_800_000_000_000;
  const name = join(dir, '.a.11.x.tmp');
  writeFileSync(name, '');
  utimesSync(name, now / 1_000 - 3_600, now / 1_000 - 3_600);
  expect(removeStaleTemps(dir, { isAlive: () => true, now })).toBe(0);
  expect(removeStaleTemps(dir, { isAlive: () => true, now: now + 1 })).toBe(1);
});

test('F3: leftovers of dead processes go, those of living ones and everything else stay', () => {
  const now = 1_800_000_000_000;
  const make = (name: string, age = 0): void => {
    writeFileSync(join(dir, name), 'secret');
    utimesSync(join(dir, name), (now - age) / 1_000, (now - age) / 1_000);
  };
  make('.store.json.11.abc.tmp');
  make('.store.json.22.abc.tmp');
  make('.store.json.22.old.tmp', 7_200_000);
  make('store.json');
  make('.store.json.x.tmp');
  make('notes.11.abc.tmp');
  expect(removeStaleTemps(dir, { isAlive: (pid) => pid === 22, now })).toBe(2);
  expect(readdirSync(dir).sort()).toEqual([
    '.store.json.22.abc.tmp',
    '.store.json.x.tmp',
    'notes.11.abc.tmp',
    'store.json',
  ]);
  expect(removeStaleTemps(join(dir, 'missing'), { isAlive: () => false, now })).toBe(0);
});
