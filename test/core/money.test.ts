import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatYuan, maxFen, parseAmount } from '../../src/core/money.ts';

describe('parseAmount', () => {
  test.each([
    ['1', 1],
    ['1234', 1234],
    ['1234fen', 1234],
    ['1234分', 1234],
    ['12.34yuan', 1234],
    ['12.3yuan', 1230],
    ['12yuan', 1200],
    ['12.34元', 1234],
    ['0.01元', 1],
    ['0.29yuan', 29],
    ['0.57yuan', 57],
    ['0.58yuan', 58],
    ['1.13yuan', 113],
    ['19.99yuan', 1999],
    ['90071992547409.91yuan', maxFen],
  ])('reads %s as %i fen', (text, fen) => {
    expect(parseAmount(text)).toBe(fen);
  });

  test.each(['12.34', '0.01', '1.5', '100.00', '1.005'])(
    'refuses the bare decimal %s, which could be meant either way',
    (text) => {
      expect(() => parseAmount(text)).toThrowError(expect.objectContaining({ code: 'AMOUNT_UNIT_MISSING' }));
    },
  );

  test.each([
    ['12.34', { as_yuan_fen: '1234', whole: '12' }],
    ['1.5', { as_yuan_fen: '150', whole: '1' }],
    ['1.005', { as_yuan_fen: '?', whole: '1' }],
  ])('says what the bare decimal %s would be', (value, params) => {
    expect(() => parseAmount(value)).toThrowError(expect.objectContaining({ params: { value, ...params } }));
  });

  test.each([
    '',
    ' ',
    '0',
    '0yuan',
    '0.00yuan',
    '00',
    '-1',
    '+1',
    '-5yuan',
    '1e2',
    '1E2',
    '0x10',
    '0b1',
    '1_000',
    '1,000',
    '1,000.00yuan',
    ' 12',
    '12 ',
    '12 yuan',
    '１２',
    '１２元',
    '12.yuan',
    '.5yuan',
    '1.005yuan',
    '12.345yuan',
    '1.2.3yuan',
    'NaN',
    'Infinity',
    'null',
    '12.34fen',
    '12.34分',
    '¥12',
    '￥12',
    '12RMB',
    '12块',
    '=12',
    '12\n',
    '12\u0000',
    '٣',
    '9007199254740992',
    '90071992547409.92yuan',
    '99999999999999999999',
    'yuan',
    '元',
    '12元元',
    '12yuan元',
    '1/2',
    '12%',
    "12'",
    '12"',
    '(12)',
    '12yuan;rm',
    '1 2',
    '1\t2',
    '०',
  ])('refuses %j', (text) => {
    expect(() => parseAmount(text)).toThrowError(expect.objectContaining({ code: 'AMOUNT_INVALID' }));
  });

  test('R11: every fen value from 1 to 10,000,000 survives yuan and back', { timeout: 120_000 }, () => {
    for (let fen = 1; fen <= 10_000_000; fen += 1) {
      if (parseAmount(`${formatYuan(fen)}yuan`) !== fen) expect.fail(String(fen));
    }
  });

  test('every safe integer survives yuan and back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: maxFen }), (fen) => {
        expect(parseAmount(`${formatYuan(fen)}yuan`)).toBe(fen);
        expect(parseAmount(String(fen))).toBe(fen);
      }),
    );
  });

  test('never returns anything but a safe integer ≥ 1', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        let fen: number;
        try {
          fen = parseAmount(text);
        } catch {
          return;
        }
        expect(Number.isSafeInteger(fen) && fen >= 1).toBe(true);
      }),
    );
  });
});

describe('formatYuan', () => {
  test.each([
    [0, '0.00'],
    [1, '0.01'],
    [10, '0.10'],
    [1234, '12.34'],
    [-5, '-0.05'],
    [maxFen, '90071992547409.91'],
  ])('writes %i fen as %s', (fen, yuan) => {
    expect(formatYuan(fen)).toBe(yuan);
  });

  test.each([1.5, Number.NaN, 2 ** 53])('refuses %d, which is no amount', (fen) => {
    expect(() => formatYuan(fen)).toThrow(RangeError);
  });
});
