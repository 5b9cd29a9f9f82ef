import { readFileSync, writeFileSync } from 'node:fs';
import { rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseEntries } from '../../src/emulator/entries.ts';
import { entries } from '../../src/cli/program.ts';
import { exitCodeRows } from '../../src/cli/exit-codes.ts';
import { loadTranslate, type Lang } from '../../src/i18n/translate.ts';
import { openStage, tempDir } from '../emulator/stage.ts';
import { endpointRows, modelledEndpoints } from './emulator-endpoints.ts';

const pages: readonly { file: string; lang: Lang; heads: readonly [string, string, string, string] }[] = [
  { file: 'README.md', lang: 'en', heads: ['command', 'what it does', 'code', 'meaning'] },
  { file: 'README.zh-CN.md', lang: 'zh-CN', heads: ['命令', '作用', '退出码', '含义'] },
];

/** The generated part between two marks; `UPDATE_DOCS=1 npx vitest run test/docs` writes it. */
function held(file: string, mark: string, expected: string): void {
  const url = new URL(`../../${file}`, import.meta.url);
  const text = readFileSync(url, 'utf8');
  const pattern = new RegExp(`(<!-- ${mark}:begin[^>]*-->\\n)([\\s\\S]*?)(<!-- ${mark}:end -->)`);
  if (process.env['UPDATE_DOCS'] === '1')
    writeFileSync(
      url,
      text.replace(pattern, (_, begin: string, _old, end: string) => begin + expected + end),
    );
  else expect(pattern.exec(text)?.[2]).toBe(expected);
}

describe.each(pages)('$file', ({ file, lang, heads }) => {
  test('lists every command of the program', async () => {
    const t = await loadTranslate(lang);
    const rows = entries.map((entry) => `| \`wxpay ${entry.path.join(' ')}\` | ${t(entry.summary)} |`);
    held(file, 'commands', `\n| ${heads[0]} | ${heads[1]} |\n| --- | --- |\n${rows.join('\n')}\n\n`);
  });

  test('lists every exit code', async () => {
    const t = await loadTranslate(lang);
    const rows = exitCodeRows.map(({ code, text }) => `| ${code} | ${t(text)} |`);
    held(file, 'exit-codes', `\n| ${heads[2]} | ${heads[3]} |\n| --- | --- |\n${rows.join('\n')}\n\n`);
  });

  test('lists every endpoint that the emulator models', async () => {
    const rows = endpointRows(await modelledEndpoints());
    expect(rows.length).toBeGreaterThan(20);
    const [method, path] = lang === 'en' ? ['method', 'path'] : ['方法', '路径'];
    held(file, 'endpoints', `\n| ${method} | ${path} |\n| --- | --- |\n${rows.join('\n')}\n\n`);
  });

  test('shows a seed and fault rules that an emulator begins with', async () => {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    const block = (kind: string): string => new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\`$`, 'ms').exec(text)?.[1] ?? '';
    const dir = tempDir();
    const stage = await openStage({
      dir,
      seed: parseEntries(block('ndjson'), file),
      faults: parseEntries(block('json'), file),
    });
    try {
      expect(stage.emulator.snapshot().orders.orders).toHaveLength(102);
      expect(stage.emulator.ledger().refunds).toHaveLength(1);
      expect(stage.emulator.transfers.ledger()).toHaveLength(1);
      expect(stage.emulator.faults.list()).toHaveLength(2);
    } finally {
      await stage.end();
      rmSync(dir, { recursive: true, force: true });
    }
  });

  test('names every runtime dependency', () => {
    const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
    for (const name of Object.keys(dependencies)) expect(text).toContain(name);
  });
});
