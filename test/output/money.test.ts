import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatFen } from '../../src/output/money.ts';

test.each([
  [0, '¥0.00'],
  [1, '¥0.01'],
  [10, '¥0.10'],
  [100, '¥1.00'],
  [1234, '¥12.34'],
  [99_999, '¥999.99'],
  [100_000, '¥1,000.00'],
  [123_456_789, '¥1,234,567.89'],
  [-5, '-¥0.05'],
  [-123_456, '-¥1,234.56'],
  [Number.MAX_SAFE_INTEGER, '¥90,071,992,547,409.91'],
])('%i fen is %s', (fen, text) => {
  expect(formatFen(fen)).toBe(text);
});

test('G7: every safe integer reads back exactly', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (fen) => {
      expect(BigInt(formatFen(fen).replaceAll(/[¥,.]/g, ''))).toBe(BigInt(fen));
    }),
  );
});

test.each([1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])(
  'shows %d, which is no amount, without a currency',
  (fen) => {
    expect(formatFen(fen)).toBe(String(fen));
  },
);
