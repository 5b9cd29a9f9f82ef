/**
 * Reads a file of refunds: CSV or NDJSON, as a stream, with every fault of every row found before anything is sent
 * (THREATS G7, G8).
 *
 * Files come from spreadsheets, which change what they touch. So nothing is guessed that could be guessed wrongly: a cell
 * is what it should be, character by character, or the row is refused with line and column.
 */
import { createHash } from 'node:crypto';
import { WxpayError } from '../../core/errors.ts';
import { parseAmount } from '../../core/money.ts';
import { parseJson } from '../../core/wire/json.ts';
import { isObject } from '../fields.ts';
import { requireKeyPart } from '../refund-number.ts';
import { openRows, type Row, type Rows } from './rows.ts';

export type BatchEncoding = 'utf-8' | 'gb18030';
export type BatchFormat = 'csv' | 'ndjson';

/** Gives the file's bytes from the start, each time it is called. */
export type Source = () => AsyncIterable<Uint8Array>;

export interface ParseOptions {
  /** Overrides what would be recognised. */
  readonly encoding?: BatchEncoding;
  /** Overrides what would be recognised: NDJSON begins with `{`. */
  readonly format?: BatchFormat;
  /** For rows that give no reason. */
  readonly reason?: string;
  /** How many faults are kept; the rest is counted. Default 100. */
  readonly maxFaults?: number;
}

/** Something that is wrong with the file. */
export interface RowFault {
  /** From 1; 0 for the file as a whole. */
  readonly line: number;
  /** The column's name as in the API, or as the file has it where it is unknown. */
  readonly column?: string;
  /** The file's own heading of that column, where it is another word. */
  readonly heading?: string;
  /** What stands there, at most 64 characters. */
  readonly value?: string;
  /** The i18n key `batch.fault.<reason>`. */
  readonly reason: FaultReason;
  readonly params?: Readonly<Record<string, string | number>>;
}

/** Collects faults: the first ones are kept, all are counted. */
export interface Faults {
  readonly list: readonly RowFault[];
  readonly count: number;
  add(fault: RowFault): void;
  /** The file calls a column so: its faults are told in the file's words from now on. */
  name(column: ColumnName, heading: string): void;
}

export interface ParsedBatch {
  readonly rows: Rows;
  /** Of the bytes as they are, lower-case hex. */
  readonly sha256: string;
  readonly encoding: BatchEncoding;
  /** True when the encoding was recognised and is not UTF-8: worth a word to the person. */
  readonly recognised: boolean;
  readonly format: BatchFormat;
  readonly faults: Faults;
}

/** The columns, each with the headings under which it is found. Compared without case, spaces and kind of parentheses. */
const headings: Readonly<Record<ColumnName, readonly string[]>> = {
  transaction_id: ['transaction_id', '微信支付单号', '微信支付订单号', '微信订单号'],
  out_trade_no: ['out_trade_no', '商户订单号'],
  amount_fen: ['amount_fen', '退款金额(分)', '金额(分)'],
  amount_yuan: ['amount_yuan', '退款金额(元)', '金额(元)'],
  amount: ['amount', '退款金额', '金额'],
  reason: ['reason', '退款原因', '原因'],
  out_refund_no: ['out_refund_no', '商户退款单号'],
  ref: ['ref', '序号', '编号'],
};

export type ColumnName =
  | 'transaction_id'
  | 'out_trade_no'
  | 'amount_fen'
  | 'amount_yuan'
  | 'amount'
  | 'reason'
  | 'out_refund_no'
  | 'ref';

export const faultReasons = [
  'empty_file',
  'workbook',
  'utf16',
  'utf8',
  'gb18030',
  'ambiguous_encoding',
  'nul',
  'changed',
  'csv',
  'line_too_long',
  'too_many_rows',
  'header_unknown',
  'header_duplicate',
  'header_number',
  'header_amount',
  'ragged',
  'json',
  'json_not_object',
  'json_not_text',
  'json_float',
  'number_missing',
  'number_both',
  'transaction_id',
  'out_trade_no',
  'out_refund_no',
  'ref',
  'excel_scientific',
  'excel_rounded',
  'excel_error',
  'formula',
  'spaces',
  'control',
  'amount_missing',
  'amount_twice',
  'amount_fen',
  'amount_yuan',
  'amount_unit',
  'amount_invalid',
  'reason_too_long',
  'reason_not_unicode',
  'row_duplicate',
  'refund_no_duplicate',
  'ref_needed',
  'ref_duplicate',
  'too_many_for_order',
  'total_overflow',
] as const;

export type FaultReason = (typeof faultReasons)[number] | PlanFaultReason;

/** Faults that only the look-up of the order can find (plan.ts). */
export const planFaultReasons = [
  'order_not_found',
  'order_not_paid',
  'order_currency',
  'order_mismatch',
  'amount_above_total',
  'amounts_above_total',
  'amount_ratio_100',
  'amount_ratio_hundredth',
  'derived_duplicate',
] as const;

export type PlanFaultReason = (typeof planFaultReasons)[number];

/** What WeChat Pay takes: at most 80 bytes (protocol 10). */
export const maxReasonBytes = 80;
/** What one order takes (states.md 5). */
export const maxRefundsPerOrder = 50;
/** Row numbers are kept in 32 bits; nobody refunds more at once. */
const maxRows = 20_000_000;
const maxLine = 64 * 1024;

export function openFaults(max = 100): Faults {
  const list: RowFault[] = [];
  const headingOf = new Map<string | undefined, string>();
  let count = 0;
  return {
    // Orders are looked up side by side; people read a file from its top.
    get list() {
      return list.toSorted((left, right) => left.line - right.line);
    },
    get count() {
      return count;
    },
    add(fault) {
      count += 1;
      if (list.length >= max) return;
      const heading = headingOf.get(fault.column);
      list.push({
        ...fault,
        ...(heading === undefined || heading === fault.column ? {} : { heading }),
        ...(fault.value === undefined ? {} : { value: cut(fault.value) }),
      });
    },
    name(column, heading) {
      headingOf.set(column, cut(heading));
    },
  };
}

function cut(value: string): string {
  return value.length <= 64 ? value : `${value.slice(0, 63)}…`;
}

/**
 * Reads the file twice: once for its encoding and hash, once for its rows.
 *
 * Faults are returned, not thrown. What a text says of a fault is the catalogue's business.
 *
 * @throws whatever reading the source throws
 */
export async function parseBatch(source: Source, options: ParseOptions = {}): Promise<ParsedBatch> {
  const faults = openFaults(options.maxFaults);
  const look = await inspect(source, options);
  const rows = openRows();
  const result = {
    rows,
    sha256: look.sha256,
    encoding: look.encoding,
    recognised: options.encoding === undefined && look.encoding !== 'utf-8',
    format: options.format ?? look.format,
    faults,
  };
  if (look.fault !== undefined) {
    faults.add(look.fault);
    return result;
  }
  const sink = rowSink(rows, faults, options);
  const hash = createHash('sha256');
  const text = decoded(source, look.encoding, hash);
  await (result.format === 'csv' ? readCsv(text, sink, faults) : readNdjson(text, sink, faults));
  // What was read is what was looked at, or none of it counts.
  if (faults.count === 0 && hash.digest('hex') !== look.sha256) faults.add({ line: 0, reason: 'changed' });
  if (faults.count === 0 && rows.count === 0) faults.add({ line: 0, reason: 'empty_file' });
  if (!Number.isSafeInteger(rows.fen)) faults.add({ line: 0, reason: 'total_overflow' });
  return result;
}

interface Look {
  readonly sha256: string;
  readonly encoding: BatchEncoding;
  readonly format: BatchFormat;
  readonly fault?: RowFault;
}

/**
 * UTF-8 first, fatally: hardly any Chinese text in GB18030 is valid UTF-8 as well. A file that is both, and whose
 * non-ASCII characters are none that Chinese is written with, is not decided by us.
 */
async function inspect(source: Source, options: ParseOptions): Promise<Look> {
  const hash = createHash('sha256');
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  const gb18030 = new TextDecoder('gb18030', { fatal: true });
  let isUtf8 = true;
  let isGb18030 = true;
  let [size, line] = [0, 1];
  let [nul, utf8Until, gbUntil] = [0, 0, 0];
  let [ascii, wide] = [true, false];
  let head = Buffer.alloc(0);
  for await (const chunk of source()) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    hash.update(bytes);
    if (head.length < 256) head = Buffer.concat([head, bytes.subarray(0, 256)]);
    size += bytes.length;
    if (nul === 0 && bytes.includes(0)) nul = line + count(bytes.subarray(0, bytes.indexOf(0)), 0x0a);
    if (ascii || !wide) {
      for (const byte of bytes) {
        if (byte >= 0x80) ascii = false;
        if (byte >= 0xe0) wide = true;
      }
    }
    if (isUtf8) {
      const broken = brokenLine(utf8, bytes);
      if (broken !== undefined) [isUtf8, utf8Until] = [false, line + broken];
    }
    if (isGb18030 && !ascii) {
      const broken = brokenLine(gb18030, bytes);
      if (broken !== undefined) [isGb18030, gbUntil] = [false, line + broken];
    }
    line += count(bytes, 0x0a);
  }
  if (isUtf8 && !ends(utf8)) [isUtf8, utf8Until] = [false, line];
  if (isGb18030 && !ends(gb18030)) [isGb18030, gbUntil] = [false, line];

  const encoding = options.encoding ?? (isUtf8 ? 'utf-8' : 'gb18030');
  const bom = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
  const first = head
    .subarray(bom ? 3 : 0)
    .toString('latin1')
    .trimStart()[0];
  const base = { sha256: hash.digest('hex'), encoding, format: first === '{' ? 'ndjson' : 'csv' } as const;
  const fault = (reason: FaultReason, at = 0): Look => ({ ...base, fault: { line: at, reason } });
  if (size === 0) return fault('empty_file');
  if (isWorkbook(head)) return fault('workbook');
  if (isUtf16(head)) return fault('utf16');
  if (nul > 0) return fault('nul', nul);
  if (encoding === 'utf-8' && !isUtf8) return fault('utf8', utf8Until);
  if (encoding === 'gb18030' && !isGb18030) return fault('gb18030', gbUntil);
  // A byte order mark, or one character that only UTF-8 would write in three bytes, decides.
  if (options.encoding === undefined && isUtf8 && !ascii && !wide && isGb18030) return fault('ambiguous_encoding');
  return base;
}

/** `.xlsx` (a zip) or `.xls` (an OLE file): no table as text has either beginning. */
function isWorkbook(head: Buffer): boolean {
  return head.subarray(0, 4).equals(Buffer.from('PK\x03\x04')) || head.subarray(0, 4).toString('hex') === 'd0cf11e0';
}

/**
 * @param decoder what has come before, and how far into a character that ended
 * @returns how many lines of the piece are whole before the one that cannot be decoded; `undefined` when all can
 */
function brokenLine(decoder: InstanceType<typeof TextDecoder>, bytes: Buffer): number | undefined {
  const first = bytes.indexOf(0x0a) + 1;
  if (!decodes(decoder, bytes.subarray(0, first))) return 0;
  if (decodes(decoder, bytes.subarray(first))) return undefined;
  if (first === 0) return 0;
  // No character of either encoding holds a line feed, so that lines can be tried one by one.
  let [at, lines] = [first, 1];
  for (;;) {
    const next = bytes.indexOf(0x0a, at) + 1;
    if (next === 0 || !decodes(new TextDecoder(decoder.encoding, { fatal: true }), bytes.subarray(at, next)))
      return lines;
    [at, lines] = [next, lines + 1];
  }
}

function decodes(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function ends(decoder: InstanceType<typeof TextDecoder>): boolean {
  try {
    decoder.decode();
    return true;
  } catch {
    return false;
  }
}

/** A byte order mark of UTF-16 (or 32), or every other byte of the beginning zero. */
function isUtf16(head: Buffer): boolean {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return true;
  const start = head.subarray(0, 64);
  const zeros = [0, 1].map((odd) => start.filter((byte, index) => index % 2 === odd && byte === 0).length);
  return start.length >= 4 && zeros.some((number) => number >= start.length / 2 - 1 && number > 1);
}

function count(bytes: Uint8Array, byte: number): number {
  let found = 0;
  for (let at = bytes.indexOf(byte); at !== -1; at = bytes.indexOf(byte, at + 1)) found += 1;
  return found;
}

async function* decoded(
  source: Source,
  encoding: BatchEncoding,
  hash: ReturnType<typeof createHash>,
): AsyncIterable<string> {
  // The decoder takes a byte order mark away.
  const decoder = new TextDecoder(encoding, { fatal: true });
  for await (const chunk of source()) {
    hash.update(chunk);
    yield decoder.decode(chunk, { stream: true });
  }
  yield decoder.decode();
}

/** The cells of one row, by column. */
type Cells = Map<ColumnName, string>;

interface Sink {
  (line: number, cells: Cells): void;
}

/** Checks cells and files the row. */
function rowSink(rows: Rows, faults: Faults, options: ParseOptions): Sink {
  return (line, cells) => {
    const before = faults.count;
    if (rows.count >= maxRows) {
      faults.add({ line, reason: 'too_many_rows', params: { max: maxRows } });
      return;
    }
    const row = readRow(line, cells, faults, options);
    if (row !== undefined && faults.count === before) checkRepetition(row, rows, faults);
    if (row !== undefined) rows.add(row);
  };
}

function readRow(line: number, cells: Cells, faults: Faults, options: ParseOptions): Row | undefined {
  const before = faults.count;
  const fault = (column: ColumnName, reason: FaultReason, params?: RowFault['params']): undefined => {
    const value = cells.get(column);
    faults.add({
      line,
      column,
      reason,
      ...(value === undefined ? {} : { value }),
      ...(params === undefined ? {} : { params }),
    });
    return undefined;
  };
  const number = (column: 'transaction_id' | 'out_trade_no' | 'out_refund_no', pattern: RegExp): string => {
    const text = cells.get(column) ?? '';
    if (text === '' || pattern.test(text)) {
      if (/^\d{28}$/.test(text) && /0{13}$/.test(text)) fault(column, 'excel_rounded');
      return text;
    }
    fault(column, spreadsheetDamage(text) ?? column);
    return text;
  };

  const transactionId = number('transaction_id', /^[0-9A-Za-z]{1,32}$/);
  const outTradeNo = number('out_trade_no', /^[0-9A-Za-z_\-|*]{6,32}$/);
  if (transactionId === '' && outTradeNo === '') fault('transaction_id', 'number_missing');
  if (transactionId !== '' && outTradeNo !== '') fault('transaction_id', 'number_both');
  const outRefundNo = number('out_refund_no', /^[0-9A-Za-z_\-|*@]{1,64}$/);
  const ref = readRef(cells, fault);
  const fen = readAmount(cells, fault);
  const reason = readReason(cells, fault, options.reason ?? '');
  if (faults.count !== before || fen === undefined) return undefined;
  const by = transactionId === '' ? 'out_trade_no' : 'transaction_id';
  return {
    line,
    by,
    no: transactionId === '' ? outTradeNo : transactionId,
    fen,
    reason,
    out_refund_no: outRefundNo,
    ref,
  };
}

type Fault = (column: ColumnName, reason: FaultReason, params?: RowFault['params']) => undefined;

function readAmount(cells: Cells, fault: Fault): number | undefined {
  const given = (['amount_fen', 'amount_yuan', 'amount'] as const).filter((name) => (cells.get(name) ?? '') !== '');
  const column = given[0];
  if (column === undefined) return fault('amount', 'amount_missing');
  if (given.length > 1) return fault(given[1] ?? column, 'amount_twice');
  const text = cells.get(column) ?? '';
  const damage = spreadsheetDamage(text);
  if (damage !== undefined) return fault(column, damage);
  // One way of writing each, and no number of a programming language: not 1e2, 0x10, 1,000.00, １２, +1 or -1.
  if (column === 'amount_fen' && !/^\d+$/.test(text)) return fault(column, 'amount_fen');
  if (column === 'amount_yuan' && !/^\d+(?:\.\d{1,2})?$/.test(text)) return fault(column, 'amount_yuan');
  if (column === 'amount' && /^\d+(?:\.\d+)?$/.test(text)) return fault(column, 'amount_unit');
  try {
    return parseAmount(column === 'amount_yuan' ? `${text}yuan` : text);
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    return fault(column, 'amount_invalid');
  }
}

/** In the form in which it goes into the refund's number. */
function readRef(cells: Cells, fault: Fault): string {
  const text = cells.get('ref') ?? '';
  const damage = isFormula(text) ? 'formula' : spreadsheetDamage(text);
  if (damage !== undefined) fault('ref', damage);
  try {
    return requireKeyPart('ref', text);
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    if (damage === undefined) fault('ref', 'ref');
    return '';
  }
}

function readReason(cells: Cells, fault: Fault, otherwise: string): string {
  const text = cells.get('reason') ?? '';
  const reason = text === '' ? otherwise : text;
  const bytes = Buffer.byteLength(reason);
  if (isFormula(text)) fault('reason', 'formula');
  else if (/[\u0000-\u001F\u007F-\u009F]/.test(reason)) fault('reason', 'control');
  else if (/\p{Surrogate}/u.test(reason)) fault('reason', 'reason_not_unicode');
  else if (bytes > maxReasonBytes) fault('reason', 'reason_too_long', { bytes, max: maxReasonBytes });
  return reason;
}

/** What Excel, WPS and LibreOffice leave behind of an id or an amount; `undefined` for anything else. */
function spreadsheetDamage(text: string): FaultReason | undefined {
  if (/^\d+(?:\.\d+)?[Ee]\+?\d+$/.test(text)) return 'excel_scientific';
  if (/^#+$|^#(?:N\/A|NAME\?|REF!|VALUE!|NUM!|NULL!|DIV\/0!)$/.test(text)) return 'excel_error';
  if (/^[=＝+＋]/.test(text)) return 'formula';
  if (/^\s|\s$/.test(text)) return 'spaces';
  if (/[\u0000-\u001F\u007F-\u009F]/.test(text)) return 'control';
  return undefined;
}

function isFormula(text: string): boolean {
  return /^[=+\-@\t\r＝＋－＠]/.test(text);
}

/** Two rows that are one, and rows of one order that nothing tells apart, are found where the second one stands. */
function checkRepetition(row: Row, rows: Rows, faults: Faults): void {
  const at = (index: number): { first: number } => ({ first: rows.lineOf(index) });
  if (row.out_refund_no !== '') {
    const same = rows.findRefundNo(row.out_refund_no);
    if (same !== undefined) {
      faults.add({
        ...place(row, 'out_refund_no', row.out_refund_no),
        reason: 'refund_no_duplicate',
        params: at(same),
      });
      return;
    }
  }
  const order = rows.findOrder(row.by, row.no);
  if (order === undefined) return;
  const others = rows.rowsOf(order);
  if (others.length >= maxRefundsPerOrder) {
    faults.add({ ...place(row, row.by, row.no), reason: 'too_many_for_order', params: { max: maxRefundsPerOrder } });
    return;
  }
  for (const index of others) {
    const other = rows.get(index);
    const reason = repetition(row, other);
    if (reason === undefined) continue;
    faults.add({ ...place(row, reason === 'row_duplicate' ? row.by : 'ref', row.no), reason, params: at(index) });
    return;
  }
}

/**
 * What makes two rows of one order hard to tell apart; `undefined` when their refund numbers differ for certain. A row with
 * a number of its own needs no `ref`.
 */
export function repetition(row: Row, other: Row): 'row_duplicate' | 'ref_needed' | 'ref_duplicate' | undefined {
  if (row.out_refund_no !== '' || other.out_refund_no !== '') {
    const [one, two] = [row.out_refund_no, other.out_refund_no];
    if (one !== '' && two !== '') return one === two ? 'row_duplicate' : undefined;
    // One number is given, the other derived without anything that says which of the order's refunds it is.
    return (one === '' ? row : other).ref === '' ? 'ref_needed' : undefined;
  }
  if (row.ref !== other.ref) return row.ref === '' || other.ref === '' ? 'ref_needed' : undefined;
  if (row.fen === other.fen && row.reason === other.reason) return 'row_duplicate';
  return row.ref === '' ? 'ref_needed' : 'ref_duplicate';
}

function place(row: Row, column: ColumnName, value: string): Pick<RowFault, 'line' | 'column' | 'value'> {
  return { line: row.line, column, value };
}

/** CSV with a header line; the delimiter is the one of `,` `;` and TAB under which the header makes sense. */
async function readCsv(text: AsyncIterable<string>, sink: Sink, faults: Faults): Promise<void> {
  const { parse } = await import('csv-parse');
  let columns: readonly (ColumnName | undefined)[] | undefined;
  let ended = false;
  /** csv-parse counts a CRLF inside quotes as two lines. */
  let surplus = 0;
  const onRecord = (record: readonly string[], { lines }: { readonly lines: number }): null => {
    if (ended) return null;
    let line = lines - surplus;
    for (const cell of record) {
      if (!/[\r\n]/.test(cell)) continue;
      line -= cell.match(/[\r\n]/g)?.length ?? 0;
      surplus += cell.match(/\r\n/g)?.length ?? 0;
    }
    if (columns === undefined) {
      columns = readHeader(record, line, faults);
      ended = faults.count > 0;
      return null;
    }
    if (record.length !== columns.length)
      faults.add({ line, reason: 'ragged', params: { cells: record.length, columns: columns.length } });
    else sink(line, cellsOf(record, columns));
    return null;
  };
  let parser: ReturnType<typeof parse> | undefined;
  let failure: unknown;
  let start = '';
  const feed = async (part: string): Promise<void> => {
    if (failure !== undefined || parser === undefined || part === '') return;
    if (!parser.write(part)) await Promise.race([onceOf(parser, 'drain'), onceOf(parser, 'error')]);
  };
  const open = (delimiter: string): void => {
    parser = parse({
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: maxLine,
      on_record: onRecord,
    });
    parser.on('error', (error) => {
      failure = error;
    });
    parser.resume();
  };
  for await (const part of text) {
    if (parser === undefined) {
      start += part;
      if (!/[\r\n]/.test(start.trimStart()) && start.length < maxLine) continue;
      open(delimiterOf(start));
      await feed(start);
    } else await feed(part);
    if (failure !== undefined || ended) break;
  }
  if (parser === undefined) {
    open(delimiterOf(start));
    await feed(start);
  }
  if (failure === undefined && parser !== undefined && !ended) {
    const settled = Promise.race([onceOf(parser, 'end'), onceOf(parser, 'error')]);
    parser.end();
    await settled;
  }
  if (failure !== undefined) {
    const { code, lines } = failure as { code?: string; lines?: number };
    if (code === undefined || !/^(?:CSV|INVALID)_/.test(code)) throw failure;
    const reason = code === 'CSV_MAX_RECORD_SIZE' ? 'line_too_long' : 'csv';
    faults.add({ line: (lines ?? 0) - surplus, reason, params: { max: maxLine } });
  }
}

function onceOf(emitter: NodeJS.EventEmitter, event: string): Promise<void> {
  return new Promise((resolve) => {
    emitter.once(event, () => resolve());
  });
}

function delimiterOf(start: string): string {
  const line = start.trimStart().split(/[\r\n]/, 1)[0] ?? '';
  const score = (delimiter: string): number =>
    line.split(delimiter).filter((cell) => columnNamed(cell.replaceAll('"', '')) !== undefined).length;
  return [',', ';', '\t'].toSorted((a, b) => score(b) - score(a))[0] ?? ',';
}

const byHeading: ReadonlyMap<string, ColumnName> = new Map(
  (Object.entries(headings) as [ColumnName, readonly string[]][]).flatMap(([name, texts]) =>
    texts.map((text) => [text, name] as const),
  ),
);

/** Without what exports put before it. */
function bareHeading(heading: string): string {
  return heading.replace(/^[`\uFEFF]+/, '').trim();
}

function columnNamed(heading: string): ColumnName | undefined {
  const plain = bareHeading(heading).replaceAll('（', '(').replaceAll('）', ')').replaceAll(/\s/g, '').toLowerCase();
  return byHeading.get(plain);
}

function readHeader(record: readonly string[], line: number, faults: Faults): readonly (ColumnName | undefined)[] {
  const seen = new Set<ColumnName>();
  const columns = record.map((heading) => {
    const column = columnNamed(heading);
    if (column === undefined) faults.add({ line, column: cut(heading), reason: 'header_unknown' });
    else if (seen.has(column)) faults.add({ line, column: cut(heading), reason: 'header_duplicate' });
    else {
      seen.add(column);
      faults.name(column, bareHeading(heading));
    }
    return column;
  });
  // What the comparison with the order finds is about the amount, in whatever unit the file has it.
  const unit = columns.findLastIndex((column) => column === 'amount_fen' || column === 'amount_yuan');
  if (unit !== -1 && !seen.has('amount')) faults.name('amount', bareHeading(record[unit] ?? ''));
  if (!seen.has('transaction_id') && !seen.has('out_trade_no')) faults.add({ line, reason: 'header_number' });
  if (!seen.has('amount_fen') && !seen.has('amount_yuan') && !seen.has('amount'))
    faults.add({ line, reason: 'header_amount' });
  return columns;
}

function cellsOf(record: readonly string[], columns: readonly (ColumnName | undefined)[]): Cells {
  const cells: Cells = new Map();
  for (const [index, column] of columns.entries()) {
    if (column !== undefined) cells.set(column, unwrapped(record[index] ?? '', column));
  }
  return cells;
}

/** WeChat Pay's bills put a backtick before every field, and other exports a TAB behind a number, to keep Excel away. */
function unwrapped(cell: string, column: ColumnName): string {
  const bare = cell.startsWith('`') ? cell.slice(1) : cell;
  return column === 'reason' ? bare : bare.replace(/^\t+|\t+$/g, '');
}

/** One JSON object a line; empty lines are passed over. Ids are strings: a JSON number would lose their digits. */
async function readNdjson(text: AsyncIterable<string>, sink: Sink, faults: Faults): Promise<void> {
  let rest = '';
  let line = 0;
  const take = (raw: string): void => {
    line += 1;
    const content = raw.trim();
    if (content === '') return;
    if (content.length > maxLine) faults.add({ line, reason: 'line_too_long', params: { max: maxLine } });
    else readObject(line, content, sink, faults);
  };
  for await (const part of text) {
    rest += part;
    if (!part.includes('\n')) {
      if (rest.length > maxLine * 16) break;
      continue;
    }
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const one of lines) take(one);
  }
  take(rest);
}

function readObject(line: number, content: string, sink: Sink, faults: Faults): void {
  let value: unknown;
  try {
    value = parseJson(Buffer.from(content));
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    faults.add({ line, reason: 'json', value: content, params: { why: String(error.params['reason'] ?? '') } });
    return;
  }
  if (!isObject(value)) {
    faults.add({ line, reason: 'json_not_object', value: content });
    return;
  }
  const before = faults.count;
  const cells: Cells = new Map();
  for (const [name, member] of Object.entries(value)) {
    const column = columnNamed(name);
    if (column === undefined) faults.add({ line, column: cut(name), reason: 'header_unknown' });
    else if (cells.has(column)) faults.add({ line, column: cut(name), reason: 'header_duplicate' });
    else if (typeof member === 'string') cells.set(column, member);
    else if (member === null) cells.set(column, '');
    else if (typeof member === 'number' && column === 'amount_fen') {
      // What the file says, not what it comes to: 1e2 and 1.0 are whole numbers to JavaScript.
      const written = /^\s*(\d+)\s*[,}]/.exec(afterName(content, name))?.[1];
      if (written === undefined) faults.add({ line, column, reason: 'json_float', value: String(member) });
      else cells.set(column, written);
    } else faults.add({ line, column, reason: 'json_not_text', value: cut(JSON.stringify(member) ?? '') });
  }
  if (faults.count === before) sink(line, cells);
}

/** What stands behind a member's colon in a flat object, as it is written. */
function afterName(content: string, name: string): string {
  const token = JSON.stringify(name);
  for (let at = content.indexOf(token); at !== -1; at = content.indexOf(token, at + 1)) {
    const behind = content.slice(at + token.length).trimStart();
    if (behind.startsWith(':')) return behind.slice(1);
  }
  return '';
}
