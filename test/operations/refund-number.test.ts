import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requireOutRefundNo } from '../../src/core/wire/target.ts';
import { deriveRefundNo, requireKeyPart } from '../../src/operations/refund-number.ts';

const mchid = '1900000001';
const transactionId = '4200001234202611231234567890';

describe('G1: the derived out_refund_no', () => {
  // KNOWN ANSWERS. They may never change: a changed one refunds a second time what was refunded before.
  test.each([
    [{ mchid, transactionId }, 'R-4200001234202611231234567890-5cf24179f6b3dff57eafd881365d'],
    [{ mchid, transactionId, ref: '2' }, 'R-4200001234202611231234567890-ad6d2de3125d62d41687de64f7b6'],
    [{ mchid, transactionId, batchId: '2' }, 'R-4200001234202611231234567890-f6f4b51088468ba84b6a9524ac05'],
    [
      { mchid, transactionId, batchId: '2026-11', ref: '售后单 7' },
      'R-4200001234202611231234567890-125f25c88da5e8e1dc9bba631b5e',
    ],
    [{ mchid: '1900000002', transactionId }, 'R-4200001234202611231234567890-3f1d33ac189d94e4eaafad4e153c'],
    [
      { mchid, transactionId: '1217752501201407033233368018' },
      'R-1217752501201407033233368018-32bd5c0fadf6faf7d6df4ae9a0ba',
    ],
  ])('of %j is %s for ever', (key, number) => {
    expect(deriveRefundNo(key)).toBe(number);
  });

  test('is what the documented encoding says', () => {
    const encoded = 'wxpay out_refund_no 1\n10:1900000001,28:4200001234202611231234567890,1:b,6:退款,';
    const digest = createHash('sha256').update(encoded).digest('hex').slice(0, 28);
    expect(deriveRefundNo({ mchid, transactionId, batchId: 'b', ref: '退款' })).toBe(`R-${transactionId}-${digest}`);
  });

  test('is a valid number for every key', () => {
    const part = fc.string({ unit: 'binary', maxLength: 128 }).filter((text) => {
      try {
        return requireKeyPart('ref', text) === text;
      } catch {
        return false;
      }
    });
    const id = fc.string({ unit: fc.constantFrom('0', '4', '9', 'a', 'z', 'Z'), minLength: 1, maxLength: 32 });
    fc.assert(
      fc.property(id, part, part, (id, batchId, ref) => {
        const number = deriveRefundNo({ mchid, transactionId: id, batchId, ref });
        expect(requireOutRefundNo(number)).toBe(number);
        expect(number.length).toBeLessThanOrEqual(64);
      }),
    );
  });

  test('differs for every two keys, also for those that look alike when put together', () => {
    const keys = [
      ['1', '23', '', ''],
      ['12', '3', '', ''],
      ['1', '2', '3', ''],
      ['1', '2', '', '3'],
      ['1', '2', '3,1:4', ''],
      ['1', '2', '3', '4'],
    ].map(([mchid = '', transactionId = '', batchId, ref]) =>
      deriveRefundNo({
        mchid,
        transactionId,
        ...(batchId === undefined ? {} : { batchId }),
        ...(ref === undefined ? {} : { ref }),
      }),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('does not depend on how a program encodes the same characters', () => {
    const composed = deriveRefundNo({ mchid, transactionId, ref: 'caf\u00e9' });
    expect(deriveRefundNo({ mchid, transactionId, ref: 'cafe\u0301' })).toBe(composed);
  });

  test('takes a missing batch id and ref for empty ones', () => {
    expect(deriveRefundNo({ mchid, transactionId, batchId: '', ref: '' })).toBe(
      deriveRefundNo({ mchid, transactionId }),
    );
  });

  test.each([' a', 'a ', '\u00a0a', 'a\n', 'a\u0000b', 'a\u2028', 'a\ud800', 'a'.repeat(129)])(
    'refuses the ref %j, which nobody could type again',
    (ref) => {
      expect(() => deriveRefundNo({ mchid, transactionId, ref })).toThrowError(
        expect.objectContaining({ code: 'INPUT_INVALID', params: expect.objectContaining({ field: 'ref' }) }),
      );
    },
  );

  test.each(['', '../x', '42 00', '４２', 'a'.repeat(33)])('refuses the transaction_id %j', (bad) => {
    expect(() => deriveRefundNo({ mchid, transactionId: bad })).toThrowError(
      expect.objectContaining({ code: 'PATH_INVALID' }),
    );
  });
});
