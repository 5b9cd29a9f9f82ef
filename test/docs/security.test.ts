/** SECURITY.md is true: every threat is there, and so is every test that it says holds one. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(join(root, 'SECURITY.md'), 'utf8');

const counts = { A: 7, B: 9, C: 12, D: 3, E: 9, F: 8, G: 14, H: 4, I: 6 };
const ids = [
  ...Object.entries(counts).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
  ),
  'J',
  'K',
];

/** A paragraph that begins with an id, and the list below it. */
const threats = new Map(
  [...text.matchAll(/^\*\*([A-K][0-9]*)\. [\s\S]*?(?=^\*\*[A-K]|^##|(?![\s\S]))/gm)].map(([part, id = '']) => [
    id,
    [...part.matchAll(/^- `([^`]+)` › `([^`]+)`$/gm)].map(([, file = '', title = '']) => ({ file, title })),
  ]),
);

test('every threat is there, once and in order', () => {
  const named = [...text.matchAll(/^\*\*([A-K][0-9]*)\. /gm)].map(([, id]) => id);
  expect(named).toEqual(ids);
});

describe.each(ids)('%s', (id) => {
  test('is held by tests that exist', () => {
    const tests = threats.get(id) ?? [];
    expect(tests.length).toBeGreaterThan(0);
    for (const { file, title } of tests) {
      expect([file, /^test\/[\w/.-]+\.test\.ts$/.test(file) && existsSync(join(root, file))]).toEqual([file, true]);
      expect([title, hasTest(readFileSync(join(root, file), 'utf8'), title)]).toEqual([title, true]);
    }
  });
});

test('a title that no test has would be noticed', () => {
  const source = "// test('said only'\ntest('one', () => {});\ntest.skip('not run', () => {});\nconst a = 'no test';\n";
  expect(['one', 'said only', 'not run', 'no test', 'on'].map((title) => hasTest(source, title))).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});

/** Whether the text stands where a title or a row of a table of tests does, and not in a test that is switched off. */
function hasTest(source: string, title: string): boolean {
  const literal = title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll("'", "\\\\?'");
  return source
    .split('\n')
    .some(
      (line) =>
        !/^\s*(?:\/\/|\*)|\.(?:skip|todo)\(/.test(line) &&
        new RegExp(`(?:^\\s*|\\(|\\[|\\{ name: )['"\`]${literal}['"\`](?:,|: \\{$)`).test(line),
    );
}

test('E9: nothing is encrypted with a key that lies beside it', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  expect(sources.length).toBeGreaterThan(100);
  const found = sources.filter((name) =>
    /encryptionKey|encryptionAlgorithm/.test(readFileSync(join(root, 'src', name), 'utf8')),
  );
  expect(found).toEqual([]);
});
