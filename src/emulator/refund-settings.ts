/** How refunds go: what the reference leaves open, and what a test wants to bring about. */
import { WxpayError } from '../core/errors.ts';
import { refundOutcomes } from './rules/refund.ts';
import type { RefundOutcome } from './rules/refund.ts';

/** What some refunds come to. */
export interface NextRefunds {
  readonly outcome: RefundOutcome;
  /** How many accepted refunds; -1: all from then on. */
  readonly count: number;
}

/** Every field can be changed while the emulator runs. Names as in the control API. */
export interface RefundSettings {
  /**
   * Milliseconds on the emulator's clock from acceptance to the outcome, for refunds that are accepted from now on; `null`: by
   * command only. Default 1000.
   */
  readonly settle_after_ms: number | null;
  /** What the next accepted refunds come to, one after the other; success when the list is used up. Default: empty. */
  readonly next: readonly NextRefunds[];
  /**
   * What a refund gets within 60 s of the one before it of the same order: `allow` (default; the reference knows the rule,
   * not the answer) or `refuse`: 429 FREQUENCY_LIMITED.
   */
  readonly spacing: 'allow' | 'refuse';
  /**
   * The documented limits per second and merchant (protocol 10): 150 refunds and 6 failing ones, 300 queries, 150 abnormal
   * refunds. What comes beyond them in the same second gets 429. Default off.
   */
  readonly rate_limits: boolean;
  /**
   * What a merchant or sub-merchant has left to refund from, in fen; who is not named has plenty. Accepted refunds draw on
   * it, closed ones give back.
   */
  readonly balances: Readonly<Record<string, number>>;
}

/** A change: `balances` are laid over those that are there, `null` takes one away. */
export type RefundSettingsChange = Partial<Omit<RefundSettings, 'balances'>> & {
  readonly balances?: Readonly<Record<string, number | null>>;
};

export const defaultRefundSettings: RefundSettings = {
  settle_after_ms: 1000,
  next: [],
  spacing: 'allow',
  rate_limits: false,
  balances: {},
};

/**
 * The settings with a change from outside laid over them.
 *
 * @throws WxpayError `INPUT_INVALID` naming the field
 */
export function changeSettings(settings: RefundSettings, change: unknown): RefundSettings {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) throw invalid('refunds');
  const given = change as Readonly<Record<string, unknown>>;
  const changed: Record<string, unknown> = { ...settings };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(readers, name)) throw invalid(name);
    changed[name] = readers[name as keyof RefundSettings](value, settings);
  }
  return changed as unknown as RefundSettings;
}

const readers: Readonly<Record<keyof RefundSettings, (value: unknown, settings: RefundSettings) => unknown>> = {
  settle_after_ms: (value) => (value === null ? null : whole(value, 0, 'settle_after_ms')),
  next(value) {
    if (!Array.isArray(value)) throw invalid('next');
    return value.map((entry: unknown) => {
      const { outcome, count = 1 } = (entry ?? {}) as Record<string, unknown>;
      const known = refundOutcomes.find((name) => name === outcome);
      if (known === undefined || count === 0) throw invalid('next');
      return { outcome: known, count: whole(count, -1, 'next') };
    });
  },
  spacing(value) {
    if (value !== 'allow' && value !== 'refuse') throw invalid('spacing');
    return value;
  },
  rate_limits(value) {
    if (typeof value !== 'boolean') throw invalid('rate_limits');
    return value;
  },
  balances(value, { balances }) {
    if (typeof value !== 'object' || value === null) throw invalid('balances');
    const left = new Map(Object.entries(balances));
    for (const [mchid, fen] of Object.entries(value)) {
      if (fen === null) left.delete(mchid);
      else left.set(mchid, whole(fen, 0, 'balances'));
    }
    return Object.fromEntries(left);
  },
};

/** The outcome of the refund that is accepted now, and the list without it. */
export function takeNext(next: readonly NextRefunds[]): { outcome: RefundOutcome; rest: readonly NextRefunds[] } {
  const [first, ...rest] = next;
  if (first === undefined) return { outcome: 'SUCCESS', rest: [] };
  const { outcome, count } = first;
  if (count < 0) return { outcome, rest: next };
  return { outcome, rest: count === 1 ? rest : [{ outcome, count: count - 1 }, ...rest] };
}

function whole(value: unknown, min: number, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value;
  throw invalid(field);
}

function invalid(field: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason: 'key:emulator.reason.control' } });
}
