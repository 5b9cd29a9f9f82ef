/** A clock that jumps to the next sleeper as soon as nothing else is going on. */
import type { Clock } from '../../../src/core/ports.ts';

export interface VirtualClock extends Clock {
  /** Moves the wall clock, as an operator or NTP does; the monotonic one is not touched. */
  setBack(milliseconds: number): void;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export function virtualClock(start = 1_795_000_000_000): VirtualClock {
  let time = 0;
  let wall = start;
  let ticking = false;
  const sleepers: Sleeper[] = [];

  const insert = (sleeper: Sleeper): void => {
    let low = 0;
    let high = sleepers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sleepers[middle]?.at ?? 0) <= sleeper.at) low = middle + 1;
      else high = middle;
    }
    sleepers.splice(low, 0, sleeper);
  };
  const tick = (): void => {
    // Twice round the loop: whatever can go on without time passing has gone on.
    setImmediate(() => {
      setImmediate(() => {
        const next = sleepers.shift();
        if (next === undefined) {
          ticking = false;
          return;
        }
        time = Math.max(time, next.at);
        next.wake();
        tick();
      });
    });
  };
  return {
    now: () => wall + Math.floor(time),
    monotonic: () => time,
    setBack(milliseconds) {
      wall -= milliseconds;
    },
    sleep(milliseconds, signal) {
      if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
      return new Promise((resolve, reject) => {
        const onAbort = (): void => {
          const at = sleepers.indexOf(sleeper);
          if (at >= 0) sleepers.splice(at, 1);
          reject(signal?.reason as Error);
        };
        const sleeper: Sleeper = {
          at: time + Math.max(0, milliseconds),
          wake: () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        insert(sleeper);
        if (!ticking) {
          ticking = true;
          tick();
        }
      });
    },
  };
}
