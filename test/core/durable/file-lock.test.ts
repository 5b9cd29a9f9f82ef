import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  linkSync,
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
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { withFileLock, type FileLockOptions } from '../../../src/core/durable/file-lock.ts';
import { expectFast, timeOf } from '../../helpers/timing.ts';

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
    await expectFast(200, async () => {
      await holdAndKill(reap);
      if (!reap) await new Promise((resolve) => setTimeout(resolve, 20));
      const time = await timeOf(() => withFileLock(lock, () => undefined, options));
      expect(files()).toEqual(['counter']);
      return time;
    });
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
  writeFileSync(lock, dead('dead-lock'));
  writeFileSync(join(dir, '.counter.lock.dead-lock.steal'), dead('dead-stealer'));
  expect(await withFileLock(lock, () => 'done', options)).toBe('done');
  expect(files()).toEqual(['counter']);
});

test('a reused process number does not keep a dead lock alive', { skip: process.platform !== 'linux' }, async () => {
  await expectFast(200, () => {
    writeFileSync(lock, JSON.stringify({ token: 'old', pid: process.pid, start: '1', machine: ownMachine() }));
    return timeOf(() => withFileLock(lock, () => undefined, options));
  });
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

const dead = (token: string): string => JSON.stringify({ token, pid: 2 ** 22 + 1, start: '1', machine: ownMachine() });
const living = (token: string): string => JSON.stringify({ token, pid: process.pid, machine: ownMachine() });
/** A clock that only sleeping moves; `each` is done at every sleep. */
const sleeping = (each: (time: number) => void = () => undefined) => {
  let time = 0;
  return {
    now: () => time,
    monotonic: () => time,
    sleep: async () => {
      time += 100;
      each(time);
    },
  };
};

/** A living holder, this process, whose lock is another one at every multiple of `everyMs`. */
const passing =
  (everyMs: number, endsAt: number) =>
  (time: number): void => {
    if (time >= endsAt) rmSync(lock, { force: true });
    else {
      const token = `holder-${Math.floor(time / everyMs)}`;
      writeFileSync(lock, JSON.stringify({ token, pid: process.pid, machine: ownMachine() }));
    }
  };

test('F1: a lock that goes from hand to hand is waited for, as a long queue is; one holder is not', async () => {
  const wait = async (everyMs: number, endsAt: number): Promise<unknown> => {
    passing(everyMs, endsAt)(0);
    const clock = sleeping(passing(everyMs, endsAt));
    return withFileLock(lock, () => 'mine', { ...options, clock, timeoutMs: 1_000 });
  };
  expect(await wait(300, 5_000)).toBe('mine');
  await expect(wait(60_000, 5_000)).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
  // But not for ever.
  await expect(wait(300, 50_000)).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
});

test.each(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])(
  'a file system without hard links (%s) still lets in one at a time',
  async (code) => {
    const fs = {
      linkSync: () => {
        throw Object.assign(new Error(`${code}: injected, link`), { code });
      },
    };
    const inside = async (): Promise<string> => {
      expect(JSON.parse(readFileSync(lock, 'utf8'))).toMatchObject({ pid: process.pid });
      await expect(
        withFileLock(lock, () => 'second', { ...options, fs, clock: sleeping(), timeoutMs: 500 }),
      ).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
      return 'first';
    };
    expect(await withFileLock(lock, inside, { ...options, fs })).toBe('first');
    writeFileSync(lock, dead('killed'));
    expect(await withFileLock(lock, () => 'third', { ...options, fs })).toBe('third');
    expect(files()).toEqual(['counter']);
  },
);

test.each([Object.assign(new Error('EIO: injected, link'), { code: 'EIO' }), new Error('odd')])(
  'a lock file that cannot be made is said at once, without waiting (%s)',
  async (error) => {
    const fs = {
      linkSync: () => {
        throw error;
      },
    };
    const clock = sleeping(() => expect.unreachable('it waited'));
    await expect(withFileLock(lock, () => undefined, { ...options, fs, clock })).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE',
      params: { file: lock, reason: error.message.split(',')[0] },
    });
    expect(files()).toEqual(['counter']);
  },
);

test('a folder that is not there is said at once', async () => {
  const path = join(dir, 'no', 'x.lock');
  await expect(withFileLock(path, () => undefined, options)).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    params: { file: path },
  });
});

test('a holder that says nothing is named by a question mark when the wait is over', async () => {
  writeFileSync(lock, '');
  await expect(withFileLock(lock, () => undefined, { ...options, timeoutMs: 0 })).rejects.toMatchObject({
    code: 'LOCK_TIMEOUT',
    params: { file: lock, holder: '?' },
  });
  expect(files()).toEqual(['counter', 'counter.lock']);
});

test('the wait for a living holder is ten seconds unless said otherwise', async () => {
  writeFileSync(lock, living('me'));
  let waited = 0;
  const clock = sleeping((time) => (waited = time));
  await expect(withFileLock(lock, () => undefined, { ...options, clock })).rejects.toMatchObject({
    code: 'LOCK_TIMEOUT',
  });
  expect(waited).toBe(10_000);
});

test('a living stealer is waited for; when it has gone, the dead lock is taken over', async () => {
  const guard = join(dir, '.counter.lock.dead-lock.steal');
  writeFileSync(lock, dead('dead-lock'));
  writeFileSync(guard, living('stealer'));
  let ended = 0;
  const clock = sleeping((time) => {
    expect(readFileSync(lock, 'utf8')).toBe(dead('dead-lock'));
    expect(existsSync(guard)).toBe(true);
    if (time < 300) return;
    rmSync(guard);
    ended = time;
  });
  await withFileLock(lock, () => expect(ended).toBe(300), { ...options, clock });
  expect(files()).toEqual(['counter']);
});

test('a lock that somebody else took over in the meantime is not taken from them', async () => {
  const theirs = living('theirs');
  writeFileSync(lock, dead('dead-lock'));
  const fs = {
    linkSync: (from: unknown, to: unknown) => {
      linkSync(from as string, to as string);
      if (String(to).endsWith('.steal')) writeFileSync(lock, theirs);
    },
  };
  await expect(
    withFileLock(lock, () => expect.unreachable('two holders'), { ...options, fs, clock: sleeping(), timeoutMs: 500 }),
  ).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', params: { holder: process.pid } });
  expect(readFileSync(lock, 'utf8')).toBe(theirs);
  expect(files()).toEqual(['counter', 'counter.lock']);
});

test('a guard that bears the name of the lock itself ends in a time-out, not in a loop without end', async () => {
  writeFileSync(lock, dead('same'));
  writeFileSync(join(dir, '.counter.lock.same.steal'), dead('same'));
  await expect(
    withFileLock(lock, () => undefined, { ...options, clock: sleeping(), timeoutMs: 500 }),
  ).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
  expect(readFileSync(lock, 'utf8')).toBe(dead('same'));
});

test('a take-over clears away the guards of this lock, and nothing else', async () => {
  writeFileSync(lock, dead('dead-lock'));
  for (const name of ['.counter.lock.gone.steal', '.counter.lock.gone.note', '.other.lock.gone.steal', 'x.steal'])
    writeFileSync(join(dir, name), '');
  await withFileLock(lock, () => undefined, options);
  expect(files()).toEqual(['.counter.lock.gone.note', '.other.lock.gone.steal', 'counter', 'x.steal']);
});

test('a holder that does not say on which machine it runs is judged by its silence', async () => {
  writeFileSync(lock, JSON.stringify({ token: 'here', pid: process.pid, start: 5, machine: 7 }));
  let waited = 0;
  const clock = sleeping((time) => (waited = time));
  await withFileLock(lock, () => undefined, { ...options, clock, timeoutMs: 60_000 });
  expect(waited).toBe(6_000);
});

test('where the system does not say when a process started, its number decides', async () => {
  const there: FileLockOptions = { ...options, platform: 'darwin', clock: sleeping(), timeoutMs: 500 };
  let holder = '';
  await withFileLock(
    lock,
    async () => {
      holder = readFileSync(lock, 'utf8');
      expect(JSON.parse(holder)).not.toHaveProperty('start');
      await expect(withFileLock(lock, () => undefined, there)).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    },
    there,
  );
  writeFileSync(lock, holder);
  expect(await withFileLock(lock, () => 'taken', { ...there, isAlive: () => false })).toBe('taken');
});

test('a holder gives a sign of life every second, and none after its work', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    let now = 1_800_000_000_000;
    const clock = { ...options.clock, now: () => now };
    await withFileLock(
      lock,
      () => {
        now += 50_000;
        vi.advanceTimersByTime(999);
        expect(statSync(lock).mtimeMs).not.toBe(now);
        vi.advanceTimersByTime(1);
        expect(statSync(lock).mtimeMs).toBe(now);
        now += 50_000;
        vi.advanceTimersByTime(1_000);
        expect(statSync(lock).mtimeMs).toBe(now);
        // Whoever took the lock away keeps it; the beat says nothing.
        rmSync(lock);
        vi.advanceTimersByTime(1_000);
        expect(existsSync(lock)).toBe(false);
      },
      { ...options, clock },
    );
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('a lock that was taken away during the work is not removed from its new holder', async () => {
  await withFileLock(lock, () => writeFileSync(lock, living('new')), options);
  expect(readFileSync(lock, 'utf8')).toBe(living('new'));
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
