import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLine } from '../../../src/cli/completion/split.ts';

test.each([
  ['wxpay ', ['wxpay'], ''],
  ['wxpay order cr', ['wxpay', 'order'], 'cr'],
  ['wxpay  --profile  shop ', ['wxpay', '--profile', 'shop'], ''],
  [`wxpay 'a b' "c d" e\\ f g`, ['wxpay', 'a b', 'c d', 'e f'], 'g'],
  [`wxpay "half`, ['wxpay'], 'half'],
  [`wxpay ''`, ['wxpay'], ''],
  [`wxpay '' `, ['wxpay', ''], ''],
  ['wxpay $(rm -rf x) `id` ', ['wxpay', '$(rm', '-rf', 'x)', '`id`'], ''],
  ['wxpay trailing\\', ['wxpay'], 'trailing'],
])('%j', (line, words, current) => {
  expect(splitLine(line)).toEqual({ words, current });
});

test('quoted words come back as they were, whatever is in them', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1 })), (words) => {
      const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
      expect(splitLine(`${quoted.join(' ')} `)).toEqual({ words, current: '' });
    }),
  );
});
