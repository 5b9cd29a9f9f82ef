/** Drives the built binary on a pseudo-terminal: what is typed, and what a person sees. */
import { stripVTControlCharacters } from 'node:util';
import { spawn } from '@lydell/node-pty';
import { binary } from './cli.ts';

export interface Typing {
  /** Text that has to be on the screen since the last key before this is typed. */
  readonly after: string;
  readonly type: string;
}

export interface Screen {
  readonly code: number;
  /** Everything that was printed, without control sequences. */
  readonly text: string;
}

export const enter = '\r';
export const ctrlC = '\u0003';
export const ctrlD = '\u0004';

/** Runs a command on a terminal of 250 columns, so that no message is wrapped. Ends it after 15 s; what was seen is in the error then. */
export async function typeInto(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  typing: readonly Typing[],
): Promise<Screen> {
  return await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [binary, ...argv], {
      cols: 250,
      rows: 40,
      env: { TERM: 'xterm-256color', ...env },
    });
    let text = '';
    let seen = 0;
    let step = 0;
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`waiting for ${JSON.stringify(typing[step]?.after)}; on the screen: ${text}`));
    }, 90_000);
    child.onData((data) => {
      text += data;
      const next = typing[step];
      if (next === undefined || !stripVTControlCharacters(text.slice(seen)).includes(next.after)) return;
      step += 1;
      seen = text.length;
      // inquirer throws away what arrives before it listens.
      setTimeout(() => child.write(next.type), 50);
    });
    child.onExit(({ exitCode }) => {
      clearTimeout(timer);
      resolve({ code: exitCode, text: stripVTControlCharacters(text) });
    });
  });
}
