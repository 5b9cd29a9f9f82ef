import { describe, expect, test } from 'vitest';
import { entries, findEntry, run } from '../../src/cli/program.ts';
import { fakeWorld, type FakeWorld, type Wishes } from '../helpers/world.ts';

async function typed(line: string, wishes: Wishes = {}): Promise<{ code: number; world: FakeWorld }> {
  const world = fakeWorld(line === '' ? [] : line.split(' '), wishes);
  return { code: await run(world), world };
}

describe('H1: help goes to stdout and is no error', () => {
  test.each([
    [''],
    ['help'],
    ['--help'],
    ['-h'],
    ['order'],
    ['order --help'],
    ['help order'],
    ['order create --help'],
    ['order create -h'],
    ['help order create'],
    ['--lang en help order create'],
    ['help verify-callback'],
    ['help exit-codes'],
    ['help environment'],
    ['help exit-codes --json'],
    ['--quiet'],
    ['--lang zh-CN'],
    ['--profile help order'],
  ])('wxpay %s', async (line) => {
    const { code, world } = await typed(line);
    expect(world.err()).toBe('');
    expect(code).toBe(0);
    expect(world.out().length).toBeGreaterThan(50);
  });

  test('is the same by either way of asking', async () => {
    const ways = ['help order create', 'order create --help', '--lang en order create -h', 'order create help --help'];
    const [first, ...others] = await Promise.all(ways.map(async (way) => (await typed(way)).world.out()));
    expect(others.slice(0, 2)).toEqual([first, first]);
  });

  test('of a noun lists its verbs, and the bare program every command', async () => {
    const order = (await typed('order')).world.out();
    for (const verb of ['create', 'query', 'close']) expect(order).toContain(verb);
    const all = (await typed('')).world.out();
    for (const entry of entries) expect(all).toContain(entry.path[0]);
  });

  test('topics are made of the tables in code', async () => {
    const codes = (await typed('help exit-codes --json')).world.out();
    expect((JSON.parse(codes) as { code: number }[]).map(({ code }) => code)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 129, 130, 143,
    ]);
    expect((await typed('help environment')).world.out()).toContain('WXPAY_PRIVATE_KEY_FILE');
  });

  test('speaks Chinese when asked', async () => {
    expect((await typed('help exit-codes --lang zh-CN')).world.out()).toMatch(/[\u4e00-\u9fff]/);
    expect((await typed('order --help', { env: { WXPAY_LANG: 'zh-CN' } })).world.out()).toMatch(/[\u4e00-\u9fff]/);
  });
});

describe('X4: a usage error is exit 2, on stderr, with stdout empty', () => {
  test.each([
    ['ordr', 'order'],
    ['order qurey X', 'query'],
    ['topics', 'help topics'],
    ['help topic', 'help topics'],
    ['order qurey --help', 'query'],
    ['help order qurey', 'query'],
    ['help nonsense', 'nonsense'],
    ['nonsense --help', 'nonsense'],
    ['order query --jsn X', '--json'],
    ['--bogus', '--bogus'],
    ['order --bogus', '--bogus'],
    ['order create', '--type'],
    ['order create --type', '--type'],
    ['order create --tpye native', '--tpye'],
    ['completion ksh', '<shell> does not take "ksh"'],
    ['order close', 'out_trade_no'],
    ['order close A_000001 B_000001', 'more arguments'],
    ['order query X -o xml', 'table, json, ndjson, csv'],
    ['order query X --color maybe', 'always, never, auto'],
    ['order query X --timeout soon', '--timeout'],
    ['order query X --timeout 0', '--timeout'],
    ['order query X --retries -1', '--retries'],
    ['order query X --retries 99', 'from 0 to 20'],
    ['order query X --json=3', '--json takes no value'],
  ])('wxpay %s', async (line, names) => {
    const { code, world } = await typed(line);
    expect(code).toBe(2);
    expect(world.out()).toBe('');
    expect(world.err()).toContain(names);
    expect(world.err().trimEnd().split('\n').length).toBeLessThanOrEqual(4);
  });

  test.each(['--json ordr', 'ordr --json', '-o json ordr', 'ordr --output=json', 'ordr -o ndjson'])(
    'wxpay %s ends stderr with one JSON line',
    async (line) => {
      const { world } = await typed(line);
      const { error } = JSON.parse(world.err().trimEnd().split('\n').at(-1) ?? '') as { error: object };
      expect(error).toMatchObject({ code: 'USAGE', exit_code: 2, outcome: 'not_sent' });
    },
  );

  test('in the language that the command line asks for', async () => {
    expect((await typed('ordr --lang zh-CN')).world.err()).toMatch(/[\u4e00-\u9fff]/);
    expect((await typed('order query X -o xml --lang=zh-CN')).world.err()).not.toContain('Allowed choices');
  });

  test('A1: what was typed is shown, not obeyed', async () => {
    const world = fakeWorld(['\u001b[2Jordr\u202e']);
    expect(await run(world)).toBe(2);
    expect(world.err()).not.toMatch(/[\u001b\u202e]/);
  });
});

describe('E1: a secret on the command line is refused and not repeated', () => {
  const canary = 'CANARY-0123456789abcdef';
  test.each([
    ['order', 'query', 'X', `--api-v3-key=${canary}`],
    ['order', 'query', 'X', '--api-v3-key', canary],
    ['profile', 'add', 'x', `--private-key=${canary}`],
    ['certs', 'download', '--passphrase', canary],
    [`--api-v3-key=${canary}`, 'order', 'query', 'X'],
  ])('%s %s %s %s', async (...argv) => {
    const world = fakeWorld(argv);
    expect(await run(world)).toBe(2);
    expect(world.err()).not.toContain(canary);
    expect(world.err()).toMatch(/secret|argument/);
    expect(world.out()).toBe('');
  });
});

describe('findEntry', () => {
  test.each([
    ['order create', 'order create'],
    ['--json order create', 'order create'],
    ['--profile order order query', 'order query'],
    ['-o json order close', 'order close'],
    ['order --verbose create', 'order create'],
    ['sign GET /v3', 'sign'],
    ['verify-callback order create', 'verify-callback'],
    ['order', undefined],
    ['', undefined],
    ['-- order create', undefined],
  ])('%s is %s', (line, path) => {
    expect(findEntry(line === '' ? [] : line.split(' '))?.path.join(' ')).toBe(path);
  });
});

test('--version is the version, wherever it stands', async () => {
  for (const line of ['--version', '-V', '--json --version']) expect((await typed(line)).world.out()).toBe('9.9.9\n');
});

test('every command has examples, in both languages', async () => {
  for (const lang of ['en', 'zh-CN'])
    for (const { path } of entries) {
      const { code, world } = await typed(`${path.join(' ')} --help`, { env: { WXPAY_LANG: lang }, columns: 200 });
      expect(code).toBe(0);
      // `wxpay refund <no>` is `wxpay refund create <no>`.
      expect(world.out()).toContain(`  wxpay ${path[0]}`);
    }
});

test('an exception before any command runs is a bug, and no crash', async () => {
  const world = { ...fakeWorld(['order', 'query', 'X']), systemLocale: () => 'en' };
  Object.defineProperty(world, 'env', {
    get: () => ({
      WXPAY_LANG: 'en',
      get WXPAY_PROFILE(): string {
        throw new Error('boom');
      },
    }),
  });
  expect(await run(world)).toBe(1);
  expect(world.err()).toContain('boom');
  expect(world.err()).not.toContain('    at ');
});
