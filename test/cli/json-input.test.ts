import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readInput, readJsonObject } from '../../src/cli/json-input.ts';
import { errorText } from '../../src/cli/render-error.ts';
import type { WxpayError } from '../../src/core/errors.ts';
import { loadTranslate } from '../../src/i18n/translate.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-input-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const runtime = (stdin = '') => ({ cwd: dir, readStdin: async () => Buffer.from(stdin) });
const file = (name: string, text: string | Buffer): string => {
  writeFileSync(join(dir, name), text);
  return `@${name}`;
};

describe('readInput takes', () => {
  test('text as it is, a file with @, standard input with - and @-', async () => {
    expect((await readInput('{"a":1}', runtime())).toString()).toBe('{"a":1}');
    expect((await readInput(file('a.json', 'file'), runtime())).toString()).toBe('file');
    expect((await readInput(`@${join(dir, 'a.json')}`, runtime())).toString()).toBe('file');
    for (const name of ['-', '@-']) expect((await readInput(name, runtime('stdin'))).toString()).toBe('stdin');
  });

  test('a file that cannot be read as a usage error with its name', async () => {
    for (const name of ['@none.json', '@', '@.'])
      await expect(readInput(name, runtime())).rejects.toMatchObject({ code: 'INPUT_UNREADABLE', outcome: 'not_sent' });
  });
});

describe('readJsonObject', () => {
  test('takes an object, with the BOM that Windows editors put in front', async () => {
    const bom = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{"a":"中"}')]);
    expect(await readJsonObject('--data', file('bom.json', bom), runtime())).toEqual({ a: '中' });
  });

  test.each([
    ['nothing', ''],
    ['text that is no JSON', '{not json'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a string', '"x"'],
    ['H3: a member twice', '{"a":1,"a":2}'],
    ['F8: __proto__', '{"__proto__":{"yes":true}}'],
    ['an id as a number that a double cannot hold', '{"id":4200001234202311231234567890}'],
    ['JSON that is too deep', `${'[{"a":'.repeat(200)}1${'}]'.repeat(200)}`],
  ])('refuses %s, naming the flag and a reason that people can read', async (_what, text) => {
    const failure: WxpayError = await readJsonObject('--data', '-', runtime(text)).then(
      () => expect.fail('accepted'),
      (error: WxpayError) => error,
    );
    expect(failure).toMatchObject({ code: 'INPUT_INVALID', outcome: 'not_sent', params: { field: '--data' } });
    for (const lang of ['en', 'zh-CN'] as const) {
      const { message } = errorText(failure, await loadTranslate(lang));
      expect(message).toContain('--data');
      expect(message).not.toMatch(/key:|[{}]/);
    }
  });

  test('refuses bytes that are not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    await expect(readJsonObject('--data', file('latin.json', bytes), runtime())).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  });
});
