import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { integerOf, octetsOf, oidOf, readBer } from '../../../src/core/crypto/ber.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('reads a tree with definite lengths', () => {
  const bytes = hex('30 0a 02 01 05 06 02 2a 86 04 01 ff');
  const [integer, oid, octets] = readBer(bytes)?.children ?? [];
  expect(integerOf(bytes, integer)).toBe(5);
  expect(oidOf(bytes, oid)).toBe('2a86');
  expect(octetsOf(bytes, octets!)).toEqual(hex('ff'));
});

test('reads indefinite lengths, and an octet string in pieces', () => {
  const bytes = hex('30 80 24 80 04 01 aa 04 02 bb cc 00 00 00 00');
  const [octets] = readBer(bytes)?.children ?? [];
  expect(octetsOf(bytes, octets!)).toEqual(hex('aabbcc'));
});

test.each([
  ['nothing', ''],
  ['a tag alone', '30'],
  ['a length beyond the end', '30 05 02 01'],
  ['a child beyond its parent', '30 03 02 05 01'],
  ['a length of 126 octets', `30 fe ${'01'.repeat(126)}`],
  ['a length of 5 octets', '30 85 00 00 00 00 00'],
  ['a cut length', '30 84 00'],
  ['bytes behind the end', '30 00 00'],
  ['no end of contents', '30 80 02 01 05'],
  ['a primitive without a length', '04 80 01 00 00'],
  ['a tag of several octets', '3f 81 01 00'],
])('%s is no BER', (_, text) => {
  expect(readBer(hex(text))).toBeUndefined();
});

describe('an integer', () => {
  test.each([
    ['02 01 00', 0],
    ['02 01 7f', 127],
    ['02 02 00 ff', 255],
    ['02 03 09 27 c0', 600_000],
    ['02 07 1f ff ff ff ff ff ff', Number.MAX_SAFE_INTEGER],
    ['02 07 20 00 00 00 00 00 00', Number.POSITIVE_INFINITY],
    [`02 81 ff 01 ${'00'.repeat(254)}`, Number.POSITIVE_INFINITY],
    ['02 00', undefined],
    ['02 01 ff', undefined],
    ['04 01 05', undefined],
  ])('%s is %s', (text, value) => {
    const bytes = hex(text);
    expect(integerOf(bytes, readBer(bytes))).toBe(value);
  });
});

test('D2: depth and number of nodes are bounded', () => {
  const nested = (depth: number): Buffer => Buffer.concat([hex('3080'.repeat(depth)), Buffer.alloc(depth * 2)]);
  expect(readBer(nested(30))).toBeDefined();
  expect(readBer(nested(40))).toBeUndefined();
  expect(readBer(nested(200_000))).toBeUndefined();
  const many = Buffer.concat([hex('30 84 00 00 c3 50'), hex('0500'.repeat(25_000))]);
  expect(readBer(many)).toBeUndefined();
});

test('any bytes are read or refused, and no node reaches beyond them', () => {
  const byte = fc.constantFrom(0x30, 0x24, 0x02, 0x04, 0x06, 0x80, 0x81, 0x82, 0, 1, 2, 3, 4, 5, 0xa0, 0xff);
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), (values) => {
      const bytes = Uint8Array.from(values);
      const check = (node: NonNullable<ReturnType<typeof readBer>>): void => {
        expect(node.start).toBeLessThanOrEqual(node.end);
        expect(node.end).toBeLessThanOrEqual(bytes.length);
        node.children.forEach(check);
      };
      const node = readBer(bytes);
      if (node !== undefined) check(node);
    }),
    { numRuns: 3000 },
  );
});
