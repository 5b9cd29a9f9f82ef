import * as nodeFs from 'node:fs';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPartFile, type PartFileSystem } from '../../../src/core/durable/part-file.ts';

let dir = '';
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'wxpay-part-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (fs: Partial<PartFileSystem> = {}) =>
  openPartFile(join(dir, 'a.part'), { platform: process.platform, fs: { ...nodeFs, ...fs } });
const full = (code: string): Error => Object.assign(new Error(`${code}: no space left on device, write`), { code });

test('grows, begins again, and gets its name when it is whole', () => {
  const part = open();
  part.write(Buffer.from('wrong'));
  part.clear();
  part.write(Buffer.from('ri'));
  part.write(Buffer.from('ght'));
  expect(part.size).toBe(5);
  expect(statSync(part.path).mode & 0o777).toBe(0o600);
  writeFileSync(join(dir, 'a'), 'old');
  part.publish(join(dir, 'a'));
  part.discard();
  expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('right');
  expect(existsSync(part.path)).toBe(false);
});

test('nothing stays of what is discarded', () => {
  const part = open();
  part.write(Buffer.from('x'));
  part.discard();
  part.discard();
  expect(nodeFs.readdirSync(dir)).toEqual([]);
});

test('refuses what is there already, a link and a folder', () => {
  writeFileSync(join(dir, 'a.part'), 'mine');
  expect(() => open()).toThrow(/^FILE_UNWRITABLE/);
  rmSync(join(dir, 'a.part'));
  symlinkSync(join(dir, 'elsewhere'), join(dir, 'link'));
  nodeFs.mkdirSync(join(dir, 'folder'));
  const part = open();
  expect(() => part.publish(join(dir, 'link'))).toThrow(/file_link/);
  expect(() => part.publish(join(dir, 'folder'))).toThrow(/file_kind/);
  part.discard();
});

test('a disk that takes only a part of each write gets all of it', () => {
  const part = open({
    writeSync: ((fd: number, bytes: Uint8Array, from: number, length: number, at: number) =>
      nodeFs.writeSync(fd, bytes, from, Math.min(length, 3), at)) as never,
  });
  part.write(Buffer.from('0123456789'));
  part.publish(join(dir, 'a'));
  expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('0123456789');
});

test.each(['ENOSPC', 'EDQUOT', 'EIO'])('%s is said, and the old file stays (THREATS F2)', (code) => {
  writeFileSync(join(dir, 'a'), 'old');
  let room = 4;
  const part = open({
    writeSync: ((fd: number, bytes: Uint8Array, from: number, length: number, at: number) => {
      if (room === 0) throw full(code);
      const taken = nodeFs.writeSync(fd, bytes, from, Math.min(length, room), at);
      room -= taken;
      return taken;
    }) as never,
  });
  expect(() => part.write(Buffer.from('too much'))).toThrow(new RegExp(`^FILE_UNWRITABLE.*${code}`));
  part.discard();
  expect(nodeFs.readdirSync(dir)).toEqual(['a']);
  expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('old');
});

test('a sync that fails publishes nothing', () => {
  const part = open({
    fsyncSync: () => {
      throw full('EIO');
    },
  });
  part.write(Buffer.from('x'));
  expect(() => part.publish(join(dir, 'a'))).toThrow(/^FILE_UNWRITABLE/);
  part.discard();
  expect(nodeFs.readdirSync(dir)).toEqual([]);
});
