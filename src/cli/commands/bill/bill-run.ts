/** From days to rows on stdout: fetched, proven, read as a stream, filtered, written (bills 7). */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { WxpayError } from '../../../core/errors.ts';
import type { BillColumn, BillKind } from '../../../operations/bill/columns.ts';
import { fetchBill, type BillQuery } from '../../../operations/bill/fetch.ts';
import { readBill, type BillReport } from '../../../operations/bill/read.ts';
import { unpack } from '../../../operations/bill/unpack.ts';
import { openSums, type SumDifference } from '../../../operations/bill/values.ts';
import { makeFilter, type Condition, type Filter } from '../../../operations/bill/where.ts';
import type { Result } from '../../../output/view.ts';
import type { Runtime } from '../../command.ts';
import { openProgress } from '../refund/batch-progress.ts';
import { conditionsOf, type BillOptions } from './bill-options.ts';
import { openOutlet, openRowWriter, type Outlet } from './bill-output.ts';
import { openBillParts } from './bill-parts.ts';
import { addUp, amountText, rowCells, rowsTable, sumsTable, type DaySums } from './bill-view.ts';

/** A bill's file, proven where it can be. */
export interface BillFile {
  /** `yyyy-MM-dd`, or how the file is called. */
  readonly name: string;
  /** Absent for a day on which nothing happened. */
  readonly path: string | undefined;
}

/** So many rows a person may want to look at; a program takes another format. */
const maxShown = 200;

/**
 * Downloads the bills of the days one after the other and shows each before the next is asked for.
 *
 * @param queries one per day
 */
export async function runBills(
  queries: readonly BillQuery[],
  options: BillOptions,
  runtime: Runtime,
): Promise<Result | undefined> {
  const kind = queries[0]?.kind ?? 'trade';
  // What is wrong with a condition is said before anything is asked for.
  conditionsOf(kind, options);
  const transport = await runtime.transport(kind === 'fundflow' ? { ratePerSecond: 3 } : {});
  return showBills(filesOf(), queries.length, options, runtime);

  async function* filesOf(): AsyncGenerator<BillFile> {
    for (const query of queries) {
      const parts = openBillParts(query, await runtime.profile(), runtime);
      let fetched: BillFile;
      const progress = openProgress(runtime, 'bill.progress.download');
      try {
        const path = await fetchBill(query, parts.open, {
          transport,
          transportTo: (url) => runtime.transportTo(url),
          clock: runtime.clock,
          signal: runtime.signal,
          ...(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes }),
          onProgress: (done, all) => {
            if (all !== undefined) progress.show(kilobytes(done), kilobytes(all), { date: query.date });
          },
          onResume: (from) => {
            progress.end();
            runtime.note(from === 0 ? 'bill.note.anew' : 'bill.note.resumed', { date: query.date, from });
          },
        });
        progress.end();
        fetched = { name: query.date, path };
      } catch (error) {
        parts.end(error);
        throw error;
      } finally {
        progress.end();
      }
      try {
        yield fetched;
      } finally {
        parts.end();
      }
    }
  }
}

function kilobytes(bytes: number): number {
  return Math.ceil(bytes / 1024);
}

/** Shows bills that are there already, or come one by one. */
export async function showBills(
  files: AsyncIterable<BillFile>,
  count: number,
  options: BillOptions,
  runtime: Runtime,
): Promise<Result | undefined> {
  if (options.raw) return rawBills(files, count, options, runtime);
  if (options.sum || options.format === 'table') return tableOfBills(files, options, runtime);
  return streamBills(files, options.format, options, runtime);
}

/** The plain bytes, as WeChat Pay made them. */
async function rawBills(
  files: AsyncIterable<BillFile>,
  count: number,
  options: BillOptions,
  runtime: Runtime,
): Promise<undefined> {
  const folder = options.out !== undefined && isFolder(resolve(runtime.cwd, options.out));
  if (count > 1 && !folder)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '--out', reason: 'key:bill.reason.raw_range' },
      outcome: 'not_sent',
    });
  for await (const { name, path } of files) {
    if (path === undefined) {
      runtime.note('bill.note.none', { date: name });
      continue;
    }
    const out = options.out === undefined ? undefined : folder ? join(options.out, `${name}.csv`) : options.out;
    const outlet = openOutlet(runtime, out);
    try {
      for await (const chunk of unpack(path, unpacking(name, options, runtime))) {
        if (runtime.readerGone.aborted) break;
        await outlet.write(chunk);
      }
      outlet.finish();
    } finally {
      outlet.abandon();
    }
    if (out !== undefined) runtime.note('bill.note.written', { file: out });
  }
  return undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Rows as they come. */
async function streamBills(
  files: AsyncIterable<BillFile>,
  format: 'json' | 'ndjson' | 'csv',
  options: BillOptions,
  runtime: Runtime,
): Promise<undefined> {
  const outlet: Outlet = openOutlet(runtime, options.out);
  const tty = options.out === undefined && runtime.stdout.isTTY;
  const writer = openRowWriter(format, { tty, raw: options.unsafeFormulas });
  const doubts: Doubt[] = [];
  const flush = async (): Promise<void> => {
    const bytes = writer.take();
    if (bytes.length > 0) await outlet.write(bytes);
  };
  try {
    for await (const { name, path } of files) {
      writer.open(name);
      let report: BillReport | undefined;
      if (path === undefined) runtime.note('bill.note.none', { date: name });
      else {
        const filter = filterFor(options);
        report = await readBill(path, unpacking(name, options, runtime), {
          onColumns: (kind, columns) => {
            filter.use(kind, columns);
            writer.columns(columns);
          },
          onRow: (row) => {
            if (filter.wants(row)) writer.add(row);
          },
          onBlock: async () => {
            runtime.readerGone.throwIfAborted();
            await flush();
          },
        });
        doubts.push(...doubtsOf(name, report));
      }
      writer.close(report);
      await flush();
    }
    writer.end();
    await flush();
    // A bill that contradicts itself makes no file that looks complete.
    if (doubts.length === 0) outlet.finish();
  } catch (error) {
    // Nobody reads any more: that ends the work, and is no failure (CLI-MANNERS S3).
    if (runtime.readerGone.aborted) return undefined;
    throw error;
  } finally {
    outlet.abandon();
  }
  throwDoubts(doubts, runtime);
  if (options.out !== undefined) runtime.note('bill.note.written', { file: options.out });
  return undefined;
}

/** Sums, and for people a look at the first rows. */
async function tableOfBills(files: AsyncIterable<BillFile>, options: BillOptions, runtime: Runtime): Promise<Result> {
  const { t } = runtime;
  const days: DaySums[] = [];
  const shown: (readonly (string | { text: string })[])[] = [];
  let wanted = 0;
  let kind: BillKind = 'trade';
  const doubts: Doubt[] = [];
  for await (const { name, path } of files) {
    if (path === undefined) {
      runtime.note('bill.note.none', { date: name });
      days.push({ date: name, report: undefined, sums: { count: 0 } });
      continue;
    }
    const filter = filterFor(options);
    const sums = openSums();
    const report = await readBill(path, unpacking(name, options, runtime), {
      onColumns: (found, columns) => {
        kind = found;
        filter.use(found, columns);
      },
      onRow: (row) => {
        if (!filter.wants(row)) return;
        sums.add(row);
        wanted += 1;
        if (!options.sum && shown.length < maxShown) shown.push(rowCells(row));
      },
    });
    doubts.push(...doubtsOf(name, report));
    days.push({ date: name, report, sums: sums.totals });
  }
  if (wanted > shown.length && !options.sum) runtime.note('bill.note.more', { shown: shown.length, all: wanted });
  for (const doubt of doubts) warnOf(doubt, runtime);
  const bills = days.map(({ date, report, sums }) => ({
    bill_date: date,
    ...sums,
    summary_agrees: report === undefined ? null : report.differences.length === 0,
  }));
  const nothing = days.every(({ report }) => report === undefined);
  const view = nothing
    ? [{ kind: 'text', text: t('bill.empty.bill') } as const]
    : [...(options.sum ? [] : [rowsTable(kind, shown, t)]), sumsTable(kind, days, t)];
  return {
    data: { bills, total: addUp(days) },
    rows: bills,
    view,
    ...(doubts.length === 0 ? {} : { failed: 'BILL_SUMS_DIFFER' }),
  };
}

interface Doubt extends SumDifference {
  readonly date: string;
}

function doubtsOf(date: string, report: BillReport): readonly Doubt[] {
  return report.differences.map((difference) => ({ ...difference, date }));
}

function warnOf({ date, field, rows, summary }: Doubt, runtime: Runtime): void {
  runtime.warn('bill.warn.sums', {
    date,
    field,
    rows: amountText(field, rows),
    summary: amountText(field, summary),
  });
}

function throwDoubts(doubts: readonly Doubt[], runtime: Runtime): void {
  for (const doubt of doubts) warnOf(doubt, runtime);
  const [first] = doubts;
  if (first !== undefined) throw new WxpayError('BILL_SUMS_DIFFER', { params: { date: first.date } });
}

/** The filter of a bill is known once its columns are. */
function filterFor(options: BillOptions): {
  use(kind: BillKind, columns: readonly BillColumn[]): void;
  wants: Filter;
} {
  let filter: Filter = () => true;
  return {
    use(kind, columns) {
      const conditions: readonly Condition[] = conditionsOf(kind, options);
      if (conditions.length > 0) filter = makeFilter(conditions, columns);
    },
    wants: (row) => filter(row),
  };
}

function unpacking(name: string, { maxBytes }: BillOptions, runtime: Runtime) {
  return { name, signal: runtime.signal, ...(maxBytes === undefined ? {} : { maxBytes }) };
}
