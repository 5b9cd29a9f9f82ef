import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isWxpayError } from '../../../src/core/errors.ts';
import { parseJson, type JsonLimits } from '../../../src/core/wire/json.ts';

const mebibyte = 1024 * 1024;

function read(input: string | Uint8Array, limits?: JsonLimits): unknown {
  return parseJson(typeof input === 'string' ? Buffer.from(input) : input, limits);
}

/** The reason of the refusal, or `undefined` when it is read. */
function refusal(input: string | Uint8Array, limits?: JsonLimits): string | undefined {
  try {
    read(input, limits);
    return undefined;
  } catch (error) {
    if (!isWxpayError(error, 'ANSWER_MALFORMED')) throw error;
    return String(error.params['reason']).replace('key:reason.json_', '');
  }
}

test('reads what JSON.parse reads, to the same value, and refuses only what the rules name', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(undefined, 1, '\t', '\r\n '), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      const reason = refusal(text);
      if (reason === undefined) expect(read(text)).toEqual(JSON.parse(text));
      else expect([reason, value]).toSatisfy(([why]: [string, unknown]) => isRule(why, value));
    }),
    { numRuns: 2000 },
  );
});

/** True when the rule `reason` really applies to `value`. */
function isRule(reason: string, value: unknown): boolean {
  if (reason === 'number') return some(value, (leaf) => typeof leaf === 'number' && Math.abs(leaf) > 2 ** 53 - 1);
  if (reason === 'name')
    return some(
      value,
      (inner) =>
        typeof inner === 'object' &&
        inner !== null &&
        ['__proto__', 'constructor', 'prototype'].some((name) => Object.hasOwn(inner, name)),
    );
  return false;
}

function some(value: unknown, test: (inner: unknown) => boolean): boolean {
  if (test(value)) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some((inner) => some(inner, test));
}

test('reads nothing that JSON.parse refuses', () => {
  const piece = fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '\\', '"a"', '1', '-', '0', 'e', '.', 'null', ' ');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      if (!valid) expect(refusal(text)).toBeDefined();
    }),
    { numRuns: 5000 },
  );
});

describe('H3: wrong shapes', () => {
  test.each([
    ['nothing', '', 'empty'],
    ['spaces', '  ', 'syntax'],
    ['HTML', '<html><body>502 Bad Gateway</body></html>', 'syntax'],
    ['a byte order mark', '\uFEFF{}', 'bom'],
    ['a cut document', '{"status":"SUCCESS"', 'syntax'],
    ['two documents', '{}{}', 'syntax'],
    ['single quotes', "{'a':1}", 'syntax'],
    ['a comma too many', '[1,]', 'syntax'],
    ['a comment', '{} // ok', 'syntax'],
    ['a raw control character in a string', '"\u0001"', 'syntax'],
    ['a raw line feed in a string', '"a\nb"', 'syntax'],
    ['NaN', 'NaN', 'syntax'],
    ['a leading zero', '[007]', 'syntax'],
  ])('%s is refused', (_, text, reason) => {
    expect(refusal(text)).toBe(reason);
  });

  test.each([
    ['a lone continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong encoding', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a cut character', [0x22, 0xe4, 0xb8, 0x22]],
    ['GBK', [0x22, 0xd6, 0xd0, 0xce, 0xc4, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x22, 0x00, 0x22, 0x00]],
  ])('%s is no UTF-8', (_, bytes) => {
    expect(refusal(Uint8Array.from(bytes))).toBe('utf8');
  });

  test.each(['null', 'true', '0', '"text"', '[]', '{}'])('%s is JSON: its shape is for the caller to judge', (text) => {
    expect(read(text)).toEqual(JSON.parse(text));
  });

  test('what is longer than the limit is refused unread', () => {
    expect(refusal('[1,2,3]', { maxBytes: 6 })).toBe('size');
    expect(refusal('[1,2,3]', { maxBytes: 7 })).toBeUndefined();
    expect(refusal(Buffer.alloc(8 * mebibyte + 1, 0x20))).toBe('size');
  });
});

describe('H3: nesting', () => {
  const nested = (depth: number, open: string, close: string): string => open.repeat(depth) + close.repeat(depth);

  test.each([
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('64 levels of %s are read, 65 are not', (_, open, close) => {
    const inner = (depth: number): string => open.repeat(depth) + (open === '[' ? '' : '1') + close.repeat(depth);
    expect(refusal(inner(64))).toBeUndefined();
    expect(refusal(inner(65))).toBe('depth');
  });

  test('200 000 levels are a refusal, not a crash, complete or cut', () => {
    expect(refusal(nested(200_000, '[', ']'))).toBe('depth');
    expect(refusal('['.repeat(200_000))).toBe('syntax');
    expect(refusal('{"a":'.repeat(200_000))).toBe('syntax');
  });

  test('what is closed no longer counts, however much of it stands side by side', () => {
    expect(refusal(`[${'[[]],'.repeat(100)}0]`)).toBeUndefined();
    expect(refusal(`[${'{"a":{}},'.repeat(100)}0]`)).toBeUndefined();
  });

  test('brackets in strings are text', () => {
    const text = JSON.stringify({ a: '[{'.repeat(1000), b: '\\"[[' });
    expect(read(text)).toEqual(JSON.parse(text));
  });
});

describe('F8: members that would reach a prototype', () => {
  test.each([
    '{"__proto__":{"yes":true,"dryRun":false}}',
    '{"a":[{"__proto__":1}]}',
    '{"constructor":{"prototype":{"yes":true}}}',
    '{"a":{"prototype":{}}}',
    String.raw`{"\u005f_proto__":{"yes":true}}`,
    String.raw`{"__proto\u005f\u005f":{"yes":true}}`,
    '{"__proto__" \n :1}',
  ])('%s is refused', (text) => {
    expect(refusal(text)).toBe('name');
    expect(({} as { yes?: boolean }).yes).toBeUndefined();
  });

  test.each(['{"a":"__proto__"}', '["constructor"]', '{"__proto":1,"proto__":2}'])('%s is only text', (text) => {
    expect(refusal(text)).toBeUndefined();
  });
});

describe('H3: members that stand twice', () => {
  test.each([
    '{"a":1,"a":1}',
    '{"total":100,"currency":"CNY","total":1}',
    String.raw`{"a":1,"\u0061":2}`,
    '{"x":{"b":[],"b":[]}}',
    '{"a":{"c":1},"b":2,"a":3}',
    '{"":1,"":2}',
  ])('%s is refused', (text) => {
    expect(refusal(text)).toBe('duplicate');
  });

  test.each(['{"a":{"a":{"a":1}}}', '[{"a":1},{"a":1}]', '{"a":"a","b":"a"}', '{"a":1,"A":2}'])(
    '%s has each name once per object',
    (text) => {
      expect(refusal(text)).toBeUndefined();
    },
  );
});

describe('H3: numbers that a double would change', () => {
  test.each(['9007199254740992', '-9007199254740992', '4200001234202311234567890123', '1e400', '-1e400', '1e16'])(
    '%s is refused, wherever it stands',
    (number) => {
      expect(refusal(number)).toBe('number');
      expect(refusal(`{"transaction_id":${number}}`)).toBe('number');
      expect(refusal(`[[1,${number}]]`)).toBe('number');
    },
  );

  test.each(['9007199254740991', '-9007199254740991', '0', '-0', '0.1', '1e2', '12.50', '1E-7'])(
    '%s is read',
    (number) => {
      expect(read(number)).toBe(JSON.parse(number));
    },
  );

  test('any number is read where numbers are only shown', () => {
    expect(read('{"value":99999999999999999999}', { anyNumber: true })).toEqual({ value: 1e20 });
    expect(refusal('{"value":1e400}', { anyNumber: true })).toBeUndefined();
  });

  test('digits in strings are text', () => {
    expect(read('{"transaction_id":"4200001234202311234567890123"}')).toEqual({
      transaction_id: '4200001234202311234567890123',
    });
  });
});

describe('reading takes time in proportion to the length', () => {
  const strings = (inner: string): string => `{"a":"${inner.repeat(Math.floor(mebibyte / inner.length))}"}`;
  test.each([
    ['escaped quotes', strings(String.raw`\"`)],
    ['backslashes', strings(String.raw`\\`)],
    ['backslashes before quotes', strings(`${String.raw`\\`.repeat(50)}${String.raw`\"`}`)],
    ['brackets and colons in a string', strings('{[:')],
    ['spaces between tokens', `[${' '.repeat(mebibyte)}]`],
    ['spaces behind every string', `[${`"a"${' '.repeat(1000)},`.repeat(1000)}"a"]`],
    ['empty strings', `[${'"",'.repeat(mebibyte / 3)}""]`],
    ['member names', `{${Array.from({ length: 50_000 }, (_, i) => `"member${i}":1`).join(',')}}`],
    ['a long run of digits', `[0.${'1'.repeat(mebibyte)}]`],
    ['minus signs that are no number', `[${'-'.repeat(mebibyte)}]`],
    ['an unterminated string', `"${'a'.repeat(mebibyte)}`],
    ['an unterminated string of escaped quotes', `"${String.raw`\"`.repeat(mebibyte / 2)}`],
  ])('1 MiB of %s', (_, text) => {
    const started = performance.now();
    refusal(text);
    // 10 to 50 ms in practice; something quadratic would take minutes.
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

test('no bytes that fast-check makes up are anything but read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      refusal(bytes);
    }),
    { numRuns: 2000 },
  );
});
