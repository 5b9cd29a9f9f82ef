/**
 * How fast a batch may go: WeChat Pay takes 150 refunds a second, and only 6 calls a second that fail (protocol 10). Policy
 * is wrapping: this is a transport around a transport, so that every repetition of a refund is paced as well.
 */
import { WxpayError } from '../../core/errors.ts';
import type { ApiResponse, Clock, Transport } from '../../core/ports.ts';

export interface PaceOptions {
  readonly clock: Clock;
  /** Refund requests a second. */
  readonly ratePerSecond: number;
  /** Refused refund requests a second. */
  readonly failuresPerSecond: number;
}

const longestRetryAfterMs = 60_000;
/** The most that a storm of 429 slows us down by. */
const slowest = 256;

/**
 * - Requests leave at most `ratePerSecond`, first come first served.
 * - Every answer of 4xx or 5xx puts off the next request by its share of `failuresPerSecond`, and while answers are bad,
 *   one request is under way at a time: what may fail next is then one call and not all of them.
 * - A 429 stops everything for a second or what Retry-After says, and halves the rate; it recovers a tenth a success.
 *
 * Reads only wait where a 429 stops everything.
 */
export function paced(inner: Transport, { clock, ratePerSecond, failuresPerSecond }: PaceOptions): Transport {
  const interval = 1_000 / ratePerSecond;
  /** What timers oversleep is made up for, up to a tenth of a second. */
  const tolerance = Math.floor(ratePerSecond / 10) * interval;
  let nextSlot = Number.NEGATIVE_INFINITY;
  let penaltyUntil = Number.NEGATIVE_INFINITY;
  let stoppedUntil = Number.NEGATIVE_INFINITY;
  let factor = 1;
  let failing = false;
  let underWay = 0;
  let turn: Promise<void> = Promise.resolve();
  let wake: (() => void) | undefined;

  const waitForOthers = async (signal: AbortSignal | undefined): Promise<void> => {
    await new Promise<void>((resolve) => {
      wake = resolve;
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
    signal?.throwIfAborted();
  };
  const waitUntil = async (time: number, signal: AbortSignal | undefined): Promise<boolean> => {
    const wait = time - clock.monotonic();
    if (wait <= 0) return false;
    await clock.sleep(wait, signal);
    return true;
  };
  const enter = async (signal: AbortSignal | undefined): Promise<void> => {
    const mine = turn;
    let next: () => void = () => {};
    turn = new Promise((resolve) => {
      next = resolve;
    });
    await mine;
    try {
      for (;;) {
        signal?.throwIfAborted();
        if (failing && underWay > 0) await waitForOthers(signal);
        else if (!(await waitUntil(Math.max(stoppedUntil, penaltyUntil), signal))) break;
      }
      const now = clock.monotonic();
      const slot = Math.max(now, nextSlot);
      nextSlot = slot + interval * factor;
      await waitUntil(slot - (factor > 1 ? 0 : tolerance), signal);
      underWay += 1;
    } finally {
      next();
    }
  };
  const leave = (status: number | undefined, retryAfter: string | undefined): void => {
    underWay -= 1;
    const now = clock.monotonic();
    if (status !== undefined && status >= 200 && status < 300) {
      failing = false;
      factor = Math.max(1, factor * 0.9);
    } else if (status !== undefined && status >= 400) {
      failing = true;
      penaltyUntil = Math.max(now, penaltyUntil) + 1_000 / failuresPerSecond;
    }
    slowDown(status, retryAfter);
    wake?.();
    wake = undefined;
  };
  const slowDown = (status: number | undefined, retryAfter: string | undefined): void => {
    if (status !== 429) return;
    factor = Math.min(slowest, factor * 2);
    const asked = /^\d{1,6}$/.test(retryAfter ?? '') ? Number(retryAfter) * 1_000 : 0;
    const pause = Math.min(longestRetryAfterMs, Math.max(1_000, asked));
    stoppedUntil = Math.max(stoppedUntil, clock.monotonic() + pause);
  };

  return async (request) => {
    if (request.effect !== 'refund') {
      await waitUntil(stoppedUntil, request.signal);
      return inner(request);
    }
    await enter(request.signal);
    let response: ApiResponse;
    try {
      response = await inner(request);
    } catch (error) {
      leave(error instanceof WxpayError ? error.httpStatus : undefined, undefined);
      throw error;
    }
    leave(response.status, response.headers['retry-after']?.[0]);
    return response;
  };
}
