/** Keeps below the documented requests per second. */
import type { Clock, Transport } from '../ports.ts';

export interface LimitOptions {
  readonly clock: Clock;
  /** Requests per second, above 0. */
  readonly ratePerSecond: number;
  /** How many may go at once after a pause; default a tenth of a second's worth, at least 1. */
  readonly burst?: number;
}

/** Waits until the next request may leave; rejects with the signal's reason when it is aborted first. */
export type Limit = (signal?: AbortSignal) => Promise<void>;

/**
 * A limit of `ratePerSecond`, first come first served, by the monotonic clock; shared by the transports of primary and
 * backup host. The wait is computed when asked (generic cell rate algorithm), so no timer runs while nobody waits.
 */
export function createLimit({ clock, ratePerSecond, burst }: LimitOptions): Limit {
  const interval = 1_000 / ratePerSecond;
  const tolerance = (Math.max(1, burst ?? Math.floor(ratePerSecond / 10)) - 1) * interval;
  let nextFree = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const now = clock.monotonic();
    const slot = Math.max(now, nextFree);
    nextFree = slot + interval;
    const wait = slot - tolerance - now;
    if (wait > 0) await clock.sleep(wait, signal);
  };
}

/** Makes every try wait for its turn. */
export function limited(inner: Transport, limit: Limit): Transport {
  return async (request) => {
    await limit(request.signal);
    return inner(request);
  };
}
