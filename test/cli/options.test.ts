import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { addGlobalOptions, peek, readGlobals, valueFlags } from '../../src/cli/options.ts';
import { loadTranslate } from '../../src/i18n/translate.ts';

const t = await loadTranslate('en');

describe('the global flags', () => {
  test('that take a value are all known to the command finder', () => {
    const program = new Command();
    addGlobalOptions(program, t);
    for (const option of program.options) {
      if (!option.required) continue;
      expect(valueFlags).toContain(option.long);
      if (option.short !== undefined) expect(valueFlags).toContain(option.short);
    }
  });

  test('have defaults: table, 30 s, 3 retries, no yes', () => {
    expect(readGlobals({}, { LANG: 'C' }, () => 'en-GB')).toMatchObject({
      output: 'table',
      timeoutMs: 30_000,
      retries: 3,
      yes: false,
      noInput: false,
      lang: 'en',
    });
  });

  test.each([
    [{ timeout: '0' }],
    [{ timeout: '-1' }],
    [{ timeout: '1e3' }],
    [{ timeout: 'soon' }],
    [{ retries: '21' }],
    [{ retries: 'x' }],
  ])('refuse %j', (values) => {
    expect(() => readGlobals(values, {}, () => undefined)).toThrowError(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
  });

  test('no environment variable stands for --yes', () => {
    expect(readGlobals({}, { WXPAY_YES: '1', CI: 'true', YES: '1' }, () => undefined).yes).toBe(false);
  });
});

test.each([
  [['--json', 'order'], { json: true }],
  [['-o', 'json'], { json: true }],
  [['--output=json'], { json: true }],
  [['--', '--json'], { json: false }],
  [['--lang', 'zh-CN'], { lang: 'zh-CN' }],
  [['--lang=en'], { lang: 'en' }],
  [['--no-color'], { color: 'never' }],
])('peek reads %j before commander has parsed anything', (argv, expected) => {
  expect(peek(argv)).toMatchObject(expected);
});
