/** An emulator with the bills of yesterday, in time that the test moves; the whole program runs in this process against it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shiftedClock, runInProcess, type WorldOptions } from '../../../helpers/in-process.ts';
import type { RunResult } from '../../../helpers/cli.ts';
import { realClock, startLocal, type Local } from '../../../helpers/local.ts';

export interface BillStage {
  readonly local: Local;
  /** The day whose bills there are. */
  readonly date: string;
  readonly day: number;
  run(
    argv: readonly string[],
    env?: Readonly<Record<string, string>>,
    world?: Partial<WorldOptions>,
  ): Promise<RunResult>;
  close(): Promise<void>;
}

/** 2026-11-23 at half past ten in Beijing: the 22nd has its bills. */
const noon = Date.parse('2026-11-23T10:30:00+08:00');

export async function openBillStage(): Promise<BillStage> {
  const offset = noon - realClock.now();
  const clock = shiftedClock(() => offset);
  // It may be called by the names of those who stand in between.
  const local = await startLocal({ clock, allowedHosts: ['127.0.0.1', 'evil.example'] });
  const env = { ...local.home.env, ...local.env, WXPAY_CACHE_DIR: join(local.home.dir, 'cache') };
  return {
    local,
    date: '2026-11-22',
    day: 86_400_000,
    run: (argv, more = {}, world = {}) =>
      runInProcess(argv, { clock, cwd: local.home.dir, ...world, env: { ...env, ...more } }),
    close: () => local.close(),
  };
}

export function textOf(stage: BillStage, name: string): string {
  return readFileSync(join(stage.local.home.dir, name), 'utf8');
}
