/**
 * `--where <field><operator><value>`: which rows are wanted. Strict, so that a slip is refused instead of finding nothing.
 */
import { WxpayError } from '../../core/errors.ts';
import type { BillColumn, BillKind } from './columns.ts';
import { knownColumns } from './columns.ts';
import { scaled, type BillRow } from './rows.ts';

type Operator = '=' | '!=' | '>=' | '<=' | '>' | '<' | '~' | '!~';

/** One condition, read and checked against the fields of its kind of bill. */
export interface Condition {
  readonly field: string;
  readonly operator: Operator;
  readonly type: BillColumn['type'];
  /** For amounts. */
  readonly number: number;
  /** For texts, and times in the form of the file, cut to what was given. */
  readonly text: string;
}

/** True for a row that is wanted. */
export type Filter = (row: BillRow) => boolean;

/**
 * Reads conditions: a field by its JSON name or its heading; `=`, `!=` for all, `~` and `!~` (contains) for texts, `>`, `>=`,
 * `<`, `<=` for amounts and times. Amounts are fen (`1290`) or yuan (`12.90yuan`), and may be negative; fees are yuan or
 * thousandths of a fen. Times are `2026-11-22`, down to `2026-11-22T10:31:02`, and compare by as much as was given.
 *
 * @throws `INPUT_INVALID`
 */
export function readConditions(kind: BillKind, texts: readonly string[]): readonly Condition[] {
  const columns = knownColumns(kind);
  return texts.map((text) => {
    const match = /^([^=!<>~]+?)(!=|>=|<=|!~|=|>|<|~)(.*)$/s.exec(text);
    if (match === null) throw invalid(text, 'where_form');
    const [, name = '', operator = '', value = ''] = match;
    const column = columns.find(({ field, heading }) => field === name || heading === name);
    if (column === undefined) throw invalid(text, 'where_field', { names: namesOf(columns) });
    return readCondition(text, column, operator as Operator, value);
  });
}

function readCondition(text: string, { field, type }: BillColumn, operator: Operator, value: string): Condition {
  const condition = { field, operator, type, number: 0, text: value };
  const orders = ['>', '>=', '<', '<='].includes(operator);
  const contains = operator === '~' || operator === '!~';
  if (type === 'text') {
    if (orders) throw invalid(text, 'where_operator');
    return condition;
  }
  if (contains) throw invalid(text, 'where_operator');
  if (type === 'time') {
    const time = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}(?::\d{2}(?::\d{2})?)?)(?:\+08:00)?)?$/.exec(value);
    if (time === null && !(value === '' && !orders)) throw invalid(text, 'where_time');
    return {
      ...condition,
      text: value === '' ? '' : [time?.[1], time?.[2]].filter((part) => part !== undefined).join(' '),
    };
  }
  const amount = /^(-?\d+(?:\.\d+)?)(yuan|元|fen|分)?$/.exec(value);
  const [, digits = '', unit] = amount ?? [];
  const inYuan = unit === 'yuan' || unit === '元';
  if (amount === null || (!inYuan && digits.includes('.'))) throw invalid(text, 'where_amount');
  const bytes = Buffer.from(digits);
  // A bare fee is in thousandths of a fen, as in the output; `8fen` is 8000 of them.
  const decimals = type === 'fee' ? (inYuan ? 5 : unit === undefined ? 0 : 3) : inYuan ? 2 : 0;
  const number = scaled(bytes, 0, bytes.length, decimals);
  if (Number.isNaN(number)) throw invalid(text, 'where_amount');
  return { ...condition, number };
}

/**
 * The filter over a bill with these columns; all conditions must hold.
 *
 * @throws `INPUT_INVALID` when this type of bill has no such column
 */
export function makeFilter(conditions: readonly Condition[], columns: readonly BillColumn[]): Filter {
  const tests = conditions.map((condition): Filter => {
    const index = columns.findIndex(({ field }) => field === condition.field);
    if (index < 0) throw invalid(condition.field, 'where_column', { names: namesOf(columns) });
    return testOf(condition, index);
  });
  return (row) => {
    for (const holds of tests) if (!holds(row)) return false;
    return true;
  };
}

function testOf({ operator, type, number, text }: Condition, index: number): Filter {
  if (type === 'text') {
    const wanted = Buffer.from(text);
    const bytesOf = (row: BillRow): Buffer => row.bytes.subarray(row.start[index], row.end[index]);
    const isNegated = operator.startsWith('!');
    if (operator.endsWith('~')) return (row) => bytesOf(row).includes(wanted) !== isNegated;
    return (row) => bytesOf(row).equals(wanted) !== isNegated;
  }
  if (type === 'time') {
    return (row) => {
      const found = row.text(index);
      // Nothing happened at no time: an empty one is neither before nor after.
      if (found === '' && operator !== '=' && operator !== '!=') return false;
      const known = text === '' ? found : found.slice(0, text.length);
      return compares(known < text ? -1 : known > text ? 1 : 0, operator);
    };
  }
  return (row) => compares((row.amounts[index] ?? 0) - number, operator);
}

function compares(difference: number, operator: Operator): boolean {
  const sign = Math.sign(difference);
  return operator === '!=' ? sign !== 0 : (satisfying[operator]?.includes(sign) ?? false);
}

/** The signs of a difference that satisfy an operator. */
const satisfying: Readonly<Partial<Record<Operator, readonly number[]>>> = {
  '=': [0],
  '>': [1],
  '>=': [0, 1],
  '<': [-1],
  '<=': [-1, 0],
};

function invalid(value: string, reason: string, params: Readonly<Record<string, string>> = {}): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { ...params, field: '--where', value, reason: `key:bill.reason.${reason}` },
    outcome: 'not_sent',
  });
}

/** Under each name once: some columns have several headings. */
function namesOf(columns: readonly Pick<BillColumn, 'field'>[]): string {
  return [...new Set(columns.map(({ field }) => field))].join(', ');
}
