/** The real world as the command line sees it, injectable whole: a test runs `run(world)` with buffers and a held clock. */
import type { Clock } from '../core/ports.ts';
import type { EndingSignal } from './interrupt.ts';

export interface WorldStream {
  write(text: string): boolean;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface World {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly cwd: string;
  readonly homedir: string;
  readonly pid: number;
  /** The user's number; `undefined` where there is none (win32). */
  readonly uid: number | undefined;
  readonly nodeVersion: string;
  /** Is there a process with this number? */
  isAlive(pid: number): boolean;
  readonly version: string;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: WorldStream;
  readonly stderr: WorldStream;
  readonly clock: Clock;
  /** Cryptographic randomness. */
  randomBytes(size: number): Buffer;
  /** Uniform in [0, 1): jitter, never secrets. */
  random(): number;
  /** BCP 47 tag of the system's language. */
  systemLocale(): string | undefined;
  /**
   * Calls back on the first signal; a SIGINT or SIGTERM after it ends the process by itself. Not a SIGHUP: a terminal that is closed
   * may say so twice, once through the shell and once itself. Returns the way to stop listening.
   */
  onSignal(listener: (signal: EndingSignal) => void): () => void;
  /** Writes bytes to stdout as they are, and waits until they are taken. Absent where stdout is not this process's own. */
  writeBytes?: ((bytes: Uint8Array) => Promise<void>) | undefined;
  /** Calls back when nobody reads stdout any more. Returns the way to stop listening. */
  onReaderGone?(listener: () => void): () => void;
}
