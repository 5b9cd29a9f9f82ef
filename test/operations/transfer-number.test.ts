import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { deriveBillNo } from '../../src/operations/transfer-number.ts';

const key = { mchid: '1900000001', openid: 'oABCD5example_openid00000001', ref: 'welcome' };

describe('the number of a transfer', () => {
  // THE RULE MUST NEVER CHANGE: these were made by `printf 'wxpay out_bill_no 1\n…' | sha256sum`.
  test.each([
    [key, 'T6dff2a57d9680cbe1ab37cb91ba4'],
    [{ ...key, ref: '新会员礼' }, 'T2bedb657386eed3c3f844f537af6'],
  ])('is known for %j', (given, known) => {
    expect(deriveBillNo(given)).toBe(known);
  });

  test('is made of merchant, user and ref, and of nothing that could be mistaken for another', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1, maxLength: 5 }), { minLength: 6, maxLength: 6 }), (parts) => {
        const clean = parts.map((part) => part.replaceAll(/\P{L}/gu, 'x').normalize('NFC'));
        const [a = '', b = '', c = '', d = '', e = '', f = ''] = clean;
        const first = deriveBillNo({ mchid: a, openid: b, ref: c });
        const second = deriveBillNo({ mchid: d, openid: e, ref: f });
        expect(first).toMatch(/^T[0-9a-f]{28}$/);
        expect(first === second).toBe(a === d && b === e && c === f);
      }),
      { numRuns: 200 },
    );
  });

  test('is the same for a ref in another normal form', () => {
    expect(deriveBillNo({ ...key, ref: 'e\u0301' })).toBe(deriveBillNo({ ...key, ref: '\u00E9' }));
  });

  test.each([
    ['', 'INPUT_MISSING'],
    [' x', 'INPUT_INVALID'],
    ['a\u0000', 'INPUT_INVALID'],
    ['x'.repeat(129), 'INPUT_INVALID'],
  ])('refuses the ref %j', (ref, code) => {
    expect(() => deriveBillNo({ ...key, ref })).toThrow(
      expect.objectContaining({ code, outcome: 'not_sent' }) as Error,
    );
  });
});
