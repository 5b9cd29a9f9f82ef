import * as nodeFs from 'node:fs';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { adoptPartFile, openPartFile, type PartFileSystem } from '../../../src/core/durable/part-file.ts';

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

test('a disk that takes nothing and says so with 0 ends the writing', () => {
  let left = 2;
  const part = open({
    writeSync: ((fd: number, bytes: Uint8Array, from: number, _length: number, at: number) =>
      left-- > 0 ? nodeFs.writeSync(fd, bytes, from, 3, at) : 0) as never,
  });
  expect(() => part.write(Buffer.from('0123456789'))).toThrow(
    expect.objectContaining({ params: { file: part.path, reason: 'key:reason.file_short', written: 6, size: 10 } }),
  );
  part.discard();
});

test('bytes that did not arrive are noticed before the file gets its name', () => {
  const part = open({
    writeSync: ((_fd: number, _bytes: Uint8Array, _from: number, length: number) => length) as never,
  });
  part.write(Buffer.from('lost'));
  expect(() => part.publish(join(dir, 'a'))).toThrow(
    expect.objectContaining({ params: { file: join(dir, 'a'), reason: 'key:reason.file_short', written: 0, size: 4 } }),
  );
  part.discard();
  expect(nodeFs.readdirSync(dir)).toEqual([]);
});

test('a folder that cannot be synced on this file system is no failure of a published file; an I/O error is one', () => {
  for (const [code, works] of [
    ['EINVAL', true],
    ['EIO', false],
  ] as const) {
    let calls = 0;
    const part = openPartFile(join(dir, 'a.part'), {
      platform: 'linux',
      fs: {
        ...nodeFs,
        fsyncSync: (fd) => {
          calls += 1;
          if (calls === 2) throw full(code);
          nodeFs.fsyncSync(fd);
        },
      },
    });
    part.write(Buffer.from(code));
    const publish = (): void => part.publish(join(dir, 'a'));
    if (works) publish();
    else expect(publish).toThrow(/^FILE_UNWRITABLE.*EIO/);
    part.discard();
    expect([calls, readFileSync(join(dir, 'a'), 'utf8')]).toEqual([2, code]);
  }
});

test('on win32 neither modes are set nor folders synced', () => {
  let syncs = 0;
  const part = openPartFile(join(dir, 'a.part'), {
    platform: 'win32',
    fs: {
      ...nodeFs,
      fchmodSync: () => expect.unreachable('no modes there'),
      fsyncSync: () => void (syncs += 1),
    },
  });
  part.publish(join(dir, 'a'));
  expect([syncs, nodeFs.readdirSync(dir)]).toEqual([1, ['a']]);
});

test('a part that cannot be removed is left, without a word', () => {
  const part = open({
    rmSync: () => {
      throw full('EACCES');
    },
  });
  part.discard();
  expect(nodeFs.readdirSync(dir)).toEqual(['a.part']);
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

test('what an earlier run left is taken over once, with its bytes', () => {
  const uid = process.getuid?.();
  const left = open();
  left.write(Buffer.from('beg'));
  left.leave();
  left.leave();
  const adopted = adoptPartFile(left.path, join(dir, 'b.part'), { platform: process.platform, uid });
  expect(adoptPartFile(left.path, join(dir, 'c.part'), { platform: process.platform, uid })).toBeUndefined();
  expect(adopted?.size).toBe(3);
  adopted?.write(Buffer.from('un'));
  adopted?.publish(join(dir, 'a'));
  expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('begun');
  expect(nodeFs.readdirSync(dir)).toEqual(['a']);
});

test.each<[string, (path: string) => void]>([
  ['a link', (path) => symlinkSync(join(dir, 'precious'), path)],
  ['a second name of a file', (path) => nodeFs.linkSync(join(dir, 'precious'), path)],
  ['a file that others may read', (path) => writeFileSync(path, 'x', { mode: 0o640 })],
])('%s is not taken over, and what it leads to stays', (_, make) => {
  writeFileSync(join(dir, 'precious'), 'precious', { mode: 0o600 });
  make(join(dir, 'a.part'));
  const options = { platform: process.platform, uid: process.getuid?.() };
  expect(adoptPartFile(join(dir, 'a.part'), join(dir, 'b.part'), options)).toBeUndefined();
  expect(nodeFs.readdirSync(dir)).toEqual(['precious']);
  expect(readFileSync(join(dir, 'precious'), 'utf8')).toBe('precious');
});

test('nor is a file of another user', () => {
  writeFileSync(join(dir, 'a.part'), 'x', { mode: 0o600 });
  const options = { platform: process.platform, uid: (process.getuid?.() ?? 0) + 1 };
  expect(adoptPartFile(join(dir, 'a.part'), join(dir, 'b.part'), options)).toBeUndefined();
});
