import * as fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { safeText } from '../../src/output/safe-text.ts';
import { loadWidths } from '../../src/output/width.ts';
import { foreignText } from './foreign-text.ts';
import { expectFast, timeOf } from '../helpers/timing.ts';

const { displayWidth, truncate, pad, wrap } = await loadWidths();

describe('displayWidth', () => {
  test('agrees with string-width on safe text', () => {
    fc.assert(
      fc.property(foreignText.map(safeText), (text) => {
        expect(displayWidth(text)).toBe(stringWidth(text));
      }),
    );
  });

  test.each([
    ['', 0],
    ['T1', 2],
    ['微信支付', 8],
    ['（）', 4],
    ['cafe\u0301', 4],
    ['👍🏽', 2],
  ])('%j takes %i columns', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe('truncate', () => {
  test.each([
    ['微信支付', 8, '微信支付'],
    ['微信支付', 7, '微信支…'],
    ['微信支付', 6, '微信…'],
    ['微信支付', 1, '…'],
    ['微信支付', 0, ''],
    ['abc', 2, 'a…'],
    ['', 0, ''],
  ])('%j in %i columns is %j', (text, columns, cut) => {
    expect(truncate(text, columns)).toBe(cut);
  });

  test('never exceeds its columns, and loses nothing without an ellipsis', () => {
    fc.assert(
      fc.property(foreignText.map(safeText), fc.integer({ min: 1, max: 40 }), (text, columns) => {
        const cut = truncate(text, columns);
        expect(displayWidth(cut)).toBeLessThanOrEqual(columns);
        if (cut !== text) {
          expect(cut.endsWith('…')).toBe(true);
          expect(text.startsWith(cut.slice(0, -1))).toBe(true);
        }
      }),
    );
  });

  test('A3: reads no more of a megabyte than it shows', async () => {
    const text = '微'.repeat(1_000_000);
    await expectFast(500, () => timeOf(() => expect(truncate(text, 20)).toBe(`${'微'.repeat(9)}…`)));
  });
});

describe('pad', () => {
  test('aligns Chinese by columns, on either side', () => {
    expect(pad('微信', 6)).toBe('微信  ');
    expect(pad('微信', 6, 'right')).toBe('  微信');
    expect(pad('微信支付', 6)).toBe('微信支付');
  });
});

describe('wrap', () => {
  test.each([
    ['腾讯充值中心-QQ会员充值一个月', 14, ['腾讯充值中心', '-QQ会员充值一', '个月']],
    ['你好，世界。', 10, ['你好，世', '界。']],
    ['a short line', 20, ['a short line']],
    ['one two three', 8, ['one two', 'three']],
    ['exact fit', 5, ['exact', 'fit']],
    ['abcdefghij', 4, ['abcd', 'efgh', 'ij']],
    ['见(native)', 6, ['见', '(nativ', 'e)']],
    ['', 10, ['']],
    ['a\n\nb', 10, ['a', '', 'b']],
  ])('%j in %i columns', (text, columns, lines) => {
    expect(wrap(text, columns)).toEqual(lines);
  });

  test('loses no character but spaces, and never exceeds its columns', () => {
    fc.assert(
      fc.property(foreignText.map(safeText), fc.integer({ min: 2, max: 40 }), (text, columns) => {
        const lines = wrap(text, columns);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
        for (const line of lines) {
          // A single grapheme may be wider than the line.
          if ([...new Intl.Segmenter().segment(line)].length > 1)
            expect(displayWidth(line)).toBeLessThanOrEqual(columns);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('keeps a compatibility character that normalisation would replace', () => {
    expect(wrap('\uf900'.repeat(6), 4).join('')).toBe('\uf900'.repeat(6));
  });
});
