import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { languages, texts } from '../../../src/emulator/page/texts.ts';

const keys = Object.keys(texts.en) as (keyof typeof texts.en)[];
const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).toSorted();

test('both languages have the same keys, none empty', () => {
  for (const language of languages) {
    expect(Object.keys(texts[language]).toSorted()).toEqual(keys.toSorted());
    expect(Object.entries(texts[language]).filter(([, text]) => text.trim() === '')).toEqual([]);
  }
});

test.each(keys)('%s has the same placeholders in both', (key) => {
  expect(placeholders(texts['zh-CN'][key])).toEqual(placeholders(texts.en[key]));
});

test('Chinese sentences have full-width punctuation', () => {
  const faults = Object.values(texts['zh-CN']).filter((text) =>
    /\p{Script=Han}[,:;!?]|[,:;!?]\s*\p{Script=Han}/u.test(text),
  );
  expect(faults).toEqual([]);
});

test('every text is used, and every text that is used is there', () => {
  const folder = new URL('../../../src/emulator/page/', import.meta.url);
  const scripts = readdirSync(new URL('assets/', folder)).filter((name) => name.endsWith('.js'));
  const source = [...scripts.map((name) => `assets/${name}`), 'page.ts']
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    .join('\n');
  const named = [...source.matchAll(/\bt\(\s*'([\w-]+)'/g)].map(([, key]) => key!);
  expect(named.filter((key) => !(key in texts.en))).toEqual([]);
  const families = /^(?:error|check|step|fault|try|failure|callback|none|transfer_until)_/;
  const unused = keys.filter((key) => !families.test(key) && !new RegExp(`['{ ]${key}\\b`).test(source));
  expect(unused).toEqual([]);
});
