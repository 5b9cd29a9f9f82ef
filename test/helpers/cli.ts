/** Runs the built binary the way a user does: a process of its own, an environment of its own, nothing inherited. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

export const binary = fileURLToPath(new URL('../../bin/wxpay.js', import.meta.url));

export interface RunResult {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process under way; it never rejects. */
export type Running = ReturnType<typeof spawnBinary>;

export interface Home {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts a command that goes on. */
  spawn(argv: readonly string[], options?: RunOptions): Running;
  remove(): void;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
  /** Milliseconds; the process is ended then. Default 20 s. */
  readonly timeout?: number;
}

/** A throw-away home folder: configuration, cache and state live in it. */
export function makeHome(): Home {
  const dir = mkdtempSync(join(tmpdir(), 'wxpay-test-'));
  const env = { PATH: process.env['PATH'] ?? '', HOME: dir, LANG: 'C.UTF-8', WXPAY_LANG: 'en', TZ: 'Asia/Shanghai' };
  const start = (argv: readonly string[], options: RunOptions): Running =>
    spawnBinary(argv, { ...env, ...options.env }, options);
  return {
    dir,
    env,
    spawn: (argv, options = {}) => start(argv, options),
    async run(argv, options = {}) {
      const result = await start(argv, options);
      return { code: result.exitCode, stdout: result.stdout, stderr: result.stderr };
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function spawnBinary(argv: readonly string[], env: Readonly<Record<string, string>>, options: RunOptions) {
  return execa(process.execPath, [binary, ...argv], {
    env,
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
    timeout: options.timeout ?? 60_000,
    cwd: options.cwd ?? process.cwd(),
    input: options.input ?? '',
  });
}

/** The last line of stderr as the error object of `-o json`. */
export function errorOf(result: RunResult): Record<string, unknown> {
  const last = result.stderr.trimEnd().split('\n').at(-1) ?? '';
  return (JSON.parse(last) as { error: Record<string, unknown> }).error;
}
