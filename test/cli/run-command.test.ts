import { describe, expect, test } from 'vitest';
import type { CommandModule, Globals, Runtime } from '../../src/cli/command.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { Interrupted } from '../../src/cli/interrupt.ts';
import { run } from '../../src/cli/program.ts';
import { reportError, runCommand } from '../../src/cli/run-command.ts';
import { errorCodes, WxpayError, type ErrorCode } from '../../src/core/errors.ts';
import { loadTranslate } from '../../src/i18n/translate.ts';
import type { Result } from '../../src/output/view.ts';
import { fakeWorld, type FakeWorld, type Wishes } from '../helpers/world.ts';
import { expectFast, timeOf } from '../helpers/timing.ts';

const t = await loadTranslate('en');

const defaults: Globals = {
  profile: undefined,
  output: 'table',
  query: undefined,
  lang: 'en',
  color: 'auto',
  quiet: false,
  verbose: false,
  debug: false,
  dryRun: false,
  yes: false,
  noInput: false,
  confirm: undefined,
  timeoutMs: 30_000,
  retries: 3,
  baseUrl: undefined,
  allowHost: undefined,
};

interface Ran {
  readonly code: number;
  readonly world: FakeWorld;
}

async function play(
  work: (runtime: Runtime, world: FakeWorld) => Promise<Result | undefined>,
  globals: Partial<Globals> = {},
  wishes: Wishes = {},
): Promise<Ran> {
  const world = fakeWorld([], wishes);
  const module: CommandModule = { configure: () => {}, run: (_input, runtime) => work(runtime, world) };
  const context = { world, t, globals: { ...defaults, ...globals }, run };
  return { code: await runCommand(module, { args: [], options: {} }, context), world };
}

const fail = (error: unknown, globals: Partial<Globals> = {}, wishes: Wishes = {}): Promise<Ran> =>
  play(
    async () => {
      throw error;
    },
    globals,
    wishes,
  );
const lastLine = (text: string): { error: Record<string, unknown> } =>
  JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as { error: Record<string, unknown> };
const result: Result = { data: { a: 1 }, view: [{ kind: 'text', text: 'done' }], id: 'ID' };

describe('an error', () => {
  test.each(errorCodes.map((code) => [code, new WxpayError(code).category] as const))(
    'X3: %s ends with the code of %s, in four lines at most, and stdout stays empty',
    async (code, category) => {
      const error = new WxpayError(code, {
        params: { reason: 'a\nb', field: 'f' },
        wechat: { code: 'X', message: 'two\nlines' },
        requestId: 'R-1',
        unsigned: true,
        next: ['order', 'query', 'T1'],
      });
      const plain = await fail(error);
      expect(plain.code).toBe(exitCodes[category]);
      expect(plain.world.out()).toBe('');
      expect(plain.world.err().trimEnd().split('\n').length).toBeLessThanOrEqual(4);
      expect(plain.world.err()).not.toContain('    at ');

      const json = await fail(error, { output: 'json' });
      expect(json.world.out()).toBe('');
      expect(lastLine(json.world.err()).error).toMatchObject({
        code,
        exit_code: exitCodes[category],
        request_id: 'R-1',
        next: 'wxpay order query T1',
        unsigned: true,
        wechat: { code: 'X', message: 'two\nlines', detail: null },
      });
    },
  );

  test('has every field of the interface, also where nothing is known', async () => {
    const { world } = await fail(new WxpayError('NETWORK_DNS', { params: { host: 'h' } }), { output: 'ndjson' });
    expect(Object.keys(lastLine(world.err()).error).toSorted()).toEqual(
      [
        'code',
        'exit_code',
        'hint',
        'http_status',
        'message',
        'next',
        'outcome',
        'request_id',
        'unsigned',
        'wechat',
      ].toSorted(),
    );
  });

  test('A1, A2: shows foreign characters instead of obeying them, in both forms', async () => {
    const nasty = 'ok\u001b[2J\u001b]52;c;ZXZpbA==\u0007\u009b31m\rPAID\u202e\u200b';
    const error = new WxpayError('API_REFUSED', {
      params: { status: nasty },
      wechat: { code: nasty, message: nasty, detail: { [nasty]: nasty } },
      requestId: nasty,
      next: ['order', 'query', nasty],
    });
    const { world } = await fail(error, { output: 'json' });
    expect(world.err().replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u200b]/);
    expect(lastLine(world.err()).error['wechat']).toMatchObject({ message: nasty });
  });

  test('an open outcome says why, in the words of its cause', async () => {
    const cut = new WxpayError('NETWORK_CUT', { params: { host: 'h.example', reason: 'ECONNRESET' } });
    const error = new WxpayError('OUTCOME_UNKNOWN', {
      params: { reason: 'key:error.NETWORK_CUT' },
      outcome: 'unknown',
      cause: cut,
    });
    const { world } = await fail(error);
    expect(world.err()).toContain('ECONNRESET');
    expect(world.err()).toContain('h.example');
    expect(world.err()).not.toContain('key:');
  });

  test('names a next command that asks the same merchant', async () => {
    const error = new WxpayError('OUTCOME_UNKNOWN', { outcome: 'unknown', next: ['order', 'query', 'T|1'] });
    const { world } = await fail(error, { profile: 'shop', baseUrl: 'http://127.0.0.1:8080' });
    expect(world.err()).toContain("wxpay order query 'T|1' --profile shop --base-url http://127.0.0.1:8080");
  });
});

describe('E3: an exception that is none of ours', () => {
  const canary = '0123456789abcdef0123456789ABCDEF';
  const env = { WXPAY_API_V3_KEY: canary };
  const bug = (): Error => new TypeError(`cannot read ${canary} of undefined`, { cause: new Error(`inner ${canary}`) });

  test('is exit 1, in two lines without a stack, with a JSON line when asked', async () => {
    const { code, world } = await fail(bug(), { output: 'json' }, { env });
    expect(code).toBe(1);
    expect(world.err()).toContain('TypeError');
    expect(world.err()).not.toContain('    at ');
    expect(lastLine(world.err()).error).toMatchObject({ code: 'INTERNAL', exit_code: 1 });
  });

  test('shows its stack and its causes with --debug', async () => {
    const { world } = await fail(bug(), { debug: true }, { env });
    expect(world.err()).toContain('    at ');
    expect(world.err()).toContain('caused by: Error: inner');
  });

  test.each([{ debug: true }, { debug: false }, { debug: true, output: 'json' as const }])(
    'E2: never shows a secret (%j)',
    async (globals) => {
      for (const error of [bug(), new WxpayError('OUTCOME_UNKNOWN', { params: { reason: 'x' }, cause: bug() })]) {
        const { world } = await fail(error, globals, { env });
        expect(world.err() + world.out()).not.toContain(canary);
        const base64 = Buffer.from(canary).toString('base64').slice(0, 40);
        expect(world.err()).not.toContain(base64);
      }
    },
  );

  test('that is no error at all is reported all the same', async () => {
    for (const thrown of ['text', undefined, null, 42])
      expect(await fail(thrown, { debug: true })).toMatchObject({ code: 1 });
  });
});

describe('a result', () => {
  test('goes to stdout, and the conversation to stderr', async () => {
    const { code, world } = await play(async (runtime) => {
      runtime.note('cli.dry_run.note');
      return result;
    });
    expect(code).toBe(0);
    expect(world.out()).toBe('done\n');
    expect(world.err()).toContain('Dry run');
  });

  test('is one JSON document', async () => {
    const { world } = await play(async () => result, { output: 'json' });
    expect(JSON.parse(world.out())).toEqual({ a: 1 });
  });

  test('S13: is just its id with --quiet, and nobody talks, but warnings stay', async () => {
    const { world } = await play(
      async (runtime) => {
        runtime.note('cli.dry_run.note');
        runtime.warn('cli.loose_file.warn', { file: 'f', mode: '644' });
        return result;
      },
      { quiet: true },
    );
    expect(world.out()).toBe('ID\n');
    expect(world.err()).not.toContain('Dry run');
    expect(world.err()).toContain('644');
  });

  test('that is a failed verdict is printed, with its exit code', async () => {
    const { code, world } = await play(async () => ({ ...result, failed: 'CHECK_FAILED' }));
    expect(code).toBe(exitCodes.verification);
    expect(world.out()).toBe('done\n');
    expect((await play(async () => ({ ...result, failed: 'NO_SUCH_CODE' }))).code).toBe(exitCodes.bug);
  });

  test('keeps the order in which results were given, with another command in between', async () => {
    const { world } = await play(async (runtime) => {
      runtime.emit({ data: 1, view: [{ kind: 'text', text: 'first' }] });
      await runtime.self(['--version'], { env: {} });
      runtime.emit({ data: 2, view: [{ kind: 'text', text: 'third' }] });
      return undefined;
    });
    expect(world.out()).toBe('first\n9.9.9\nthird\n');
  });

  test('O3: a filter that cannot be read is refused before anything is done', async () => {
    let ran = false;
    const { code } = await play(
      async () => {
        ran = true;
        return result;
      },
      { query: 'a[' },
    );
    expect(code).toBe(2);
    expect(ran).toBe(false);
  });

  test('a filter that does not fit never hides the answer of a write', async () => {
    const { code, world } = await play(async () => result, { output: 'json', query: 'sum(a)' });
    expect(code).toBe(0);
    expect(JSON.parse(world.out())).toEqual({ a: 1 });
  });
});

describe('S1: a signal', () => {
  const waits = (runtime: Runtime): Promise<never> =>
    new Promise((_, reject) => {
      runtime.signal.addEventListener('abort', () => reject(runtime.signal.reason as Error), { once: true });
    });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s is exit %i, in one line, with a JSON line when asked', async (signal, wanted) => {
    const { code, world } = await play(
      async (runtime, at) => {
        setTimeout(() => at.interrupt(signal), 1);
        return waits(runtime);
      },
      { output: 'json' },
    );
    expect(code).toBe(wanted);
    expect(world.out()).toBe('');
    expect(lastLine(world.err()).error).toMatchObject({ code: 'INTERRUPTED', exit_code: wanted, outcome: 'no_effect' });
  });

  test('leaves work behind that does not listen, and does not claim to know what it did', async () => {
    const left = async (): Promise<void> => {
      const { code, world } = await play(
        async (_runtime, at) => {
          at.interrupt();
          return new Promise(() => {});
        },
        { output: 'json' },
      );
      expect(code).toBe(130);
      expect(lastLine(world.err()).error).toMatchObject({ outcome: 'unknown' });
    };
    await expectFast(500, () => timeOf(left));
  });

  test('that makes a library fail in its own way is still the signal', async () => {
    const { code, world } = await play(async (_runtime, at) => {
      at.interrupt();
      throw new DOMException('This operation was aborted', 'AbortError');
    });
    expect(code).toBe(130);
    expect(world.err()).toBe(`${t('cli.error.interrupted')}\n`);
  });

  test('during a write says what is known: the outcome is open, and which command asks', async () => {
    const { code, world } = await play(
      async (_runtime, at) => {
        at.interrupt();
        throw new WxpayError('OUTCOME_UNKNOWN', {
          params: { reason: 'x' },
          outcome: 'unknown',
          next: ['order', 'query', 'T1'],
        });
      },
      { output: 'json' },
    );
    expect(code).toBe(130);
    expect(world.err()).toContain('wxpay order query T1');
    expect(lastLine(world.err()).error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown', exit_code: 130 });
  });

  test('after the work is done shows the result and is still 130', async () => {
    const { code, world } = await play(async (_runtime, at) => {
      at.interrupt();
      return result;
    });
    expect(code).toBe(130);
    expect(world.out()).toBe('done\n');
  });

  test('reaches a command that another one runs', async () => {
    const { code } = await play(async (runtime, at) => {
      const inner = runtime.self(['verify-callback', '-'], { env: { WXPAY_LANG: 'en' } });
      setTimeout(() => at.interrupt(), 1);
      expect(await inner).toBe(130);
      runtime.signal.throwIfAborted();
      return result;
    });
    expect(code).toBe(130);
  });

  test('at a prompt is 130 as well', async () => {
    expect((await fail(new Interrupted('SIGINT'))).code).toBe(130);
  });
});

test('S3: a command hears when nobody reads any more', async () => {
  const { code } = await play(async (runtime, world) => {
    world.leave();
    return runtime.readerGone.aborted ? undefined : result;
  });
  expect(code).toBe(0);
});

test('S4: standard input is read once, and a person at a terminal is told', async () => {
  const twice = await play(
    async (runtime) => {
      expect((await runtime.readStdin()).toString()).toBe('text');
      await runtime.readStdin();
      return result;
    },
    {},
    { stdin: 'text' },
  );
  expect(twice.code).toBe(2);
  const terminal = await play(
    async (runtime) => (await runtime.readStdin(), result),
    {},
    { stdin: '', stdinIsTTY: true },
  );
  expect(terminal.world.err()).toContain('Ctrl-D');
});

test('standard input has a limit', async () => {
  const { code } = await play(async (runtime) => (await runtime.readStdin(3), result), {}, { stdin: 'four' });
  expect(code).toBe(2);
});

test('reportError works before there are any flags', async () => {
  const world = fakeWorld([]);
  const code = await reportError(new WxpayError('USAGE' satisfies ErrorCode, { params: { reason: 'r' } }), {
    world,
    t,
    json: true,
    debug: false,
  });
  expect(code).toBe(2);
  expect(lastLine(world.err()).error).toMatchObject({ code: 'USAGE' });
});

test('what comes next is said behind the answer, where a long one does not carry it off, and on stderr', async () => {
  const order: string[] = [];
  const world = fakeWorld([]);
  const watched = {
    ...world,
    stdout: { ...world.stdout, write: (text: string) => (order.push(`out ${text}`), true) },
    stderr: { ...world.stderr, write: (text: string) => (order.push(`err ${text}`), true) },
  };
  const module: CommandModule = { configure: () => {}, run: async () => ({ ...result, afterwards: 'next' }) };
  expect(await runCommand(module, { args: [], options: {} }, { world: watched, t, globals: defaults, run })).toBe(0);
  expect(order).toEqual(['out done\n', 'err next\n']);
});
