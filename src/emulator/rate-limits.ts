/** Calls per second and merchant. */
import { refuse } from './reply.ts';
import type { Reply } from './reply.ts';

export interface RateLimit {
  /** Calls that succeed. */
  readonly good: number;
  /** Calls that fail; where none is documented, those count as the others do. */
  readonly failing?: number;
}

/** Protocol 10, endpoints 1.5. */
export const rateLimits = {
  create: { good: 150, failing: 6 },
  query: { good: 300 },
  abnormal: { good: 150 },
  share: { good: 300 },
  share_query: { good: 500 },
  share_return: { good: 100 },
  transfer: { good: 100 },
  transfer_query: { good: 100 },
  transfer_cancel: { good: 100 },
  fundflow: { good: 3 },
} as const satisfies Record<string, RateLimit>;

export const frequencyLimited = refuse(429, 'FREQUENCY_LIMITED', '频率超限', 268447840);

/**
 * Answers, or refuses with 429 what exceeds a limit in the same second of the clock. Once as many calls have failed in a
 * second as may fail, whatever comes in that second is refused: nobody can tell beforehand which of them will fail.
 *
 * @param now milliseconds since the epoch
 */
export type Limiter = (name: keyof typeof rateLimits, mchid: string, now: number, act: () => Reply) => Reply;

export function makeLimiter(): Limiter {
  const windows = new Map<string, { second: number; good: number; failing: number }>();
  return (name, mchid, now, act) => {
    const key = `${name} ${mchid}`;
    const second = Math.floor(now / 1000);
    const known = windows.get(key);
    const window = known?.second === second ? known : { second, good: 0, failing: 0 };
    windows.set(key, window);
    const limit: RateLimit = rateLimits[name];
    if (window.good >= limit.good || window.failing >= (limit.failing ?? Infinity)) return frequencyLimited;
    const reply = act();
    if (reply.status >= 400 && limit.failing !== undefined) window.failing += 1;
    else window.good += 1;
    return reply;
  };
}
