/** What npm publishes, installed the way a user installs it. */
import { execa } from 'execa';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLocal, type Local } from '../helpers/local.ts';
import { shop } from './shop.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  man: string[];
  dependencies: Record<string, string>;
};

let dir = '';
let files: string[] = [];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-pack-'));
  // The test command has built it already; building here would pull dist/ from under the other tests.
  const packed = await execa('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', dir], { cwd: root });
  const [report] = JSON.parse(packed.stdout) as [{ files: { path: string }[] }];
  files = report.files.map(({ path }) => path);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the package', () => {
  test('holds the program, the documents and the licence, and nothing else', () => {
    for (const file of [
      'package.json',
      'bin/wxpay.js',
      'README.md',
      'README.zh-CN.md',
      'CHANGELOG.md',
      'SECURITY.md',
      'LICENSE',
    ])
      expect(files).toContain(file);
    const strange = files.filter(
      (file) =>
        !/^(?:bin\/(?:wxpay\.js|package\.json)|dist\/[\w./-]+\.(?:js|cjs)|dist\/man\/wxpay(?:-[\w-]+)?\.[17]|dist\/types\/[\w./-]+\.d\.ts|(?:README(?:\.zh-CN)?|CHANGELOG|SECURITY)\.md|LICENSE|package\.json)$/.test(
          file,
        ),
    );
    expect(strange).toEqual([]);
  });

  test('lists every manual page that it brings (npm run man), since npm links those that are listed', () => {
    const pages = files.filter((file) => file.startsWith('dist/man/'));
    expect(manifest.man.toSorted()).toEqual(pages.toSorted());
  });

  test('holds no key, no test data and no path of the machine that built it', () => {
    for (const file of files) {
      const text = readFileSync(join(root, file), 'utf8');
      // The header alone is how PEM is recognised; a key has base64 under it.
      expect([file, /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\\n]+[A-Za-z0-9+/]{40}/.test(text)]).toEqual([file, false]);
      expect([file, text.includes(root), /\/home\/\w|\/Users\/\w/.test(text)]).toEqual([file, false, false]);
      expect([file, /\bvitest\b|fast-check/.test(text) && !file.endsWith('.md') && file !== 'package.json']).toEqual([
        file,
        false,
      ]);
    }
  });

  test('runs no script on the machine that installs it', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare'])
      expect(scripts[name]).toBeUndefined();
  });

  test('pins each of its dependencies', () => {
    for (const version of Object.values(manifest.dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

describe('installed into an empty prefix', () => {
  let local: Local;
  let wxpay = '';
  beforeAll(async () => {
    local = await startLocal();
    const prefix = join(dir, 'prefix');
    mkdirSync(prefix);
    writeFileSync(join(prefix, 'package.json'), '{"private":true}');
    const tarball = readdirSync(dir).find((name) => name.endsWith('.tgz')) ?? '';
    const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--no-save'];
    await execa('npm', ['install', ...flags, join(dir, tarball)], { cwd: prefix });
    wxpay = join(prefix, 'node_modules', '.bin', 'wxpay');
  }, 180_000);
  afterAll(async () => {
    await local.close();
  });

  const run = (...argv: string[]) =>
    execa(wxpay, argv, {
      env: { ...local.home.env, ...local.env },
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      timeout: 110_000,
    });

  test('it says its version', async () => {
    expect(await run('--version')).toMatchObject({ exitCode: 0, stdout: manifest.version });
  });

  test('it plays the demo', async () => {
    expect(await run('demo')).toMatchObject({ exitCode: 0 });
  });

  test('it creates and queries an order, and loads every command', async () => {
    const order = ['--type', 'native', '--description', 'x', '--amount', '1', '--out-trade-no', 'PACK_0001'];
    const created = await run('order', 'create', ...order, '--notify-url', 'http://127.0.0.1:9/n');
    expect(created).toMatchObject({ exitCode: 0 });
    const queried = await run('order', 'query', 'PACK_0001', '--json', '--query', 'trade_state');
    expect(queried).toMatchObject({ exitCode: 0, stdout: '"NOTPAY"' });
    for (const noun of ['order create', 'certs download', 'sign', 'verify-callback', 'profile add', 'emulator start'])
      expect(await run(...noun.split(' '), '--help')).toMatchObject({ exitCode: 0 });
  });

  test('J: it takes up at most 20 MB, with everything it brings; the package itself at most 3 MB unpacked', () => {
    const modules = join(dir, 'prefix', 'node_modules');
    const bytes = (folder: string): number =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    const megabytes = { all: bytes(modules) / 1e6, own: bytes(join(modules, 'wxpay-cli')) / 1e6 };
    process.stdout.write(`installed: ${JSON.stringify(megabytes)}\n`);
    expect(megabytes.all).toBeLessThanOrEqual(20);
    expect(megabytes.own).toBeLessThanOrEqual(3);
  });

  test('installed for the whole machine, its manual pages are where man looks for them', async () => {
    const prefix = join(dir, 'global');
    const tarball = readdirSync(dir).find((name) => name.endsWith('.tgz')) ?? '';
    const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
    await execa('npm', ['install', '-g', '--prefix', prefix, ...flags, join(dir, tarball)]);
    for (const page of ['man1/wxpay.1', 'man1/wxpay-order-create.1', 'man7/wxpay-signing.7'])
      expect(readFileSync(join(prefix, 'share', 'man', page), 'utf8')).toMatch(/^\.TH WXPAY/);
  }, 120_000);

  test('J: nothing of what it brings has an install script', () => {
    const modules = join(dir, 'prefix', 'node_modules');
    const lock = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const scripted = Object.keys(lock.packages).filter((path) => {
      const { scripts = {} } = JSON.parse(readFileSync(join(dir, 'prefix', path, 'package.json'), 'utf8')) as {
        scripts?: Record<string, string>;
      };
      return (
        lock.packages[path]?.hasInstallScript === true ||
        ['preinstall', 'install', 'postinstall'].some((name) => name in scripts)
      );
    });
    expect(scripted).toEqual([]);
  });

  describe('the library entry', () => {
    const modules = (): string => join(dir, 'prefix', 'node_modules');
    const ours = (name: string): string => join(root, 'node_modules', name);
    const examples = ['README.md', 'README.zh-CN.md'].map((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return /^```ts\n(import [^`]*wxpay-cli\/emulator[^`]*)^```$/m.exec(text)?.[1] ?? '';
    });
    beforeAll(() => {
      const prefix = join(dir, 'prefix');
      // A project that has vitest and the types of Node.js, as those that test with it do.
      for (const name of ['vitest', '@types/node', 'undici-types']) {
        mkdirSync(join(modules(), name, '..'), { recursive: true });
        rmSync(join(modules(), name), { recursive: true, force: true });
        symlinkSync(ours(name), join(modules(), name));
      }
      writeFileSync(join(prefix, 'package.json'), '{"private":true,"type":"module"}');
      writeFileSync(join(prefix, 'shop.ts'), shop);
      for (const [index, text] of examples.entries()) {
        writeFileSync(join(prefix, `example-${index}.test.ts`), text);
        writeFileSync(join(prefix, `jest-${index}.test.ts`), text.replace("'vitest'", "'@jest/globals'"));
      }
      writeFileSync(
        join(prefix, 'vitest.config.ts'),
        "export default { test: { alias: { '@jest/globals': 'vitest' }, testTimeout: 30000, hookTimeout: 60000 } };",
      );
    });

    test('satisfies a strict compiler that checks declarations, too', async () => {
      const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
      const compilerOptions = { ...strict, noEmit: true, module: 'nodenext', target: 'es2022', types: ['node'] };
      const ownLibrary = `import { startEmulator, WxpayError, type Emulator, type FaultInput } from 'wxpay-cli/emulator';
        export const emulator: Promise<Emulator> = startEmulator({ port: 0, mode: 'mixed', callbacks: { speed: 100 } });
        export const fault: FaultInput = { kind: 'status', status: 500 };
        // @ts-expect-error: no such kind
        export const wrong: FaultInput = { kind: 'nonsense' };
        export const isOurs = (error: unknown): boolean => error instanceof WxpayError && error.code === 'NOT_FOUND';`;
      writeFileSync(join(dir, 'prefix', 'own.ts'), ownLibrary);
      const files = ['own.ts', 'shop.ts'];
      writeFileSync(join(dir, 'prefix', 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
      const tsc = ours('typescript/bin/tsc');
      const checked = await execa(process.execPath, [tsc, '-p', join(dir, 'prefix')], { reject: false });
      expect(checked).toMatchObject({ stdout: '', exitCode: 0 });
    });

    test('runs the examples of both READMEs with vitest, and under the names of jest', async () => {
      for (const text of examples) expect(text).toContain("from 'vitest'");
      const vitest = ours('vitest/vitest.mjs');
      const cwd = join(dir, 'prefix');
      const env = { PATH: process.env['PATH'] ?? '', HOME: dir, CI: '1', NO_COLOR: '1' };
      const ran = await execa(process.execPath, [vitest, 'run'], { cwd, env, extendEnv: false, reject: false });
      expect(ran).toMatchObject({ exitCode: 0 });
      expect(ran.stdout).toMatch(/Tests\s+8 passed/);
    }, 120_000);

    test('leaves nothing behind in the folder for temporary files, closed twice or failed', async () => {
      const tmp = join(dir, 'tmp');
      mkdirSync(tmp);
      const script = `import { startEmulator } from 'wxpay-cli/emulator';
        const emulator = await startEmulator();
        const error = await startEmulator({ port: Number(new URL(emulator.url).port) }).catch((error) => error.code);
        const healthy = await (await fetch(emulator.url + '/_emulator/healthz')).json();
        await emulator.close();
        await emulator.close();
        console.log(JSON.stringify([error, healthy.ok]));`;
      const env = { PATH: process.env['PATH'] ?? '', TMPDIR: tmp };
      const cwd = join(dir, 'prefix');
      const ran = await execa(process.execPath, ['--input-type=module', '-e', script], { cwd, env, extendEnv: false });
      expect(ran.stdout).toBe('["EMULATOR_PORT_BUSY",true]');
      expect(readdirSync(tmp)).toEqual([]);
    });
  });

  test('R20: it brings at most 80 packages', () => {
    const modules = join(dir, 'prefix', 'node_modules');
    const lock = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')) as { packages: object };
    expect(Object.keys(lock.packages).length).toBeLessThanOrEqual(80);
  });
});
