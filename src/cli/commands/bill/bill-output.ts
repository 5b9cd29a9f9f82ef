/** Rows on their way out: as they come, in the form that was asked for, to stdout or into a file. */
import { join, dirname, resolve } from 'node:path';
import { openPartFile, type PartFile } from '../../../core/durable/part-file.ts';
import type { BillColumn } from '../../../operations/bill/columns.ts';
import type { BillReport } from '../../../operations/bill/read.ts';
import type { BillRow } from '../../../operations/bill/rows.ts';
import { openLineWriter, rowValues, type BillValue } from '../../../operations/bill/values.ts';
import { csvField } from '../../../output/csv.ts';
import { safeJson } from '../../../output/safe-text.ts';
import type { OutputFormat, Runtime } from '../../command.ts';

/** Where bytes go. */
export interface Outlet {
  write(bytes: Uint8Array): Promise<void>;
  /** Makes the file appear under its name. */
  finish(): void;
  /** Leaves nothing behind of what was not finished. */
  abandon(): void;
}

export function openOutlet(runtime: Runtime, out: string | undefined): Outlet {
  if (out === undefined) return { write: (bytes) => runtime.writeBytes(bytes), finish: () => {}, abandon: () => {} };
  const path = resolve(runtime.cwd, out);
  const name = `.${path.slice(dirname(path).length + 1)}.${runtime.pid}.${runtime.randomBytes(8).toString('hex')}.part`;
  let part: PartFile | undefined = openPartFile(join(dirname(path), name), { platform: runtime.platform });
  return {
    write: async (bytes) => part?.write(bytes),
    finish: () => part?.publish(path),
    abandon: () => {
      part?.discard();
      part = undefined;
    },
  };
}

/** Turns rows into text. `take` hands over what has come together. */
export interface RowWriter {
  /** A day begins. */
  open(date: string): void;
  columns(columns: readonly BillColumn[]): void;
  add(row: BillRow): void;
  /** The day is over; without a report nothing happened on it. */
  close(report: BillReport | undefined): void;
  /** No more days. */
  end(): void;
  take(): Uint8Array;
}

/** A writer for a format that is streamed; tables are not. */
export function openRowWriter(
  format: Exclude<OutputFormat, 'table'>,
  { tty, raw }: { readonly tty: boolean; readonly raw: boolean },
): RowWriter {
  if (format === 'csv') return csvWriter(tty, raw);
  return format === 'json' ? jsonWriter(tty) : ndjsonWriter(tty);
}

function ndjsonWriter(tty: boolean): RowWriter {
  const nothing = { open: () => {}, columns: () => {}, close: () => {}, end: () => {} };
  if (!tty) {
    const lines = openLineWriter();
    return { ...nothing, add: (row) => lines.add(row), take: () => lines.take() };
  }
  let text = '';
  return {
    ...nothing,
    add: (row) => (text += `${safeJson(rowValues(row), { tty, indent: 0 })}\n`),
    take: () => taken(text, () => (text = '')),
  };
}

/** One document: `{"bills":[{"bill_date","rows":[…],"sums","summary","summary_agrees"}]}`. */
function jsonWriter(tty: boolean): RowWriter {
  let text = '{"bills":[';
  let bills = 0;
  let rows = 0;
  return {
    open(date) {
      text += `${bills === 0 ? '' : ','}\n{"bill_date":${JSON.stringify(date)},"rows":[`;
      bills += 1;
      rows = 0;
    },
    columns: () => {},
    add(row) {
      text += `${rows === 0 ? '' : ','}\n${safeJson(rowValues(row), { tty, indent: 0 })}`;
      rows += 1;
    },
    close(report) {
      const facts =
        report === undefined
          ? { sums: null, summary: null, summary_agrees: null }
          : { sums: report.sums, summary: report.summary, summary_agrees: report.differences.length === 0 };
      text += `],${JSON.stringify(facts).slice(1)}`;
    },
    end: () => (text += `${bills === 0 ? '' : '\n'}]}\n`),
    take: () => taken(text, () => (text = '')),
  };
}

/** One header line; later days follow its columns. */
function csvWriter(tty: boolean, raw: boolean): RowWriter {
  let text = '';
  let fields: readonly string[] | undefined;
  let places: readonly number[] = [];
  return {
    open: () => {},
    columns(columns) {
      if (fields === undefined) {
        fields = columns.map(({ field }) => field);
        text += `${fields.map((field) => csvField(field, { tty, raw })).join(',')}\r\n`;
      }
      places = fields.map((field) => columns.findIndex((column) => column.field === field));
    },
    add(row) {
      const values = Object.values(rowValues(row));
      const line = places.map((place) => csvField(presentable(values[place]), { tty, raw }));
      text += `${line.join(',')}\r\n`;
    },
    close: () => {},
    end: () => {},
    take: () => taken(text, () => (text = '')),
  };
}

function presentable(value: BillValue | undefined): string | number | undefined {
  return value ?? undefined;
}

function taken(text: string, clear: () => void): Uint8Array {
  clear();
  return Buffer.from(text, 'utf8');
}
