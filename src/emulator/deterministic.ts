/** What makes two runs of an emulator the same: a seed, and a clock that stands still but for the requests. */
import { WxpayError } from '../core/errors.ts';
import type { HeldTime } from './business-clock.ts';
import { readTime } from './times.ts';

export interface DeterministicOptions {
  /** Any text or whole number. */
  readonly seed: string | number;
  /** Where the emulator's clock begins, RFC 3339 with an offset; default `2026-01-01T10:00:00+08:00`. */
  readonly at?: string;
  /** How far an authentic request moves it on, in milliseconds; default 1000. */
  readonly step_ms?: number;
}

export interface Deterministic {
  readonly seed: string;
  readonly time: HeldTime;
}

/** Before this program was, so that what clients call the future is the future to the emulator, too. */
const beginning = Date.UTC(2026, 0, 1, 2);
const year = 365 * 86_400_000;

/** @throws WxpayError `INPUT_INVALID` naming the field */
export function readDeterministic(
  given: string | number | DeterministicOptions | undefined,
): Deterministic | undefined {
  if (given === undefined) return undefined;
  const { seed, at, step_ms: step = 1000 } = typeof given === 'object' ? given : { seed: given };
  const isSeed = typeof seed === 'number' ? Number.isSafeInteger(seed) : typeof seed === 'string' && seed !== '';
  if (!isSeed) throw invalid('seed', 'key:emulator.reason.deterministic_seed');
  const start = at === undefined ? beginning : readTime(at);
  if (start === undefined) throw invalid('at', 'key:emulator.reason.time');
  if (!Number.isSafeInteger(step) || step < 0 || step > year) throw invalid('step_ms', 'key:emulator.reason.number');
  return { seed: String(seed), time: { at: start, stepMs: step } };
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field: `deterministic.${field}`, reason } });
}
