/** What `emulator start` tells people to type next is typed as it stands there. */
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { binary, makeHome, type Home } from '../helpers/cli.ts';

let home: Home;
beforeEach(() => {
  home = makeHome();
});
afterEach(() => home.remove());

test.each([
  ['with a profile', ['--profile', 'shop']],
  ['without one', []],
])('%s, its commands place an order and pay it', async (_, flags) => {
  const started = home.spawn(['emulator', 'start', '--port', '0', '--dir', `${home.dir}/a folder`, ...flags]);
  let shown = '';
  started.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  try {
    while (!/wxpay emulator pay .*\n/.test(shown)) await new Promise((resolve) => setTimeout(resolve, 50));
    const commands = shown.split('\n').filter((line) => /^(?:wxpay|eval) /.test(line));
    expect(commands.length).toBe(flags.length === 0 ? 3 : 2);
    const wxpay = `wxpay() { "${process.execPath}" "${binary}" "$@"; }`;
    const script = ['set -eu', wxpay, ...commands].join('\n');
    const typed = await execa('bash', ['-c', script], { env: home.env, extendEnv: false, reject: false });
    expect(typed, typed.stderr).toMatchObject({ exitCode: 0 });
    expect(typed.stdout).toMatch(/trade_state +SUCCESS|trade_state\tSUCCESS/);
  } finally {
    started.kill('SIGINT');
    await started;
  }
});
