/**
 * The guard over the house's import directions (DESIGN section 8). Violations are planted in a skeleton of the house and must
 * be reported by the project's own lint rules, so that the guard cannot go quietly green; and the real tree is read once
 * more by a scanner that knows forms the linter does not.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const rooms = ['cli', 'operations', 'core', 'profiles', 'output', 'i18n', 'emulator'] as const;
type Room = (typeof rooms)[number];

/** What each room may import. `cli` stands above all of them. */
const allowed: Readonly<Record<Room, readonly string[]>> = {
  cli: ['operations', 'core', 'profiles', 'output', 'i18n', 'emulator'],
  operations: ['core'],
  core: [],
  profiles: ['core'],
  output: ['i18n'],
  i18n: ['core/errors.ts'],
  emulator: ['core/crypto/', 'core/durable/', 'core/ports.ts', 'core/errors.ts', 'core/money.ts'],
};

/** Packages that must stay out of a room. */
const foreign: Readonly<Record<Room, readonly string[]>> = {
  cli: ['node-forge', 'undici', 'conf', 'cli-table3'],
  operations: ['commander', '@inquirer/prompts', 'chalk', 'ora', 'conf', 'cli-table3', 'node-forge', 'undici'],
  core: ['commander', '@inquirer/prompts', 'chalk', 'ora', 'conf', 'cli-table3', 'string-width', 'wrap-ansi', 'uqr'],
  profiles: ['commander', '@inquirer/prompts', 'chalk', 'ora', 'cli-table3', 'node-forge', 'undici'],
  output: ['commander', '@inquirer/prompts', 'ora', 'conf', 'node-forge', 'undici'],
  i18n: [],
  emulator: ['commander', '@inquirer/prompts', 'chalk', 'ora', 'conf', 'cli-table3', 'undici'],
};

const temporary: string[] = [];
afterAll(() => {
  for (const dir of temporary) rmSync(dir, { recursive: true, force: true });
});

/** Lints files with the project's rules; only what needs type information is left out, since a skeleton has no types. */
function lint(files: Readonly<Record<string, string>>): readonly { file: string; code: string; message: string }[] {
  const dir = mkdtempSync(join(tmpdir(), 'wxpay-rooms-'));
  temporary.push(dir);
  const {
    options: _options,
    $schema: _schema,
    ...config
  } = JSON.parse(readFileSync(join(root, '.oxlintrc.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(join(dir, '.oxlintrc.json'), JSON.stringify(config));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), text);
  }
  const oxlint = join(root, 'node_modules', 'oxlint', 'bin', 'oxlint');
  const run = spawnSync(process.execPath, [oxlint, '-f', 'json', '.'], { cwd: dir, encoding: 'utf8' });
  const report = JSON.parse(run.stdout) as { diagnostics: { filename: string; code: string; message: string }[] };
  return report.diagnostics.map(({ filename, code, message }) => ({ file: filename, code, message }));
}

/** One target in each room, as deep as the rooms' rules go. */
const targets: Readonly<Record<string, string>> = {
  'src/cli/target.ts': '',
  'src/operations/target.ts': '',
  'src/profiles/target.ts': '',
  'src/output/target.ts': '',
  'src/i18n/target.ts': '',
  'src/emulator/target.ts': '',
  'src/core/errors.ts': '',
  'src/core/wire/target.ts': '',
  'src/core/http/target.ts': '',
  'src/core/keys/target.ts': '',
  'src/core/crypto/target.ts': '',
};

const forms: Readonly<Record<string, (specifier: string) => string>> = {
  plain: (specifier) => `import { x } from '${specifier}';\nexport const y = x;\n`,
  type: (specifier) => `import type { X } from '${specifier}';\nexport type Y = X;\n`,
  dynamic: (specifier) => `export const y = async () => import('${specifier}');\n`,
  exported: (specifier) => `export { x } from '${specifier}';\n`,
};

/** Every direction that the house forbids, as [from room, target file]. */
const forbidden: readonly (readonly [Room, string])[] = rooms.flatMap((room) =>
  Object.keys(targets)
    .map((file) => file.slice('src/'.length))
    .filter((file) => !file.startsWith(`${room}/`) && !allowed[room].some((prefix) => file.startsWith(prefix)))
    .map((file) => [room, file] as const),
);

describe('the lint rules report', () => {
  const planted: Record<string, string> = {};
  for (const [path, text] of Object.entries(targets))
    planted[path] = `${text}export const x = 1;\nexport type X = 1;\n`;
  for (const [index, [room, target]] of forbidden.entries())
    for (const [form, write] of Object.entries(forms)) {
      planted[`src/${room}/deep/${form}-${index}.ts`] = write(`../../${target}`);
      planted[`src/${room}/${form}-${index}.ts`] = write(`../${target}`);
      // The long way round.
      planted[`src/${room}/round-${form}-${index}.ts`] = write(`./../../src/${target}`);
    }
  for (const room of rooms)
    for (const name of foreign[room])
      for (const [form, write] of Object.entries(forms))
        planted[`src/${room}/${form}-${name.replaceAll(/\W/g, '-')}.ts`] = write(name);
  const reported = new Set(
    lint(planted)
      .filter(({ code }) => code.includes('no-restricted-imports'))
      .map(({ file }) => file),
  );

  test('every forbidden direction, in every form', () => {
    const missed = Object.keys(planted).filter((file) => !(file in targets) && !reported.has(file));
    expect(missed).toEqual([]);
    expect(forbidden.length).toBeGreaterThan(25);
  });

  test('nothing in the rooms that were imported', () => {
    expect(Object.keys(targets).filter((file) => reported.has(file))).toEqual([]);
  });

  test('import cycles, also through a type', () => {
    const found = lint({
      'src/core/a.ts': "import { b } from './b.ts';\nexport const a = () => b;\n",
      'src/core/b.ts': "import { a } from './a.ts';\nexport const b = () => a;\n",
    });
    expect(found.some(({ code }) => code.includes('no-cycle'))).toBe(true);
  });

  test('process.exit, console and default exports anywhere', () => {
    const found = lint({
      'src/core/a.ts': 'export const a = () => process.exit(1);\n',
      'src/cli/b.ts': "export const b = () => console.log('x');\n",
      'src/cli/c.ts': 'export default 1;\n',
    });
    expect(found.map(({ file }) => file).toSorted()).toEqual(['src/cli/b.ts', 'src/cli/c.ts', 'src/core/a.ts']);
  });
});

describe('the lint rules let pass', () => {
  test('every direction that the house allows', () => {
    const legal = {
      'src/core/errors.ts': 'export const x = 1;\n',
      'src/core/crypto/rsa.ts': "import { x } from '../errors.ts';\nexport const rsa = x;\n",
      'src/core/wire/sign.ts': "import { rsa } from '../crypto/rsa.ts';\nexport const sign = rsa;\n",
      'src/emulator/server.ts': "import { rsa } from '../core/crypto/rsa.ts';\nexport const server = rsa;\n",
      'src/operations/order.ts': "import { sign } from '../core/wire/sign.ts';\nexport const order = sign;\n",
      'src/profiles/store.ts': "import { x } from '../core/errors.ts';\nexport const store = x;\n",
      'src/i18n/translate.ts': "import { x } from '../core/errors.ts';\nexport const t = x;\n",
      'src/output/table.ts': "import { t } from '../i18n/translate.ts';\nexport const table = t;\n",
      'src/cli/commands/order/create.ts': [
        "import { server } from '../../../emulator/server.ts';",
        "import { order } from '../../../operations/order.ts';",
        "import { table } from '../../../output/table.ts';",
        "import { store } from '../../../profiles/store.ts';",
        'export const create = [server, order, table, store];',
        '',
      ].join('\n'),
    };
    expect(lint(legal)).toEqual([]);
  });

  test('the real tree', () => {
    const files = Object.fromEntries(sources().map((file) => [file, readFileSync(join(root, file), 'utf8')]));
    expect(lint(files).filter(({ code }) => /no-restricted-imports|no-cycle/.test(code))).toEqual([]);
  });
});

function sources(): readonly string[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name).replaceAll('\\', '/'));
}

/** Every module that a text names, in whatever form; comments do not count. */
function specifiersIn(text: string): readonly string[] {
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*|\bimport\.meta\.resolve\(\s*)(['"`])([^'"`\s]+)\1/g;
  return [...withoutComments(text).matchAll(pattern)].map((match) => match[2] ?? '');
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[\s;{}()])\/\/.*$/gm, '$1');
}

describe('the real tree, read by a scanner of its own', () => {
  const files = sources().map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));
  const roomOf = (file: string): string => file.split('/')[1] ?? '';

  test('the scanner sees every form of import', () => {
    const text = [
      "import a from './a';",
      "import type { B } from './b';",
      "import './c';",
      "export * from './d';",
      "const e = await import('./e');",
      "type F = import('./f').F;",
      "const g = require('./g');",
      "// import './no1'",
      "/* import './no2' */",
    ].join('\n');
    expect(specifiersIn(text)).toEqual(['./a', './b', './c', './d', './e', './f', './g']);
  });

  test('imports only in the directions of the house', () => {
    const wrong: string[] = [];
    for (const { file, text } of files) {
      const room = roomOf(file) as Room;
      if (!rooms.includes(room)) continue;
      for (const specifier of specifiersIn(text).filter((name) => name.startsWith('.'))) {
        const target = relative(join(root, 'src'), resolve(root, dirname(file), specifier)).replaceAll('\\', '/');
        if (target.startsWith(`${room}/`) || allowed[room].some((prefix) => target.startsWith(prefix))) continue;
        wrong.push(`${file} → ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('imports only declared packages, and none that is foreign to its room', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const wrong: string[] = [];
    for (const { file, text } of files)
      for (const specifier of specifiersIn(text).filter((name) => !name.startsWith('.'))) {
        const name = specifier.startsWith('node:') ? specifier.slice('node:'.length) : specifier;
        if (specifier.startsWith('node:') && builtinModules.includes(name)) continue;
        const out = foreign[roomOf(file) as Room] ?? [];
        // A file of a package belongs to it.
        const [owner = ''] = /^(?:@[^/]+\/)?[^/]+/.exec(specifier) ?? [];
        if (!Object.hasOwn(dependencies, owner) || out.includes(owner)) wrong.push(`${file} → ${specifier}`);
      }
    expect(wrong).toEqual([]);
  });

  test.each([
    ['process', /(?<![.\w'-])process\s*[.[?]/],
    ['console', /(?<![.\w])console\s*[.[?]/],
    ['the wall clock', /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bhrtime\b/],
    ['chance', /\bMath\.random\b|\brandomUUID\b|\brandomInt\b|\bgetRandomValues\b|\brandomFill/],
    ['randomBytes of node:crypto', /import\s*(?:type\s*)?\{[^}]*\brandomBytes\b[^}]*\}\s*from|crypto\.randomBytes\b/],
    ['node:process', /['"](?:node:)?process['"]/],
  ])('%s comes by parameter in every room but cli', (_what, pattern) => {
    const found = files
      .filter(({ file }) => roomOf(file) !== 'cli')
      .filter(({ text }) => pattern.test(withoutComments(text)))
      .map(({ file }) => file);
    expect(found).toEqual([]);
  });

  test('in cli, process and the clock appear where the program starts, and nowhere else', () => {
    const pattern = /(?<![.\w'-])process\s*[.[?]|\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|console\s*\./;
    const found = files
      .filter(({ file, text }) => roomOf(file) === 'cli' && pattern.test(withoutComments(text)))
      .map(({ file }) => file)
      .toSorted();
    // The preload is a program's beginning, too: that of a Node.js program below `emulator run`. So is the library.
    expect(found).toEqual([
      'src/cli/emulated/preload.ts',
      'src/cli/emulator-library.ts',
      'src/cli/entry.ts',
      'src/cli/main.ts',
    ]);
  });

  test('nothing calls process.exit: it cuts what a pipe has not taken yet', () => {
    expect(files.filter(({ text }) => /process\.exit\b(?!Code)/.test(withoutComments(text)))).toEqual([]);
  });
});
