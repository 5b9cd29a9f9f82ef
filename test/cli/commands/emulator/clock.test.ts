/** `wxpay emulator clock` over a running emulator. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunResult } from '../../../helpers/cli.ts';
import { runInProcess } from '../../../helpers/in-process.ts';
import { startLocal, type Local } from '../../../helpers/local.ts';

let local: Local;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => local.close());

async function clock(...argv: string[]): Promise<RunResult> {
  return runInProcess(['emulator', 'clock', '--dir', 'emulator', ...argv], {
    env: { HOME: local.home.dir, WXPAY_LANG: 'en' },
    cwd: local.home.dir,
  });
}
const offset = (result: RunResult): number => (JSON.parse(result.stdout) as { offset_ms: number }).offset_ms;

test('moves on, back, to a time and to a day of Beijing, and is shown', async () => {
  expect(offset(await clock('--json'))).toBe(0);
  expect(offset(await clock('+1d', '--json'))).toBe(86_400_000);
  expect(offset(await clock('90m', '--json'))).toBe(86_400_000 + 5_400_000);
  expect((await clock()).stdout).toMatch(/from the real time\s+\+1d 1h 30m\n/);
  expect(offset(await clock('--json', '--', '-1h'))).toBe(86_400_000 + 1_800_000);
  const { now } = JSON.parse((await clock('--at', '2030-01-01', '--json')).stdout) as { now: number };
  expect(Math.abs(now - Date.UTC(2029, 11, 31, 16))).toBeLessThan(60_000);
  expect(offset(await clock('--reset', '--json'))).toBe(0);
});

test.each([
  [['tomorrow'], 'clock'],
  [['+1d', '--reset'], 'clock'],
  [['--at', 'noon'], '--at'],
  [['--at', '2026-13-01'], '--at'],
  [['--at', '1970-01-01'], 'clock'],
])('refuses %j', async (argv, field) => {
  const refused = await clock(...argv, '--json');
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  const { error } = JSON.parse(refused.stderr.trim().split('\n').at(-1)!) as {
    error: { code: string; message: string };
  };
  expect(error.code).toBe('INPUT_INVALID');
  expect(error.message).toContain(field);
  // In words, not the name of words.
  expect(error.message).not.toMatch(/reason\./);
});
