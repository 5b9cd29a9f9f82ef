/** What became of each row, kept as small as the rows themselves. */
import { openColumn, openTexts, type Rows } from './rows.ts';
import type { Tally } from './plan.ts';

/**
 * - `succeeded`: the money is back.
 * - `processing`: WeChat Pay has accepted it.
 * - `failed`: refused, closed or stuck; nothing (more) will come of it by itself.
 * - `unknown`: it was or may have been delivered, and nobody knows. Money may have moved.
 * - `skipped`: nothing was sent for it by this run.
 */
export type RowResult = 'succeeded' | 'processing' | 'failed' | 'unknown' | 'skipped';

export const rowResults: readonly RowResult[] = ['succeeded', 'processing', 'failed', 'skipped', 'unknown'];

export interface RowOutcome {
  readonly result: RowResult;
  /** As WeChat Pay says: `SUCCESS`, `PROCESSING`, `CLOSED`, `ABNORMAL`; empty for none. */
  readonly status: string;
  readonly refund_id: string;
  /** WeChat Pay's error code, or ours; empty for none. */
  readonly code: string;
  /** WeChat Pay's words, or what differs; data, not for translation. */
  readonly message: string;
  readonly request_id: string;
  /** It was there before this run. */
  readonly existing: boolean;
}

export interface Outcomes {
  get(row: number): RowOutcome;
  set(row: number, outcome: Partial<RowOutcome> & Pick<RowOutcome, 'result'>): void;
  isSet(row: number): boolean;
  /** Was it in progress at some time of this run? */
  wasProcessing(row: number): boolean;
  resultOf(row: number): RowResult;
  tally(result: RowResult): Tally;
}

export function openOutcomes(rows: Rows): Outcomes {
  const u32 = (size: number): Uint32Array => new Uint32Array(size);
  const result = openColumn((size) => new Uint8Array(size));
  const flags = openColumn((size) => new Uint8Array(size));
  const status = openColumn(u32);
  const refundId = openColumn(u32);
  const code = openColumn(u32);
  const message = openColumn(u32);
  const requestId = openColumn(u32);
  const texts = openTexts();
  const known = new Map<string, number>();
  const intern = (text: string): number => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const handle = texts.add(text.slice(0, 2_000));
    if (known.size < 1_024) known.set(text, handle);
    return handle;
  };
  const isSet = (row: number): boolean => (flags.get(row) & isSetFlag) !== 0;
  const resultOf = (row: number): RowResult => (isSet(row) ? rowResults[result.get(row)] : undefined) ?? 'skipped';
  const tallies = rowResults.map(() => ({ count: 0, fen: 0 }));
  const isSetFlag = 1;
  const existingFlag = 2;
  const processingFlag = 4;
  return {
    get: (row) => ({
      result: resultOf(row),
      status: texts.get(status.get(row)),
      refund_id: texts.get(refundId.get(row)),
      code: texts.get(code.get(row)),
      message: texts.get(message.get(row)),
      request_id: texts.get(requestId.get(row)),
      existing: (flags.get(row) & existingFlag) !== 0,
    }),
    set(row, outcome) {
      const before = tallies[result.get(row)];
      if (isSet(row) && before !== undefined) {
        before.count -= 1;
        before.fen -= rows.fenOf(row);
      }
      const number = rowResults.indexOf(outcome.result);
      const after = tallies[number];
      if (after !== undefined) {
        after.count += 1;
        after.fen += rows.fenOf(row);
      }
      result.set(row, number);
      const was = (flags.get(row) & processingFlag) | (outcome.result === 'processing' ? processingFlag : 0);
      flags.set(row, isSetFlag | was | (outcome.existing === true ? existingFlag : 0));
      status.set(row, intern(outcome.status ?? ''));
      refundId.set(row, texts.add(outcome.refund_id ?? ''));
      code.set(row, intern(outcome.code ?? ''));
      message.set(row, intern(outcome.message ?? ''));
      requestId.set(row, texts.add(outcome.request_id ?? ''));
    },
    isSet,
    wasProcessing: (row) => (flags.get(row) & processingFlag) !== 0,
    resultOf,
    tally: (of) => ({ ...(tallies[rowResults.indexOf(of)] ?? { count: 0, fen: 0 }) }),
  };
}
