/** Files of entries: what is wrong is said with file, line and field. */
import { describe, expect, test } from 'vitest';
import { WxpayError } from '../../src/core/errors.ts';
import { forEachEntry, listEntries, parseEntries } from '../../src/emulator/entries.ts';

function refusal(text: string): unknown {
  try {
    return parseEntries(text, 'f.json').values;
  } catch (error) {
    const { code, params } = error as WxpayError;
    return [code, params['field'], params['reason']];
  }
}

describe('a file of entries', () => {
  const two = [{ a: 1, text: 'a ] } [ { , "\\ \n' }, { b: [{}, [1, { c: '{' }]] }];
  test.each<[string, string]>([
    ['an array', JSON.stringify(two)],
    ['an array for people', JSON.stringify(two, null, 2)],
    ['one document a line', two.map((entry) => JSON.stringify(entry)).join('\n')],
    [
      'lines with CRLF, blanks and a last newline',
      `\n${two.map((entry) => JSON.stringify(entry)).join('\r\n \r\n')}\r\n`,
    ],
    ['documents of several lines', two.map((entry) => JSON.stringify(entry, null, 2)).join('\n')],
    ['a BOM before it', `\uFEFF${JSON.stringify(two)}`],
  ])('%s is read', (_, text) => {
    expect(parseEntries(text, 'f').values).toEqual(two);
  });

  test.each(['', '\n', '[]', ' [ ] '])('%j has none', (text) => {
    expect(parseEntries(text, 'f').values).toEqual([]);
  });

  test.each<[string, string, number]>([
    ['a broken line', '{"a":1}\n{"a":\n', 2],
    ['a broken element', '[\n  {"a": 1},\n  {"a": 01}\n]', 3],
    ['an element that is no object', '[{"a":1},\n\n7]', 3],
    ['a member twice', '{"a":1}\n\n{"a":1,"a":2}', 3],
    ['a comma between lines', '{"a":1},\n{"a":2}', 1],
    ['text after the array', '[{"a":1}]\nx', 2],
    ['nesting without end', `{"a":1}\n${'{"a":'.repeat(50)}1${'}'.repeat(50)}`, 2],
  ])('%s is refused with its line', (_, text, line) => {
    expect(refusal(text)).toEqual(['INPUT_INVALID', `f.json:${line}`, 'key:emulator.reason.entry']);
  });

  test.each([
    ['a missing comma', '[{"a":1}\n{"a":2}]'],
    ['a missing bracket', '[{"a":1},\n{"a":2}'],
    ['a comma too many', '[{"a":1},\n{"a":2},]'],
  ])('%s is refused, though every entry is good', (_, text) => {
    expect(refusal(text)).toEqual(['INPUT_INVALID', 'f.json:2', 'key:emulator.reason.entry_list']);
  });

  test('a large file is read in time that grows with it, hostile ones too', () => {
    const begun = performance.now();
    expect(parseEntries('{"a":1}\n'.repeat(100_000), 'f').values).toHaveLength(100_000);
    expect(refusal('['.repeat(200_000))).toEqual(['INPUT_INVALID', 'f.json:1', 'key:emulator.reason.entry']);
    expect(refusal(`"${'\\'.repeat(200_000)}`)).toEqual(['INPUT_INVALID', 'f.json:1', 'key:emulator.reason.entry']);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});

test('an error about an entry names its place: a line of a file, an index of a list', () => {
  const fail = (field: string) => (): void => {
    throw new WxpayError('INPUT_INVALID', { params: { field, reason: 'x' } });
  };
  const inFile = parseEntries('{"a":1}\n\n{"a":2}', 'f.ndjson');
  expect(() => forEachEntry({ ...inFile, values: [] }, fail('a'))).not.toThrow();
  const second = (_: unknown, index: number): void => {
    if (index === 1) fail('a')();
  };
  expect(() => forEachEntry(inFile, second)).toThrow(
    expect.objectContaining({ params: { field: 'f.ndjson:3 a', reason: 'x' }, outcome: 'not_sent' }) as Error,
  );
  expect(() => forEachEntry(listEntries('seed', [{}, {}]), second)).toThrow(
    expect.objectContaining({ params: { field: 'seed[1].a', reason: 'x' } }) as Error,
  );
});
