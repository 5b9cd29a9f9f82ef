/** `--watch`: how every query waits for a final state, and what it shows meanwhile. */
import { WxpayError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import type { MessageKey, Params } from '../i18n/translate.ts';
import type { Result } from '../output/view.ts';
import type { CommandInput, Runtime } from './command.ts';
import { parseDuration } from './duration.ts';

/** What an operation that watches is told. */
export interface Watch<T> {
  readonly intervals: readonly number[];
  readonly limit: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onChange: (state: T) => void;
  readonly meanwhile: <W>(state: T, wait: () => Promise<W>) => Promise<W>;
}

export interface Watching<T> {
  /** Milliseconds between looks. */
  readonly intervals: readonly number[];
  /** `--for`, parsed. */
  readonly limit: number;
  /** The state that is known and not shown yet; without it, the first look brings one. */
  readonly known?: T;
  readonly watch: (watch: Watch<T>) => Promise<T>;
  readonly result: (state: T) => Result;
  /** What is said while a state lasts; nothing where `watch` says it itself. */
  readonly waiting?: (state: T) => readonly [MessageKey, Params];
}

/** How long `--for` says that watching may take. @throws `INPUT_INVALID` */
export function watchLimit(options: CommandInput['options'], standard: string): number {
  return parseDuration('--for', typeof options['for'] === 'string' ? options['for'] : standard);
}

/**
 * Watches, and shows every change as it comes; JSON is exactly one document, the last state, also where that is not final.
 *
 * @returns the last state, and what is left to print; nothing of either where nobody reads any more
 * @throws what the watching throws: `NOT_FINAL` where the limit came first
 */
export async function watchAndShow<T>(
  { intervals, limit, known, watch, result, waiting }: Watching<T>,
  runtime: Runtime,
): Promise<{ readonly last: T | undefined; readonly answer: Result | undefined }> {
  const streaming = runtime.globals.output !== 'json';
  let last: T | undefined;
  const onChange = (state: T): void => {
    // Two states in a row would read as one block.
    if (last !== undefined && streaming && runtime.globals.output === 'table' && !runtime.globals.quiet)
      runtime.stdout.write('\n');
    last = state;
    if (streaming) runtime.emit(result(state));
  };
  if (known !== undefined) onChange(known);
  try {
    const final = await watch({
      intervals,
      limit,
      clock: runtime.clock,
      signal: AbortSignal.any([runtime.signal, runtime.readerGone]),
      onChange,
      meanwhile: async (state, wait) => (waiting === undefined ? wait() : runtime.busy(...waiting(state), wait)),
    });
    return { last: final, answer: streaming ? undefined : result(final) };
  } catch (error) {
    // Nobody reads any more: there is nothing left to watch for, and that is no failure (CLI-MANNERS S3).
    if (runtime.readerGone.aborted) return { last: undefined, answer: undefined };
    // The last state is the one JSON document all the same; the exit code says that it is not final.
    if (!streaming && last !== undefined && error instanceof WxpayError && error.code === 'NOT_FINAL')
      runtime.emit(result(last));
    throw error;
  }
}
