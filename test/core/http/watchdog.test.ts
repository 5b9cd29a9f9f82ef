/** One timer for many exchanges. */
import { stat } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createWatchdog, type Watched } from '../../../src/core/http/watchdog.ts';

/** A clock that stands still until it is moved; knows who sleeps. */
function heldClock() {
  let now = 0;
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();
  return {
    sleepers,
    monotonic: () => now,
    sleep: (milliseconds: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        const sleeper = { until: now + milliseconds, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason as Error);
        });
      }),
    async moveTo(time: number): Promise<void> {
      now = time;
      for (const sleeper of sleepers)
        if (sleeper.until <= now) {
          sleepers.delete(sleeper);
          sleeper.wake();
        }
      await turn();
    },
    /** Wakes everybody before the time. */
    async wakeEarly(): Promise<void> {
      const all = [...sleepers];
      sleepers.clear();
      for (const { wake } of all) wake();
      await turn();
    },
  };
}
/** What was woken looks in the turn after the next. */
const turn = async () =>
  new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve));
  });

function stage() {
  const clock = heldClock();
  const dog = createWatchdog(clock);
  const looked: string[] = [];
  const watch = (name: string, due: number, next: (now: number) => number = () => Infinity): Watched => {
    const one: Watched = {
      due,
      look(now) {
        looked.push(`${name} ${now}`);
        return next(now);
      },
    };
    dog.watch(one);
    return one;
  };
  return { clock, dog, looked, watch };
}

test('looks at each when its time has come, with one sleeper for all', async () => {
  const { clock, looked, watch } = stage();
  watch('late', 30);
  watch('early', 10);
  watch('middle', 20, () => 40);
  expect(clock.sleepers.size).toBe(1);
  await clock.moveTo(9);
  expect(looked).toEqual([]);
  await clock.moveTo(10);
  expect(looked).toEqual(['early 10']);
  await clock.moveTo(30);
  expect(looked).toEqual(['early 10', 'late 30', 'middle 30']);
  expect(clock.sleepers.size).toBe(1);
  await clock.moveTo(40);
  expect(looked.at(-1)).toBe('middle 40');
});

test('a timer that wakes early tells nobody', async () => {
  const { clock, looked, watch } = stage();
  watch('one', 10);
  await clock.wakeEarly();
  expect(looked).toEqual([]);
  await clock.moveTo(10);
  expect(looked).toEqual(['one 10']);
});

test('who is forgotten is not looked at, and the last one leaves no sleeper behind', async () => {
  const { clock, dog, looked, watch } = stage();
  const first = watch('first', 10);
  const second = watch('second', 20);
  dog.forget(first);
  await turn();
  expect(clock.sleepers.size).toBe(1);
  await clock.moveTo(15);
  expect(looked).toEqual([]);
  dog.forget(second);
  dog.forget(second);
  await turn();
  expect(clock.sleepers.size).toBe(0);
});

test('one that comes in the turn in which the last one went keeps the sleeper', async () => {
  const { clock, dog, looked, watch } = stage();
  const first = watch('first', 10);
  const [sleeper] = clock.sleepers;
  dog.forget(first);
  watch('second', 20);
  await turn();
  expect([...clock.sleepers]).toEqual([sleeper]);
  await clock.moveTo(20);
  expect(looked).toEqual(['second 20']);
});

test('one that ends another while it is looked at', async () => {
  const { clock, dog, looked, watch } = stage();
  const other = { one: undefined as Watched | undefined };
  watch('first', 10, () => {
    if (other.one !== undefined) dog.forget(other.one);
    return Infinity;
  });
  other.one = watch('second', 10);
  await clock.moveTo(10);
  expect(looked).toEqual(['first 10']);
});

test('H2: what came in time counts, though this process was stopped until after the deadline', async () => {
  const dog = createWatchdog({
    monotonic: () => performance.now(),
    sleep: async (milliseconds, signal) => {
      await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
    },
  });
  let late = false;
  const one: Watched = {
    due: performance.now() + 50,
    look() {
      late = true;
      return Infinity;
    },
  };
  dog.watch(one);
  const arrived = new Promise<void>((resolve) => {
    // Done by another thread at once; its result waits for this one.
    stat('.', () => {
      dog.forget(one);
      resolve();
    });
  });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150);
  await arrived;
  await sleep(20);
  expect(late).toBe(false);
});
