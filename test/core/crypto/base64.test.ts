import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBase64 } from '../../../src/core/crypto/base64.ts';
import { expectFast, timeOf } from '../../helpers/timing.ts';

test('reads what base64 writes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const buffer = Buffer.from(bytes);
      expect(decodeBase64(buffer.toString('base64'))?.equals(buffer)).toBe(true);
    }),
  );
});

test('bytes have one spelling: whatever is read is written the same', () => {
  const character = fc.constantFrom(...Array.from('ABQgwz019+/=-_ \n"'));
  fc.assert(
    fc.property(fc.array(character, { maxLength: 12 }), (characters) => {
      const text = characters.join('');
      const bytes = decodeBase64(text);
      if (bytes !== undefined) expect(bytes.toString('base64')).toBe(text);
    }),
    { numRuns: 5000 },
  );
});

test.each([
  'A',
  'AA',
  'AAA',
  'AA=',
  'AAAA=',
  '====',
  'AB==',
  'AAB=',
  'AA==AA==',
  'A-_A',
  'AAAA\n',
  ' AAAA',
  '"AAAA"',
  'AÄAA',
  '\0AAA',
])('%j is no base64', (text) => {
  expect(decodeBase64(text)).toBeUndefined();
});

test('empty text is no bytes', () => {
  expect(decodeBase64('')?.length).toBe(0);
});

test('a megabyte is read in no time', async () => {
  const read = (): void => {
    expect(decodeBase64('A'.repeat(1024 * 1024))?.length).toBe(786_432);
    expect(decodeBase64(`${'A'.repeat(1024 * 1024 - 4)}===A`)).toBeUndefined();
  };
  await expectFast(1_000, () => timeOf(read));
});
