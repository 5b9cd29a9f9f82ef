import stringWidth from 'string-width';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startLocal, type Local } from '../helpers/local.ts';
import { onTerminal, plain } from './terminal.ts';

let local: Local;
let env: Readonly<Record<string, string>> = {};
beforeAll(async () => {
  local = await startLocal();
  env = { ...local.home.env, ...local.env };
  // A number at the terminal's end would be cut first: the longest values that are allowed.
  await local.run([...create('ZH_0000001'), '--attach', '附加数据'.repeat(10)]);
  await local.emulator.pay({ order: 'ZH_0000001' });
});
afterAll(async () => {
  await local.close();
});
afterEach(() => local.emulator.faults.clear());

const create = (no: string, description = 'Coffee'): string[] => [
  'order',
  'create',
  '--type',
  'native',
  '--description',
  description,
  '--amount',
  '1234',
  '--out-trade-no',
  no,
  '--notify-url',
  'http://127.0.0.1:9/notify',
];
const blocks = /[▀▄█]/;

describe('P4: order create ends on a terminal of', () => {
  test.each([0, 1, 20, 80, 200])('%i columns', async (columns) => {
    const session = onTerminal(create(`COLS_${String(columns).padStart(4, '0')}`), env, { columns });
    const { code, milliseconds } = await session.ended;
    expect(code).toBe(0);
    expect(milliseconds).toBeLessThan(10_000);
    expect(session.output().length).toBeLessThan(50_000);
    expect(plain(session.output()).replaceAll(/\s/g, '')).toContain('weixin://');
  });
});

describe('Q1: the QR code', () => {
  test('is drawn at 80 columns, dark on light whatever the theme', async () => {
    const session = onTerminal(create('QR_0000001'), env, { columns: 80 });
    expect((await session.ended).code).toBe(0);
    const rows = plain(session.output())
      .split('\n')
      .filter((line) => blocks.test(line));
    expect(rows.length).toBeGreaterThanOrEqual(15);
    expect(new Set(rows.map((row) => stringWidth(row.trimEnd()) <= 80))).toEqual(new Set([true]));
    expect(session.output()).toMatch(/\u001b\[(?:[\d;]*;)?(?:30|38|40|47|48|97|107)/);
  });

  test('is left out where it does not fit, and the link stays', async () => {
    for (const size of [{ columns: 20 }, { columns: 80, rows: 10 }]) {
      const session = onTerminal(create('QR_0000002'), env, size);
      expect((await session.ended).code).toBe(0);
      expect(plain(session.output())).not.toMatch(blocks);
    }
  });
});

describe('O9: Chinese at 80 columns', () => {
  const straight = (output: string): void => {
    const lines = plain(output).split('\n');
    for (const line of lines) expect([line, stringWidth(line) <= 80]).toEqual([line, true]);
    for (const run of tables(lines)) expect(new Set(run.map((line) => stringWidth(line))).size).toBe(1);
  };
  /** Runs of lines that begin with a frame. */
  const tables = (lines: readonly string[]): string[][] => {
    const runs: string[][] = [];
    for (const [index, line] of lines.entries()) {
      if (!/^[┌│├└╭╰]/.test(line)) continue;
      if (index > 0 && /^[┌│├└╭╰]/.test(lines[index - 1] ?? '')) runs.at(-1)?.push(line);
      else runs.push([line]);
    }
    return runs;
  };

  test.each([
    [
      'an order with a long description',
      [...create('ZH_0000002', '深圳腾大形象店'.repeat(15)), '--attach', '附加数据'.repeat(10)],
    ],
    ['its query', ['order', 'query', 'ZH_0000001']],
    ['the exit codes', ['help', 'exit-codes']],
    ['the variables', ['help', 'environment']],
    ['the keys', ['certs', 'list']],
    ['the help', ['order', 'create', '--help']],
  ])('%s keeps every line within the terminal and every table straight', async (_what, argv) => {
    const session = onTerminal([...argv, '--lang', 'zh-CN'], env, { columns: 80 });
    expect((await session.ended).code).toBe(0);
    expect(session.output()).toMatch(/[\u4e00-\u9fff]/);
    straight(session.output());
  });

  test('no character of an order is lost', async () => {
    const session = onTerminal(['order', 'query', 'ZH_0000001', '--lang', 'zh-CN'], env, { columns: 80 });
    expect((await session.ended).code).toBe(0);
    const text = plain(session.output()).replaceAll(/[\s│]/g, '');
    expect(text).toContain('ZH_0000001');
    expect(text).toContain('附加数据'.repeat(10));
  });
});

describe('P3: Ctrl-C on a terminal', () => {
  test('ends a stalled request within 500 ms with 130, and leaves the cursor visible', async () => {
    local.emulator.faults.add({ kind: 'stall' } as never);
    const session = onTerminal(['order', 'query', 'STALL_0001'], env, { columns: 80 });
    while (local.emulator.faults.list().length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    // Long enough for the spinner to be there.
    await new Promise((resolve) => setTimeout(resolve, 800));
    const at = performance.now();
    session.pty.write('\u0003');
    expect((await session.ended).code).toBe(130);
    expect(performance.now() - at).toBeLessThan(500);
    const hidden = session.output().lastIndexOf('\u001b[?25l');
    expect(hidden === -1 || session.output().lastIndexOf('\u001b[?25h') > hidden).toBe(true);
  });

  test('ends a command that waits for somebody to type', async () => {
    const session = onTerminal(['verify-callback'], env, { columns: 80 });
    await session.until('Ctrl-D');
    session.pty.write('\u0003');
    expect((await session.ended).code).toBe(130);
  });

  test('ends a question with 130', async () => {
    const session = onTerminal(['profile', 'add'], { ...local.home.env }, { columns: 80 });
    await session.until('?');
    session.pty.write('\u0003');
    expect((await session.ended).code).toBe(130);
    expect(plain(session.output())).not.toContain('    at ');
  });
});

describe('C1: colour', () => {
  test.each([
    [{}, [], true],
    [{ NO_COLOR: '1' }, [], false],
    [{ NO_COLOR: '1' }, ['--color', 'always'], true],
    [{}, ['--no-color'], false],
    [{ TERM: 'dumb' }, [], false],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, [], true],
  ])('with %j and %j is on: %s', async (variables, flags, on) => {
    const session = onTerminal(['order', 'query', 'ZH_0000001', ...flags], { ...env, ...variables }, { columns: 80 });
    expect((await session.ended).code).toBe(0);
    expect(/\u001b\[[\d;]*m/.test(session.output())).toBe(on);
  });
});

test('A1, A2: nothing that WeChat Pay sends is obeyed by a terminal', async () => {
  const attach = 'x\u202e\u200b\u{e0041}y';
  const session = onTerminal([...create('BIDI_00001'), '--attach', attach], env, { columns: 80 });
  await session.ended;
  for (const flags of [[], ['--json'], ['--debug']]) {
    const query = onTerminal(['order', 'query', 'BIDI_00001', ...flags], env, { columns: 80 });
    expect((await query.ended).code).toBe(0);
    expect(query.output()).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u{e0000}-\u{e007f}]/u);
  }
});
