import { expect, test } from 'vitest';
import { helpFacts } from '../../src/cli/help-facts.ts';
import { topicNames } from '../../src/cli/help-topics.ts';
import { entries, findEntry, run } from '../../src/cli/program.ts';
import { en } from '../../src/i18n/en/catalogue.ts';
import { zhCn } from '../../src/i18n/zh-cn/catalogue.ts';
import { fakeWorld } from '../helpers/world.ts';

const paths = entries.map(({ path }) => path.join(' '));

test('every command says how it may end and what to look at next, and nothing else does', () => {
  expect(Object.keys(helpFacts).toSorted()).toEqual(paths.toSorted());
  for (const { exits, seeAlso } of Object.values(helpFacts)) {
    expect(exits).toContain('ok');
    expect(seeAlso.length).toBeGreaterThan(0);
  }
});

test('what it points to exists, and is not itself', () => {
  for (const [path, { seeAlso }] of Object.entries(helpFacts))
    for (const other of seeAlso) {
      const topic = /^help (.*)$/.exec(other)?.[1];
      expect(topic === undefined ? paths : topicNames).toContain(topic ?? other);
      expect(other).not.toBe(path);
    }
});

test('help shows both, with the number that the table of exit codes has', async () => {
  const world = fakeWorld(['order', 'query', '--help', '--lang', 'en']);
  expect(await run(world)).toBe(0);
  expect(world.out()).toMatch(/Exit codes.*\n(?: +\d+ .*\n)* +12 +not final yet/);
  expect(world.out()).toMatch(/See also:\n {2}wxpay order create/);
});

test.each([en, zhCn])('every topic has a page, and every command that it names exists', async (catalogue) => {
  for (const name of topicNames) {
    const world = fakeWorld(['help', name]);
    expect(await run(world)).toBe(0);
    expect(world.out().length).toBeGreaterThan(200);
    const text = (catalogue as Readonly<Record<string, string>>)[`topics.${name}`] ?? '';
    for (const [, words = ''] of text.matchAll(/^ {2}wxpay (.*)$/gm))
      if (words.startsWith('help ')) expect(topicNames).toContain(words.split(' ')[1]);
      else expect(findEntry(words.split(' ')), words).toBeDefined();
  }
});

test('both languages show the same command lines', () => {
  const lines = (text: string): string[] => [...text.matchAll(/^ {2}(wxpay .*)$/gm)].map(([line]) => line);
  const texts = (catalogue: object): string[] =>
    Object.entries(catalogue).flatMap(([key, text]) => (key.startsWith('topics.') ? lines(String(text)) : []));
  expect(texts(zhCn)).toEqual(texts(en));
});

test('a bare wxpay greets a person with three things to try, and tells a pipe everything', async () => {
  const person = fakeWorld([], { tty: true });
  expect(await run(person)).toBe(0);
  for (const command of ['wxpay demo', 'wxpay emulator start', 'wxpay profile add', 'wxpay --help'])
    expect(person.out()).toContain(command);
  expect(person.out().split('\n').length).toBeLessThan(12);
  const pipe = fakeWorld([]);
  await run(pipe);
  expect(pipe.out()).toContain('verify-callback');
});
