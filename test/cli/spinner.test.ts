import { spawn } from '@lydell/node-pty';
import { build } from 'esbuild';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SpinnerOptions, withSpinner } from '../../src/cli/spinner.ts';
import type { Clock } from '../../src/core/ports.ts';
import { expectFast } from '../helpers/timing.ts';

/** A clock that a test moves by hand; sleepers wake in order. */
function heldClock(): Clock & { advance(milliseconds: number): Promise<void> } {
  let time = 0;
  let sleepers: { at: number; wake: () => void }[] = [];
  return {
    now: () => time,
    monotonic: () => time,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        sleepers.push({ at: time + milliseconds, wake: resolve });
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
    async advance(milliseconds) {
      time += milliseconds;
      const due = sleepers.filter((sleeper) => sleeper.at <= time);
      sleepers = sleepers.filter((sleeper) => sleeper.at > time);
      for (const sleeper of due) sleeper.wake();
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    },
  };
}

function collector(facts: { isTTY?: boolean; columns?: number } = {}): SpinnerOptions['stream'] & { text: string } {
  return {
    text: '',
    write(text) {
      this.text += text;
    },
    ...facts,
  };
}

describe('off a terminal', () => {
  test('P1: says nothing of work shorter than ten seconds, then one line, then one every thirty', async () => {
    const clock = heldClock();
    const stream = collector();
    let finish = (): void => {};
    const work = withSpinner('Asking\u001b[2J', () => new Promise<void>((resolve) => (finish = resolve)), {
      stream,
      clock,
      colorLevel: 0,
      env: {},
    });
    await clock.advance(9_999);
    expect(stream.text).toBe('');
    await clock.advance(1);
    expect(stream.text).toBe('Asking\\x1b[2J\n');
    await clock.advance(29_999);
    expect(stream.text).toBe('Asking\\x1b[2J\n');
    await clock.advance(1);
    expect(stream.text).toBe('Asking\\x1b[2J\n'.repeat(2));
    finish();
    await work;
  });

  test.each([
    ['--quiet', { quiet: true }],
    ['a terminal of 19 columns', { stream: collector({ isTTY: true, columns: 19 }) }],
    ['CI', { env: { CI: 'true' }, stream: collector({ isTTY: true, columns: 80 }) }],
    ['TERM=dumb', { env: { TERM: 'dumb' }, stream: collector({ isTTY: true, columns: 80 }) }],
    ['WXPAY_ACCESSIBLE', { env: { WXPAY_ACCESSIBLE: '1' }, stream: collector({ isTTY: true, columns: 80 }) }],
  ])('A6: shows no frame with %s', async (_, facts: Partial<SpinnerOptions>) => {
    const clock = heldClock();
    const options: SpinnerOptions = { stream: collector(), clock, colorLevel: 1, env: {}, ...facts };
    let finish = (): void => {};
    const work = withSpinner('Asking', () => new Promise<void>((resolve) => (finish = resolve)), options);
    await clock.advance(5_000);
    finish();
    await work;
    expect((options.stream as ReturnType<typeof collector>).text).toBe('');
  });

  test('returns what the work returns and throws what it throws', async () => {
    const options = { stream: collector(), clock: heldClock(), colorLevel: 0, env: {} } as const;
    expect(await withSpinner('Asking', async () => 42, options)).toBe(42);
    await expect(withSpinner('Asking', () => Promise.reject(new Error('broken')), options)).rejects.toThrow('broken');
  });
});

describe('on a terminal', () => {
  let dir = '';
  let script = '';

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'wxpay-spinner-'));
    script = join(dir, 'spinner.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL('spinner-script.ts', import.meta.url))],
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.18',
      outfile: script,
    });
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  interface Ending {
    readonly code: number;
    readonly signal: number | undefined;
    readonly text: string;
    /** Milliseconds from Ctrl-C to the end. */
    readonly afterInterrupt: number;
  }

  function run(args: readonly string[], { columns = 80, interrupt = false } = {}): Promise<Ending> {
    return new Promise((resolve) => {
      // A pty is not made with 0 columns, but it can be told so.
      const command = columns > 0 ? 'exec "$0" "$@"' : 'stty cols 0; exec "$0" "$@"';
      const child = spawn('/bin/sh', ['-c', command, process.execPath, script, ...args], {
        cols: columns > 0 ? columns : 80,
        rows: 24,
        env: { PATH: process.env['PATH'], TERM: 'xterm-256color', LANG: 'C.UTF-8' },
      });
      let text = '';
      let interruptedAt = 0;
      child.onData((data) => {
        text += data;
        if (interrupt && interruptedAt === 0 && text.includes('正在请求')) {
          interruptedAt = performance.now();
          child.write('\u0003');
        }
      });
      child.onExit(({ exitCode, signal }) => {
        resolve({ code: exitCode, signal, text, afterInterrupt: performance.now() - interruptedAt });
      });
    });
  }

  test('P2: work quicker than 300 ms shows nothing but its answer', async () => {
    const { code, text } = await run(['50']);
    expect(text).toBe('answer\r\n');
    expect(code).toBe(0);
  });

  test('slower work shows a spinner, sanitised, and leaves the line clean', async () => {
    const { code, text } = await run(['900']);
    expect(text).toContain('正在请求 api.mch.weixin.qq.com \\x1b[2J');
    expect(text).not.toContain('\u001b[2J');
    expect(text).not.toContain('\u001b[?25l');
    expect(text).toMatch(/\u001b\[0K(?:\u001b\[\?2026l)?answer\r\n$/);
    expect(code).toBe(0);
  });

  test.each(['handled', 'plain'])('P3: Ctrl-C ends it at once and never takes the cursor away (%s)', async (manner) => {
    await expectFast(500, async () => {
      const { code, signal, text, afterInterrupt } = await run(['20000', manner], { interrupt: true });
      expect(manner === 'handled' ? code : signal).toBe(manner === 'handled' ? 130 : 2);
      expect(text).not.toContain('\u001b[?25l');
      return afterInterrupt;
    });
  });

  test.each([0, 1, 20])('P4: ends normally on a terminal of %i columns', async (columns) => {
    const { code, text } = await run(['900'], { columns });
    expect(code).toBe(0);
    expect(text).toContain('answer');
    expect(text.length).toBeLessThan(5_000);
  });
});
