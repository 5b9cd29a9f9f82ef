import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { environmentVariables } from '../../../src/cli/environment.ts';
import { exitCodeRows } from '../../../src/cli/exit-codes.ts';
import { textTopics } from '../../../src/cli/help-topics.ts';
import { manPages } from '../../../src/cli/man/pages.ts';
import { entries } from '../../../src/cli/program.ts';

const pages = await manPages({ version: '1.2.3', date: '2026-11-23' });
const textOf = (file: string): string => pages.find((page) => page.file === file)?.text ?? '';

const dir = mkdtempSync(join(tmpdir(), 'wxpay-man-'));
const files = pages.map(({ file, text }) => {
  writeFileSync(join(dir, file), text);
  return join(dir, file);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const isThere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

describe('the manual', () => {
  test('has a page for the program, for every command and noun, and for every topic of running text', () => {
    const words = entries.flatMap(({ path }) => path.map((_, depth) => path.slice(0, depth + 1).join('-')));
    const expected = [
      'wxpay.1',
      ...[...new Set(words)].map((name) => `wxpay-${name}.1`),
      ...textTopics.map((name) => `wxpay-${name}.7`),
    ];
    expect(pages.map(({ file }) => file).toSorted()).toEqual(expected.toSorted());
  });

  test('is plain ASCII, and says which version it is about', () => {
    for (const { file, text } of pages) {
      expect([file, /[^\n -~]/.exec(text)?.[0]]).toEqual([file, undefined]);
      expect(text.split('\n')[0]).toContain('2026-11-23 "wxpay 1.2.3"');
    }
  });

  test('names every exit code and every environment variable', () => {
    for (const { code } of exitCodeRows) expect(textOf('wxpay.1')).toContain(`\n.B ${code}\n`);
    for (const name of environmentVariables) expect(textOf('wxpay.1')).toContain(`\n.B ${name}\n`);
  });

  test('points to pages that exist', () => {
    for (const { file, text } of pages)
      for (const [, name = '', chapter = ''] of text.matchAll(/^\.BR (\S+) \((\d)\)/gm)) {
        const other = `${name.replaceAll('\\-', '-')}.${chapter}`;
        expect([file, other, pages.some((page) => page.file === other)]).toEqual([file, other, true]);
      }
  });

  test('explains every option of a command, with its choices', () => {
    const text = textOf('wxpay-order-create.1');
    expect(text).toContain('\n.B "\\-\\-out\\-trade\\-no <no>"\n');
    expect(textOf('wxpay.1')).toContain('(table | json | ndjson | csv)');
  });

  test.runIf(isThere('mandoc'))('mandoc finds nothing to complain about', () => {
    const { stdout, status } = spawnSync('mandoc', ['-Tlint', '-Wstyle', ...files], { encoding: 'utf8' });
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
  });

  test.runIf(isThere('groff'))('groff reads it without a warning, and commands come out as they are typed', () => {
    const { stderr, stdout } = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-P-c', ...files], { encoding: 'utf8' });
    expect(stderr).toBe('');
    // Bold is overstruck where there are no colours.
    const text = stdout.replaceAll(/.\x08/g, '');
    expect(text).toContain('--out-trade-no <no>');
    // Straight quotes and hyphens: what is copied runs.
    expect(text).toContain('wxpay order create --type native --description "Coffee" --amount 12.34yuan');
    expect(text).toContain("the payer's openid");
  });
});
