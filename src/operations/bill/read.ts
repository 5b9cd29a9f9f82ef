/** A bill from its file to rows, sums and the verdict on its summary. */
import { compareSummary, openSums, type SumDifference } from './values.ts';
import { openBillReader, type BillListener } from './rows.ts';
import type { BillKind } from './columns.ts';
import { unpack, type UnpackOptions } from './unpack.ts';

export interface BillReport {
  readonly kind: BillKind;
  readonly rows: number;
  /** What the rows add up to: fen, thousandths of a fen, counts. */
  readonly sums: Readonly<Record<string, number>>;
  /** What the bill's own last line says. */
  readonly summary: Readonly<Record<string, number>>;
  /** Empty when both agree. */
  readonly differences: readonly SumDifference[];
}

export interface BillReading extends BillListener {
  /** After every block: time to hand on what has come together, and to wait until it is taken. */
  onBlock?(): Promise<void> | undefined;
}

/**
 * Reads the rows of a bill file as a stream. A file that came over the network has proven itself before.
 *
 * @throws `BILL_MALFORMED`, `BILL_TOO_LARGE`, `INPUT_UNREADABLE`
 */
export async function readBill(path: string, options: UnpackOptions, reading: BillReading): Promise<BillReport> {
  const sums = openSums();
  const reader = openBillReader({
    onColumns: (kind, columns) => reading.onColumns?.(kind, columns),
    onRow: (row) => {
      sums.add(row);
      reading.onRow(row);
    },
  });
  for await (const block of unpack(path, options)) {
    reader.push(block);
    const waiting = reading.onBlock?.();
    if (waiting !== undefined) await waiting;
  }
  const end = reader.end();
  await reading.onBlock?.();
  const { totals } = sums;
  const { kind, rows, summary } = end;
  return { kind, rows, sums: totals, summary: summary.totals, differences: compareSummary(end, totals) };
}
