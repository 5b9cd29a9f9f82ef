/** The real world as the command line sees it, injectable whole: a test runs `run(world)` with buffers and a held clock. */
import type { Clock } from '../core/ports.ts';

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
  /** Calls back on the first SIGINT or SIGTERM; the second one ends the process by itself. Returns the way to stop listening. */
  onSignal(listener: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
  /** Writes bytes to stdout as they are, and waits until they are taken. Absent where stdout is not this process's own. */
  writeBytes?: ((bytes: Uint8Array) => Promise<void>) | undefined;
  /** Calls back when nobody reads stdout any more. Returns the way to stop listening. */
  onReaderGone?(listener: () => void): () => void;
}
