/** TAB, pressed in real shells: whatever of bash, zsh and fish is on this machine. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from '@lydell/node-pty';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binary } from '../helpers/cli.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'wxpay-tab-'));
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'bin', 'wxpay'), `#!/bin/sh\nexec "${process.execPath}" "${binary}" "$@"\n`);
  chmodSync(join(root, 'bin', 'wxpay'), 0o755);
  mkdirSync(join(root, 'config', 'profiles'), { recursive: true });
  writeFileSync(join(root, 'config', 'profiles', 'coffee-shop.json'), '{}');
  writeFileSync(join(root, 'refunds-of-today.csv'), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = spawnSync(process.execPath, [binary, 'completion', shell], { encoding: 'utf8' });
    writeFileSync(join(root, `wxpay.${shell}`), script.stdout);
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const start: Readonly<Record<string, readonly string[]>> = {
  bash: ['--noprofile', '--norc', '-i'],
  zsh: ['-f', '-i'],
  fish: ['--no-config', '-i'],
};
const setUp: Readonly<Record<string, string>> = {
  bash: 'source ./wxpay.bash',
  zsh: 'autoload -Uz compinit; compinit -D -u; source ./wxpay.zsh',
  fish: 'source ./wxpay.fish',
};

/** Types into the shell, presses TAB, and waits for the text. */
async function tab(shell: string, typed: string, wanted: string): Promise<string> {
  const pty = spawn(shell, [...(start[shell] ?? [])], {
    cols: 120,
    rows: 30,
    cwd: root,
    env: {
      HOME: root,
      PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`,
      TERM: 'xterm',
      LANG: 'C.UTF-8',
      WXPAY_LANG: 'en',
      WXPAY_CONFIG_DIR: join(root, 'config'),
      WXPAY_CACHE_DIR: join(root, 'cache'),
    },
  });
  let output = '';
  pty.onData((data) => (output += data));
  const until = async (text: string): Promise<void> => {
    const deadline = performance.now() + 20_000;
    while (!output.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '').includes(text)) {
      if (performance.now() > deadline) throw new Error(`no ${text} in ${JSON.stringify(output.slice(-600))}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const closed = new Promise((resolve) => {
    pty.onExit(resolve);
  });
  try {
    // What is typed is echoed, so the word that says that it ran is put together by the shell.
    pty.write(`${setUp[shell] ?? ''}; echo SET-"UP"\r`);
    await until('SET-UP');
    output = '';
    pty.write(`${typed}\t`);
    await until(wanted);
    return output;
  } finally {
    pty.kill();
    await closed;
  }
}

for (const shell of ['bash', 'zsh', 'fish']) {
  const found = spawnSync(shell, ['--version']).status === 0;
  describe.skipIf(!found)(`TAB in ${shell}${found ? '' : ' (skipped: it is not on this machine)'}`, () => {
    test.each([
      ['a noun', 'wxpay ord', 'wxpay order '],
      ['a verb', 'wxpay order cre', 'wxpay order create '],
      ['a flag', 'wxpay order create --descr', '--description'],
      ['a value', 'wxpay order create --type nati', '--type native'],
      ['a value after =', 'wxpay --lang=zh', '--lang=zh-CN'],
      ['a profile of this machine', 'wxpay --profile cof', '--profile coffee-shop'],
      ['a file', 'wxpay refund batch refunds-o', 'refunds-of-today.csv'],
    ])('completes %s', async (_, typed, wanted) => {
      await tab(shell, typed, wanted);
    });

    test('runs nothing that has been typed', async () => {
      await tab(shell, 'wxpay order create --description $(touch pwned) --ty', '--type');
      expect(existsSync(join(root, 'pwned'))).toBe(false);
    });
  });
}
