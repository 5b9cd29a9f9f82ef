/** argv → program → run → process.exitCode. The one place that touches `process`. */
import { sleep } from './sleep.ts';
import type { World } from './world.ts';

const version = __WXPAY_VERSION__;
/** The exit code of a local file that cannot be written (exit-codes.ts, `config`). */
const cannotWrite = 3;

await main();

async function main(): Promise<void> {
  const { run } = await import('./program.ts');
  const readerGone = new AbortController();
  let unwritten = false;
  // A reader that goes away (`wxpay … | head -1`) is no fault of ours and no reason for a stack (CLI-MANNERS S3).
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    readerGone.abort();
    if (error.code === 'EPIPE') return;
    // The work is done; only its answer could not be written (a full disk). Said plainly, and not taken for success.
    unwritten = true;
    // Without the catalogues: this may come at any moment, and must come.
    process.stderr.write(`wxpay: cannot write to standard output: ${error.code ?? error.name}\n`);
    process.exitCode = cannotWrite;
  });
  process.stderr.on('error', () => {});
  const code = await run(await realWorld(readerGone.signal));
  process.exitCode = unwritten ? cannotWrite : code;
  // A command that was interrupted while it read from a terminal or a pipe must not wait for its end.
  (process.stdin as { unref?: () => void }).unref?.();
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
      const handlers = (['SIGINT', 'SIGTERM'] as const).map((signal) => {
        const handler = (): void => listener(signal);
        // `once`: the second signal finds no listener and ends the process the default way.
        process.once(signal, handler);
        return { signal, handler };
      });
      return () => {
        for (const { signal, handler } of handlers) process.off(signal, handler);
      };
    },
  };
}
