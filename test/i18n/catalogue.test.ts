import { readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { errorCodes } from '../../src/core/errors.ts';
import { en } from '../../src/i18n/en/catalogue.ts';
import { loadTranslate, type MessageKey } from '../../src/i18n/translate.ts';
import { zhCn } from '../../src/i18n/zh-cn/catalogue.ts';

const keys = Object.keys(en) as MessageKey[];

/** Texts that are the same in both languages because they are names: commands, field names, products. */
const sameInBoth: readonly RegExp[] = [
  // Examples are command lines.
  /\.example\./,
];

/** What is left of a text when placeholders, flags, commands in quotes, codes and field names are taken out. */
function words(text: string): string {
  return text
    .replaceAll(/\{\w+\}/g, '')
    .replaceAll(/"wxpay [^"]*"|--[\w-]+|\b[\w.]*_[\w.]+\b|\b[A-Z][A-Z0-9-]+\b/g, '')
    .replaceAll(/[^\p{L}]/gu, '');
}

function placeholders(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].toSorted();
}

async function areasOf(dir: string): Promise<Map<string, Record<string, string>>> {
  const url = new URL(`../../src/i18n/${dir}/`, import.meta.url);
  const areas = new Map<string, Record<string, string>>();
  for (const file of await readdir(url)) {
    if (file === 'catalogue.ts') continue;
    const module = (await import(new URL(file, url).href)) as Record<string, Record<string, string>>;
    areas.set(file, Object.assign({}, ...Object.values(module)) as Record<string, string>);
  }
  return areas;
}

describe('the catalogues', () => {
  test('have the same keys', () => {
    expect(Object.keys(zhCn).toSorted()).toEqual(keys.toSorted());
  });

  test('have the same placeholders, text by text', () => {
    const differing = keys.filter((key) => placeholders(en[key]).join() !== placeholders(zhCn[key]).join());
    expect(differing).toEqual([]);
  });

  test('have no empty text, no stray space and no control character', () => {
    for (const catalogue of [en, zhCn])
      expect(
        keys.filter(
          (key) =>
            catalogue[key].trim() !== catalogue[key] || catalogue[key] === '' || /[^\P{Cc}\n]/u.test(catalogue[key]),
        ),
      ).toEqual([]);
  });

  test('are translated: no text is the same in both languages but names', () => {
    const same = keys.filter((key) => en[key] === zhCn[key] && words(en[key]) !== '');
    expect(same.filter((key) => !sameInBoth.some((pattern) => pattern.test(key)))).toEqual([]);
  });

  test('hold no Chinese in English, and no text in Chinese without any', () => {
    expect(keys.filter((key) => /\p{Script=Han}/u.test(en[key]) && !/元|微信/.test(en[key]))).toEqual([]);
    const mute = keys.filter((key) => !/\p{Script=Han}/u.test(zhCn[key]) && words(zhCn[key]) !== '');
    expect(mute.filter((key) => !sameInBoth.some((pattern) => pattern.test(key)))).toEqual([]);
  });

  test('write what is to be typed, and joins with placeholders, with the right colon', () => {
    const typed = keys.filter((key) => /(?:env|file|keychain|https?)：/.test(zhCn[key]));
    const joins = keys.filter((key) => /(?:\p{Script=Han}|\}):(?:\p{Script=Han}|\{)/u.test(zhCn[key]));
    expect([typed, joins]).toEqual([[], []]);
  });

  test('write Chinese with its own commas, colons and stops', () => {
    const odd = keys.filter(
      (key) =>
        // What is to be put into a file or typed: CSV headings, `env:变量名`.
        !key.startsWith('batch.template.') &&
        /\p{Script=Han}[,;?!]|(?<!env|file|keychain)[,;:](?:\p{Script=Han}|[“（])/u.test(zhCn[key]),
    );
    expect(odd).toEqual([]);
  });

  test('are made of every area file, and no key is in two of them', async () => {
    for (const [dir, catalogue] of [
      ['en', en],
      ['zh-cn', zhCn],
    ] as const) {
      const areas = await areasOf(dir);
      const all = [...areas.values()].flatMap((area) => Object.keys(area));
      expect(all.toSorted()).toEqual(Object.keys(catalogue).toSorted());
    }
  });

  test('have a message and a hint for every error code, and for nothing else', () => {
    const wanted = errorCodes.flatMap((code) => [`error.${code}`, `hint.${code}`]);
    expect(wanted.filter((key) => !Object.hasOwn(en, key))).toEqual([]);
    const messages = keys.filter((key) => key.startsWith('error.'));
    expect(messages.filter((key) => !wanted.includes(key))).toEqual([]);
  });
});

describe('a translation', () => {
  test('fills placeholders with values as they are', async () => {
    const t = await loadTranslate('en');
    expect(t('error.AMOUNT_INVALID', { value: '$& {value} $1' })).toBe('$& {value} $1 is not an amount.');
  });

  test.each([
    [0, '0 rows'],
    [1, '1 row'],
    ['1', '1 row'],
    [2, '2 rows'],
    ['1,000', '1,000 rows'],
  ])('has the word for %j of them', async (count, words) => {
    const t = await loadTranslate('en');
    expect(t('bill.note.left_out', { count })).toContain(`${words} of the list`);
    expect(t('bill.note.left_out')).toContain('{count} {count:row|rows}');
  });

  test('leaves a placeholder that nobody filled', async () => {
    const t = await loadTranslate('en');
    expect(t('error.AMOUNT_INVALID')).toBe('{value} is not an amount.');
    expect(t('error.AMOUNT_INVALID', {})).toBe('{value} is not an amount.');
  });
});
