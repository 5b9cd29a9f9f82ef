import { expect, test } from 'vitest';
import { bold, escapeText, item, prose, verbatim } from '../../../src/cli/man/roff.ts';

test.each([
  ['a\\b', 'a\\eb'],
  ['--json', '\\-\\-json'],
  [`'a' "b"`, '\\(aqa\\(aq \\(dqb\\(dq'],
  ['~/x `y` 2^3', '\\(ti/x \\(gay\\(ga 2\\(ha3'],
  ['¥12 元 😀', '\\[u00A5]12 \\[u5143] \\[u1F600]'],
])('%s stays what it is', (text, escaped) => {
  expect(escapeText(text)).toBe(escaped);
});

test('no line of text is taken for a request', () => {
  for (const text of ['.de evil', "'evil"]) {
    expect(prose(text)[0]).toMatch(/^(?:\\&\.de|\\\(aq)/);
    expect(verbatim([text]).join('\n')).toMatch(/\n(?:\\&\.de|\\\(aq)/);
  }
  expect(item('x', '.evil')).toEqual(['.TP', '.B x', '\\&.evil']);
});

test('a long text is broken where a space was, also before a full stop', () => {
  const lines = prose(`${'word '.repeat(40)}.dot`);
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  expect(lines.join(' ')).toBe(`${'word '.repeat(40)}.dot`);
  expect(prose(`${'x'.repeat(77)} .dot`)).toEqual(['x'.repeat(77), '\\&.dot']);
});

test('what has spaces is one word of a macro', () => {
  expect(bold('wxpay order')).toBe('.B "wxpay order"');
  expect(bold('wxpay')).toBe('.B wxpay');
});
