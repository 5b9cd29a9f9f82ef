/**
 * Compares a trade bill with the merchant's own list, in both directions (bills 7). What is compared is what the API calls
 * `amount.total` and `amount.refund`, not the settled amounts, which coupons change.
 *
 * Memory is bounded: at most a million of the merchant's rows are held at once. A longer list is compared in parts, by the hash
 * of the numbers, and both files are read once for each part.
 */
import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';
import { inputUnreadable, systemCode } from '../../core/durable/system-error.ts';
import { WxpayError } from '../../core/errors.ts';
import type { BillColumn } from './columns.ts';
import { readBill, type BillReport } from './read.ts';
import type { BillRow } from './rows.ts';
import { scaled } from './rows.ts';
import type { UnpackOptions } from './unpack.ts';

export type DifferenceKind =
  /** The merchant has it, the bill has not. */
  | 'missing_at_wechat'
  /** The bill has it, the merchant has not. */
  | 'missing_at_merchant'
  | 'amount'
  | 'state'
  /** The merchant's list has the number twice. */
  | 'twice_at_merchant'
  /** The bill has the number twice. */
  | 'twice_in_bill';

export interface Difference {
  readonly difference: DifferenceKind;
  readonly kind: 'payment' | 'refund';
  /** out_trade_no (or transaction_id, where the list has only that) of a payment, out_refund_no of a refund. */
  readonly number: string;
  /** Fen; null where that side has no such row. */
  readonly bill_amount: number | null;
  readonly merchant_amount: number | null;
  readonly bill_state: string | null;
  readonly merchant_state: string | null;
  readonly bill_line: number | null;
  readonly merchant_line: number | null;
}

export interface Reconciliation {
  readonly bill: BillReport;
  /** Rows of the merchant's list that this type of bill can hold. */
  readonly merchant_rows: number;
  /** Rows of the list that it cannot hold: refunds for a bill of payments, and the other way round. */
  readonly left_out: number;
  readonly matched: number;
  readonly differences: number;
}

export interface ReconcileOptions extends Omit<UnpackOptions, 'name'> {
  readonly billName: string;
  readonly listName: string;
  /** Rows held at once; default a million. */
  readonly partRows?: number;
  readonly onDifference: (difference: Difference) => void;
}

interface Entry {
  readonly kind: 'payment' | 'refund';
  readonly number: string;
  readonly fen: number;
  readonly state: string;
  readonly line: number;
}

interface Held extends Entry {
  seen: boolean;
}

/**
 * Compares the files.
 *
 * @param list CSV with a header: `out_trade_no` or `transaction_id`, `amount_fen` or `amount_yuan`, and where there are refunds
 *   `out_refund_no` (a row that has one is a refund of that amount); `state` if states are to be compared
 * @throws `INPUT_INVALID` for a list that cannot be read, naming its line; what reading a bill throws
 */
export async function reconcile(bill: string, list: string, options: ReconcileOptions): Promise<Reconciliation> {
  const { partRows = 1_000_000, billName, listName, onDifference, signal } = options;
  let rows = 0;
  let byTransaction = false;
  for await (const _entry of readList(list, listName, (found) => (byTransaction = found))) rows += 1;
  const parts = Math.max(1, Math.ceil(rows / partRows));
  let [matched, differences, leftOut] = [0, 0, 0];
  let report: BillReport | undefined;
  const tell = (difference: Difference): void => {
    differences += 1;
    onDifference(difference);
  };
  for (let part = 0; part < parts; part += 1) {
    signal?.throwIfAborted();
    const held = new Map<string, Held>();
    const isHere = (key: string): boolean => parts === 1 || hashOf(key) % parts === part;
    for await (const entry of readList(list, listName)) {
      const key = keyOf(entry.kind, entry.number);
      if (!isHere(key)) continue;
      const before = held.get(key);
      if (before === undefined) held.set(key, { ...entry, seen: false });
      else
        tell({
          ...fromList(entry),
          difference: 'twice_at_merchant',
          bill_amount: null,
          bill_state: null,
          bill_line: null,
        });
    }
    let look: Look | undefined;
    const unpacking = { name: billName, ...withoutNames(options) };
    report = await readBill(bill, unpacking, {
      onColumns: (kind, columns) => {
        if (kind !== 'trade') throw invalid('bill', 'reconcile_kind', billName);
        look = lookOf(columns, byTransaction);
      },
      onRow: (row) => {
        const found = look?.(row);
        if (found === undefined) return;
        const key = keyOf(found.kind, found.number);
        if (!isHere(key)) return;
        const entry = held.get(key);
        if (entry === undefined) {
          tell({
            ...fromBill(found),
            difference: 'missing_at_merchant',
            merchant_amount: null,
            merchant_state: null,
            merchant_line: null,
          });
          return;
        }
        const both = { ...fromBill(found), ...merchantSide(entry) };
        if (entry.seen) {
          tell({ ...both, difference: 'twice_in_bill' });
          return;
        }
        entry.seen = true;
        const agrees = found.fen === entry.fen;
        const isSame = statesAgree(found.kind, found.state, entry.state);
        if (!agrees) tell({ ...both, difference: 'amount' });
        if (!isSame) tell({ ...both, difference: 'state' });
        if (agrees && isSame) matched += 1;
      },
    });
    for (const entry of held.values()) {
      if (look?.holds(entry.kind) !== true) leftOut += 1;
      else if (!entry.seen)
        tell({
          ...fromList(entry),
          difference: 'missing_at_wechat',
          bill_amount: null,
          bill_state: null,
          bill_line: null,
        });
    }
  }
  if (report === undefined) throw new WxpayError('INTERNAL', { params: { reason: 'no part' } });
  return { bill: report, merchant_rows: rows - leftOut, left_out: leftOut, matched, differences };
}

function withoutNames({ maxBytes, signal }: ReconcileOptions): Omit<UnpackOptions, 'name'> {
  return { ...(maxBytes === undefined ? {} : { maxBytes }), ...(signal === undefined ? {} : { signal }) };
}

function keyOf(kind: Entry['kind'], number: string): string {
  return `${kind === 'payment' ? 'p' : 'r'}${number}`;
}

/** FNV-1a, 32 bits: only spreads the work. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** What a row of the bill is about; `undefined` for a row that no list can have. */
interface Look {
  (row: BillRow): Entry | undefined;
  /** Whether this type of bill has payments, or refunds. */
  holds(kind: Entry['kind']): boolean;
}

function lookOf(columns: readonly BillColumn[], byTransaction: boolean): Look {
  const place = (field: string): number => columns.findIndex((column) => column.field === field);
  const [state, order, refund] = [
    place('trade_state'),
    place(byTransaction ? 'transaction_id' : 'out_trade_no'),
    place('out_refund_no'),
  ];
  const total = place('total') < 0 ? place('settlement_total') : place('total');
  // The layout of old merchants has no requested amount.
  const refunded = place('refund') < 0 ? place('settlement_refund') : place('refund');
  const status = place('refund_status');
  const isRefundBill = place('refund_create_time') >= 0;
  const look = (row: BillRow): Entry => {
    const what = row.text(state);
    const { line } = row;
    if (what === 'SUCCESS')
      return { kind: 'payment', number: row.text(order), fen: row.amounts[total] ?? 0, state: what, line };
    // A payment that was taken back has a refund number of its own or goes by the order's.
    const number = refund < 0 ? '' : row.text(refund);
    return {
      kind: 'refund',
      number: number === '' || number === '0' ? row.text(order) : number,
      fen: row.amounts[refunded] ?? 0,
      state: status < 0 ? what : row.text(status),
      line,
    };
  };
  return Object.assign(look, {
    holds: (kind: Entry['kind']): boolean => (kind === 'payment' ? !isRefundBill : refund >= 0),
  });
}

/** The words of the API for those of a bill (bills 4.4). */
const refundStates: Readonly<Record<string, string>> = { CHANGE: 'ABNORMAL', FAIL: 'CLOSED' };

/**
 * A refunded order stays SUCCESS in the bill; a refund that was under way when the bill was made may have come to anything
 * since. Without a state on either side there is nothing to compare.
 */
function statesAgree(kind: Entry['kind'], bill: string, merchant: string): boolean {
  if (merchant === '' || bill === '') return true;
  const own = merchant.toUpperCase();
  if (kind === 'payment') return own === 'SUCCESS' || own === 'REFUND';
  return bill === 'PROCESSING' || own === 'PROCESSING' || (refundStates[bill] ?? bill) === (refundStates[own] ?? own);
}

function fromBill({
  kind,
  number,
  fen,
  state,
  line,
}: Entry): Pick<Difference, 'kind' | 'number' | 'bill_amount' | 'bill_state' | 'bill_line'> {
  return { kind, number, bill_amount: fen, bill_state: state === '' ? null : state, bill_line: line };
}

function merchantSide({
  fen,
  state,
  line,
}: Entry): Pick<Difference, 'merchant_amount' | 'merchant_state' | 'merchant_line'> {
  return { merchant_amount: fen, merchant_state: state === '' ? null : state, merchant_line: line };
}

function fromList(
  entry: Entry,
): Pick<Difference, 'kind' | 'number' | 'merchant_amount' | 'merchant_state' | 'merchant_line'> {
  return { kind: entry.kind, number: entry.number, ...merchantSide(entry) };
}

const headings = {
  out_trade_no: ['out_trade_no', '商户订单号'],
  transaction_id: ['transaction_id', '微信订单号', '微信支付订单号', '微信支付单号'],
  out_refund_no: ['out_refund_no', '商户退款单号'],
  amount_fen: ['amount_fen', '金额(分)'],
  amount_yuan: ['amount_yuan', '金额(元)'],
  state: ['state', '状态'],
} as const;
type ListColumn = keyof typeof headings;

/** The merchant's rows, one by one, each checked. */
async function* readList(
  path: string,
  name: string,
  onHeader?: (byTransaction: boolean) => void,
): AsyncGenerator<Entry> {
  const parser = parse({
    bom: true,
    info: true,
    skip_empty_lines: true,
    relax_column_count: false,
    max_record_size: 65_536,
  });
  const file = createReadStream(path);
  file.on('error', (error) => parser.destroy(error));
  file.pipe(parser);
  let places: ReadonlyMap<ListColumn, number> | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (places === undefined) {
        places = placesOf(record, name);
        onHeader?.(!places.has('out_trade_no'));
      } else yield entryOf(record, places, info.lines, name);
    }
  } catch (error) {
    throw listError(error, name);
  } finally {
    file.destroy();
    parser.destroy();
  }
  if (places === undefined) throw invalid('orders', 'list_empty', name);
}

function placesOf(record: readonly string[], name: string): ReadonlyMap<ListColumn, number> {
  const places = new Map<ListColumn, number>();
  for (const [index, heading] of record.entries()) {
    const plain = heading.trim().replaceAll('（', '(').replaceAll('）', ')').toLowerCase();
    const column = (Object.keys(headings) as ListColumn[]).find((known) =>
      (headings[known] as readonly string[]).includes(plain),
    );
    if (column === undefined) continue;
    if (places.has(column)) throw invalid('orders', 'list_twice', heading);
    places.set(column, index);
  }
  if (!places.has('out_trade_no') && !places.has('transaction_id')) throw invalid('orders', 'list_number', name);
  if (places.has('amount_fen') === places.has('amount_yuan')) throw invalid('orders', 'list_amount', name);
  return places;
}

function entryOf(
  record: readonly string[],
  places: ReadonlyMap<ListColumn, number>,
  line: number,
  name: string,
): Entry {
  const cell = (column: ListColumn): string => {
    const place = places.get(column);
    // A backtick or an apostrophe keeps a spreadsheet from turning a number into another one.
    return place === undefined ? '' : (record[place] ?? '').trim().replace(/^[`']/, '');
  };
  const order = places.has('out_trade_no') ? cell('out_trade_no') : cell('transaction_id');
  const refund = cell('out_refund_no');
  const isRefund = refund !== '' && refund !== '0';
  const number = isRefund ? refund : order;
  const inFen = places.has('amount_fen');
  const text = cell(inFen ? 'amount_fen' : 'amount_yuan');
  const bytes = Buffer.from(text);
  const fen = /^\d+(?:\.\d+)?$/.test(text) ? scaled(bytes, 0, bytes.length, inFen ? 0 : 2) : Number.NaN;
  if (!/^[0-9A-Za-z_\-|*@]{1,64}$/.test(number)) throw invalid('orders', 'list_cell', number, { line, file: name });
  if (Number.isNaN(fen)) throw invalid('orders', 'list_cell', text, { line, file: name });
  return { kind: isRefund ? 'refund' : 'payment', number, fen, state: cell('state'), line };
}

function listError(error: unknown, name: string): unknown {
  if (error instanceof WxpayError) return error;
  const code = systemCode(error) ?? '';
  if (code.startsWith('CSV_')) {
    const { lines } = error as { readonly lines?: unknown };
    return invalid('orders', 'list_csv', code, { line: typeof lines === 'number' ? lines : 0, file: name });
  }
  if (!/^E[A-Z]+$/.test(code)) return error;
  return inputUnreadable(name, error, 'not_sent');
}

function invalid(
  field: string,
  reason: string,
  value: string,
  params: Readonly<Record<string, string | number>> = {},
): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { ...params, field, value: value.slice(0, 64), reason: `key:bill.reason.${reason}` },
    outcome: 'not_sent',
  });
}
