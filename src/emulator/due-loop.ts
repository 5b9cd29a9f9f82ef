/** Does something with each of many things when its time has come on a clock that may be moved. */
import type { Clock } from '../core/ports.ts';
import { makeDueQueue } from './due-queue.ts';

export interface DueLoop<T> {
  add(at: number, value: T): void;
  /** Nothing is waited for any more. */
  clear(): void;
}

interface Tools<T> {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A promise is waited for before the next. */
  readonly meet: (value: T) => void | Promise<void>;
}

/** How often the clock is looked at while something waits: it may be moved by hand. */
const lookMs = 50;

export function makeDueLoop<T>({ clock, signal, meet }: Tools<T>): DueLoop<T> {
  const queue = makeDueQueue<T>();
  let awake = false;

  /** Runs only while something waits. */
  async function run(): Promise<void> {
    awake = true;
    try {
      for (let due = queue.next(); due !== undefined && !signal.aborted; due = queue.next()) {
        const wait = due - clock.now();
        if (wait > 0) {
          await clock.sleep(Math.min(wait, lookMs), signal);
          continue;
        }
        const value = queue.take();
        const met = value === undefined ? undefined : meet(value);
        // What is done at once does not put off the rest: all that is due is met in one turn.
        if (met !== undefined) await met;
      }
    } finally {
      awake = false;
    }
  }

  return {
    add(at, value) {
      queue.add(at, value);
      // Rejects only when the emulator is being closed.
      if (!awake) run().catch(() => undefined);
    },
    clear: () => queue.clear(),
  };
}
