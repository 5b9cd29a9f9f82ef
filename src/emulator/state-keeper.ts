/**
 * Keeps an emulator's state in a file beside its keys: written whole or not at all, soon after every change and when it is
 * closed. A state that cannot be read is set aside, never overwritten.
 */
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../core/ports.ts';
import { replaceFile } from './folder.ts';

/** What went wrong with the file, for people. */
export interface StateProblem {
  readonly kind: 'set-aside' | 'unwritable';
  /** The file that was set aside, or that could not be written. */
  readonly file: string;
  readonly reason: string;
}

export interface StateKeeper {
  /** Whether an earlier run's state was taken up. */
  readonly found: boolean;
  /** Something has changed. */
  touched(): void;
  /** Writes what has changed, now. */
  flush(): Promise<void>;
}

interface Tools {
  readonly dir: string;
  readonly wire: Clock;
  readonly randomBytes: (size: number) => Buffer;
  readonly signal: AbortSignal;
  readonly dump: () => unknown;
  /** Throws when it is not a state. */
  readonly restore: (state: unknown) => void;
  readonly onProblem: (problem: StateProblem) => void;
}

/** How long a change waits to be written; a power cut or kill -9 loses no more. */
export const keepWithinMs = 250;
/** A state that takes long to write is written so much more seldom than it takes. */
const share = 10;

/** Takes up the state that is there. */
export async function openStateKeeper(tools: Tools): Promise<StateKeeper> {
  const { dir, wire, randomBytes, signal, dump, onProblem } = tools;
  const file = join(dir, 'state.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  let found = false;
  if (text !== undefined) {
    try {
      tools.restore(JSON.parse(text));
      found = true;
    } catch (error) {
      const aside = `${file}.unreadable-${randomBytes(4).toString('hex')}`;
      await rename(file, aside);
      onProblem({ kind: 'set-aside', file: aside, reason: reasonOf(error) });
    }
  }

  const state = { dirty: false };
  let failed = false;
  let tookMs = 0;
  let writing = Promise.resolve();
  let waiting = false;

  async function write(): Promise<void> {
    if (!state.dirty) return;
    state.dirty = false;
    const begun = wire.monotonic();
    try {
      await replaceFile(file, JSON.stringify(dump()), randomBytes);
      failed = false;
    } catch (error) {
      state.dirty = true;
      if (!failed) onProblem({ kind: 'unwritable', file, reason: reasonOf(error) });
      failed = true;
    }
    tookMs = wire.monotonic() - begun;
  }

  /** One write at a time. */
  async function flush(): Promise<void> {
    writing = writing.then(write);
    await writing;
  }

  async function soon(): Promise<void> {
    waiting = true;
    try {
      // Changes that come while it is written want another round.
      while (state.dirty && !signal.aborted) {
        await wire.sleep(Math.max(keepWithinMs, tookMs * share), signal);
        await flush();
      }
    } finally {
      waiting = false;
    }
  }

  return {
    found,
    touched() {
      state.dirty = true;
      // Rejects only when the emulator is being closed, which writes it itself.
      if (!waiting && !signal.aborted) soon().catch(() => undefined);
    },
    flush,
  };
}

function reasonOf(error: unknown): string {
  const reason = (error as { params?: { reason?: unknown } } | undefined)?.params?.reason;
  if (typeof reason === 'string') return reason;
  return error instanceof Error ? error.message : String(error);
}
