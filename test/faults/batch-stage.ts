/** A file of refunds, an emulator that misbehaves, and the judge that compares ledger, journal, report and exit code. */
import { spawn } from 'node:child_process';
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseBaseUrl } from '../../src/core/http/base-url.ts';
import { createTransport, type ComposedTransport } from '../../src/core/http/compose.ts';
import { createKeyRing } from '../../src/core/keys/keyring.ts';
import { createSigner } from '../../src/core/wire/authorization.ts';
import type { FaultInput } from '../../src/emulator/faults.ts';
import type { LedgerEntry } from '../../src/emulator/refunds.ts';
import { readJournal, type RefundState } from '../../src/operations/refund-batch/journal.ts';
import type { BatchSummary, ReportRow } from '../../src/operations/refund-batch/report.ts';
import { deriveRefundNo } from '../../src/operations/refund-number.ts';
import { binary, type RunResult } from '../helpers/cli.ts';
import { realClock, startLocal, type Local } from '../helpers/local.ts';

/** A row, and what must become of it. */
export interface Wanted {
  readonly line: number;
  readonly transaction_id: string;
  readonly out_trade_no: string;
  readonly cells: string;
  readonly fen: number;
  readonly out_refund_no: string;
  /** Rows that WeChat Pay refuses, whatever we do. */
  readonly refused: boolean;
}

export interface Stage {
  readonly local: Local;
  readonly dir: string;
  readonly file: string;
  readonly rows: readonly Wanted[];
  readonly report: string;
  /** The journal's path, once there is one. */
  journal(): string | undefined;
  run(more?: readonly string[]): Promise<RunResult>;
  /** Starts the batch and kills it after `ms`; the result when it was faster. */
  killAfter(ms: number, more?: readonly string[]): Promise<Killed>;
  /** Starts the batch and, after `ms`, sends it a signal, or goes away as the reader of its output; waits for its end. */
  endAfter(ms: number, how: Ending, more?: readonly string[]): Promise<Ended>;
  /** The journal's states, by number. */
  states(): Promise<ReadonlyMap<string, RefundState>>;
  /** What is wrong with the ledger: nothing, if each row was refunded once. */
  doubles(): readonly string[];
  lost(): readonly string[];
  close(): Promise<void>;
}

export interface Killed {
  /** Absent when the process ended by itself. */
  readonly result?: RunResult;
  readonly killed: boolean;
}

export type Ending = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'EPIPE';

export interface Ended extends RunResult {
  /** It came to its end by the signal itself: nothing listened yet. */
  readonly signal: NodeJS.Signals | null;
}

export interface StageOptions {
  /** Orders with one row each; every sixth order has two rows more. */
  readonly orders: number;
  /** Adds an order that was refunded by other means already. */
  readonly withRefused?: boolean;
  readonly flags?: readonly string[];
  /** What the processes have besides in their environment. */
  readonly env?: NodeJS.ProcessEnv;
}

export const head = 'transaction_id,out_trade_no,amount_fen,reason,ref';

export async function openStage(options: StageOptions): Promise<Stage> {
  const local = await startLocal();
  local.emulator.configureRefunds({ settle_after_ms: 50 });
  const seeds = local.emulator.seed({ count: options.orders, total: 10_000 });
  const { mchid } = local.info;
  const rows: Wanted[] = [];
  const add = (order: (typeof seeds)[number], fen: number, ref: string, refused = false): void => {
    const { transaction_id, out_trade_no } = order;
    const byOther = rows.length % 3 === 2;
    const names = byOther ? `,${out_trade_no}` : `${transaction_id},`;
    rows.push({
      line: rows.length + 2,
      transaction_id,
      out_trade_no,
      cells: `${names},${fen},商品已售完,${ref}`,
      fen,
      out_refund_no: deriveRefundNo({ mchid, transactionId: transaction_id, ref }),
      refused,
    });
  };
  for (const [index, order] of seeds.entries()) {
    if (index % 6 === 5) for (const ref of ['a', 'b', 'c']) add(order, 1_000 + index, ref);
    else add(order, 2_000 + index, '');
  }
  const dir = local.home.dir;
  if (options.withRefused === true) {
    const [order] = local.emulator.seed({ count: 1, total: 777 });
    if (order === undefined) throw new Error('no order');
    const done = await local.run(['refund', order.out_trade_no, '--all', '--out-refund-no', 'BY_OTHER_MEANS']);
    if (done.code !== 0) throw new Error(done.stderr);
    add(order, 700, '', true);
  }
  const file = join(dir, 'refunds.csv');
  writeFileSync(file, `${[head, ...rows.map(({ cells }) => cells)].join('\n')}\n`);
  const report = join(dir, 'report.json');
  const argv = [
    'refund',
    'batch',
    file,
    '--json',
    '--quiet',
    '--report',
    report,
    '--timeout',
    '0.6',
    '--failure-rate',
    '10000',
    ...(options.flags ?? []),
  ];
  const journal = (): string | undefined => {
    const name = readdirSync(dir).find((candidate) => candidate.endsWith('.journal'));
    return name === undefined ? undefined : join(dir, name);
  };
  const start = (more: readonly string[]): { child: ReturnType<typeof spawn>; done: Promise<RunResult> } => {
    const child = spawn(process.execPath, [binary, ...argv, ...more], {
      env: { ...local.home.env, ...local.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out[0] += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (out[1] += chunk.toString()));
    const done = new Promise<RunResult>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve({ code: code ?? undefined, stdout: out[0] ?? '', stderr: out[1] ?? '' }));
    });
    return { child, done };
  };
  const entriesOf = (row: Wanted): readonly LedgerEntry[] =>
    local.emulator.ledger().refunds.filter((entry) => entry.out_refund_no === row.out_refund_no);
  return {
    local,
    dir,
    file,
    rows,
    report,
    journal,
    run: async (more = []) => start(more).done,
    async killAfter(ms, more = []) {
      const { child, done } = start(more);
      const timer = setTimeout(() => child.kill('SIGKILL'), ms);
      const result = await done;
      clearTimeout(timer);
      return child.signalCode === 'SIGKILL' ? { killed: true } : { killed: false, result };
    },
    async endAfter(ms, how, more = []) {
      const { child, done } = start(more);
      const timer = setTimeout(() => (how === 'EPIPE' ? child.stdout?.destroy() : child.kill(how)), ms);
      const result = await done;
      clearTimeout(timer);
      return { ...result, signal: child.signalCode };
    },
    async states() {
      const path = journal();
      const found = new Map<string, RefundState>();
      if (path === undefined) return found;
      await readJournal(path, async (reader) => {
        for (const row of rows) {
          const state = reader.stateOf(row.out_refund_no);
          if (state !== undefined) found.set(row.out_refund_no, state);
        }
      });
      return found;
    },
    doubles() {
      const wanted = new Map(rows.map((row) => [row.out_refund_no, row]));
      const seen = new Set<string>(['BY_OTHER_MEANS']);
      return local.emulator.ledger().refunds.flatMap(({ out_refund_no, amount, transaction_id }) => {
        if (out_refund_no === 'BY_OTHER_MEANS') return [];
        const row = wanted.get(out_refund_no);
        const faults = [
          ...(row === undefined ? [`${out_refund_no} is nobody's`] : []),
          ...(seen.has(out_refund_no) ? [`${out_refund_no} twice`] : []),
          ...(row !== undefined && row.fen !== amount ? [`${out_refund_no}: ${amount} for ${row.fen}`] : []),
          ...(row !== undefined && row.transaction_id !== transaction_id ? [`${out_refund_no}: other order`] : []),
          ...(row?.refused === true ? [`${out_refund_no} should have been refused`] : []),
        ];
        seen.add(out_refund_no);
        return faults;
      });
    },
    lost: () =>
      rows.filter((row) => !row.refused && entriesOf(row).length === 0).map((row) => `line ${row.line} has no refund`),
    close: async () => local.close(),
  };
}

/** A bare client of the emulator's merchant, in this process. */
export function clientOf({ info }: Local): ComposedTransport {
  return createTransport({
    baseUrl: parseBaseUrl(info.url),
    signer: createSigner({
      mchid: info.mchid,
      serialNo: info.serial_no,
      privateKey: createPrivateKey(readFileSync(info.private_key_file)),
    }),
    keyRing: createKeyRing({
      publicKeys: [
        {
          id: info.platform_serial_no ?? '',
          kind: 'platform-certificate',
          publicKey: new X509Certificate(readFileSync(info.platform_certificate_file ?? '')).publicKey,
        },
      ],
      clock: realClock,
    }),
    clock: realClock,
    nonce: () => randomBytes(16).toString('hex').toUpperCase(),
    random: Math.random,
    env: {},
    userAgent: 'wxpay-test',
    acceptLanguage: 'en',
    retries: 0,
    timeouts: { total: 400, firstByte: 400 },
    ratePerSecond: 1e6,
  });
}

/** At least three in ten refund requests, and some of the questions, go wrong. Every decision comes from the seed. */
export function misbehave(local: Local, seed: number): void {
  const post = { method: 'POST', path: '/v3/refund/domestic/refunds' } as const;
  const query = { method: 'GET', path: '/v3/refund/domestic/refunds/*' } as const;
  const order = { method: 'GET', path: '/v3/pay/transactions/*' } as const;
  const faults: readonly FaultInput[] = [
    { ...post, kind: 'status', status: 500, when: 'before', probability: 0.04 },
    { ...post, kind: 'status', status: 500, when: 'after', probability: 0.05 },
    { ...post, kind: 'status', status: 502, when: 'after', probability: 0.02 },
    { ...post, kind: 'status', status: 429, when: 'before', retry_after: 0, probability: 0.02 },
    { ...post, kind: 'cut', when: 'before', probability: 0.04 },
    { ...post, kind: 'cut', when: 'after', probability: 0.04 },
    { ...post, kind: 'truncate', probability: 0.03 },
    { ...post, kind: 'stall', when: 'after', probability: 0.02 },
    { ...post, kind: 'late-commit', ms: 250, hang_up: true, probability: 0.05 },
    { ...post, kind: 'signature', variant: 'wrong', probability: 0.03 },
    { ...post, kind: 'signature', variant: 'probe', probability: 0.02 },
    { ...post, kind: 'replay-other', probability: 0.02 },
    { ...query, kind: 'status', status: 500, when: 'before', probability: 0.05 },
    { ...query, kind: 'cut', when: 'before', probability: 0.04 },
    { ...query, kind: 'signature', variant: 'missing', probability: 0.03 },
    { ...order, kind: 'status', status: 500, when: 'before', probability: 0.03 },
    { ...order, kind: 'cut', when: 'before', probability: 0.03 },
    // Time between journal and answer, for the killer to hit.
    { ...post, kind: 'latency', ms: 60, when: 'after', probability: 0.5 },
  ];
  for (const [index, fault] of faults.entries()) local.emulator.faults.add({ ...fault, seed: seed + index });
}

export interface Report extends BatchSummary {
  readonly rows: readonly ReportRow[];
}

export function readReport(file: string): Report | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : undefined;
}

/** What is wrong with a report of a run that came to its end: against the rows, the ledger, the journal and the exit code. */
export async function reportFaults(stage: Stage, { code, stdout }: RunResult): Promise<readonly string[]> {
  const report = readReport(stage.report);
  if (report === undefined) return ['there is no report'];
  const faults: string[] = [];
  const shown = JSON.parse(stdout) as Report;
  if (JSON.stringify(shown.rows) !== JSON.stringify(report.rows)) faults.push('stdout and report differ');
  const states = await stage.states();
  const ledger = new Map(stage.local.emulator.ledger().refunds.map((entry) => [entry.out_refund_no, entry]));
  const sums: Record<string, { count: number; fen: number }> = {};
  if (report.rows.length !== stage.rows.length) faults.push(`${report.rows.length} rows of ${stage.rows.length}`);
  for (const [index, row] of stage.rows.entries()) {
    const told = report.rows[index];
    if (told === undefined) continue;
    const sum = (sums[told.result] ??= { count: 0, fen: 0 });
    sum.count += 1;
    sum.fen += told.amount;
    const entry = ledger.get(row.out_refund_no);
    const state = states.get(row.out_refund_no);
    const name = `line ${row.line}`;
    if (told.line !== row.line || told.out_refund_no !== row.out_refund_no || told.amount !== row.fen)
      faults.push(`${name} is told as another row`);
    const done = told.result === 'succeeded' || told.result === 'processing';
    if (done && (entry === undefined || entry.refund_id !== told.refund_id))
      faults.push(`${name} is told, and not done`);
    if (done && state !== 'final' && state !== 'pending') faults.push(`${name}: journal says ${state ?? 'nothing'}`);
    if (told.result === 'unknown' && state !== 'open')
      faults.push(`${name} is unknown, journal says ${state ?? 'nothing'}`);
    // Nothing was sent for a skipped row, by no run; and what was refused has not happened.
    if ((told.result === 'skipped' || told.result === 'failed') && entry !== undefined)
      faults.push(`${name} is told as ${told.result}, and done`);
  }
  for (const result of ['succeeded', 'processing', 'failed', 'skipped', 'unknown'] as const) {
    const sum = sums[result] ?? { count: 0, fen: 0 };
    if (sum.count !== report[result].count || sum.fen !== report[result].fen)
      faults.push(`the sum of ${result} is wrong`);
  }
  const counted = report.unknown.count === 0;
  if (report.reconciled !== counted) faults.push(`reconciled is ${report.reconciled}`);
  const wanted = report.unknown.count > 0 ? 8 : report.failed.count + report.skipped.count > 0 ? 9 : 0;
  if (code !== wanted) faults.push(`exit ${code}, not ${wanted}`);
  return faults;
}
