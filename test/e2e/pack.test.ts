/** What npm publishes, installed the way a user installs it. */
import { execa } from 'execa';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLocal, type Local } from '../helpers/local.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
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
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the package', () => {
  test('holds the program, the documents and the licence, and nothing else', () => {
    for (const file of ['package.json', 'bin/wxpay.js', 'README.md', 'README.zh-CN.md', 'CHANGELOG.md', 'LICENSE'])
      expect(files).toContain(file);
    const strange = files.filter(
      (file) =>
        !/^(?:bin\/(?:wxpay\.js|package\.json)|dist\/[\w./-]+\.(?:js|cjs)|(?:README(?:\.zh-CN)?|CHANGELOG)\.md|LICENSE|package\.json)$/.test(
          file,
        ),
    );
    expect(strange).toEqual([]);
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
      timeout: 30_000,
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

  test('R20: it brings at most 80 packages', () => {
    const modules = join(dir, 'prefix', 'node_modules');
    const lock = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')) as { packages: object };
    expect(Object.keys(lock.packages).length).toBeLessThanOrEqual(80);
  });
});
