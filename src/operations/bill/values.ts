/** Rows as values and as bytes of JSON, and what they add up to. */
import { WxpayError } from '../../core/errors.ts';
import type { BillColumn, BillKind } from './columns.ts';
import type { BillEnd, BillRow } from './rows.ts';

export type BillValue = string | number | null;

/** A row as JSON has it: fen as integers, fees in thousandths of a fen, times in RFC 3339; an empty amount or time is null. */
export function rowValues(row: BillRow): Record<string, BillValue> {
  const values: Record<string, BillValue> = {};
  for (const [index, { field, type }] of row.columns.entries()) values[field] = valueOf(row, index, type);
  return values;
}

export function valueOf(row: BillRow, index: number, type: BillColumn['type']): BillValue {
  const isEmpty = row.start[index] === row.end[index];
  if (type === 'text') return row.text(index);
  if (isEmpty) return null;
  return type === 'time' ? timeOf(row.text(index)) : (row.amounts[index] ?? 0);
}

/** `2026-11-22 10:31:02` in Beijing time → `2026-11-22T10:31:02+08:00`; anything else stays as it is. */
function timeOf(text: string): string {
  return /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/.test(text) ? `${text.replace(' ', 'T')}+08:00` : text;
}

/** Writes rows as lines of JSON, equal to `JSON.stringify(rowValues(row))`, without making strings of them first. */
export interface LineWriter {
  add(row: BillRow): void;
  /** What has been written since the last call; good until the next `add`. */
  take(): Buffer;
}

const [quote = 0, space = 0, letterT = 0] = Buffer.from('" T');
const offset = Buffer.from('+08:00');

/** Bytes that are written again and again: four at a time, with room for up to three too many behind them. */
interface Constant {
  readonly words: Int32Array;
  readonly length: number;
}

function constant(text: string): Constant {
  const bytes = Buffer.from(text);
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  const view = new DataView(padded.buffer);
  const words = Int32Array.from({ length: padded.length / 4 }, (_, index) => view.getInt32(index * 4, true));
  return { words, length: bytes.length };
}

/**
 * Bytes are copied in words, since a row has hundreds of them and a call for each field costs more than the field. The
 * words of a field may reach up to three bytes too far; what comes next overwrites them.
 */
const slack = 4;

/** @param separator goes between rows: `\n` for NDJSON, where it also ends the last one */
export function openLineWriter(separator = '\n'): LineWriter {
  let out = Buffer.allocUnsafe(1024 * 1024);
  let view = viewOf(out);
  let at = 0;
  let source: Buffer | undefined;
  let sourceView = view;
  let made: readonly BillColumn[] | undefined;
  let prefixes: readonly Constant[] = [];
  let prefixBytes = 0;
  /** What the rest of the row may need. */
  let reserve = 0;
  let end = constant('');
  let isText = new Uint8Array(0);
  let isTime = new Uint8Array(0);
  const nothing = constant('null');

  function room(bytes: number): void {
    if (at + bytes <= out.length) return;
    const larger = Buffer.allocUnsafe(Math.max(out.length * 2, at + bytes));
    out.copy(larger, 0, 0, at);
    out = larger;
    view = viewOf(out);
  }

  function put({ words, length }: Constant): void {
    for (let index = 0; index < words.length; index += 1) view.setInt32(at + index * 4, words[index] as number, true);
    at += length;
  }

  function copy(from: number, to: number): void {
    const bytes = source ?? out;
    const length = to - from;
    if (to + slack > bytes.length) {
      for (let index = from; index < to; index += 1) out[at++] = bytes[index] ?? 0;
      return;
    }
    for (let index = 0; index < length; index += 4)
      view.setInt32(at + index, sourceView.getInt32(from + index, true), true);
    at += length;
  }

  /** Without its quotes. */
  function addText(text: string): void {
    room(text.length * 6 + 16 + reserve);
    at += out.write(JSON.stringify(text).slice(1, -1), at, 'utf8');
  }

  function addTime(row: BillRow, from: number, to: number): void {
    if (to - from !== 19 || row.bytes[from + 10] !== space) {
      out[at++] = quote;
      addText(timeOf(row.bytes.toString('utf8', from, to)));
      out[at++] = quote;
      return;
    }
    out[at++] = quote;
    copy(from, to);
    out[at - 9] = letterT;
    for (const byte of offset) out[at++] = byte;
    out[at++] = quote;
  }

  /** A safe integer, digit by digit from the end. */
  function addNumber(value: number): void {
    if (value < 0) out[at++] = 0x2d;
    let left = Math.abs(value);
    if (left < 10) {
      out[at++] = 0x30 + left;
      return;
    }
    if (left > 0x7fff_ffff) {
      at += out.write(String(left), at, 'latin1');
      return;
    }
    let digits = 1;
    for (let bound = 10; digits < 10 && left >= bound; bound *= 10) digits += 1;
    at += digits;
    for (let place = 1; place <= digits; place += 1) {
      const tenth = (left / 10) | 0;
      out[at - place] = 0x30 + (left - tenth * 10);
      left = tenth;
    }
  }

  return {
    add(row) {
      const { columns, bytes, start, end: ends, special, amounts } = row;
      if (made !== columns) {
        made = columns;
        // The quotes of texts are part of what stands between the values.
        const closing = (index: number): string => (columns[index]?.type === 'text' ? '"' : '');
        prefixes = columns.map(({ field, type }, index) =>
          constant(
            `${closing(index - 1)}${index === 0 ? '{' : ','}${JSON.stringify(field)}:${type === 'text' ? '"' : ''}`,
          ),
        );
        end = constant(`${closing(columns.length - 1)}}${separator}`);
        isText = Uint8Array.from(columns, ({ type }) => (type === 'text' ? 1 : 0));
        isTime = Uint8Array.from(columns, ({ type }) => (type === 'time' ? 1 : 0));
        prefixBytes = prefixes.reduce((sum, { length }) => sum + length + 32, 2 * slack + end.length);
      }
      if (source !== bytes) {
        source = bytes;
        sourceView = viewOf(bytes);
      }
      // No field grows but those that take the slow way and see to their own room.
      reserve = prefixBytes + (ends[columns.length - 1] ?? 0) - (start[0] ?? 0);
      room(reserve);
      for (let index = 0; index < columns.length; index += 1) {
        put(prefixes[index] ?? nothing);
        const from = start[index] ?? 0;
        const to = ends[index] ?? 0;
        if (isText[index] === 1) {
          if (special[index] === 1) addText(row.text(index));
          else if (from !== to) copy(from, to);
        } else if (from === to) put(nothing);
        else if (isTime[index] === 1) addTime(row, from, to);
        else addNumber(amounts[index] ?? 0);
      }
      put(end);
    },

    take() {
      const taken = out.subarray(0, at);
      at = 0;
      return taken;
    },
  };
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What rows add up to, by the fields of the summary. */
export interface BillSums {
  add(row: BillRow): void;
  readonly count: number;
  /** Fen, or thousandths of a fen for fees. */
  readonly totals: Readonly<Record<string, number>>;
}

const income = Buffer.from('收入');

export function openSums(): BillSums {
  let count = 0;
  let made: readonly BillColumn[] | undefined;
  let summed: readonly { readonly index: number; readonly field: string }[] = [];
  let values = new Float64Array(0);
  let direction = -1;
  const flow = { income_count: 0, income: 0, expense_count: 0, expense: 0 };
  let kind: BillKind = 'trade';
  let amountIndex = -1;

  return {
    add(row) {
      if (made !== row.columns) {
        made = row.columns;
        kind = row.kind;
        // A balance is no flow: balances do not add up to anything.
        const amountColumns = row.columns.flatMap(({ field, type }, index) =>
          (type === 'yuan' || type === 'fee') && field !== 'balance' ? [{ index, field }] : [],
        );
        summed = kind === 'trade' ? amountColumns : [];
        values = new Float64Array(summed.length);
        direction = row.columns.findIndex(({ field }) => field === 'direction');
        amountIndex = row.columns.findIndex(({ field }) => field === 'amount');
      }
      count += 1;
      for (let index = 0; index < summed.length; index += 1)
        values[index] = (values[index] ?? 0) + (row.amounts[summed[index]?.index ?? 0] ?? 0);
      if (kind !== 'fundflow' || direction < 0) return;
      const [from, to] = [row.start[direction] ?? 0, row.end[direction] ?? 0];
      const amount = row.amounts[amountIndex] ?? 0;
      if (income.equals(row.bytes.subarray(from, to))) {
        flow.income_count += 1;
        flow.income += amount;
      } else {
        flow.expense_count += 1;
        flow.expense += amount;
      }
    },
    get count() {
      return count;
    },
    get totals() {
      const totals: Record<string, number> = { count };
      for (const [index, { field }] of summed.entries()) totals[field] = values[index] ?? 0;
      if (kind === 'fundflow' && made !== undefined) Object.assign(totals, flow);
      const unsafe = Object.values(totals).find((value) => !Number.isSafeInteger(value));
      if (unsafe !== undefined)
        throw new WxpayError('BILL_MALFORMED', { params: { line: 0, reason: 'key:bill.reason.overflow' } });
      return totals;
    },
  };
}

/** A total of the summary that the rows do not add up to. */
export interface SumDifference {
  readonly field: string;
  readonly heading?: string;
  readonly rows: number;
  readonly summary: number;
}

/** Compares the summary with what the rows add up to; empty when they agree. */
export function compareSummary(end: BillEnd, sums: Readonly<Record<string, number>>): readonly SumDifference[] {
  return Object.entries(end.summary.totals).flatMap(([field, summary]) => {
    const rows = sums[field] ?? 0;
    return rows === summary ? [] : [{ field, rows, summary }];
  });
}
