import { describe, expect, test } from 'vitest';
import { isWxpayError } from '../../../src/core/errors.ts';
import type { BillKind } from '../../../src/operations/bill/columns.ts';
import { openBillReader } from '../../../src/operations/bill/rows.ts';
import { makeFilter, readConditions, type Filter } from '../../../src/operations/bill/where.ts';
import { fundflow, tradeAll } from './bill-text.ts';

/** The lines of the rows that are found. */
function find(kind: BillKind, ...conditions: readonly string[]): readonly number[] {
  const found: number[] = [];
  let filter: Filter = () => false;
  const reader = openBillReader({
    onColumns: (_kind, columns) => (filter = makeFilter(readConditions(kind, conditions), columns)),
    onRow: (row) => {
      if (filter(row)) found.push(row.line);
    },
  });
  reader.push(Buffer.from(kind === 'trade' ? tradeAll : fundflow));
  reader.end();
  return found;
}

test.each([
  ['trade_state=REFUND', [4]],
  ['交易状态=REFUND', [4]],
  ['trade_state!=REFUND', [2, 3]],
  ['total=1290', [2]],
  ['total=12.90yuan', [2]],
  ['total=12.9元', [2]],
  ['total>12.90yuan', [3]],
  ['total>=1290', [2, 3]],
  ['total<1290fen', [4]],
  ['total<=0', [4]],
  ['total!=0', [2, 3]],
  ['fee_millifen=8000', [2]],
  ['fee_millifen>=8fen', [2, 3]],
  ['手续费<0', [4]],
  ['fee_millifen=-0.30yuan', [4]],
  ['description~拿铁', [2]],
  ['description!~拿铁', [3, 4]],
  ['attach=shop=7', [2]],
  ['attach=', [3, 4]],
  ['device_id=', [2, 3, 4]],
  ['trade_time>=2026-11-22T11', [3, 4]],
  ['trade_time=2026-11-22', [2, 3, 4]],
  ['trade_time<2026-11-22 11:05:40', [2]],
  ['trade_time>2026-11-22T10:31', [3, 4]],
  ['trade_time<=2026-11-22T11:05:40+08:00', [2, 3]],
])('%s finds the lines %j', (condition, expected) => {
  expect(find('trade', condition)).toEqual(expected);
});

test('all conditions must hold', () => {
  expect(find('trade', 'trade_type=NATIVE', 'trade_state=SUCCESS')).toEqual([3]);
  expect(find('fundflow', '收支类型=支出', 'amount>1yuan')).toEqual([4]);
  expect(find('fundflow', '收支金额(元)=0.08yuan')).toEqual([3]);
});

describe('refuses, before anything is asked for,', () => {
  test.each([
    ['', 'where_form'],
    ['total', 'where_form'],
    ['=5', 'where_form'],
    ['nothing=5', 'where_field'],
    ['__proto__=5', 'where_field'],
    ['Total=5', 'where_field'],
    ['total==5', 'where_amount'],
    ['total=', 'where_amount'],
    ['total=12.90', 'where_amount'],
    ['total=1e2', 'where_amount'],
    ['total=12.905yuan', 'where_amount'],
    ['total=1 290', 'where_amount'],
    ['total~12', 'where_operator'],
    ['out_trade_no>5', 'where_operator'],
    ['trade_time~2026', 'where_operator'],
    ['trade_time>yesterday', 'where_time'],
    ['trade_time>2026-11', 'where_time'],
    ['trade_time>', 'where_time'],
  ])('%j', (condition, reason) => {
    try {
      readConditions('trade', [condition]);
      expect.unreachable();
    } catch (error) {
      expect(isWxpayError(error, 'INPUT_INVALID') ? error.params['reason'] : error).toBe(`key:bill.reason.${reason}`);
    }
  });

  test('a column that this type of bill has not', () => {
    expect(() => find('trade', 'refund_success_time=')).toThrow(/where_column/);
  });
});

test('a field that is not there is answered with those that are, each once', () => {
  const refused = (): unknown => readConditions('trade', ['refnd>1']);
  expect(refused).toThrowError(
    expect.objectContaining({ params: expect.objectContaining({ names: expect.stringContaining('refund,') }) }),
  );
  try {
    refused();
  } catch (error) {
    const names = isWxpayError(error) ? String(error.params['names']).split(', ') : [];
    expect(new Set(names).size).toBe(names.length);
  }
});
