/**
 * Feedback while something takes its time, on stderr. A spinner where a person watches, a plain line now and then elsewhere, and
 * nothing at all for work that is quick.
 */
import type { Clock } from '../core/ports.ts';
import type { ColorLevel } from '../output/paint.ts';
import { safeText } from '../output/safe-text.ts';
import { loadWidths } from '../output/width.ts';

export interface SpinnerOptions {
  /** stderr. */
  readonly stream: {
    write(text: string): unknown;
    readonly isTTY?: boolean | undefined;
    readonly columns?: number | undefined;
  };
  readonly clock: Clock;
  readonly colorLevel: ColorLevel;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `--quiet`: nothing is shown. */
  readonly quiet?: boolean | undefined;
  /** Ends the spinner at once when it is aborted, though the work may linger. */
  readonly signal?: AbortSignal | undefined;
}

/** Quicker work shows no spinner (CLI-MANNERS P2). */
const spinnerAfter = 300;
const firstLineAfter = 10_000;
const nextLineAfter = 30_000;
/** A narrower terminal has no room for a spinner and a text. ora loops for ever on one of 0 columns (CLI-MANNERS P4). */
const narrowest = 20;

/** Runs the work with feedback, and returns or throws what it does. Feedback that fails never fails the work. */
export async function withSpinner<T>(text: string, work: () => Promise<T>, options: SpinnerOptions): Promise<T> {
  if (options.quiet === true) return work();
  const done = new AbortController();
  const signal = options.signal === undefined ? done.signal : AbortSignal.any([done.signal, options.signal]);
  const feedback = show(safeText(text), signal, options).catch(() => {});
  try {
    return await work();
  } finally {
    done.abort();
    // What comes next on the terminal must find the line clean and the cursor back.
    await feedback;
  }
}

async function show(text: string, signal: AbortSignal, options: SpinnerOptions): Promise<void> {
  const { stream, clock, colorLevel } = options;
  if (!canSpin(options)) {
    await clock.sleep(firstLineAfter, signal);
    for (;;) {
      stream.write(`${text}\n`);
      await clock.sleep(nextLineAfter, signal);
    }
  }
  await clock.sleep(spinnerAfter, signal);
  const [{ default: ora }, { truncate }] = await Promise.all([import('ora'), loadWidths()]);
  if (signal.aborted) return;
  const spinner = ora({
    // One line, always: what wraps cannot be wiped cleanly after a resize.
    text: truncate(text, (stream.columns ?? narrowest) - 3),
    stream: stream as NodeJS.WriteStream,
    // The default swallows Ctrl-C until the work has ended (CLI-MANNERS P3).
    discardStdin: false,
    // Hiding it brings in signal-exit, which ends the process on the first Ctrl-C when our own listener was a `once`; and a
    // process that is killed would leave the terminal without a cursor.
    hideCursor: false,
    color: colorLevel > 0 ? 'cyan' : false,
    isEnabled: true,
  });
  spinner.start();
  try {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    spinner.stop();
  }
}

function canSpin({ stream, env }: SpinnerOptions): boolean {
  if (stream.isTTY !== true || (stream.columns ?? 0) < narrowest || !('cursorTo' in stream)) return false;
  return !isSet(env['CI']) && !isSet(env['WXPAY_ACCESSIBLE']) && env['TERM'] !== 'dumb';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}
