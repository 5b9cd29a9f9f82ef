import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalText, isObject, parseJson, plain } from '../../src/emulator/json.ts';

test('reads what JSON.parse reads, to the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value);
      const json = parseJson(text);
      // An unpaired surrogate is written as an escape by JSON.stringify, and refused here.
      if (/\\ud[89ab]/i.test(text)) return;
      expect(json).toBeDefined();
      expect(plain(json!)).toEqual(JSON.parse(text));
    }),
  );
});

test('reads no text that JSON.parse refuses', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '1', '.', 'e', ' ', 'a') }),
      (text) => {
        if (parseJson(text) !== undefined) expect(() => JSON.parse(text) as unknown).not.toThrow();
      },
    ),
  );
});

describe('refuses', () => {
  test.each([
    ['a repeated member', '{"a":1,"a":1}'],
    ['a repeated member, escaped', String.raw`{"a":1,"\u0061":2}`],
    ['two documents', '{}{}'],
    ['a comma at the end', '{"a":1,}'],
    ['a comment', '{/**/}'],
    ['single quotes', "{'a':1}"],
    ['a byte order mark', '\ufeff{}'],
    ['NaN', '{"a":NaN}'],
    ['a leading zero', '{"a":01}'],
    ['a plus sign', '{"a":+1}'],
    ['a control character in a string', '{"a":"\n"}'],
    ['an unpaired surrogate', String.raw`{"a":"\ud800"}`],
    ['33 levels', `${'['.repeat(34)}${']'.repeat(34)}`],
    ['nothing', ''],
  ])('%s', (_name, text) => {
    expect(parseJson(text)).toBeUndefined();
  });
});

test('a member named __proto__ is a member like any other', () => {
  const json = parseJson('{"__proto__":{"a":1}}');
  expect(isObject(json) && [...json.keys()]).toEqual(['__proto__']);
});

test('two bodies with their members in another order have one canonical text', () => {
  const one = parseJson('{"a":1,"b":{"c":"x","d":[1,2]}}');
  const other = parseJson('{ "b": {"d":[1,2],"c":"\\u0078"}, "a":1 }');
  expect(canonicalText(one!)).toBe(canonicalText(other!));
  expect(canonicalText(parseJson('{"a":1.0}')!)).not.toBe(canonicalText(parseJson('{"a":1}')!));
});
