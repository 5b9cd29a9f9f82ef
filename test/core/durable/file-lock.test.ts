import { spawn, type ChildProcess } from 'node:child_process';
import {
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
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { withFileLock, type FileLockOptions } from '../../../src/core/durable/file-lock.ts';

let root: string;
let child: string;
let dir: string;
let lock: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'wxpay-lock-'));
  child = join(root, 'child.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('counter-child.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: child,
  });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  dir = mkdtempSync(join(root, 'd-'));
  lock = join(dir, 'counter.lock');
  writeFileSync(join(dir, 'counter'), '0');
});

const options: FileLockOptions = {
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  },
  pid: process.pid,
  isAlive,
  platform: process.platform,
};

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}

function run(...args: string[]): { child: ChildProcess; done: Promise<number | null> } {
  const started = spawn(process.execPath, [child, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { child: started, done: new Promise((resolve) => started.on('exit', (code) => resolve(code))) };
}

async function holdAndKill(reap: boolean): Promise<void> {
  const holder = run('hold', dir);
  await new Promise<void>((resolve) => holder.child.stdout?.once('data', () => resolve()));
  holder.child.kill('SIGKILL');
  if (reap) await holder.done;
}

const count = (): number => Number(readFileSync(join(dir, 'counter'), 'utf8'));
const files = (): string[] => readdirSync(dir).sort();

test(
  'F1: a hundred processes that add to one counter at once lose nothing and leave nothing',
  { timeout: 120_000 },
  async () => {
    const codes = await Promise.all(Array.from({ length: 100 }, () => run('increment', dir, '2').done));
    expect(codes.every((code) => code === 0)).toBe(true);
    expect(count()).toBe(200);
    expect(files()).toEqual(['counter']);
  },
);

test.each([true, false])(
  'F3, G11: the lock of a killed holder is taken over within 200 ms (reaped: %s)',
  async (reap) => {
    await holdAndKill(reap);
    if (!reap) await new Promise((resolve) => setTimeout(resolve, 20));
    const start = performance.now();
    await withFileLock(lock, () => undefined, options);
    expect(performance.now() - start).toBeLessThan(200);
    expect(files()).toEqual(['counter']);
  },
);

test(
  'G11: many processes that find a dead holder at once take over one after the other',
  { timeout: 60_000 },
  async () => {
    for (let round = 0; round < 3; round++) {
      const before = count();
      await holdAndKill(true);
      const codes = await Promise.all(Array.from({ length: 12 }, () => run('increment', dir, '5').done));
      expect(codes.every((code) => code === 0)).toBe(true);
      expect(count()).toBe(before + 61);
    }
    expect(files()).toEqual(['counter']);
  },
);

test(
  'F3: processes killed at random instants break neither the lock nor the counter',
  { timeout: 60_000 },
  async () => {
    let finished = 0;
    for (let round = 0; round < 4; round++) {
      const runs = Array.from({ length: 6 }, () => run('increment', dir, '4000'));
      for (const [index, { child }] of runs.entries()) {
        child.stdout?.once('data', () => setTimeout(() => child.kill('SIGKILL'), 20 + index * 45 + round * 9));
      }
      finished += (await Promise.all(runs.map(({ done }) => done))).filter((code) => code === 0).length;
    }
    const before = count();
    expect(before).toBeGreaterThan(0);
    expect(finished).toBe(0);
    const codes = await Promise.all([run('increment', dir, '10').done, run('increment', dir, '10').done]);
    expect(codes).toEqual([0, 0]);
    expect(count()).toBe(before + 20);
    expect(files().filter((name) => name === 'counter.lock' || name.endsWith('.steal'))).toEqual([]);
  },
);

test('a dead guard left by a stealer that was killed is taken over too', async () => {
  const dead = (token: string): string =>
    JSON.stringify({ token, pid: 2 ** 22 + 1, start: '1', machine: ownMachine() });
  writeFileSync(lock, dead('dead-lock'));
  writeFileSync(join(dir, '.counter.lock.dead-lock.steal'), dead('dead-stealer'));
  expect(await withFileLock(lock, () => 'done', options)).toBe('done');
  expect(files()).toEqual(['counter']);
});

test('a reused process number does not keep a dead lock alive', { skip: process.platform !== 'linux' }, async () => {
  writeFileSync(lock, JSON.stringify({ token: 'old', pid: process.pid, start: '1', machine: ownMachine() }));
  const start = performance.now();
  await withFileLock(lock, () => undefined, options);
  expect(performance.now() - start).toBeLessThan(200);
});

test('a living holder is waited for, and named when the wait is over', async () => {
  await withFileLock(
    lock,
    async () => {
      await expect(withFileLock(lock, () => undefined, { ...options, timeoutMs: 60 })).rejects.toMatchObject({
        code: 'LOCK_TIMEOUT',
        params: { file: lock, holder: process.pid },
      });
    },
    options,
  );
});

test('the lock is released when the work throws, and the error passes', async () => {
  await expect(
    withFileLock(
      lock,
      () => {
        throw new RangeError('mine');
      },
      options,
    ),
  ).rejects.toThrow(new RangeError('mine'));
  expect(files()).toEqual(['counter']);
});

test('tasks of one process exclude each other too', async () => {
  const log: string[] = [];
  const task = (name: string): Promise<void> =>
    withFileLock(
      lock,
      async () => {
        log.push(`${name} in`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        log.push(`${name} out`);
      },
      options,
    );
  await Promise.all([task('a'), task('b'), task('c')]);
  for (let i = 0; i < 6; i += 2) expect(log[i]?.[0]).toBe(log[i + 1]?.[0]);
});

test('a holder on another machine counts as alive while its heartbeat comes, and as dead after silence', async () => {
  writeFileSync(lock, JSON.stringify({ token: 'far', pid: 1, start: '1', machine: 'another' }));
  let time = 0;
  let beats = 5;
  const clock = {
    now: () => 1_800_000_000_000 + time,
    monotonic: () => time,
    sleep: async () => {
      time += 1_000;
      if (beats-- > 0) utimesSync(lock, time, time);
    },
  };
  await withFileLock(lock, () => undefined, { ...options, clock, timeoutMs: 60_000 });
  expect(time).toBeGreaterThanOrEqual(10_000);
  expect(time).toBeLessThan(15_000);
});

test.each(['', '{', 'null', '{"token":"../../x","pid":1}', '{"token":"a","pid":-1}', 'x'.repeat(5_000)])(
  'a lock file that says nothing usable (%#) is overcome after silence, not obeyed for ever',
  async (content) => {
    writeFileSync(lock, content);
    let time = 0;
    const clock = { now: () => time, monotonic: () => time, sleep: async () => void (time += 500) };
    await withFileLock(lock, () => undefined, { ...options, clock, timeoutMs: 60_000 });
    expect(time).toBeLessThan(8_000);
    expect(files()).toEqual(['counter']);
  },
);

test('E7: a symbolic link at the lock path is refused and its target is untouched', async () => {
  symlinkSync(join(dir, 'counter'), lock);
  await expect(withFileLock(lock, () => undefined, options)).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
  expect(count()).toBe(0);
});

test('E6: the lock file is private', { skip: process.platform === 'win32' }, async () => {
  await withFileLock(lock, () => expect(statSync(lock).mode & 0o777).toBe(0o600), options);
});

test('an aborted wait ends with the reason', async () => {
  writeFileSync(lock, JSON.stringify({ token: 'me', pid: process.pid, machine: ownMachine() }));
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('stop')), 20);
  await expect(withFileLock(lock, () => undefined, { ...options, signal: controller.signal })).rejects.toThrow('stop');
});

/** The machine id is learned from a lock that this process takes. */
function ownMachine(): string {
  return machine;
}
let machine = '';
beforeAll(async () => {
  const path = join(root, 'probe.lock');
  await withFileLock(
    path,
    () => {
      machine = (JSON.parse(readFileSync(path, 'utf8')) as { machine: string }).machine;
    },
    options,
  );
});
