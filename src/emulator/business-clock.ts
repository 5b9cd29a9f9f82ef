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
  /** Back to the real time. */
  readonly reset?: true;
}

export interface ClockState {
  /** The emulator's time, milliseconds since the epoch. */
  readonly now: number;
  /** How far it is ahead of the real time, in milliseconds; negative: behind. */
  readonly offset_ms: number;
}

export interface BusinessClock extends Clock {
  state(): ClockState;
  /** Whoever sleeps wakes up and looks again. @throws WxpayError `INPUT_INVALID` naming the field */
  move(change: unknown): ClockState;
  /** Puts it so far ahead of the real time, in milliseconds. */
  restore(offsetMs: number): void;
}

/** WeChat Pay's whole time and a good deal more; ids and bills write years with four digits. */
const earliest = Date.UTC(2011, 0, 1);
const latest = Date.UTC(2099, 11, 31);

/** @param wire the real time */
export function openBusinessClock(wire: Clock): BusinessClock {
  let offset = 0;
  const sleepers = new Set<() => void>();
  const now = (): number => wire.now() + offset;
  const state = (): ClockState => ({ now: now(), offset_ms: offset });

  function restore(offsetMs: number): void {
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
      const wanted = readChange(change, now(), wire.now());
      if (wanted < earliest || wanted > latest) throw invalid('clock');
      restore(wanted - wire.now());
      return state();
    },

    restore,
  };
}

/** @returns the time that it is to be */
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
