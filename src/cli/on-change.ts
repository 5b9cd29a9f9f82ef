/**
 * Runs a command of the user's through the shell. Nothing of ours is put into its text: what it may want to know stands in
 * its environment, so that no name or serial can become a part of the command.
 */
import { spawn } from 'node:child_process';
import { safeMultiline } from '../output/safe-text.ts';
import type { Runtime } from './command.ts';

export interface HookResult {
  /** `null` when a signal ended it. */
  readonly exitCode: number | null;
  /** Why it could not be started, or which signal ended it. */
  readonly reason: string | undefined;
}

const limitMs = 300_000;

/**
 * @param command as the user wrote it, for `sh -c` (Windows: `cmd /c`)
 * @param variables laid over this process's own environment
 * @returns when it has ended; what it prints goes to stderr. It has five minutes.
 */
export async function runOnChange(
  command: string,
  variables: Readonly<Record<string, string>>,
  runtime: Pick<Runtime, 'cwd' | 'env' | 'signal' | 'stderr'>,
): Promise<HookResult> {
  return new Promise((resolve) => {
    const child = spawn(command, {
      shell: true,
      cwd: runtime.cwd,
      env: { ...runtime.env, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limitMs,
      signal: runtime.signal,
      windowsHide: true,
    });
    const tell = (chunk: Buffer): void => runtime.stderr.write(safeMultiline(chunk.toString('utf8')));
    child.stdout.on('data', tell);
    child.stderr.on('data', tell);
    child.on('error', (error: NodeJS.ErrnoException) => resolve({ exitCode: null, reason: error.code ?? error.name }));
    child.on('close', (exitCode, signal) => resolve({ exitCode, reason: signal ?? undefined }));
  });
}
