/** What needs a real terminal is in commands/profile/terminal.test.ts. */
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Interrupted } from '../../src/cli/interrupt.ts';
import { createPrompts, type PromptWorld } from '../../src/cli/prompts.ts';
import { WxpayError } from '../../src/core/errors.ts';

function worldOf(more: Partial<PromptWorld> & { stdinTTY?: boolean; stderrTTY?: boolean } = {}) {
  const { stdinTTY = true, stderrTTY = true, ...rest } = more;
  const stdin = Object.assign(new PassThrough(), { isTTY: stdinTTY });
  let shown = '';
  const world: PromptWorld = {
    stdin,
    stderr: {
      isTTY: stderrTTY,
      columns: 80,
      write: (text) => {
        shown += text;
        return true;
      },
    },
    env: {},
    json: false,
    ...rest,
  };
  return { world, stdin, shown: () => shown };
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => expect.fail('nothing was thrown'),
    (error: unknown) => error,
  );
}

describe('I1: a person can be asked', () => {
  test.each([
    [true, 'on a terminal', {}],
    [true, 'with CI=0', { env: { CI: '0' } }],
    [true, 'with CI empty', { env: { CI: '' } }],
    [false, 'with input from a pipe', { stdinTTY: false }],
    [false, 'with stderr in a file', { stderrTTY: false }],
    [false, 'with -o json', { json: true }],
    [false, 'in CI', { env: { CI: 'true' } }],
    [false, 'with WXPAY_NO_INPUT', { env: { WXPAY_NO_INPUT: '1' } }],
    [false, 'on a dumb terminal', { env: { TERM: 'dumb' } }],
  ])('%s %s', (expected, _, world) => {
    expect(createPrompts(worldOf(world).world).canPrompt).toBe(expected);
  });

  test('a question where nobody can be asked is a bug of the caller, and never waits', async () => {
    const prompts = createPrompts(worldOf({ stdinTTY: false }).world);
    for (const work of [prompts.confirm({ message: 'x' }), prompts.input({ message: 'x' })])
      expect(await failureOf(work)).toMatchObject({ code: 'INTERNAL' });
  });
});

describe('a question', () => {
  /** Does `work` once the question is there: what is typed before inquirer is loaded would be lost. */
  async function whenShown(shown: () => string, text: string, work: () => void): Promise<void> {
    while (!shown().includes(text)) await new Promise((resolve) => setTimeout(resolve, 5));
    work();
  }

  test('is written to stderr, and its control characters are shown', async () => {
    const { world, stdin, shown } = worldOf();
    void whenShown(shown, 'Really', () => stdin.write('y\r'));
    expect(await createPrompts(world).confirm({ message: 'Really\u001b[2J' })).toBe(true);
    expect(shown()).toContain(String.raw`Really\x1b[2J`);
  });

  test('of a secret shows a mask, and Ctrl-T does not lift it', async () => {
    const { world, stdin, shown } = worldOf();
    void whenShown(shown, 'Key', () => stdin.write('CANARY')).then(() =>
      whenShown(shown, '******', () => {
        stdin.write('\u0014');
        stdin.write('\r');
      }),
    );
    expect(await createPrompts(world).secret({ message: 'Key' })).toBe('CANARY');
    expect(shown()).not.toContain('CANARY');
  });

  test('that the end of input meets is an error of its kind', async () => {
    for (const [ask, code] of [
      ['confirm', 'CONFIRMATION_DECLINED'],
      ['input', 'INPUT_MISSING'],
    ] as const) {
      const { world, stdin, shown } = worldOf();
      void whenShown(shown, 'Question', () => stdin.end());
      expect(await failureOf(createPrompts(world)[ask]({ message: 'Question' }))).toMatchObject({
        code,
        outcome: 'not_sent',
      });
    }
  });

  test('ends with the signal that ended it', async () => {
    const interrupt = new AbortController();
    const { world, shown } = worldOf({ signal: interrupt.signal });
    void whenShown(shown, 'Question', () => interrupt.abort(new Interrupted('SIGTERM')));
    const error = await failureOf(createPrompts(world).confirm({ message: 'Question' }));
    expect(error).toBeInstanceOf(Interrupted);
    expect((error as Interrupted).signal).toBe('SIGTERM');
    expect(await failureOf(createPrompts(world).confirm({ message: 'x' }))).not.toBeInstanceOf(WxpayError);
  });

  test('select gives the value of the chosen line', async () => {
    const { world, stdin, shown } = worldOf();
    void whenShown(shown, 'First', () => stdin.write('\u001b[B\r'));
    const choices = [
      { value: 'a', name: 'First' },
      { value: 'b', name: 'Second' },
    ] as const;
    expect(await createPrompts(world).select({ message: 'Which', choices })).toBe('b');
  });
});
