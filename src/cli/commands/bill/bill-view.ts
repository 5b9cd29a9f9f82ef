/** Bills as tables for people: a look at the rows, and what they add up to. */
import type { Translate } from '../../../i18n/translate.ts';
import type { BillKind } from '../../../operations/bill/columns.ts';
import type { BillReport } from '../../../operations/bill/read.ts';
import { valueOf } from '../../../operations/bill/values.ts';
import type { BillRow } from '../../../operations/bill/rows.ts';
import { formatFen } from '../../../output/money.ts';
import type { Block, Cell, Column } from '../../../output/view.ts';

/** The columns that fit a terminal. The other formats have all of them. */
const shown: Readonly<Record<BillKind, readonly string[]>> = {
  trade: [
    'trade_time',
    'out_trade_no',
    'trade_type',
    'trade_state',
    'total',
    'out_refund_no',
    'refund',
    'refund_status',
  ],
  fundflow: ['book_time', 'business_type', 'direction', 'amount', 'balance', 'voucher_no', 'note'],
};
const narrow: ReadonlySet<string> = new Set(['out_trade_no', 'out_refund_no', 'voucher_no']);

/** The cells of a row that is shown. */
export function rowCells(row: BillRow): readonly (string | Cell)[] {
  return shown[row.kind].map((field) => {
    const index = row.columns.findIndex((column) => column.field === field);
    const type = row.columns[index]?.type;
    if (index < 0 || type === undefined) return '';
    if (type === 'time') return row.text(index);
    const value = valueOf(row, index, type);
    if (value === null) return '';
    if (type === 'yuan') return value === 0 && field !== 'balance' ? '' : formatFen(Number(value));
    // Payments have `0` for what they do not have (bills 4.4).
    return value === '0' && field === 'out_refund_no' ? '' : String(value);
  });
}

export function rowsTable(kind: BillKind, rows: readonly (readonly (string | Cell)[])[], t: Translate): Block {
  const columns = shown[kind].map((field): Column => ({
    field,
    title: t(`bill.column.${field}` as 'bill.column.total'),
    ...(['total', 'refund', 'amount', 'balance'].includes(field) ? { align: 'right', fixed: true } : {}),
    ...(narrow.has(field) ? { fixed: true } : {}),
  }));
  return { kind: 'table', columns, rows, empty: t('bill.empty.rows') };
}

/** What one day comes to. */
export interface DaySums {
  readonly date: string;
  /** Absent for a day on which nothing happened. */
  readonly report: BillReport | undefined;
  /** Of the rows that were wanted. */
  readonly sums: Readonly<Record<string, number>>;
}

const sumFields: Readonly<Record<BillKind, readonly string[]>> = {
  trade: ['count', 'total', 'refund', 'settlement_total', 'settlement_refund', 'fee_millifen'],
  fundflow: ['count', 'income_count', 'income', 'expense_count', 'expense'],
};

/** One line per day, and one for all of them where there are several. */
export function sumsTable(kind: BillKind, days: readonly DaySums[], t: Translate): Block {
  const fields = sumFields[kind];
  const line = (name: string, sums: Readonly<Record<string, number>>): string[] => [
    name,
    ...fields.map((field) => amountText(field, sums[field] ?? 0)),
  ];
  const rows = days.map(({ date, sums }) => line(date, sums));
  if (days.length > 1) rows.push(line(t('bill.text.all_days'), addUp(days)));
  const columns = [
    { field: 'bill_date', title: t('bill.column.bill_date'), fixed: true },
    ...fields.map((field): Column => ({
      field,
      title: t(`bill.column.${field}` as 'bill.column.total'),
      align: 'right',
      fixed: true,
    })),
  ];
  return { kind: 'table', columns, rows, empty: t('bill.empty.rows') };
}

export function addUp(days: readonly DaySums[]): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const { sums } of days)
    for (const [field, value] of Object.entries(sums)) totals[field] = (totals[field] ?? 0) + value;
  return totals;
}

/** An amount of a sum, by the field that names its unit. */
export function amountText(field: string, value: number): string {
  if (field.endsWith('count')) return String(value);
  return field === 'fee_millifen' ? feeText(value) : formatFen(value);
}

/** Thousandths of a fen as yuan: five decimals, or two where those say all. */
function feeText(value: number): string {
  const digits = String(Math.abs(value)).padStart(6, '0');
  const decimals = digits.slice(-5).replace(/000$/, '');
  return `${value < 0 ? '-' : ''}¥${digits.slice(0, -5).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')}.${decimals}`;
}
