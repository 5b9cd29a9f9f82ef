/**
 * Tells exchanges when their time is up. All exchanges of a sender share one sleeping timer: most are over long before, and a
 * timer with its signal for each of them is a good part of what a request costs.
 */
import type { Clock } from '../ports.ts';

export interface Watched {
  /** When to look at it next, by the monotonic clock. */
  due: number;
  /** @returns when to look again */
  look(now: number): number;
}

export interface Watchdog {
  watch(one: Watched): void;
  /** Must be called when it is over, however it ended: while anything is watched the process does not end. */
  forget(one: Watched): void;
}

/** Why a sleep ends before its time. A plain value: the default reason is an exception whose stack costs more than the sleep. */
const over = 'over';

export function createWatchdog(clock: Pick<Clock, 'monotonic' | 'sleep'>): Watchdog {
  const watched = new Set<Watched>();
  let alarm: { readonly at: number; readonly off: AbortController } | undefined;

  const turnOff = (): void => {
    alarm?.off.abort(over);
    alarm = undefined;
  };
  const setAlarm = (at: number): void => {
    turnOff();
    const mine = { at, off: new AbortController() };
    alarm = mine;
    // After a process was stopped (a lid that was closed, a busy machine), what has arrived in time is read first.
    const ring = (): void =>
      void setImmediate(() => {
        if (alarm === mine) lookAtAll();
      });
    clock.sleep(Math.max(0, at - clock.monotonic()), mine.off.signal).then(ring, () => {});
  };
  const lookAtAll = (): void => {
    alarm = undefined;
    // A timer may wake early; what counts is the clock.
    const now = clock.monotonic();
    for (const one of watched) if (one.due <= now) one.due = one.look(now);
    let next = Infinity;
    for (const one of watched) next = Math.min(next, one.due);
    if (next < Infinity) setAlarm(next);
  };

  return {
    watch(one) {
      watched.add(one);
      if (alarm === undefined || one.due < alarm.at) setAlarm(one.due);
    },
    forget(one) {
      if (!watched.delete(one) || watched.size > 0) return;
      // The next request is often sent in the same turn.
      setImmediate(() => {
        if (watched.size === 0) turnOff();
      });
    },
  };
}
