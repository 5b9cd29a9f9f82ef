/**
 * The packed program on the oldest Node that it promises, and on the ones that it is tested on. npm brings them
 * (`npx -p node@…`); where it cannot, the test is skipped and says so.
 */
import { execa } from 'execa';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLocal, type Local } from '../helpers/local.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { engines, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  engines: { node: string };
  version: string;
};
const floor = engines.node.replace(/^>=/, '');

let dir = '';
let local: Local;
let script = '';
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-node-'));
  local = await startLocal();
  await execa('npm', ['pack', '--ignore-scripts', '--pack-destination', dir], { cwd: root });
  const prefix = join(dir, 'prefix');
  mkdirSync(prefix);
  writeFileSync(join(prefix, 'package.json'), '{"private":true}');
  const tarball = join(dir, readdirSync(dir).find((name) => name.endsWith('.tgz')) ?? '');
  await execa('npm', ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', tarball], {
    cwd: prefix,
  });
  script = join(prefix, 'node_modules', 'wxpay-cli', 'bin', 'wxpay.js');
});
afterAll(async () => {
  await local.close();
  rmSync(dir, { recursive: true, force: true });
});

test('the floor is the documented one', () => {
  expect(floor).toBe('20.18.1');
});

describe.each([floor, '22', '24'])('Node %s', (wanted) => {
  let node = '';
  beforeAll(async () => {
    const which = await execa('npx', ['-y', '-p', `node@${wanted}`, 'node', '-p', 'process.execPath'], {
      cwd: dir,
      reject: false,
    });
    node = which.exitCode === 0 ? which.stdout.trim() : '';
  });

  const run = (...argv: string[]) =>
    execa(node, [script, ...argv], {
      env: { ...local.home.env, ...local.env },
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      timeout: 30_000,
    });

  test('runs --version, the demo and an order', async ({ skip }) => {
    if (node === '') skip(`npm does not bring node@${wanted} here`);
    expect((await execa(node, ['--version'])).stdout).toMatch(
      new RegExp(`^v${wanted.replaceAll('.', String.raw`\.`)}`),
    );
    expect(await run('--version')).toMatchObject({ exitCode: 0, stdout: version });
    expect(await run('demo')).toMatchObject({ exitCode: 0 });
    const no = `NODE_${wanted.replaceAll('.', '_')}`;
    const order = ['--type', 'native', '--description', 'x', '--amount', '1', '--out-trade-no', no];
    expect(await run('order', 'create', ...order, '--notify-url', 'http://127.0.0.1:9/n')).toMatchObject({
      exitCode: 0,
    });
    expect(await run('order', 'query', no, '--json', '--query', 'trade_state')).toMatchObject({
      exitCode: 0,
      stdout: '"NOTPAY"',
    });
    expect(await run('order', 'query', 'NOBODY_0001', '--json')).toMatchObject({ exitCode: 5, stdout: '' });
  });
});
