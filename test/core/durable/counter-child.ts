/** A process of the lock tests: `increment <dir> <times>` or `hold <dir>`. Bundled and run by `file-lock.test.ts`. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withFileLock, type FileLockOptions } from '../../../src/core/durable/file-lock.ts';

const [mode, dir, count] = process.argv.slice(2) as [string, string, string?];
const options: FileLockOptions = {
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  },
  pid: process.pid,
  isAlive: (pid) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  },
  platform: process.platform,
  timeoutMs: 60_000,
};
const lock = join(dir, 'counter.lock');
const counter = join(dir, 'counter');

/** By rename, so that a kill in the middle cannot empty the counter: the lock is what is tested. */
function store(value: number): void {
  const temp = `${counter}-${process.pid}`;
  writeFileSync(temp, String(value));
  renameSync(temp, counter);
}

if (mode === 'increment') {
  process.stdout.write('started\n');
  for (let i = 0; i < Number(count); i++) {
    await withFileLock(
      lock,
      async () => {
        const value = Number(readFileSync(counter, 'utf8'));
        await new Promise((resolve) => setImmediate(resolve));
        store(value + 1);
      },
      options,
    );
  }
} else {
  // Adds one, then holds the lock until it is killed, reporting on stdout that it holds it.
  await withFileLock(
    lock,
    async () => {
      store(Number(readFileSync(counter, 'utf8')) + 1);
      process.stdout.write('held\n');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    },
    options,
  );
}
