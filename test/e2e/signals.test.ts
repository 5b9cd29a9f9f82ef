/** Signals and readers that go away, on the built binary. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { binary } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';
import { expectFast, until } from '../helpers/timing.ts';

let local: Local;
beforeAll(async () => {
  local = await startLocal();
});
afterAll(async () => {
  await local.close();
});
afterEach(() => local.emulator.faults.clear());

const create = (no: string, ...more: string[]): string[] => {
  const order = ['--type', 'native', '--description', 'x', '--amount', '1', '--out-trade-no', no];
  return ['order', 'create', ...order, '--notify-url', 'http://127.0.0.1:9/notify', ...more];
};

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly milliseconds: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process with an open, silent standard input, as a terminal's is. */
function start(argv: readonly string[]): { child: ChildProcess; ended: (since: () => number) => Promise<Ended> } {
  const child = spawn(process.execPath, [binary, ...argv], {
    env: { ...local.home.env, ...local.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  return {
    child,
    ended: async (since) => {
      const [code, signal] = await closed;
      return { code, signal, milliseconds: performance.now() - since(), stdout, stderr };
    },
  };
}

/** Sends signals once every fault has struck; where there is none, after the first request. */
async function interrupted(argv: readonly string[], ...signals: readonly NodeJS.Signals[]): Promise<Ended> {
  const before = local.emulator.requests.length;
  const faults = local.emulator.faults.list().length;
  const { child, ended } = start(argv);
  await until(() =>
    faults === 0 ? local.emulator.requests.length > before : local.emulator.faults.list().length === 0,
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  const at = performance.now();
  for (const signal of signals) {
    child.kill(signal);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return ended(() => at);
}

describe('S1, P3: during a stalled request', () => {
  const query = ['order', 'query', 'STALL_0001', '--json'];

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends a read within 500 ms with %i', async (signal, code) => {
    await expectFast(500, async () => {
      local.emulator.faults.clear();
      local.emulator.faults.add({ kind: 'stall' } as never);
      const result = await interrupted(query, signal);
      expect(result).toMatchObject({ code, signal: null, stdout: '' });
      expect(result.stderr).not.toContain('    at ');
      return result.milliseconds;
    });
  });

  test('a write says that its outcome is not known, and which command asks', async () => {
    await expectFast(500, async (attempt) => {
      const no = `STALL_02_${attempt}`;
      local.emulator.faults.add({ kind: 'stall', when: 'after' } as never);
      const result = await interrupted(create(no, '--json'), 'SIGINT');
      expect(result).toMatchObject({ code: 130, stdout: '' });
      expect(result.stderr).toContain(`wxpay order query ${no}`);
      const { error } = JSON.parse(result.stderr.trimEnd().split('\n').at(-1) ?? '') as { error: object };
      expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown', exit_code: 130 });
      local.emulator.faults.clear();
      expect(await local.run(['order', 'query', no])).toMatchObject({ code: 0 });
      return result.milliseconds;
    });
  });

  test('a write whose first try was cut is still unknown when its second is interrupted', async () => {
    local.emulator.faults.add({ kind: 'cut', when: 'after', count: 1 } as never);
    local.emulator.faults.add({ kind: 'stall', when: 'before' } as never);
    const result = await interrupted(create('STALL_0003', '--json'), 'SIGINT');
    expect(result.code).toBe(130);
    expect(result.stderr).toContain('wxpay order query STALL_0003');
  });

  test('a close says the same', async () => {
    await local.run(create('STALL_0004'));
    local.emulator.faults.add({ kind: 'stall', path: '*/close' } as never);
    const result = await interrupted(['order', 'close', 'STALL_0004'], 'SIGINT');
    expect(result.code).toBe(130);
    expect(result.stderr).toContain('wxpay order query STALL_0004');
  });

  test('a second Ctrl-C ends the process at once', async () => {
    await expectFast(500, async () => {
      local.emulator.faults.clear();
      local.emulator.faults.add({ kind: 'stall' } as never);
      const result = await interrupted(query, 'SIGINT', 'SIGINT');
      expect(result.code === 130 || result.signal === 'SIGINT').toBe(true);
      return result.milliseconds;
    });
  });

  test('a watch ends between two looks', async () => {
    await local.run(create('WATCH_0001'));
    await expectFast(500, async () => {
      const result = await interrupted(['order', 'query', 'WATCH_0001', '--watch'], 'SIGINT');
      expect(result).toMatchObject({ code: 130 });
      return result.milliseconds;
    });
  });
});

test('Ctrl-C ends a command that waits for standard input', async () => {
  await expectFast(500, async () => {
    const { child, ended } = start(['verify-callback', '--lang', 'en']);
    // Before the command is there, Node itself ends with the signal.
    await once(child.stderr!, 'data');
    const at = performance.now();
    child.kill('SIGINT');
    const result = await ended(() => at);
    expect(result.code).toBe(130);
    expect(result.stderr).toContain('standard input');
    return result.milliseconds;
  });
});

test('Ctrl-C ends the demo, which leaves nothing behind', async () => {
  const tmp = join(local.home.dir, 'tmp');
  mkdirSync(tmp);
  const child = spawn(process.execPath, [binary, 'demo'], { env: { ...local.home.env, TMPDIR: tmp }, stdio: 'pipe' });
  const closed = once(child, 'close') as Promise<[number | null]>;
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  const [code] = await closed;
  expect(code).toBe(130);
  expect(readdirSync(tmp)).toEqual([]);
});

describe('S3: when the reader goes away', () => {
  const shell = (command: string): Promise<{ stdout: string; stderr: string; codes: string }> =>
    new Promise((resolve) => {
      const child = spawn('bash', ['-c', `${command}; echo "codes \${PIPESTATUS[*]}" >&2`], {
        env: { ...local.home.env, ...local.env, WXPAY: binary, NODE: process.execPath },
      });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      child.on('close', () => resolve({ stdout, stderr, codes: /codes (.*)/.exec(stderr)?.[1] ?? '' }));
    });

  test('a read ends with 0 and says nothing', async () => {
    await local.run(create('PIPE_00001'));
    for (const reader of ['head -1', 'true']) {
      const { stderr, codes } = await shell(`"$NODE" "$WXPAY" order query PIPE_00001 | ${reader}`);
      expect(codes).toBe('0 0');
      expect(stderr.replace(/codes .*\n/, '')).toBe('');
    }
  });

  test('a watch asks no more', async () => {
    await local.run(create('PIPE_00002'));
    const started = performance.now();
    const paying = new Promise((resolve) => setTimeout(resolve, 1_500)).then(() =>
      local.emulator.pay({ order: 'PIPE_00002' }),
    );
    const { codes } = await shell(`"$NODE" "$WXPAY" order query PIPE_00002 --watch -o ndjson | head -c 1`);
    expect(codes).toBe('0 0');
    await paying;
    expect(performance.now() - started).toBeLessThan(15_000);
    const at = local.emulator.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(local.emulator.requests.length).toBe(at);
  });
});
