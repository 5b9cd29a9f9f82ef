/**
 * The clock that a test may move: orders expire by it, callbacks are sent again, refunds settle and bills get their day. The
 * wire keeps the real time: a client refuses an answer whose timestamp is five minutes off, and certificates end when they end.
 */
import { WxpayError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { readTime } from './times.ts';

/** One of them. Names as in the control API. */
export interface ClockChange {
  /** Milliseconds to move on; negative ones go back. */
  readonly by_ms?: number;
  /** The time that it is to be, RFC 3339 with an offset; from then on it goes on. */
  readonly at?: string;
  /** Back to the real time, or to the beginning of one that stands still. */
  readonly reset?: true;
}

export interface ClockState {
  /** The emulator's time, milliseconds since the epoch. */
  readonly now: number;
  /** How far it is ahead of the real time, in milliseconds; negative: behind. */
  readonly offset_ms: number;
}

/** A clock that stands still. */
export interface HeldTime {
  /** Where it begins, milliseconds since the epoch. */
  readonly at: number;
  /** How far a request moves it on, in milliseconds. */
  readonly stepMs: number;
}

/** A clock as it is written out. */
export interface ClockDump {
  /** How far it is ahead of the real time, or of the beginning of one that stands still. */
  readonly clock_offset_ms: number;
  /** The time of one that stands still. */
  readonly clock_at?: number;
}

export interface BusinessClock extends Clock {
  state(): ClockState;
  /** Whoever sleeps wakes up and looks again. @throws WxpayError `INPUT_INVALID` naming the field */
  move(change: unknown): ClockState;
  /** A request has come: one that stands still moves on by its step. */
  tick(): void;
  dump(): ClockDump;
  /** Takes up what was written out, by a clock of either kind. */
  restore(dumped: ClockDump): void;
}

/** WeChat Pay's whole time and a good deal more; ids and bills write years with four digits. */
const earliest = Date.UTC(2011, 0, 1);
const latest = Date.UTC(2099, 11, 31);

/**
 * @param wire the real time
 * @param held for a clock that does not run by itself
 */
export function openBusinessClock(wire: Clock, held?: HeldTime): BusinessClock {
  let offset = 0;
  const sleepers = new Set<() => void>();
  const base = (): number => held?.at ?? wire.now();
  const now = (): number => base() + offset;
  const state = (): ClockState => ({ now: now(), offset_ms: held === undefined ? offset : now() - wire.now() });

  function set(offsetMs: number): void {
    offset = offsetMs;
    for (const wake of sleepers) wake();
  }

  return {
    now,
    monotonic: () => wire.monotonic(),
    state,

    /** Ends early when the clock is moved: how long is left has changed. */
    async sleep(milliseconds, signal) {
      signal?.throwIfAborted();
      const woken = new AbortController();
      const wake = (): void => woken.abort();
      const stop = (): void => woken.abort(signal?.reason);
      signal?.addEventListener('abort', stop, { once: true });
      sleepers.add(wake);
      try {
        await wire.sleep(milliseconds, woken.signal);
      } catch (error) {
        if (signal?.aborted === true || !woken.signal.aborted) throw error;
      } finally {
        sleepers.delete(wake);
        signal?.removeEventListener('abort', stop);
      }
    },

    move(change) {
      // One reading: the real time goes on between two, and the distance would be off by that.
      const real = base();
      const wanted = readChange(change, real + offset, real);
      if (wanted < earliest || wanted > latest) throw invalid('clock');
      set(wanted - real);
      return state();
    },

    tick() {
      if (held !== undefined && held.stepMs > 0) set(offset + held.stepMs);
    },

    dump: () => ({ clock_offset_ms: offset, ...(held === undefined ? {} : { clock_at: now() }) }),

    restore({ clock_offset_ms: ahead, clock_at: at }) {
      if (held === undefined) set(at === undefined ? ahead : at - wire.now());
      else set((at ?? wire.now() + ahead) - held.at);
    },
  };
}

/** @returns the time that it is to be; `real` is what a reset goes back to */
function readChange(change: unknown, now: number, real: number): number {
  if (typeof change !== 'object' || change === null) throw invalid('clock');
  const entries = Object.entries(change);
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1) throw invalid('clock');
  const [name, value] = entry as [string, unknown];
  if (name === 'reset' && value === true) return real;
  if (name === 'by_ms' && typeof value === 'number' && Number.isSafeInteger(value)) return now + value;
  const at = name === 'at' && typeof value === 'string' ? readTime(value) : undefined;
  if (at === undefined) throw invalid(name);
  return at;
}

function invalid(field: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.control' } });
}
