/** A disk that is really full: a tmpfs of a few pages, mounted in a mount name space of its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';

const able =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs none /mnt']).status === 0;
if (!able)
  process.stderr.write('full-disk.test.ts: skipped, it needs root and a mount name space of its own (unshare -m)\n');

let root: string;
let child: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'wxpay-full-'));
  child = join(root, 'child.mjs');
  const entry = fileURLToPath(new URL('full-disk-child.ts', import.meta.url));
  buildSync({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', target: 'node20', outfile: child });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.skipIf(!able).each([4, 8, 12, 16, 20, 24, 28, 32])(
  'F2, R8: on a disk of %i KiB the file is the old one with an error, or the new one without',
  (size) => {
    const disk = join(root, `disk${size}`);
    mkdirSync(disk);
    const script = [
      `mount -t tmpfs -o size=${size}k none ${disk}`,
      `printf old > ${disk}/store.json`,
      `${process.execPath} ${child} ${disk}/store.json`,
      `echo; wc -c < ${disk}/store.json; ls -A ${disk} | wc -l; head -c 3 ${disk}/store.json`,
    ].join(' && ');
    const [said, length, files, start] = execFileSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.trim());
    expect(files).toBe('1');
    if (said === 'ok') expect([length, start]).toEqual(['11293', '{"f']);
    else {
      expect(said).toMatch(/^FILE_UNWRITABLE (ENOSPC: |key:reason.file_short)/);
      expect([length, start]).toEqual(['3', 'old']);
    }
    expect(said === 'ok').toBe(size >= 16);
  },
);
