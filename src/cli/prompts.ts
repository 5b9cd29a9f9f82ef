/**
 * The only place that talks to inquirer. Prompts exist only where stdin and stderr are terminals; they write to stderr, and
 * Ctrl-C and end-of-input are told apart (CLI-MANNERS I1 to I6).
 */
import { Writable } from 'node:stream';
import { WxpayError } from '../core/errors.ts';
import { safeMultiline, safeText } from '../output/safe-text.ts';
import { Interrupted } from './interrupt.ts';
import type { World } from './world.ts';

export interface Prompts {
  /** True when a person can be asked: stdin and stderr are terminals, not `CI`, not `-o json`, not `--no-input`. */
  readonly canPrompt: boolean;
  /** A line of text. `validate` returns the complaint to show, or `undefined` when the text will do. */
  input(question: { message: string; initial?: string; validate?: Validate }): Promise<string>;
  /** A secret; nothing of it is echoed but a mask. */
  secret(question: { message: string; validate?: Validate }): Promise<string>;
  select<T extends string>(question: {
    message: string;
    choices: readonly { value: T; name: string }[];
    initial?: T;
  }): Promise<T>;
  /** Yes or no; the default is no. */
  confirm(question: { message: string }): Promise<boolean>;
}

/** May take a moment: opening a `.p12` does. */
export type Validate = (text: string) => string | undefined | Promise<string | undefined>;

export interface PromptWorld extends Pick<World, 'stdin' | 'stderr' | 'env'> {
  /** `-o json` or `ndjson`: a program is reading, and nobody is asked (CLI-MANNERS M4). */
  readonly json: boolean;
  /** `--no-input` */
  readonly noInput?: boolean;
  /** Aborted by a signal, whose reason is an `Interrupted`. */
  readonly signal?: AbortSignal;
  /** Told when a question appears and when it is over: what is written in between would stand in the middle of its line. */
  readonly onAsking?: (asking: boolean) => void;
}

/**
 * Every question throws `Interrupted` on Ctrl-C, `CONFIRMATION_DECLINED` (a yes-or-no question) or `INPUT_MISSING` (any
 * other) at the end of input, and a bug where nobody can be asked: look at `canPrompt` first. Nothing is loaded before the
 * first question.
 */
export function createPrompts(world: PromptWorld): Prompts {
  const canPrompt = isInteractive(world);

  const ask = async <T>(
    question: (inquirer: typeof import('@inquirer/prompts'), context: Context) => Promise<T>,
    ended: WxpayError,
  ): Promise<T> => {
    if (!canPrompt) throw new WxpayError('INTERNAL', { params: { reason: 'NO_TERMINAL' } });
    world.signal?.throwIfAborted();
    const inquirer = await import('@inquirer/prompts');
    const end = new AbortController();
    let settled = false;
    // At the end of input readline closes and pauses the stream, and inquirer would wait for ever. It pauses after an
    // answer as well; then the question has settled before the next turn of the loop.
    const onPause = (): void => {
      setImmediate(() => {
        if (!settled) end.abort(ended);
      });
    };
    world.stdin.on('pause', onPause).on('end', onPause).on('close', onPause);
    const signal = world.signal === undefined ? end.signal : AbortSignal.any([end.signal, world.signal]);
    world.onAsking?.(true);
    try {
      return await question(inquirer, { input: world.stdin, output: outputOf(world.stderr), signal });
    } catch (error) {
      throw meaningOf(error, ended);
    } finally {
      settled = true;
      world.onAsking?.(false);
      world.stdin.off('pause', onPause).off('end', onPause).off('close', onPause);
    }
  };

  return {
    canPrompt,
    input: ({ message, initial, validate }) =>
      ask(
        ({ input }, context) =>
          input(
            {
              message: safeMultiline(message),
              ...(initial === undefined ? {} : { default: initial }),
              validate: verdictOf(validate),
            },
            context,
          ),
        inputEnded(message),
      ),
    secret: ({ message, validate }) =>
      ask(
        // Without `toggleMask: false` Ctrl-T would show the secret.
        ({ password }, context) =>
          password(
            { message: safeMultiline(message), mask: true, toggleMask: false, validate: verdictOf(validate) },
            context,
          ),
        inputEnded(message),
      ),
    select: <T extends string>({
      message,
      choices,
      initial,
    }: {
      message: string;
      choices: readonly { value: T; name: string }[];
      initial?: T;
    }) =>
      ask(
        ({ select }, context) =>
          select<T>(
            { message: safeMultiline(message), choices, ...(initial === undefined ? {} : { default: initial }) },
            context,
          ),
        inputEnded(message),
      ),
    confirm: ({ message }) =>
      ask(
        ({ confirm }, context) => confirm({ message: safeMultiline(message), default: false }, context),
        new WxpayError('CONFIRMATION_DECLINED', { outcome: 'not_sent' }),
      ),
  };
}

interface Context {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

/** A terminal to read from and one to write to, and nothing that says nobody is there. */
function isInteractive({ stdin, stderr, env, json, noInput }: PromptWorld): boolean {
  if (json || noInput === true || stdin.isTTY !== true || stderr.isTTY !== true || env['TERM'] === 'dumb') return false;
  return !isOn(env['CI']) && !isOn(env['WXPAY_NO_INPUT']);
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}

/** inquirer wants a stream with listeners; a test's world has only `write`. */
function outputOf(stderr: World['stderr']): NodeJS.WritableStream {
  if (stderr instanceof Writable) return stderr;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      stderr.write(chunk.toString());
      done();
    },
  });
  return Object.assign(stream, { isTTY: true, columns: stderr.columns ?? 80 });
}

function verdictOf(validate: Validate | undefined): (text: string) => Promise<string | true> {
  return async (text) => {
    const complaint = await validate?.(text);
    return complaint === undefined ? true : safeText(complaint);
  };
}

function meaningOf(error: unknown, ended: WxpayError): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === 'AbortPromptError') return error.cause ?? ended;
  if (error.name !== 'ExitPromptError') return error;
  return error.message.includes('SIG') ? new Interrupted('SIGINT') : ended;
}

function inputEnded(message: string): WxpayError {
  return new WxpayError('INPUT_MISSING', {
    params: { field: message, flag: '', variable: '' },
    hint: 'profile.hint.input_ended',
    outcome: 'not_sent',
  });
}
