/** Texts for people live in the catalogues: the rest of the source is read for those that do not. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../src/', import.meta.url));

async function sources(): Promise<readonly { readonly file: string; readonly text: string }[]> {
  const names = (await readdir(root, { recursive: true })).map((name) => name.replaceAll('\\', '/'));
  const files = names.filter((name) => name.endsWith('.ts')).toSorted();
  return Promise.all(files.map(async (file) => ({ file, text: await readFile(join(root, file), 'utf8') })));
}

interface Literal {
  readonly line: number;
  readonly text: string;
}

/**
 * The string and template literals of a source; a template is one literal with `${}` for each expression, and literals inside
 * the expression are found too. Comments and regular expressions are passed over.
 */
function literals(source: string): readonly Literal[] {
  const found: Literal[] = [];
  let at = 0;
  const lineAt = (index: number): number => source.slice(0, index).split('\n').length;

  const code = (until: string | undefined): void => {
    let depth = 0;
    let before = '';
    while (at < source.length) {
      const char = source[at] ?? '';
      if (depth === 0 && char === until) return;
      if (source.startsWith('//', at)) at = indexOrEnd('\n');
      else if (source.startsWith('/*', at)) at = indexOrEnd('*/') + 2;
      else if (char === "'" || char === '"') quoted(char);
      else if (char === '`') template();
      else if (char === '/' && /(?:^|[=(,:?&|![{};\n]|return)$/.test(before.trimEnd())) regex();
      else {
        if (char === '{') depth += 1;
        if (char === '}') depth -= 1;
        before = before.slice(-8) + char;
        at += 1;
        continue;
      }
      before = ')';
    }
  };
  const indexOrEnd = (text: string): number => {
    const index = source.indexOf(text, at);
    return index === -1 ? source.length : index;
  };
  const quoted = (quote: string): void => {
    const start = at;
    for (at += 1; at < source.length && source[at] !== quote; at += 1) if (source[at] === '\\') at += 1;
    at += 1;
    found.push({ line: lineAt(start), text: source.slice(start + 1, at - 1) });
  };
  const template = (): void => {
    const start = at;
    let text = '';
    for (at += 1; at < source.length && source[at] !== '`'; at += 1) {
      if (source.startsWith('${', at)) {
        at += 2;
        code('}');
        text += '${}';
      } else {
        if (source[at] === '\\') text += source[at++] ?? '';
        text += source[at] ?? '';
      }
    }
    at += 1;
    found.push({ line: lineAt(start), text });
  };
  const regex = (): void => {
    let inClass = false;
    for (at += 1; at < source.length && (inClass || source[at] !== '/'); at += 1) {
      if (source[at] === '\\') at += 1;
      else if (source[at] === '[') inClass = true;
      else if (source[at] === ']') inClass = false;
    }
    at += 1;
  };
  code(undefined);
  return found;
}

interface Exception {
  readonly file: string;
  readonly pattern: RegExp;
}

/** Chinese that is data and not a text for people. */
const chineseData: readonly Exception[] = [
  // Units in amounts that people write.
  { file: 'core/money.ts', pattern: /^[元分]$/ },
  // The headings under which columns of refund files are found.
  { file: 'operations/refund-batch/parse.ts', pattern: /^(?:微信|商户|退款|金额|原因|序号|编号)/ },
  // The headings and words of bills, and the unit of an amount.
  { file: 'operations/bill/columns.ts', pattern: /\p{Script=Han}/u },
  { file: 'operations/bill/values.ts', pattern: /^收入$/ },
  { file: 'operations/bill/where.ts', pattern: /^元$/ },
  { file: 'operations/bill/reconcile.ts', pattern: /^(?:商户|微信|金额|状态)/ },
  // The description in the skeleton of an order, as the endpoint's documentation has it.
  { file: 'cli/commands/order/create.ts', pattern: /^Image形象店-深圳腾大-QQ公仔$/ },
  // The names that WeChat Pay gives its endpoints and products.
  { file: 'operations/catalogue-data.ts', pattern: /^\n# / },
  // What WeChat Pay says in test callbacks: data for an app, not words for people.
  { file: 'operations/callback/event-templates.ts', pattern: /\p{Script=Han}/u },
];

/** English that is data. */
const englishData: readonly Exception[] = [
  // The names of JMESPath's functions.
  { file: 'output/query.ts', pattern: /^abs avg ceil / },
  // Programs for shells.
  { file: 'cli/completion/scripts.ts', pattern: /^\s*(?:#compdef wxpay\s+)?# wxpay completion for / },
  // A command's path.
  { file: 'cli/help-facts.ts', pattern: /^(?:refund report merge|emulator snapshot (?:save|load))$/ },
];

/** Three or more words, at least two of them plain lower-case ones, on a line that is no command line. */
function looksLikeProse(text: string): boolean {
  return text
    .replaceAll('${}', 'X')
    .split(/\n|\\n/)
    .filter((line) => !/^\s*(?:wxpay|eval|curl)\b/.test(line))
    .some((line) => {
      const words = line.split(/\s+/).filter((word) => /^[("]?[A-Za-z][a-z']*[.,:;!?")]*$/.test(word));
      return words.length >= 3 && words.filter((word) => /^[a-z]{2,}/.test(word)).length >= 2;
    });
}

function isException(exceptions: readonly Exception[], file: string, text: string): boolean {
  return exceptions.some((exception) => exception.file === file && exception.pattern.test(text));
}

const scanned = await sources();

describe('no text for people lives outside the catalogues', () => {
  test('Chinese is in i18n and in the emulator only, which speaks as WeChat Pay does', () => {
    const faults = scanned
      .filter(({ file }) => !file.startsWith('i18n/') && !file.startsWith('emulator/'))
      .flatMap(({ file, text }) =>
        literals(text)
          .filter((literal) => /\p{Script=Han}/u.test(literal.text))
          .filter((literal) => !isException(chineseData, file, literal.text))
          .map((literal) => `${file}:${literal.line} ${literal.text}`),
      );
    expect(faults).toEqual([]);
  });

  test('English sentences are in i18n only, as far as the command line and the output go', () => {
    const faults = scanned
      .filter(({ file }) => file.startsWith('cli/') || file.startsWith('output/'))
      .flatMap(({ file, text }) =>
        literals(text)
          .filter((literal) => looksLikeProse(literal.text) && !isException(englishData, file, literal.text))
          .map((literal) => `${file}:${literal.line} ${literal.text}`),
      );
    expect(faults).toEqual([]);
  });

  test('the reader finds what it should', () => {
    const source = [
      `const a = 'x // 微信'; // '注释'`,
      `/* '注释' */ const b = \`请 \${f('内')} 看\`;`,
      `const c = /['中]/u;`,
      `g("it's", 'a\\'b', 4 / 2 / 1);`,
    ].join('\n');
    expect(literals(source)).toEqual([
      { line: 1, text: 'x // 微信' },
      { line: 2, text: '内' },
      { line: 2, text: '请 ${} 看' },
      { line: 4, text: "it's" },
      { line: 4, text: String.raw`a\'b` },
    ]);
    expect(looksLikeProse('This is not a valid amount.')).toBe(true);
    expect(looksLikeProse('order.example.create_native')).toBe(false);
    expect(looksLikeProse('-o, --output <format>')).toBe(false);
    expect(looksLikeProse('wxpay order query now please')).toBe(false);
    expect(looksLikeProse('Cannot read ${}: permission denied by it')).toBe(true);
  });
});
