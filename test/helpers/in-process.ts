/** Runs the whole program in this process, over a world whose clock, Node version and streams belong to the test. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { run } from '../../src/cli/program.ts';
import type { World } from '../../src/cli/world.ts';
import type { Clock } from '../../src/core/ports.ts';
import type { RunResult } from './cli.ts';
import { realClock } from './local.ts';

export interface WorldOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  readonly clock?: Clock;
  readonly nodeVersion?: string;
  readonly cwd?: string;
  /** For a test that presses Ctrl-C. */
  readonly onSignal?: World['onSignal'];
  /** For what tells processes apart; default this process's own. */
  readonly pid?: number;
  readonly isAlive?: (pid: number) => boolean;
  /** Standard output is a terminal of so many columns; without it, a pipe. */
  readonly columns?: number;
}

/** A clock that runs `offset()` milliseconds beside the real one. */
export function shiftedClock(offset: () => number): Clock {
  return { ...realClock, now: () => realClock.now() + offset() };
}

export async function runInProcess(argv: readonly string[], options: WorldOptions): Promise<RunResult> {
  let stdout = '';
  let stderr = '';
  const world: World = {
    argv,
    env: options.env,
    platform: process.platform,
    cwd: options.cwd ?? process.cwd(),
    homedir: options.env['HOME'] ?? '/nonexistent',
    pid: options.pid ?? process.pid,
    uid: process.getuid?.(),
    nodeVersion: options.nodeVersion ?? '24.11.0',
    isAlive: options.isAlive ?? (() => true),
    version: '0.0.0-test',
    stdin: Readable.from(options.input === undefined ? [] : [Buffer.from(options.input)]),
    stdout: {
      write: (text) => ((stdout += text), true),
      ...(options.columns === undefined ? {} : { isTTY: true, columns: options.columns }),
    },
    stderr: { write: (text) => ((stderr += text), true) },
    clock: options.clock ?? realClock,
    randomBytes: (size) => randomBytes(size),
    random: () => Math.random(),
    systemLocale: () => 'en',
    onSignal: options.onSignal ?? (() => () => {}),
  };
  const code = await run(world);
  return { code, stdout, stderr };
}
