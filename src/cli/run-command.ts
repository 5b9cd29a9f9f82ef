/** Runs one command: resolve → call → render → map errors to exit codes. The only place where a result or an error is printed. */
import { setMaxListeners } from 'node:events';
import { errorCodes, WxpayError, type ErrorCode } from '../core/errors.ts';
import type { Translate } from '../i18n/translate.ts';
import type { CommandInput, CommandModule, Globals, Output, Runtime } from './command.ts';
import type { Result } from '../output/view.ts';
import { safeText } from '../output/safe-text.ts';
import { colorLevel } from './color.ts';
import { exitCodes } from './exit-codes.ts';
import { Interrupted } from './interrupt.ts';
import { errorDocument, interruptedDocument, renderError, wrapFor } from './render-error.ts';
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
  // Every request under way listens, and a batch has many; Node would take more than ten for a leak.
  setMaxListeners(0, interrupt.signal);
  const stopListening = world.onSignal((signal) => interrupt.abort(new Interrupted(signal)));
  const readerGone = new AbortController();
  const stopWatching = world.onReaderGone?.(() => readerGone.abort());
  const stdout = streamOutput(world.stdout, world, globals.color);
  const stderr = streamOutput(world.stderr, world, globals.color);
  let pending = Promise.resolve();
  const print = (result: Result): void => {
    pending = pending.then(async () => stdout.write(await render(result, globals, stdout, stderr, t)));
  };
  const { runtime, dispose, secrets } = createRuntime({
    world,
    t,
    globals,
    stdout,
    stderr,
    signal: interrupt.signal,
    readerGone: readerGone.signal,
    emit: print,
    copesWithoutProfile: module.copesWithoutProfile === true,
    self: async (argv, { env, stdout: sink }) => {
      // What was printed before comes first.
      await pending;
      const out = sink === undefined ? world.stdout : { write: (text: string) => (sink(text), true) };
      const sinks = sink === undefined ? {} : { writeBytes: undefined };
      return context.run({ ...world, ...sinks, argv, env, stdout: out, onSignal: relay(interrupt.signal) });
    },
  });
  try {
    await checkQuery(globals);
    const result = await raceInterrupt(module.run(input, runtime), interrupt.signal, module.graceMs);
    if (result?.exitCode !== undefined) return result.exitCode;
    if (result !== undefined && result.data !== undefined) print(result);
    await pending;
    if (result?.afterwards !== undefined) stderr.write(`${result.afterwards}\n`);
    if (interrupt.signal.aborted) return interruptedCode(interrupt.signal.reason);
    if (result?.failed !== undefined) return exitOf(result.failed);
    return module.needsReader === true && (await isGone(readerGone.signal)) ? exitCodes.batch : exitCodes.ok;
  } catch (error) {
    await pending.catch(() => {});
    return await reportError(error, {
      world,
      t,
      json: globals.output === 'json' || globals.output === 'ndjson',
      debug: globals.debug,
      interrupted: interrupt.signal.aborted ? interrupt.signal.reason : undefined,
      where: whereOf(globals),
      secrets,
    });
  } finally {
    stopListening();
    stopWatching?.();
    await dispose();
  }
}

export interface ErrorContext {
  readonly world: Pick<World, 'stderr' | 'env'>;
  readonly t: Translate;
  readonly json: boolean;
  readonly debug: boolean;
  /** The reason, when a signal came before the error did. */
  readonly interrupted?: unknown;
  /** Flags that a next command needs to ask the same merchant. */
  readonly where?: readonly string[];
  readonly secrets?: () => readonly string[];
}

/** Prints an error and returns its exit code. An error that is none of ours is a bug in wxpay. */
export async function reportError(error: unknown, context: ErrorContext): Promise<number> {
  const { world, t, json, debug, interrupted, where = [] } = context;
  // What fails while a signal ends it (an AbortError of some library) fails because of the signal.
  const ended = error instanceof Interrupted ? error : error instanceof WxpayError ? undefined : interrupted;
  if (ended instanceof Interrupted) {
    const code = interruptedCode(ended);
    world.stderr.write(`${t('cli.error.interrupted')}\n`);
    if (json) world.stderr.write(`${interruptedDocument(t, code, ended.outcome)}\n`);
    return code;
  }
  const foreign = !(error instanceof WxpayError) || error.code === 'INTERNAL' || hasForeignCause(error);
  // The text of an exception that nobody wrote for people may hold anything (THREATS E3).
  const redact = foreign || debug ? await redactor(context) : (text: string) => text;
  const known =
    error instanceof WxpayError
      ? error
      : new WxpayError('INTERNAL', { params: { reason: redact(nameOf(error)) }, cause: error });
  world.stderr.write(renderError(known, t, { where, wrap: await wrapFor(world.stderr) }));
  if (debug) {
    const { safeMultiline } = await import('../output/safe-text.ts');
    world.stderr.write(`${safeMultiline(redact(stacksOf(error)))}\n`);
  }
  const code = interrupted === undefined ? exitCodes[known.category] : interruptedCode(interrupted);
  if (json) world.stderr.write(`${errorDocument(known, t, code, where)}\n`);
  return code;
}

function hasForeignCause(error: WxpayError): boolean {
  return error.cause !== undefined && !(error.cause instanceof WxpayError);
}

/** The stack of an error and of what caused it. */
function stacksOf(error: unknown): string {
  const stacks: string[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1)
    stacks.push(`${depth === 0 ? '' : 'caused by: '}${at.stack ?? nameOf(at)}`);
  return stacks.length === 0 ? nameOf(error) : stacks.join('\n');
}

async function redactor({ world, secrets }: ErrorContext): Promise<(text: string) => string> {
  const { createRedactor } = await import('../core/http/redact.ts');
  const fromEnvironment = ['PRIVATE_KEY', 'API_V3_KEY', 'API_V2_KEY', 'CLIENT_CERT_PASSPHRASE']
    .map((name) => world.env[`WXPAY_${name}`])
    .filter((value) => value !== undefined);
  return createRedactor([...fromEnvironment, ...(secrets?.() ?? [])]);
}

/** What was chosen by flag has to be chosen again by a command that asks about the same thing. */
function whereOf({ profile, baseUrl, allowHost }: Globals): readonly string[] {
  const chosen = { '--profile': profile, '--base-url': baseUrl, '--allow-host': allowHost };
  return Object.entries(chosen).flatMap(([flag, value]) => (value === undefined ? [] : [flag, value]));
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
async function raceInterrupt<T>(work: Promise<T>, signal: AbortSignal, graceMs = 300): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const interrupted = new Promise<never>((_, reject) => {
    onAbort = () => {
      const { reason } = signal as { reason: unknown };
      const left = reason instanceof Interrupted ? new Interrupted(reason.signal, 'unknown') : (reason as Error);
      timer = setTimeout(() => reject(left), graceMs);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

/** A pipe whose reader has gone says so in the turn after the write. */
async function isGone(reader: AbortSignal): Promise<boolean> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  return reader.aborted;
}

/** A command that another one runs hears of the signals that the outer one hears of. */
function relay(signal: AbortSignal): World['onSignal'] {
  return (listener) => {
    const onAbort = (): void => listener(signal.reason instanceof Interrupted ? signal.reason.signal : 'SIGINT');
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    return () => signal.removeEventListener('abort', onAbort);
  };
}

const endingCodes = {
  SIGINT: exitCodes.interrupted,
  SIGTERM: exitCodes.terminated,
  SIGHUP: exitCodes.hung_up,
} as const;

function interruptedCode(reason: unknown): number {
  return reason instanceof Interrupted ? endingCodes[reason.signal] : exitCodes.interrupted;
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
