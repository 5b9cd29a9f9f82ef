import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openRows, openTextIndex, openTexts, type Row } from '../../../src/operations/refund-batch/rows.ts';

describe('texts', () => {
  test('come back as they were, digits and others, of any length', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 100 }), fc.stringMatching(/^\d{0,40}$/)), {
          maxLength: 300,
        }),
        (given) => {
          const clean = given.filter((text) => !/\p{Surrogate}/u.test(text));
          const texts = openTexts();
          const handles = clean.map((text) => texts.add(text));
          expect(handles.map((handle) => texts.get(handle))).toEqual(clean);
        },
      ),
    );
  });

  test('leading zeros and odd lengths of digits stay', () => {
    const texts = openTexts();
    for (const text of ['0', '00', '007', '4200002346202611231234567890', '1'.repeat(33)])
      expect(texts.get(texts.add(text))).toBe(text);
  });

  test('more than fits into one slab is kept', () => {
    const texts = openTexts();
    const long = 'x'.repeat(30_000);
    const handles = Array.from({ length: 100 }, (_, n) => texts.add(`${n}${long}`));
    for (const [n, handle] of handles.entries()) expect(texts.get(handle).startsWith(`${n}x`)).toBe(true);
  });
});

test('an index finds what was filed, and nothing else', () => {
  const names = Array.from({ length: 5_000 }, (_, n) => `T${n * 7}`);
  const index = openTextIndex((number) => names[number] ?? '');
  for (const [number, name] of names.entries()) index.add(name, number);
  for (const [number, name] of names.entries()) expect(index.find(name)).toBe(number);
  expect(index.find('T1')).toBeUndefined();
  expect(index.find('')).toBeUndefined();
});

describe('rows', () => {
  const row = (line: number, by: Row['by'], no: string, fen = 1): Row => ({
    line,
    by,
    no,
    fen,
    reason: `why ${line % 3}`,
    out_refund_no: '',
    ref: `${line}`,
  });

  test('come back as they were', () => {
    const rows = openRows();
    const given = Array.from({ length: 2_000 }, (_, n) =>
      row(n + 2, n % 2 === 0 ? 'transaction_id' : 'out_trade_no', `NO_${n % 500}`, n + 1),
    );
    for (const one of given) rows.add(one);
    expect(rows.count).toBe(2_000);
    expect(given.map((_, index) => rows.get(index))).toEqual(given);
    expect(rows.fen).toBe((2_000 * 2_001) / 2);
  });

  test('of one order under two names are joined when its facts are known', () => {
    const rows = openRows();
    rows.add(row(2, 'transaction_id', '4200'));
    rows.add(row(3, 'out_trade_no', 'ORDER_1'));
    rows.add(row(4, 'transaction_id', '4200'));
    const facts = { transaction_id: '4200', total: 9, trade_state: 'SUCCESS' };
    const [one, two] = [rows.orderOf(0), rows.orderOf(1)];
    expect(one).not.toBe(two);
    expect(rows.hasSeveral(two)).toBe(false);
    rows.settle(one, facts);
    expect(rows.settle(two, facts)).toBe(one);
    expect(rows.rowsOf(one)).toEqual([0, 1, 2]);
    expect(rows.orderOf(1)).toBe(one);
    expect(rows.hasSeveral(one)).toBe(true);
    expect(rows.get(1)).toMatchObject({ by: 'out_trade_no', no: 'ORDER_1' });
    expect(rows.factsOf(rows.orderOf(1))).toEqual(facts);
  });
});
