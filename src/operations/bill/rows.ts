/**
 * Reads the text of a bill, block by block, byte by byte (bills 3). A bill has millions of fields; most of them are only
 * passed on, so none is decoded before somebody asks for it.
 */
import { isUtf8 } from 'node:buffer';
import { WxpayError } from '../../core/errors.ts';
import { isSummary, kindOf, maxColumns, readColumns, readTotals, type BillColumn, type BillKind } from './columns.ts';

/** One row. The same object is used for every row: what is needed of it later is copied. */
export interface BillRow {
  readonly kind: BillKind;
  readonly columns: readonly BillColumn[];
  /** From 1; the header is line 1. */
  readonly line: number;
  /** The block in which the fields stand, from `start[i]` up to `end[i]`, without the backtick. */
  readonly bytes: Buffer;
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** 1 where a field holds a character that JSON escapes. */
  readonly special: Uint8Array;
  /** Amounts as integers (fen, or thousandths of a fen); 0 where the field is empty or no amount. */
  readonly amounts: Float64Array;
  text(column: number): string;
}

export interface BillSummary {
  /** By field: counts as they are, amounts in fen, fees in thousandths of a fen. */
  readonly totals: Readonly<Record<string, number>>;
}

export interface BillEnd {
  readonly kind: BillKind;
  readonly columns: readonly BillColumn[];
  readonly rows: number;
  readonly summary: BillSummary;
}

export interface BillReader {
  /** Reads the lines that are complete with this block. */
  push(block: Uint8Array): void;
  /** @throws `BILL_MALFORMED` when the summary is missing */
  end(): BillEnd;
}

export interface BillListener {
  onColumns?(kind: BillKind, columns: readonly BillColumn[]): void;
  onRow(row: BillRow): void;
}

const maxLine = 1024 * 1024;

const [lineFeed, carriageReturn, comma, backtick, minus, dot, zero, nine] = Buffer.from('\n\r,`-.09') as unknown as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** What a byte is to the scanner: 0 nothing, 1 the end of the line, 2 a comma, 3 something that JSON escapes. */
const classes = new Uint8Array(256);
classes.fill(3, 0, 0x20);
classes[lineFeed] = 1;
classes[comma] = 2;
for (const char of Buffer.from('"\\')) classes[char] = 3;
classes[0x7f] = 3;

/**
 * A reader of one bill. Everything that does not fit is `BILL_MALFORMED` with its line: text that is not UTF-8, a row with
 * fields too many or too few, an amount that is none, rows after the summary.
 */
export function openBillReader(listener: BillListener): BillReader {
  let rest: Buffer = Buffer.alloc(0);
  let state: 'header' | 'rows' | 'totals' | 'over' = 'header';
  let line = 0;
  let rows = 0;
  let kind: BillKind = 'trade';
  let columns: readonly BillColumn[] = [];
  let totalColumns: readonly BillColumn[] = [];
  let summary: BillSummary | undefined;
  /** Decimals of the amounts that are kept: 0 for a field that is no amount. */
  let scales = new Uint8Array(0);
  const start = new Int32Array(maxColumns);
  const end = new Int32Array(maxColumns);
  const special = new Uint8Array(maxColumns);
  const amounts = new Float64Array(maxColumns);
  const row = {
    kind: kind as BillKind,
    columns,
    line,
    bytes: rest,
    start,
    end,
    special,
    amounts,
    text: (column: number): string => row.bytes.toString('utf8', start[column], end[column]),
  };

  function use(kindFound: BillKind, found: readonly BillColumn[]): void {
    kind = kindFound;
    columns = found;
    scales = Uint8Array.from(found, ({ type }) => (type === 'yuan' ? 2 : type === 'fee' ? 5 : 0));
    row.kind = kind;
    row.columns = found;
    listener.onColumns?.(kind, found);
  }

  /** Reads the line at `from`. @returns the index behind its line feed, which is there */
  function readLine(bytes: Buffer, from: number): number {
    line += 1;
    const first = bytes[from];
    if (state === 'rows' && first === backtick) return readRow(bytes, from);
    const feed = bytes.indexOf(lineFeed, from);
    const text = bytes.toString('utf8', from, bytes[feed - 1] === carriageReturn ? feed - 1 : feed);
    readOther(bytes, from, text);
    return feed + 1;
  }

  function readOther(bytes: Buffer, from: number, text: string): void {
    if (text === '') {
      if (state === 'over') return;
      throw malformed(line, 'empty_line');
    }
    switch (state) {
      case 'header': {
        const found = kindOf(text);
        use(found, readColumns(found, text));
        state = 'rows';
        return;
      }
      case 'rows':
        if (isSummary(kind, text)) {
          totalColumns = readTotals(kind, text, line);
          state = 'totals';
          return;
        }
        // Not a single backtick: fields are what stands between commas (bills 3).
        readPlainRow(bytes, from, text);
        return;
      case 'totals':
        summary = { totals: readTotalRow(totalColumns, text, line) };
        state = 'over';
        return;
      case 'over':
        throw malformed(line, 'after_summary');
    }
  }

  /** The usual row: a backtick before every field. */
  function readRow(bytes: Buffer, from: number): number {
    const count = columns.length;
    let column = 0;
    let at = from + 1;
    start[0] = at;
    special[0] = 0;
    for (;;) {
      // Nearly all bytes are nothing special: this loop is where the time goes. A block ends with a line feed.
      while (classes[bytes[at] as number] === 0) at += 1;
      const byte = bytes[at];
      if (byte === comma) {
        if (bytes[at + 1] === backtick) {
          end[column] = at;
          column += 1;
          if (column === count) return readOddRow(bytes, from);
          at += 1;
          start[column] = at + 1;
          special[column] = 0;
        }
      } else if (byte === lineFeed) break;
      else if (byte !== carriageReturn || bytes[at + 1] !== lineFeed) special[column] = 1;
      at += 1;
    }
    end[column] = bytes[at - 1] === carriageReturn ? at - 1 : at;
    if (column !== count - 1) return readOddRow(bytes, from);
    deliver(bytes);
    return at + 1;
  }

  /** A row whose backticks do not tell its fields apart. @returns the index behind its line feed */
  function readOddRow(bytes: Buffer, from: number): number {
    const feed = bytes.indexOf(lineFeed, from);
    const text = bytes.toString('utf8', from, bytes[feed - 1] === carriageReturn ? feed - 1 : feed);
    readPlainRow(bytes, from, text);
    return feed + 1;
  }

  function readPlainRow(bytes: Buffer, from: number, text: string): void {
    const fields = text.split(',');
    if (fields.length !== columns.length)
      throw malformed(line, 'columns', { found: fields.length, wanted: columns.length });
    let at = from;
    for (const [column, field] of fields.entries()) {
      const length = Buffer.byteLength(field);
      start[column] = at + (field.startsWith('`') ? 1 : 0);
      end[column] = at + length;
      special[column] = 1;
      at += length + 1;
    }
    deliver(bytes);
  }

  function deliver(bytes: Buffer): void {
    for (let column = 0; column < scales.length; column += 1) {
      const scale = scales[column] ?? 0;
      if (scale === 0) continue;
      const amount = scaled(bytes, start[column] ?? 0, end[column] ?? 0, scale);
      if (Number.isNaN(amount)) {
        const value = bytes.toString('utf8', start[column], end[column]).slice(0, 40);
        throw malformed(line, 'amount', { value, column: columns[column]?.heading ?? '' });
      }
      amounts[column] = amount;
    }
    rows += 1;
    row.line = line;
    row.bytes = bytes;
    listener.onRow(row);
  }

  function readBlock(bytes: Buffer): void {
    if (!isUtf8(bytes)) throw malformed(line + 1, 'utf8');
    // A byte order mark, if there is one (bills 3).
    const hasMark = state === 'header' && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    for (let at = hasMark ? 3 : 0; at < bytes.length;) at = readLine(bytes, at);
  }

  return {
    push(block) {
      const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
      const last = bytes.lastIndexOf(lineFeed);
      if (last < 0) {
        rest = Buffer.concat([rest, bytes]);
        if (rest.length > maxLine) throw malformed(line + 1, 'line_too_long');
        return;
      }
      const complete = bytes.subarray(0, last + 1);
      readBlock(rest.length === 0 ? complete : Buffer.concat([rest, complete]));
      // Copied: the block may be used again by whoever gave it.
      rest = Buffer.from(bytes.subarray(last + 1));
    },

    end() {
      if (rest.length > 0) readBlock(Buffer.concat([rest, Buffer.from('\n')]));
      if (summary === undefined) throw malformed(Math.max(line, 1), 'no_summary');
      return { kind, columns, rows, summary };
    },
  };
}

/**
 * An amount as an integer with `decimals` decimals, exactly: `12.90` is 1290 with two. Nothing at all is 0.
 *
 * @returns NaN for anything that is no amount or does not fit
 */
export function scaled(bytes: Uint8Array, from: number, to: number, decimals: number): number {
  let at = from;
  if (at === to) return 0;
  const negative = bytes[at] === minus;
  if (negative) at += 1;
  let value = 0;
  let digits = 0;
  let after = -1;
  for (; at < to; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === dot) {
      if (after >= 0 || digits === 0) return Number.NaN;
      after = 0;
    } else if (byte >= zero && byte <= nine) {
      digits += 1;
      if (after >= decimals) {
        // More decimals than are kept must be zeros, or something would be lost.
        if (byte !== zero) return Number.NaN;
        continue;
      }
      if (after >= 0) after += 1;
      value = value * 10 + (byte - zero);
      if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
    } else return Number.NaN;
  }
  if (digits === 0 || after === 0) return Number.NaN;
  for (let place = Math.max(after, 0); place < decimals; place += 1) value *= 10;
  if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  return negative && value !== 0 ? -value : value;
}

function readTotalRow(columns: readonly BillColumn[], text: string, line: number): Readonly<Record<string, number>> {
  const fields = text.split(',').map((field) => field.replace(/^`/, '').trim());
  if (fields.length !== columns.length)
    throw malformed(line, 'columns', { found: fields.length, wanted: columns.length });
  const totals: Record<string, number> = {};
  for (const [index, { field, type, heading }] of columns.entries()) {
    // A total that nobody knows cannot be compared with anything.
    if (type === 'text') continue;
    const bytes = Buffer.from(fields[index] ?? '');
    const value = scaled(bytes, 0, bytes.length, type === 'yuan' ? 2 : type === 'fee' ? 5 : 0);
    if (Number.isNaN(value) || bytes.length === 0)
      throw malformed(line, 'amount', { value: (fields[index] ?? '').slice(0, 40), column: heading });
    totals[field] = value;
  }
  return totals;
}

function malformed(line: number, reason: string, params: Readonly<Record<string, string | number>> = {}): WxpayError {
  return new WxpayError('BILL_MALFORMED', { params: { ...params, line, reason: `key:bill.reason.${reason}` } });
}
