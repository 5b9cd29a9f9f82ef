/** argv → program → run → process.exitCode. The one place that touches `process`. */
import { sleep } from './sleep.ts';
import type { World } from './world.ts';
import { boundYoungGeneration } from './young-generation.ts';

const version = __WXPAY_VERSION__;
/** The exit code of a local file that cannot be written (exit-codes.ts, `config`). */
const cannotWrite = 3;
/** The exit code of a command whose terminal was closed (exit-codes.ts, `hung_up`). */
const hungUp = 129;

await main();

async function main(): Promise<void> {
  const { run } = await import('./program.ts');
  const readerGone = new AbortController();
  let unwritten = false;
  // A reader that goes away (`wxpay … | head -1`) is no fault of ours and no reason for a stack (CLI-MANNERS S3).
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    readerGone.abort();
    if (error.code === 'EPIPE') return;
    if (isTerminalGone(error, process.stdout)) return;
    // The work is done; only its answer could not be written (a full disk). Said plainly, and not taken for success.
    unwritten = true;
    // Without the catalogues: this may come at any moment, and must come.
    process.stderr.write(`wxpay: cannot write to standard output: ${error.code ?? error.name}\n`);
    process.exitCode = cannotWrite;
  });
  process.stderr.on('error', () => {});
  endWithTerminal();
  boundYoungGeneration(`${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`);
  const code = await run(await realWorld(readerGone.signal));
  process.exitCode = unwritten ? cannotWrite : code;
  // A command that was interrupted while it read from a terminal or a pipe must not wait for its end.
  (process.stdin as { unref?: () => void }).unref?.();
}

/**
 * Node aborts, core and all, when it cannot give a terminal back that is gone. So what said that it is gone ends the process: 129
 * for a shell.
 */
function endWithTerminal(): void {
  const streams = [process.stdin, process.stdout, process.stderr].filter(({ isTTY }) => isTTY);
  let gone = false;
  for (const stream of streams)
    stream.on('error', (error: NodeJS.ErrnoException) => {
      gone ||= isTerminalGone(error, stream);
    });
  process.on('exit', (code) => {
    if (gone || (code === hungUp && streams.length > 0)) process.kill(process.pid, 'SIGHUP');
  });
}

/** Only a terminal that was closed fails so. */
function isTerminalGone({ code }: NodeJS.ErrnoException, { isTTY }: { readonly isTTY?: boolean }): boolean {
  return code === 'EIO' && isTTY === true;
}

async function realWorld(readerGone: AbortSignal): Promise<World> {
  const { randomBytes } = await import('node:crypto');
  const { homedir } = await import('node:os');
  return {
    argv: process.argv.slice(2),
    env: process.env,
    platform: process.platform,
    cwd: process.cwd(),
    homedir: homedir(),
    pid: process.pid,
    uid: process.getuid?.(),
    nodeVersion: process.versions.node,
    isAlive(pid) {
      try {
        process.kill(pid, 0);
        return true;
      } catch (error) {
        // EPERM: it is there, and somebody else's.
        return (error as NodeJS.ErrnoException).code === 'EPERM';
      }
    },
    version,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    writeBytes: (bytes) =>
      new Promise((resolve) => {
        // What went wrong is heard by the stream's own listener.
        process.stdout.write(bytes, () => resolve());
      }),
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      sleep,
    },
    randomBytes: (size) => randomBytes(size),
    random: () => Math.random(),
    systemLocale: () => Intl.DateTimeFormat().resolvedOptions().locale,
    onReaderGone(listener) {
      readerGone.addEventListener('abort', listener);
      return () => readerGone.removeEventListener('abort', listener);
    },
    onSignal(listener) {
      let heard = false;
      const handlers = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => ({
        signal,
        handler: (): void => {
          // The next Ctrl-C finds no listener and ends the process the default way.
          for (const { signal: ending, handler } of handlers) if (ending !== 'SIGHUP') process.off(ending, handler);
          if (heard) return;
          heard = true;
          listener(signal);
        },
      }));
      for (const { signal, handler } of handlers) process.on(signal, handler);
      return () => {
        for (const { signal, handler } of handlers) process.off(signal, handler);
      };
    },
  };
}
