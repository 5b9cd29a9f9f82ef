/** What holds for every command there is, and for one that is added tomorrow (CLI-MANNERS section 4, layer 8). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { exitCodeRows } from '../../src/cli/exit-codes.ts';
import { entries } from '../../src/cli/program.ts';
import { runInProcess } from '../helpers/in-process.ts';

const home = mkdtempSync(join(tmpdir(), 'wxpay-every-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** A machine that has nothing: no merchant, no emulator, nobody at a terminal. */
const env = { HOME: home, WXPAY_LANG: 'en', WXPAY_EMULATOR_DIR: join(home, 'none') };
const bare = (argv: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  runInProcess(argv, { env: { ...env, ...more }, cwd: home });

/** They need nothing and go on for long: their own tests look at them. */
const serving = new Set(['demo', 'emulator start', 'emulator run']);
const paths = entries.map(({ path }) => path.join(' ')).filter((path) => !serving.has(path));
const codes = exitCodeRows.map(({ code }) => code);

describe.each(paths)('%s', (path) => {
  const words = path.split(' ');

  test('C2, O1, O6: without anything it ends with a documented code; JSON where JSON is asked for, and no escape code', async () => {
    for (const flags of [[], ['--json'], ['--lang', 'zh-CN']]) {
      const { code, stdout, stderr } = await bare([...words, ...flags]);
      expect(codes).toContain(code);
      expect(code).not.toBe(1);
      expect(stdout + stderr).not.toContain('\u001b');
      expect(stderr).not.toMatch(/^ {4}at /m);
      if (flags[0] !== '--json') continue;
      // A verdict is an answer, too: doctor's report comes with its exit code.
      if (stdout !== '') expect(() => JSON.parse(stdout) as unknown).not.toThrow();
      else {
        expect(code).not.toBe(0);
        const last = stderr.trimEnd().split('\n').at(-1) ?? '';
        expect(JSON.parse(last)).toMatchObject({ error: { exit_code: code } });
      }
    }
  });

  test('G3: an option that does not exist is named, whatever else is missing, and nothing is done', async () => {
    const { code, stdout, stderr } = await bare([...words, '--no-such-option', '--json']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('--no-such-option');
  });

  test('H1: both ways to ask for help say the same, on stdout, without colour in a pipe', async () => {
    const flag = await bare([...words, '--help']);
    expect(await bare(['help', ...words])).toEqual(flag);
    expect([flag.code, flag.stderr]).toEqual([0, '']);
    expect(flag.stdout).toContain(`wxpay ${path}`);
    expect(flag.stdout).not.toContain('\u001b');
  });
});
