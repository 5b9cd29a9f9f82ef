/** Tries again where trying again is safe, and only there. */
import { WxpayError } from '../errors.ts';
import type { ApiRequest, ApiResponse, Clock, Transport } from '../ports.ts';

export interface RetriedOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** How many times to try again, 0 or more; default 2. */
  readonly retries?: number;
  /** The same layers over the official backup host. */
  readonly backup?: Transport;
  /** Longest pause before the first repetition, milliseconds; doubles each time. Default 500. */
  readonly baseDelayMs?: number;
  /** No pause is longer; default 10 000, and 30 000 for a Retry-After. */
  readonly maxDelayMs?: number;
  readonly maxRetryAfterMs?: number;
  readonly onRetry?: (event: RetryEvent) => void;
}

export interface RetryEvent {
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  readonly delayMs: number;
  /** The error's code, or `HTTP <status>`. */
  readonly reason: string;
  /** The next try goes to the other host. */
  readonly switched: boolean;
}

/** For so long a host that could not be reached is not tried first. */
const passedOverMs = 60_000;

/** What a failed try allows: `pause` before the next, `other` host at once. */
type Again = { readonly kind: 'pause'; readonly retryAfterMs?: number } | { readonly kind: 'other' } | undefined;

const connectFailures: ReadonlySet<string> = new Set(['NETWORK_DNS', 'NETWORK_REFUSED', 'NETWORK_TIMEOUT']);
const passing: ReadonlySet<string> = new Set([...connectFailures, 'NETWORK_CUT']);

/**
 * Repeats a request with the same bytes (and, below this layer, a fresh signature):
 *
 * - `read`, `prepay`, `close` after network errors, 429 and 5xx; and once when an answer does not verify (a signature
 *   probe is not sent twice in a row, protocol 2).
 * - `refund` only when provably nothing was sent; an operation that knows the number does the rest.
 * - `write` never.
 *
 * Pauses are exponential with full jitter, or what Retry-After asks for (capped). A host that cannot be reached is
 * exchanged for the official backup at once, if nothing was sent; never on an answer. The requests of the next minute begin
 * with the host that was reached, so that a batch does not wait for the other one with every row. The number of tries is in the
 * answer's `attempts` and the error's `attempts` param. If any try may have been delivered, an error says so: its
 * outcome is `unknown` even if the last try was not sent.
 */
export function retried(primary: Transport, options: RetriedOptions): Transport {
  const retries = options.retries ?? 2;
  /** Reached when the other host was not. */
  let reached: { readonly host: Transport; readonly until: number } | undefined;
  return async (request) => {
    let current = reached !== undefined && options.clock.monotonic() < reached.until ? reached.host : primary;
    let delivered: WxpayError | undefined;
    let verificationRetried = false;
    /** Every host that could not be reached: the last one alone would send people after the backup. */
    const unreached = new Set<string>();
    for (let attempt = 1; ; attempt++) {
      let result: ApiResponse | undefined;
      let failure: unknown;
      let again: Again;
      try {
        result = await current(request);
        if (unreached.size > 0) reached = { host: current, until: options.clock.monotonic() + passedOverMs };
        again = afterAnswer(request, result, options);
      } catch (error) {
        failure = error;
        if (error instanceof WxpayError) {
          if (error.outcome === 'unknown') delivered = error;
          if (connectFailures.has(error.code)) unreached.add(String(error.params['host'] ?? ''));
          const unverified = error.category === 'verification';
          if (!unverified || !verificationRetried) again = afterError(request, error, options);
          verificationRetried ||= unverified;
        }
      }
      const finish = (): ApiResponse => {
        if (result !== undefined) return { ...result, attempts: attempt };
        // Interrupted before this try, perhaps; what an earlier one may have done matters more.
        if (!(failure instanceof WxpayError)) throw delivered ?? failure;
        const hosts =
          connectFailures.has(failure.code) && unreached.size > 1 ? { host: [...unreached].join(', ') } : {};
        const params = { ...failure.params, ...hosts, attempts: attempt };
        throw failure.with(delivered === undefined ? { params } : { params, outcome: 'unknown' });
      };
      // A file of which a part has arrived is continued by whoever asked for it.
      const begun = failure !== undefined && request.sink?.begun === true;
      if (again === undefined || begun || attempt > retries || request.signal?.aborted === true) return finish();

      const switched = again.kind === 'other';
      if (switched) current = current === primary ? (options.backup ?? primary) : primary;
      const delayMs = again.kind === 'other' ? 0 : delayFor(attempt, again.retryAfterMs, options);
      const reason = failure instanceof WxpayError ? failure.code : `HTTP ${result?.status ?? ''}`;
      options.onRetry?.({ attempt, delayMs, reason, switched });
      try {
        if (delayMs > 0) await options.clock.sleep(delayMs, request.signal);
      } catch {
        return finish();
      }
    }
  };
}

function isRepeatable(request: ApiRequest): boolean {
  return request.effect === 'read' || request.effect === 'prepay' || request.effect === 'close';
}

function afterAnswer(request: ApiRequest, response: ApiResponse, options: RetriedOptions): Again {
  if (!isRepeatable(request) || (response.status !== 429 && response.status < 500)) return undefined;
  const retryAfterMs = retryAfter(response.headers['retry-after']?.[0], options);
  return retryAfterMs === undefined ? { kind: 'pause' } : { kind: 'pause', retryAfterMs };
}

function afterError(request: ApiRequest, error: WxpayError, options: RetriedOptions): Again {
  if (request.effect === 'write') return undefined;
  if (error.category === 'verification') return isRepeatable(request) ? { kind: 'pause' } : undefined;
  if (!passing.has(error.code)) return undefined;
  const untouched = error.outcome === 'not_sent';
  if (!isRepeatable(request) && !untouched) return undefined;
  // A read has no `not_sent`; its connection failures are recognised by their code.
  const unreached = request.effect === 'read' ? connectFailures.has(error.code) : untouched;
  return unreached && options.backup !== undefined ? { kind: 'other' } : { kind: 'pause' };
}

function delayFor(attempt: number, retryAfterMs: number | undefined, options: RetriedOptions): number {
  const ceiling = Math.min(options.maxDelayMs ?? 10_000, (options.baseDelayMs ?? 500) * 2 ** (attempt - 1));
  const jittered = options.random() * ceiling;
  return Math.max(jittered, retryAfterMs ?? 0);
}

/** Retry-After in seconds or as an HTTP date (RFC 9110 10.2.3), capped; `undefined` when absent or nonsense. */
function retryAfter(value: string | undefined, options: RetriedOptions): number | undefined {
  if (value === undefined) return undefined;
  const cap = options.maxRetryAfterMs ?? 30_000;
  if (/^[0-9]{1,9}$/.test(value)) return Math.min(Number(value) * 1_000, cap);
  const date = /^[A-Z][a-z]{2}, /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.min(Math.max(0, date - options.clock.now()), cap);
}
