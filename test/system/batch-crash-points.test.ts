/**
 * R2, THREATS 5.3: a batch of twenty rows dies, or its disk fails, at every single call that touches its journal, its folder or
 * the network; and the same command goes on. Each point is tried once: SQLite's loop.
 *
 * strace counts calls per thread. The file work of `node:fs/promises` is made to happen in one thread, so that "the kth call"
 * is the same one each time; the journal's are told from others by path. What the main thread does (making lock and journal,
 * sending and receiving) cannot be told by path: there, one undisturbed run says which calls count.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SeededOrder } from '../../src/emulator/seed.ts';
import type { Report } from '../faults/batch-stage.ts';
import { binary } from '../helpers/cli.ts';
import { startLocal, type Local } from '../helpers/local.ts';

const canTrace =
  process.platform === 'linux' &&
  spawnSync('strace', ['-o', '/dev/null', '-e', 'inject=fsync:error=EIO:when=1', 'true'], { stdio: 'ignore' })
    .status === 0;
if (!canTrace)
  process.stdout.write('skipped: strace is not here or may not trace, so no crash point is enumerated (R2)\n');

let local: Local;
beforeAll(async () => {
  local = await startLocal();
  local.emulator.configureRefunds({ settle_after_ms: 20 });
});
afterAll(async () => {
  await local.close();
});

interface Point {
  readonly dir: string;
  readonly file: string;
  readonly orders: readonly SeededOrder[];
}

let points = 0;
function makePoint(): Point {
  const dir = join(local.home.dir, `point-${(points += 1)}`);
  mkdirSync(dir);
  const orders = local.emulator.seed({ count: 20, total: 1_000 });
  const file = join(dir, 'r.csv');
  const rows = orders.map(({ transaction_id }) => `${transaction_id},100`);
  writeFileSync(file, `transaction_id,amount_fen\n${rows.join('\n')}\n`);
  return { dir, file, orders };
}

interface Ended {
  readonly code: number | undefined;
  readonly killed: boolean;
}

/** Under strace: which of its calls are looked at, and what is done to one of them. */
async function traced({ file }: Point, log: string, options: readonly string[]): Promise<Ended> {
  const result = await execa('strace', ['-f', '-y', '-o', log, ...options, process.execPath, ...argv(file)], {
    env: { ...local.home.env, ...local.env, UV_THREADPOOL_SIZE: '1' },
    extendEnv: false,
    reject: false,
  });
  // Node itself aborts when `close` fails, which is as good as a kill.
  return { code: result.exitCode, killed: result.signal === 'SIGKILL' || result.signal === 'SIGABRT' };
}

const ofJournal = ({ file }: Point): readonly string[] => [
  '-P',
  `${file}.journal`,
  '-P',
  `${file}.journal.lock`,
  '-e',
  `trace=${calls.join(',')}`,
];
const ofMainThread = (): readonly string[] => ['-e', `trace=${[...mainCalls, 'pwrite64'].join(',')}`];

const calls = [
  'openat',
  'pwrite64',
  'write',
  'fdatasync',
  'fsync',
  'rename',
  'link',
  'unlink',
  'ftruncate',
  'close',
] as const;
/** What the main thread does itself; `writev` is a refund that leaves, `read` an answer that comes. */
const mainCalls = ['write', 'writev', 'read', 'fsync', 'rename', 'link', 'unlink'] as const;
type Call = (typeof calls)[number] | (typeof mainCalls)[number];
const argv = (file: string): string[] => [binary, 'refund', 'batch', file, '--json', '--concurrency', '1'];

const timesRefunded = (orders: readonly SeededOrder[]): number[] => {
  const found = new Map<string, number>();
  for (const { transaction_id } of local.emulator.ledger().refunds)
    found.set(transaction_id, (found.get(transaction_id) ?? 0) + 1);
  return orders.map(({ transaction_id }) => found.get(transaction_id) ?? 0);
};

/** What is wrong after a point; it is left by the same command, run once more. */
async function faultsOf(point: Point, ended: Ended, name: string, mayBeDone: boolean): Promise<readonly string[]> {
  const faults: string[] = [];
  if (timesRefunded(point.orders).some((times) => times > 1)) faults.push(`${name}: refunded twice`);
  if (!ended.killed && ended.code === 0 && !mayBeDone) faults.push(`${name}: failed silently`);
  const anything = timesRefunded(point.orders).some((times) => times > 0);
  if (!ended.killed && ![0, 3, 9, ...(anything ? [] : [2, 7])].includes(ended.code ?? -1))
    faults.push(`${name}: exit ${ended.code}`);
  // Nothing is made known to WeChat Pay that the journal does not know.
  const journal = existsSync(`${point.file}.journal`) ? readFileSync(`${point.file}.journal`, 'latin1') : '';
  for (const { out_refund_no, transaction_id } of local.emulator.ledger().refunds)
    if (
      point.orders.some((order) => order.transaction_id === transaction_id) &&
      !journal.includes(`"${out_refund_no}"`)
    )
      faults.push(`${name}: ${out_refund_no} without an intent`);
  const again = await local.run(argv(point.file).slice(1));
  if (again.code !== 0) faults.push(`${name}: the resume is exit ${again.code}: ${again.stderr}`);
  else {
    const report = JSON.parse(again.stdout) as Report;
    if (!report.reconciled || report.rows.length !== 20) faults.push(`${name}: the report does not add up`);
  }
  if (timesRefunded(point.orders).some((times) => times !== 1)) faults.push(`${name}: not every row once`);
  return faults;
}

interface Tried {
  readonly tried: number;
  readonly struck: number;
  readonly faults: readonly string[];
}

/** Tries every point in a folder of its own, two at a time. */
async function enumerate(
  points: readonly { readonly call: Call; readonly k: number }[],
  filter: (point: Point) => readonly string[],
  injection: (call: Call, k: number) => string,
  mayBeDone: (call: Call) => boolean,
): Promise<Tried> {
  const todo = [...points];
  const faults: string[] = [];
  let struck = 0;
  const hand = async (): Promise<void> => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      const { call, k } = next;
      const point = makePoint();
      const log = join(point.dir, 'strace.log');
      const inject = injection(call, k);
      const ended = await traced(point, log, [...filter(point), '-e', inject]);
      const hit = ended.killed || readFileSync(log, 'utf8').includes('(INJECTED)');
      if (hit) struck += 1;
      faults.push(...(await faultsOf(point, ended, inject, !hit || mayBeDone(call))));
    }
  };
  await Promise.all([hand(), hand()]);
  return { tried: points.length, struck, faults };
}

const say = (what: string, { struck, tried }: Tried): void => {
  process.stdout.write(`${what}: ${struck} of ${tried} points hit\n`);
};

describe.skipIf(!canTrace)('a batch of twenty rows', () => {
  /** Every call that touches the journal or its lock in one undisturbed run, by the thread that does it most. */
  const journalPoints: { call: Call; k: number }[] = [];
  /** The calls of the main thread that touch the folder or a socket, counted among all calls of that name. */
  const mainPoints: { call: Call; k: number }[] = [];

  beforeAll(async () => {
    // The first run fetches certificates; it is not the one to count.
    const first = makePoint();
    expect((await local.run(argv(first.file).slice(1))).code).toBe(0);

    const point = makePoint();
    const log = join(point.dir, 'strace.log');
    expect((await traced(point, log, ofJournal(point))).code).toBe(0);
    const most = new Map<Call, number>();
    const perThread = new Map<string, number>();
    for (const { thread, call } of callsOf(log)) {
      if (!(calls as readonly string[]).includes(call)) continue;
      const count = (perThread.get(`${thread} ${call}`) ?? 0) + 1;
      perThread.set(`${thread} ${call}`, count);
      most.set(call as Call, Math.max(most.get(call as Call) ?? 0, count));
    }
    for (const [call, count] of most) for (let k = 1; k <= count; k += 1) journalPoints.push({ call, k });
    process.stdout.write(`calls that touch the journal: ${[...most].map((entry) => entry.join(' ')).join(', ')}\n`);
    // An intent a row; its outcome goes with the next one.
    expect(most.get('pwrite64')).toBeGreaterThanOrEqual(20);
    expect(most.get('fdatasync')).toBeGreaterThanOrEqual(20);

    const other = makePoint();
    const otherLog = join(other.dir, 'strace.log');
    expect((await traced(other, otherLog, ofMainThread())).code).toBe(0);
    mainPoints.push(...mainPointsOf(otherLog, other.dir));
    const counts = new Map<Call, number>();
    for (const { call } of mainPoints) counts.set(call, (counts.get(call) ?? 0) + 1);
    process.stdout.write(`calls of the main thread: ${[...counts].map((entry) => entry.join(' ')).join(', ')}\n`);
    expect(counts.get('writev')).toBeGreaterThanOrEqual(20);
  });

  test('killed at every call that touches its journal', { timeout: 900_000 }, async () => {
    const result = await enumerate(
      journalPoints,
      ofJournal,
      (call, k) => `inject=${call}:signal=SIGKILL:when=${k}`,
      () => true,
    );
    say('SIGKILL, journal', result);
    expect(result.faults).toEqual([]);
    expect(result.struck).toBeGreaterThanOrEqual(40);
  });

  test('killed at every call that sends, receives, or makes its files', { timeout: 900_000 }, async () => {
    const result = await enumerate(
      mainPoints,
      ofMainThread,
      (call, k) => `inject=${call}:signal=SIGKILL:when=${k}`,
      () => true,
    );
    say('SIGKILL, main thread', result);
    expect(result.faults).toEqual([]);
    expect(result.struck).toBeGreaterThanOrEqual(60);
  });

  test.each([
    ['pwrite64', 'ENOSPC'],
    ['pwrite64', 'EDQUOT'],
    ['fdatasync', 'EIO'],
  ] as const)('every %s of the journal fails with %s', { timeout: 600_000 }, async (call, error) => {
    const result = await enumerate(
      journalPoints.filter((candidate) => candidate.call === call),
      ofJournal,
      (_, k) => `inject=${call}:error=${error}:when=${k}`,
      () => false,
    );
    say(`${call} ${error}`, result);
    expect(result.faults).toEqual([]);
    expect(result.struck).toBeGreaterThanOrEqual(20);
  });

  test('every other call for the journal fails', { timeout: 600_000 }, async () => {
    const result = await enumerate(
      journalPoints.filter(({ call }) => call !== 'pwrite64' && call !== 'fdatasync'),
      ofJournal,
      (call, k) => `inject=${call}:error=EIO:when=${k}`,
      // Looking for what an earlier run left, closing and unlocking may fail without a consequence.
      (call) => call === 'openat' || call === 'close' || call === 'unlink',
    );
    say('EIO, journal', result);
    expect(result.faults).toEqual([]);
    expect(result.struck).toBeGreaterThanOrEqual(4);
  });

  test('every refund fails to leave, and every file fails to be made', { timeout: 600_000 }, async () => {
    const result = await enumerate(
      mainPoints.filter(({ call }) => call !== 'read' && call !== 'write'),
      ofMainThread,
      (call, k) => `inject=${call}:error=${call === 'writev' ? 'ECONNRESET' : 'EIO'}:when=${k}`,
      // A refund that did not leave is sent again by the same run; the temporary name of the lock may stay.
      (call) => call === 'writev' || call === 'unlink',
    );
    say('errors, main thread', result);
    expect(result.faults).toEqual([]);
    expect(result.struck).toBeGreaterThanOrEqual(20);
  });
});

/** The calls of a log, in their order. */
function* callsOf(log: string): Generator<{ readonly thread: string; readonly call: string; readonly what: string }> {
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, thread, call, what] = /^(\d+) +(\w+)\((.*)$/.exec(line) ?? [];
    if (thread !== undefined && call !== undefined) yield { thread, call, what: what ?? '' };
  }
}

/**
 * Which calls of the main thread work on the folder or on a socket, counted among all of their name. Sending and receiving
 * count once there is a journal: before that no refund can have been sent. How often a pipe between threads is read and
 * written differs from run to run, so that of these two all calls from the first to the last are taken.
 */
function mainPointsOf(log: string, dir: string): { readonly call: Call; readonly k: number }[] {
  const points: { call: Call; k: number }[] = [];
  const counts = new Map<string, number>();
  const ranges = new Map<Call, readonly [number, number]>();
  let main: string | undefined;
  let sending = false;
  for (const { thread, call, what } of callsOf(log)) {
    main ??= thread;
    if (call === 'pwrite64') sending = true;
    if (thread !== main) continue;
    const k = (counts.get(call) ?? 0) + 1;
    counts.set(call, k);
    const mine = mainCalls.find((known) => known === call);
    if (mine === undefined || !(what.includes('socket:') ? sending : what.includes(dir))) continue;
    if (mine === 'read' || mine === 'write') ranges.set(mine, [ranges.get(mine)?.[0] ?? k, k]);
    else points.push({ call: mine, k });
  }
  for (const [call, [first, last]] of ranges) for (let k = first; k <= last; k += 1) points.push({ call, k });
  return points;
}
