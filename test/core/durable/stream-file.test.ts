import * as nodeFs from 'node:fs';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PartFileSystem } from '../../../src/core/durable/part-file.ts';
import { writeStreamAtomic } from '../../../src/core/durable/stream-file.ts';

let dir = '';
let file = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-stream-'));
  file = join(dir, 'report.csv');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const write = (pieces: Iterable<string>, fs: Partial<PartFileSystem> = {}): void =>
  writeStreamAtomic(file, pieces, {
    platform: process.platform,
    pid: 7,
    randomName: () => 'known',
    fs: { ...nodeFs, ...fs },
  });
const failing = (code: string) => (): never => {
  throw Object.assign(new Error(`${code}: injected, call`), { code });
};

test('holds all pieces in order, as UTF-8, and replaces what was there', () => {
  nodeFs.writeFileSync(file, 'old and longer than nothing');
  write([]);
  expect(readFileSync(file, 'utf8')).toBe('');
  write(['退', '', '款\n', 'end']);
  expect(readFileSync(file, 'utf8')).toBe('退款\nend');
  expect(readdirSync(dir)).toEqual(['report.csv']);
});

test('H4: what is bigger than memory should hold is written while the pieces come', () => {
  const sizes: number[] = [];
  function* pieces(): Generator<string> {
    for (let i = 0; i < 300; i += 1) {
      yield `${i} `.padEnd(1_024, '.');
      sizes.push(statSync(join(dir, '.report.csv.7.known.tmp')).size);
    }
  }
  write(pieces());
  expect(Math.max(...sizes.map((size, index) => (index + 1) * 1_024 - size))).toBeLessThanOrEqual(65 * 1_024);
  const text = readFileSync(file, 'utf8');
  expect([text.length, text.slice(0, 3), text.slice(299 * 1_024, 299 * 1_024 + 4)]).toEqual([307_200, '0 .', '299 ']);
});

test.skipIf(process.platform === 'win32')('E6: is 0600, also when the old file was wider', () => {
  nodeFs.writeFileSync(file, 'old');
  chmodSync(file, 0o644);
  write(['new']);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('E7: a link or a folder at the path is refused and what it leads to is untouched', () => {
  const target = join(dir, 'target');
  nodeFs.writeFileSync(target, 'mine');
  symlinkSync(target, file);
  expect(() => write(['x'])).toThrow(/^FILE_UNWRITABLE.*file_link/);
  expect(readFileSync(target, 'utf8')).toBe('mine');
  rmSync(file);
  mkdirSync(file);
  expect(() => write(['x'])).toThrow(/^FILE_UNWRITABLE.*file_kind/);
  expect(readdirSync(dir).sort()).toEqual(['report.csv', 'target']);
});

test('E7: a temporary name that somebody planted is neither opened nor removed', () => {
  const planted = join(dir, '.report.csv.7.known.tmp');
  nodeFs.writeFileSync(planted, 'planted');
  expect(() => write(['secret'])).toThrow(/EEXIST/);
  expect(readFileSync(planted, 'utf8')).toBe('planted');
  expect(readdirSync(dir)).toEqual(['.report.csv.7.known.tmp']);
});

test('a folder that is not there is named by the file that was asked for', () => {
  file = join(dir, 'no', 'report.csv');
  expect(() => write(['x'])).toThrow(
    expect.objectContaining({ code: 'FILE_UNWRITABLE', params: expect.objectContaining({ file }) }),
  );
});

test.each<[string, Partial<PartFileSystem>, string]>([
  ['the disk is full', { writeSync: failing('ENOSPC') }, 'ENOSPC: injected'],
  ['the disk takes nothing and says so with 0', { writeSync: () => 0 }, 'key:reason.file_short'],
  [
    'the disk lies about what it wrote',
    { writeSync: ((_fd: number, _bytes: Uint8Array, _from: number, length: number) => length) as never },
    'key:reason.file_short',
  ],
  ['the mode cannot be set', { fchmodSync: failing('EPERM') }, 'EPERM: injected'],
  ['the sync fails', { fsyncSync: failing('EIO') }, 'EIO: injected'],
  ['closing fails', { closeSync: failing('EIO') }, 'EIO: injected'],
  ['the rename fails', { renameSync: failing('EXDEV') }, 'EXDEV: injected'],
])('F2, G10: when %s, the old file stays, nothing else does, and the reason is named', (_what, broken, reason) => {
  nodeFs.writeFileSync(file, 'old');
  expect(() => write(['new ', 'content'], broken)).toThrow(
    expect.objectContaining({ code: 'FILE_UNWRITABLE', params: expect.objectContaining({ file, reason }) }),
  );
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(readdirSync(dir)).toEqual(['report.csv']);
});

test('what the pieces throw goes up as it is, and the old file stays', () => {
  nodeFs.writeFileSync(file, 'old');
  function* pieces(): Generator<string> {
    yield 'half';
    throw new RangeError('mine');
  }
  expect(() => write(pieces())).toThrow(new RangeError('mine'));
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(readdirSync(dir)).toEqual(['report.csv']);
});
