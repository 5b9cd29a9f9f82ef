/** A world of buffers and held time, in which the whole program runs within the test's own process. */
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import type { EndingSignal } from '../../src/cli/interrupt.ts';
import type { World } from '../../src/cli/world.ts';

export interface FakeWorld extends World {
  readonly out: () => string;
  readonly err: () => string;
  /** As if somebody pressed Ctrl-C, or ended the process. */
  readonly interrupt: (signal?: EndingSignal) => void;
  /** As if whoever reads stdout had gone. */
  readonly leave: () => void;
}

export interface Wishes {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly stdinIsTTY?: boolean;
  readonly tty?: boolean;
  readonly columns?: number;
  readonly homedir?: string;
  readonly platform?: NodeJS.Platform;
}

/** Time passes by sleeping, and not otherwise; whoever sleeps lets others work. */
function heldClock(): World['clock'] {
  let slept = 0;
  return {
    now: () => Date.UTC(2026, 10, 23) + slept,
    monotonic: () => slept,
    async sleep(milliseconds, signal) {
      signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, Math.min(milliseconds, 50)));
      slept += milliseconds;
      signal?.throwIfAborted();
    },
  };
}

export function fakeWorld(argv: readonly string[], wishes: Wishes = {}): FakeWorld {
  let out = '';
  let err = '';
  const signals = new Set<(signal: EndingSignal) => void>();
  const goings = new Set<() => void>();
  const stdin = new PassThrough();
  if (wishes.stdin !== undefined) stdin.end(wishes.stdin);
  const terminal = {
    ...(wishes.tty === undefined ? {} : { isTTY: wishes.tty }),
    ...(wishes.columns === undefined ? {} : { columns: wishes.columns }),
  };
  return {
    argv,
    env: { WXPAY_LANG: 'en', ...wishes.env },
    platform: wishes.platform ?? 'linux',
    cwd: '/nowhere',
    homedir: wishes.homedir ?? '/nowhere',
    pid: 1,
    uid: 0,
    nodeVersion: '20.0.0',
    isAlive: () => false,
    version: '9.9.9',
    stdin: Object.assign(stdin, { isTTY: wishes.stdinIsTTY ?? false }),
    stdout: { ...terminal, write: (text) => ((out += text), true) },
    stderr: { ...terminal, write: (text) => ((err += text), true) },
    clock: heldClock(),
    randomBytes: (size) => randomBytes(size),
    random: () => 0.5,
    systemLocale: () => 'en-GB',
    onSignal(listener) {
      signals.add(listener);
      return () => signals.delete(listener);
    },
    onReaderGone(listener) {
      goings.add(listener);
      return () => goings.delete(listener);
    },
    out: () => out,
    err: () => err,
    interrupt: (signal = 'SIGINT') => signals.forEach((listener) => listener(signal)),
    leave: () => goings.forEach((listener) => listener()),
  };
}
