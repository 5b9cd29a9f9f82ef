/** Runs one command: resolve → call → render → map errors to exit codes. The only place where a result or an error is printed. */
import { errorCodes, WxpayError, type ErrorCode } from '../core/errors.ts';
import type { Translate } from '../i18n/translate.ts';
import type { CommandInput, CommandModule, Globals, Output, Runtime } from './command.ts';
import type { Result } from '../output/view.ts';
import { safeText } from '../output/safe-text.ts';
import { colorLevel } from './color.ts';
import { exitCodes } from './exit-codes.ts';
import { Interrupted } from './interrupt.ts';
import { errorDocument, renderError } from './render-error.ts';
import { createRuntime } from './runtime.ts';
import type { World, WorldStream } from './world.ts';

export interface CommandContext {
  readonly world: World;
  readonly t: Translate;
  readonly globals: Globals;
  /** The whole program, for a command that runs others. */
  readonly run: (world: World) => Promise<number>;
}

/** @returns the exit code */
export async function runCommand(module: CommandModule, input: CommandInput, context: CommandContext): Promise<number> {
  const { world, t, globals } = context;
  const interrupt = new AbortController();
  const stopListening = world.onSignal((signal) => interrupt.abort(new Interrupted(signal)));
  const stdout = streamOutput(world.stdout, world, globals.color);
  const stderr = streamOutput(world.stderr, world, globals.color);
  let pending = Promise.resolve();
  const print = (result: Result): void => {
    pending = pending.then(async () => stdout.write(await render(result, globals, stdout, stderr, t)));
  };
  const { runtime, dispose } = createRuntime({
    world,
    t,
    globals,
    stdout,
    stderr,
    signal: interrupt.signal,
    emit: print,
    self: async (argv, { env, stdout: sink }) => {
      // What was printed before comes first.
      await pending;
      const out = sink === undefined ? world.stdout : { write: (text: string) => (sink(text), true) };
      return context.run({ ...world, argv, env, stdout: out, onSignal: () => () => {} });
    },
  });
  try {
    await checkQuery(globals);
    const result = await raceInterrupt(module.run(input, runtime), interrupt.signal);
    if (result !== undefined) print(result);
    await pending;
    if (interrupt.signal.aborted) return interruptedCode(interrupt.signal.reason);
    return result?.failed === undefined ? exitCodes.ok : exitOf(result.failed);
  } catch (error) {
    await pending.catch(() => {});
    return await reportError(error, {
      world,
      t,
      json: globals.output === 'json' || globals.output === 'ndjson',
      debug: globals.debug,
    });
  } finally {
    stopListening();
    await dispose();
  }
}

/** Prints an error and returns its exit code. An error that is none of ours is a bug in wxpay. */
export async function reportError(
  error: unknown,
  { world, t, json, debug }: { world: World; t: Translate; json: boolean; debug: boolean },
): Promise<number> {
  if (error instanceof Interrupted) {
    world.stderr.write(`${t('cli.error.interrupted')}\n`);
    return interruptedCode(error);
  }
  const known =
    error instanceof WxpayError
      ? error
      : new WxpayError('INTERNAL', { params: { reason: nameOf(error) }, cause: error });
  world.stderr.write(renderError(known, t));
  if (debug && error instanceof Error) {
    const { safeMultiline } = await import('../output/safe-text.ts');
    world.stderr.write(`${safeMultiline(error.stack ?? error.message)}\n`);
  }
  const code = known.cause instanceof Interrupted ? interruptedCode(known.cause) : exitCodes[known.category];
  if (json) world.stderr.write(`${errorDocument(known, t, code)}\n`);
  return code;
}

async function render(result: Result, globals: Globals, stdout: Output, stderr: Output, t: Translate): Promise<string> {
  if (globals.quiet && globals.output === 'table' && result.id !== undefined) return `${safeText(result.id)}\n`;
  const { renderResult } = await import('../output/render.ts');
  const options = {
    format: globals.output,
    tty: stdout.isTTY,
    width: stdout.columns,
    ...(stdout.rows === undefined ? {} : { rows: stdout.rows }),
    colorLevel: stdout.colorLevel,
    t,
  };
  try {
    return await renderResult(result, { ...options, query: globals.query });
  } catch (error) {
    // The work is done, perhaps a write: a filter that does not fit its answer must not hide the answer.
    if (globals.query === undefined || !(error instanceof Error) || error.name !== 'QueryError') throw error;
    stderr.write(`${t('cli.query.unfiltered', { reason: safeText(error.message) })}\n`);
    return renderResult(result, { ...options, query: undefined });
  }
}

/** A bad `--query` is found before anything is sent (CLI-MANNERS O3). */
async function checkQuery(globals: Globals): Promise<void> {
  if (globals.query === undefined) return;
  const { compileQuery } = await import('../output/query.ts');
  try {
    await compileQuery(globals.query);
  } catch (error) {
    throw new WxpayError('QUERY_EXPRESSION_INVALID', { params: { reason: nameOf(error) }, outcome: 'not_sent' });
  }
}

/**
 * The first Ctrl-C aborts `runtime.signal`. Work that listens ends by itself and may say more than we could (which number to
 * ask about); work that does not listen is left behind after a moment.
 */
async function raceInterrupt<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const interrupted = new Promise<never>((_, reject) => {
    onAbort = () => {
      timer = setTimeout(() => reject(signal.reason as Error), 300);
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

function interruptedCode(reason: unknown): number {
  return reason instanceof Interrupted && reason.signal === 'SIGTERM' ? exitCodes.terminated : exitCodes.interrupted;
}

function exitOf(code: string): number {
  if (!(errorCodes as readonly string[]).includes(code)) return exitCodes.bug;
  return exitCodes[new WxpayError(code as ErrorCode).category];
}

function nameOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function streamOutput(stream: WorldStream, world: World, color: Globals['color']): Output {
  const isTTY = stream.isTTY === true;
  return {
    write: (text) => void stream.write(text),
    isTTY,
    // A terminal that says 0 columns does not know (CLI-MANNERS P4).
    columns: stream.columns === undefined || stream.columns === 0 ? 80 : stream.columns,
    rows: stream.rows === 0 ? undefined : stream.rows,
    colorLevel: colorLevel({ flag: color, env: world.env, isTTY }),
  };
}

export type { Runtime };
