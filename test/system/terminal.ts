/** The built binary on a terminal of a given size. */
import { spawn, type IPty } from '@lydell/node-pty';
import { binary } from '../helpers/cli.ts';

export interface Session {
  readonly pty: IPty;
  readonly output: () => string;
  /** Resolves when the output holds the text. */
  until(text: string): Promise<void>;
  /** `signal` is 0 where it ended by itself. */
  readonly ended: Promise<{ readonly code: number; readonly signal: number; readonly milliseconds: number }>;
}

/** @param columns 0 is what some terminals say when they do not know */
export function onTerminal(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  { columns, rows = 50 }: { readonly columns: number; readonly rows?: number },
): Session {
  const started = performance.now();
  // The pty cannot be made with 0 columns, but set to it.
  const script = 'stty cols "$COLS" rows "$ROWS"; exec "$NODE" "$WXPAY" "$@"';
  const pty = spawn('bash', ['-c', script, 'wxpay', ...argv], {
    name: env['TERM'] ?? 'xterm-256color',
    cols: Math.max(1, columns),
    rows,
    env: {
      ...env,
      COLS: String(columns),
      ROWS: String(rows),
      NODE: process.execPath,
      WXPAY: binary,
    },
  });
  let output = '';
  pty.onData((data) => (output += data));
  const ended = new Promise<{ code: number; signal: number; milliseconds: number }>((resolve) => {
    pty.onExit(({ exitCode, signal = 0 }) =>
      resolve({ code: exitCode, signal, milliseconds: performance.now() - started }),
    );
  });
  return {
    pty,
    output: () => output,
    ended,
    async until(text) {
      const deadline = performance.now() + 15_000;
      while (!output.includes(text)) {
        if (performance.now() > deadline) throw new Error(`no ${text} in ${JSON.stringify(output.slice(-400))}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

/** Without colours and the other sequences that we ourselves write. */
export function plain(output: string): string {
  return output.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r\n', '\n');
}
