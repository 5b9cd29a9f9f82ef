/**
 * THREATS A6, CLI-MANNERS I2: every command of the program where nobody can be asked. Standard input is at its end, or a pipe that
 * stays open and silent, as some CI runners leave it.
 */
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entries } from '../../src/cli/program.ts';
import { binary, makeHome, type Home } from '../helpers/cli.ts';

let home: Home;
beforeAll(() => {
  home = makeHome();
});
afterAll(() => home.remove());

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Ends the command with SIGTERM once `enough` holds of its standard error; that it must end by itself is up to the test's time. */
async function alone(
  argv: readonly string[],
  stdin: 'ignore' | 'pipe',
  enough: (stderr: string) => boolean = () => false,
): Promise<Ended> {
  const child = spawn(process.execPath, [binary, ...argv], { env: home.env, stdio: [stdin, 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  let ending = false;
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    if (!ending && enough(stderr)) ending = child.kill('SIGTERM');
  });
  // Else a hang would leave it behind.
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  return { code, stdout, stderr };
}

/** They serve until they are ended. */
const servers = new Set(['emulator start', 'callback listen']);
/** They read standard input when they are given no file. */
const filters = new Set(['verify-callback', 'encrypt', 'decrypt']);
const names = entries.map(({ path }) => path.join(' ')).filter((name) => !servers.has(name));

describe('A6: without a terminal', () => {
  test.each(names)('%s ends by itself, asks nothing, and says what is missing', async (name) => {
    const runs = [
      await alone(name.split(' '), 'ignore'),
      await alone([...name.split(' '), 'X_0000001'], 'pipe'),
      ...(filters.has(name) ? [] : [await alone(name.split(' '), 'pipe')]),
    ];
    for (const { code, stdout, stderr } of runs) {
      // Ended by a signal, by a bug, or because Node had nothing more to wait for.
      expect({ code, stderr }).not.toMatchObject({ code: expect.toSatisfy((at) => [null, 1, 13].includes(at)) });
      expect(stdout + stderr).not.toContain('\u001b');
      if (code !== 0) expect(stdout + stderr).not.toBe('');
    }
  });

  test.each([...filters])('%s says after a while that it waits for an input which stays silent', async (name) => {
    const { code, stdout, stderr } = await alone(name.split(' '), 'pipe', (text) => text.includes('standard input'));
    expect({ code, stdout }).toEqual({ code: 143, stdout: '' });
    expect(stderr).toContain('Waiting for standard input');
  });
});
