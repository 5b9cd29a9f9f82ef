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

test('lengths are read to their last octet, in one to four octets', () => {
  for (const head of ['04 05', '04 81 05', '04 82 00 05', '04 83 00 00 05', '04 84 00 00 00 05']) {
    const bytes = hex(`${head} 01 02 03 04 05`);
    expect([head, readBer(bytes)]).toMatchObject([head, { tag: 4, start: bytes.length - 5, end: bytes.length }]);
  }
  const long = Buffer.concat([hex('04 82 01 02'), Buffer.alloc(258, 7)]);
  expect(readBer(long)).toMatchObject({ start: 4, end: 262 });
  expect(readBer(long.subarray(0, -1))).toBeUndefined();
});

test('D2: 32 levels and 20 000 nodes are read, and not one more', () => {
  const nested = (levels: number): Buffer => {
    let bytes: Buffer = hex('05 00');
    for (let level = 0; level < levels; level += 1) bytes = Buffer.concat([Buffer.from([0x30, bytes.length]), bytes]);
    return bytes;
  };
  expect(readBer(nested(32))).toBeDefined();
  expect(readBer(nested(33))).toBeUndefined();
  const flat = (count: number): Buffer => {
    const content = Buffer.alloc(count * 2, hex('05 00'));
    const head = hex('30 83 00 00 00');
    head.writeUIntBE(content.length, 2, 3);
    return Buffer.concat([head, content]);
  };
  expect(readBer(flat(19_999))?.children).toHaveLength(19_999);
  expect(readBer(flat(20_000))).toBeUndefined();
});

test('an integer of more than 64 octets is read by its first 64', () => {
  const bytes = hex(`02 41 ${'00'.repeat(64)} 07`);
  expect(integerOf(bytes, readBer(bytes))).toBe(0);
  const shorter = hex(`02 40 ${'00'.repeat(63)} 07`);
  expect(integerOf(shorter, readBer(shorter))).toBe(7);
});

test('of what is not there there is no integer and no OID', () => {
  expect(integerOf(hex('02 01 05'), undefined)).toBeUndefined();
  expect(oidOf(hex('06 01 05'), undefined)).toBe('');
  const integer = hex('02 01 05');
  expect(oidOf(integer, readBer(integer))).toBe('');
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
  ['a primitive without a length, at once at its end', '04 80 00 00'],
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
