/** `wxpay refund batch`: a file of refunds; checked first, carried out once, whatever happens. */
import { setMaxListeners } from 'node:events';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { maxFen, parseAmount } from '../../../core/money.ts';
import type { Transport } from '../../../core/ports.ts';
import { applyPlan, readerGone, waitForFinals, type Applied } from '../../../operations/refund-batch/apply.ts';
import { readJournal, withJournal, type Journal } from '../../../operations/refund-batch/journal.ts';
import type { Outcomes } from '../../../operations/refund-batch/outcomes.ts';
import {
  parseBatch,
  type BatchEncoding,
  type BatchFormat,
  type ParsedBatch,
} from '../../../operations/refund-batch/parse.ts';
import { planBatch, type BatchIdentity, type BatchPlan } from '../../../operations/refund-batch/plan.ts';
import {
  failureOf,
  reportRow,
  reportRows,
  summarise,
  type ReportRow,
} from '../../../operations/refund-batch/report.ts';
import {
  loadPlan,
  savedPlanStart,
  savePlan,
  type BatchExtras,
  type SavedPlan,
} from '../../../operations/refund-batch/saved-plan.ts';
import { parseShard, type Shard } from '../../../operations/refund-batch/shard.ts';
import { requireKeyPart } from '../../../operations/refund-number.ts';
import { liveRefundIntervals } from '../../../operations/refund.ts';
import type { Party } from '../../../operations/order.ts';
import { safeText } from '../../../output/safe-text.ts';
import { shellQuote } from '../../../output/shell.ts';
import type { Result } from '../../../output/view.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { CommandInput, CommandModule, Globals, Runtime } from '../../command.ts';
import { parseDuration } from '../../duration.ts';
import { examples } from '../../help.ts';
import { partyOf, requireValue } from '../../party.ts';
import { baseUrlOf } from '../../../profiles/base-url.ts';
import { confirmBatch, guardBatch, type BatchLimits } from './batch-confirm.ts';
import {
  journalIdentityOf,
  journalPath,
  linesOf,
  openBatchFile,
  unresolvedElsewhere,
  type BatchFile,
} from './batch-files.ts';
import { openProgress } from './batch-progress.ts';
import { appendJobSummary, csvHead, csvRow, faultAnnotation, rowAnnotations, writeReport } from './batch-report.ts';
import { faultBlocks, faultText, meaningOf, planBlocks, reportBlocks } from './batch-view.ts';
import { ownJournal } from './refund-journal.ts';

/** After the first signal, what is under way gets so long to come to its end (THREATS G9). */
const finishMs = 30_000;
/** JSON on stdout lists so many rows; a report file has all of them. */
const maxListed = 10_000;

export const command: CommandModule = {
  graceMs: finishMs + 5_000,
  needsReader: true,

  configure(command: Command, t) {
    command
      .argument('[file]', t('batch.argument.file'))
      .option('--plan', t('batch.option.plan'))
      .option('--out <file>', t('batch.option.out'))
      .option('--template', t('batch.option.template'))
      .option('--expect-total <amount>', t('batch.option.expect_total'))
      .option('--max-total <amount>', t('batch.option.max_total'))
      .option('--max-count <n>', t('batch.option.max_count'))
      .option('--report <file>', t('batch.option.report'))
      .option('--wait', t('batch.option.wait'))
      .option('--for <duration>', t('batch.option.for'))
      .option('--fail-fast', t('batch.option.fail_fast'))
      .option('--shard <i/n>', t('batch.option.shard'))
      .option('--batch-id <id>', t('batch.option.batch_id'))
      .option('--reason <text>', t('batch.option.reason'))
      .option('--notify-url <url>', t('refund.option.notify_url'))
      .option('--funds-account <account>', t('refund.option.funds_account'))
      .option('--concurrency <n>', t('batch.option.concurrency'))
      .option('--rate <n>', t('batch.option.rate'))
      .option('--failure-rate <n>', t('batch.option.failure_rate'))
      .option('--spacing <duration>', t('batch.option.spacing'))
      .option('--journal <file>', t('batch.option.journal'))
      .option('--encoding <name>', t('batch.option.encoding'))
      .option('--format <name>', t('batch.option.format'))
      .option('--allow-hundredth', t('batch.option.allow_hundredth'))
      .option('--no-annotations', t('batch.option.no_annotations'));
    examples(command, t, [
      'batch.example.template',
      'batch.example.plan',
      'batch.example.apply',
      'batch.example.saved',
      'batch.example.ci',
    ]);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    if (options['template'] === true) return templateResult(runtime);
    const wanted = readOptions(args[0], options);
    const profile = await runtime.profile();
    const batch = await openBatch(wanted, profile, runtime);
    const { parsed, identity } = batch;
    if (parsed.recognised) runtime.note('batch.note.encoding', { encoding: parsed.encoding });
    if (runtime.globals.dryRun) return dryResult(batch, runtime);
    if (parsed.faults.count > 0) return faultResult(identity, parsed.faults, wanted, runtime);
    const path = await placeOf(wanted, batch, runtime);
    if (wanted.plan) return planOnly(wanted, batch, path, profile, runtime);
    if (path === undefined)
      throw new WxpayError('INPUT_MISSING', {
        params: { field: '--journal', flag: '--journal', variable: '<file>' },
        outcome: 'not_sent',
      });
    const limits = limitsOf(wanted, batch);
    const { count, fen } = parsed.rows;
    await guardBatch(runtime, profile, { count, fen, mchid: identity.mchid }, limits);
    let begun = false;
    return withJournal(
      {
        path,
        identity: journalIdentityOf(identity),
        clock: runtime.clock,
        lock: {
          pid: runtime.pid,
          platform: runtime.platform,
          isAlive: (pid) => runtime.isAlive(pid),
          signal: runtime.signal,
        },
        randomName: () => runtime.randomBytes(12).toString('hex'),
      },
      async (journal) => {
        begun = true;
        try {
          return await carryOut(wanted, batch, journal, profile, runtime);
        } finally {
          // Nothing was begun: no file is left behind.
          if (journal.size === 0) await removeQuietly(path);
        }
      },
    ).catch((error: unknown) => {
      throw error instanceof WxpayError && !begun ? error.with({ outcome: 'not_sent' }) : error;
    });
  },
};

interface Wanted {
  readonly file: string;
  readonly plan: boolean;
  readonly out: string | undefined;
  readonly expectTotal: number | undefined;
  readonly maxTotal: number | undefined;
  readonly maxCount: number | undefined;
  readonly report: string | undefined;
  readonly wait: boolean;
  readonly forMs: number;
  readonly failFast: boolean;
  readonly shard: Shard | undefined;
  readonly batchId: string;
  readonly reason: string | undefined;
  readonly extras: BatchExtras;
  readonly concurrency: number;
  readonly rate: number;
  readonly failureRate: number;
  readonly spacingMs: number | undefined;
  readonly journal: string | undefined;
  readonly encoding: BatchEncoding | undefined;
  readonly format: BatchFormat | undefined;
  readonly allowHundredth: boolean;
  readonly annotations: boolean;
  /** The same options again, for the command that goes on. */
  readonly again: readonly string[];
  /** What of them the command that carries a plan out needs: without `--batch-id` or `--reason` it would do something else. */
  readonly apply: readonly string[];
}

function readOptions(file: string | undefined, options: CommandInput['options']): Wanted {
  if (file === undefined)
    throw new WxpayError('INPUT_MISSING', {
      params: { field: '<file>' },
      hint: 'batch.hint.no_file',
      outcome: 'not_sent',
    });
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
  const amount = (name: string): number | undefined =>
    text(name) === undefined ? undefined : parseAmount(text(name) ?? '');
  const whole = (name: string, flag: string, low: number, high: number): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,9}$/.test(value) || Number(value) < low || Number(value) > high)
      throw invalid(flag, `${value} ∉ [${low}, ${high}]`);
    return Number(value);
  };
  const oneOf = <T extends string>(name: string, values: readonly T[]): T | undefined => {
    const value = text(name)?.toLowerCase();
    const found = values.find((known) => known === value);
    if (value !== undefined && found === undefined)
      throw new WxpayError('INPUT_INVALID', {
        params: { field: `--${name}`, reason: 'key:reason.not_one_of', values: values.join(', ') },
        outcome: 'not_sent',
      });
    return found;
  };
  const encoding = text('encoding')?.toLowerCase();
  const notify_url = text('notifyUrl');
  const funds_account = text('fundsAccount');
  if (text('out') !== undefined && (options['plan'] !== true || text('shard') !== undefined))
    throw invalid('--out', 'key:batch.reason.out');
  return {
    file,
    plan: options['plan'] === true,
    out: text('out'),
    expectTotal: amount('expectTotal'),
    maxTotal: amount('maxTotal'),
    maxCount: whole('maxCount', '--max-count', 1, 20_000_000),
    report: text('report'),
    wait: options['wait'] === true,
    forMs: parseDuration('--for', text('for') ?? '15m'),
    failFast: options['failFast'] === true,
    shard: text('shard') === undefined ? undefined : parseShard(text('shard') ?? ''),
    batchId: requireKeyPart('batch_id', text('batchId') ?? ''),
    reason: text('reason'),
    extras: {
      ...(notify_url === undefined ? {} : { notify_url }),
      ...(funds_account === undefined ? {} : { funds_account }),
    },
    concurrency: whole('concurrency', '--concurrency', 1, 64) ?? 8,
    rate: whole('rate', '--rate', 1, 100_000) ?? 150,
    failureRate: whole('failureRate', '--failure-rate', 1, 100_000) ?? 6,
    spacingMs: text('spacing') === undefined ? undefined : parseDuration('--spacing', text('spacing') ?? ''),
    journal: text('journal'),
    encoding:
      encoding === 'gbk' || encoding === 'gb2312'
        ? 'gb18030'
        : encoding === 'utf8'
          ? 'utf-8'
          : oneOf('encoding', ['utf-8', 'gb18030']),
    format: oneOf('format', ['csv', 'ndjson']),
    allowHundredth: options['allowHundredth'] === true,
    annotations: options['annotations'] !== false,
    again: flagsOf(options),
    apply: flagsOf({ ...options, plan: undefined, out: undefined, expectTotal: undefined }),
  };
}

/** The options as they would be typed. */
function flagsOf(options: CommandInput['options']): readonly string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === true) return name === 'annotations' ? [] : [flag];
    if (value === false) return [`--no-${name}`];
    return typeof value === 'string' ? [flag, value] : [];
  });
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason }, outcome: 'not_sent' });
}

interface Batch {
  readonly file: BatchFile;
  readonly parsed: ParsedBatch;
  readonly identity: BatchIdentity;
  readonly extras: BatchExtras;
  readonly party: Party;
  readonly saved?: SavedPlan;
}

async function openBatch(wanted: Wanted, profile: ResolvedProfile, runtime: Runtime): Promise<Batch> {
  const party = partyOf(profile);
  const mine = {
    mchid: requireValue(profile, 'mchid'),
    ...(party.kind === 'partner' ? { sub_mchid: party.sub_mchid } : {}),
    base_url: new URL(baseUrlOf(profile)).origin,
  };
  if (profile.live && wanted.rate > 150) throw invalid('--rate', `${wanted.rate} ∉ [1, 150]`);
  if (profile.live && wanted.failureRate > 6) throw invalid('--failure-rate', `${wanted.failureRate} ∉ [1, 6]`);
  const file = await openBatchFile(wanted.file, runtime);
  if (file.start.startsWith(savedPlanStart)) {
    const saved = await loadPlan(linesOf(wanted.file, runtime.cwd), mine);
    if (wanted.batchId !== '' && wanted.batchId !== saved.identity.batch_id)
      throw invalid('--batch-id', 'key:batch.reason.plan_decides');
    for (const [flag, given] of [
      ['--reason', wanted.reason],
      ['--notify-url', wanted.extras.notify_url],
      ['--funds-account', wanted.extras.funds_account],
    ] as const)
      if (given !== undefined) throw invalid(flag, 'key:batch.reason.plan_decides');
    return { file, parsed: saved.parsed, identity: saved.identity, extras: saved.extras, party, saved };
  }
  const parsed = await parseBatch(file.source, {
    ...(wanted.encoding === undefined ? {} : { encoding: wanted.encoding }),
    ...(wanted.format === undefined ? {} : { format: wanted.format }),
    ...(wanted.reason === undefined ? {} : { reason: wanted.reason }),
  });
  const notify_url = wanted.extras.notify_url ?? profile.values.notify_url?.value;
  return {
    file,
    parsed,
    identity: { ...mine, batch_id: wanted.batchId, source: { name: file.name, sha256: parsed.sha256 } },
    extras: { ...wanted.extras, ...(notify_url === undefined ? {} : { notify_url }) },
    party,
  };
}

/** `undefined` for standard input without `--journal`. */
async function placeOf(wanted: Wanted, batch: Batch, runtime: Runtime): Promise<string | undefined> {
  if (wanted.journal !== undefined) return resolve(runtime.cwd, wanted.journal);
  return batch.file.dir === undefined ? undefined : journalPath(batch.file.dir, batch.identity, wanted.shard);
}

async function removeQuietly(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => {});
}

async function lookAhead(
  wanted: Wanted,
  batch: Batch,
  journal: Parameters<typeof planBatch>[0]['journal'],
  transport: Transport,
  runtime: Runtime,
): Promise<BatchPlan> {
  const progress = openProgress(runtime, 'batch.progress.plan');
  try {
    return await planBatch(
      { transport, clock: runtime.clock, ...(journal === undefined ? {} : { journal }) },
      batch.parsed,
      {
        identity: batch.identity,
        party: batch.party,
        ...(wanted.shard === undefined ? {} : { shard: wanted.shard }),
        concurrency: wanted.concurrency,
        rate: Math.max(150, wanted.rate),
        allowHundredth: wanted.allowHundredth || batch.saved !== undefined,
        signal: runtime.signal,
        onProgress: (done, all) => progress.show(done, all),
      },
    );
  } catch (error) {
    progress.end();
    if (runtime.signal.aborted) runtime.warn('batch.note.stopped_before');
    throw error;
  } finally {
    progress.end();
  }
}

async function planOnly(
  wanted: Wanted,
  batch: Batch,
  path: string | undefined,
  profile: ResolvedProfile,
  runtime: Runtime,
): Promise<Result> {
  const transport = await transportOf(wanted, runtime);
  const plan =
    (path === undefined
      ? undefined
      : await readJournal(path, (journal) => lookAhead(wanted, batch, journal, transport, runtime))) ??
    (await lookAhead(wanted, batch, undefined, transport, runtime));
  if (plan.faults.count > 0) return faultResult(batch.identity, plan.faults, wanted, runtime);
  let next: string;
  if (wanted.out !== undefined) {
    const { writeStreamAtomic } = await import('../../../core/durable/stream-file.ts');
    writeStreamAtomic(resolve(runtime.cwd, wanted.out), savePlan(plan, batch.extras), {
      platform: runtime.platform,
      pid: runtime.pid,
      randomName: () => runtime.randomBytes(12).toString('hex'),
    });
    // What the rows say and where they came from is in the saved plan, which refuses to be told otherwise.
    const flags = [
      ...(wanted.journal === undefined ? [] : ['--journal', wanted.journal]),
      ...(profile.live ? ['--yes', '--confirm', batch.identity.mchid] : []),
    ];
    const { yes: _yes, confirm: _confirm, ...globals } = runtime.globals;
    const command = safeText(commandText(wanted.out, flags, globals));
    next = runtime.t('batch.note.saved', { file: safeText(wanted.out), command });
  } else if (plan.tally('send').count === 0) next = runtime.t('batch.note.nothing_left');
  else {
    const flags = [...wanted.apply, ...(batch.saved === undefined ? ['--expect-total', String(plan.file.fen)] : [])];
    next = runtime.t('batch.note.planned', { command: safeText(commandText(wanted.file, flags, runtime.globals)) });
  }
  const rows = plan.rows.count <= maxListed ? { rows: [...planRows(plan)] } : {};
  return {
    data: {
      ...batch.identity,
      ...(plan.shard === undefined ? {} : { shard: plan.shard }),
      file: plan.file,
      send: plan.tally('send'),
      existing: plan.tally('existing'),
      differs: plan.tally('differs'),
      elsewhere: plan.tally('elsewhere'),
      faults: [],
      fault_count: 0,
      ...rows,
    },
    view: planBlocks(plan, runtime.t),
    ...(runtime.globals.quiet ? {} : { afterwards: next }),
    ...(runtime.globals.output === 'ndjson' || runtime.globals.output === 'csv' ? { rows: [...planRows(plan)] } : {}),
  };
}

function* planRows(plan: BatchPlan): Generator<Record<string, unknown>> {
  for (let index = 0; index < plan.rows.count; index += 1) {
    const { line, by, no, ref, fen, reason } = plan.rows.get(index);
    const facts = plan.rows.factsOf(plan.rows.orderOf(index));
    yield {
      line,
      transaction_id: facts?.transaction_id ?? (by === 'transaction_id' ? no : null),
      out_trade_no: by === 'out_trade_no' ? no : null,
      ref,
      out_refund_no: plan.numberOf(index),
      refund: fen,
      total: facts?.total ?? null,
      reason,
      action: plan.actionOf(index),
      difference: plan.differenceOf(index),
      status: plan.existingOf(index)?.status ?? null,
    };
  }
}

/** `--dry-run`: what the file says, and no connection. */
function dryResult({ parsed, identity }: Batch, { t }: Runtime): Result {
  const { rows, faults } = parsed;
  if (faults.count > 0) return faultsOnly(identity, faults, t);
  const planned = { count: rows.count, fen: rows.fen };
  return {
    data: { dry_run: true, ...identity, file: planned, orders: rows.orders, faults: [], fault_count: 0 },
    view: [{ kind: 'text', text: t('batch.text.dry_run', { count: rows.count, orders: rows.orders, fen: rows.fen }) }],
  };
}

function faultsOnly(identity: BatchIdentity, faults: BatchPlan['faults'], t: Runtime['t']): Result {
  const list = faults.list.map((fault) => ({
    line: fault.line,
    column: fault.column ?? null,
    heading: fault.heading ?? null,
    value: fault.value ?? null,
    reason: fault.reason,
    message: faultText(fault, t),
  }));
  return {
    data: { ...identity, faults: list, fault_count: faults.count },
    rows: list,
    view: faultBlocks(faults, t),
    failed: 'BATCH_INVALID',
  };
}

function faultResult(identity: BatchIdentity, faults: BatchPlan['faults'], wanted: Wanted, runtime: Runtime): Result {
  const { t, env, stderr } = runtime;
  if (env['GITHUB_ACTIONS'] === 'true' && wanted.annotations)
    for (const fault of faults.list.slice(0, 10))
      stderr.write(faultAnnotation(identity.source.name, fault, faultText(fault, t)));
  runtime.warn('error.BATCH_INVALID', { count: faults.count });
  return faultsOnly(identity, faults, t);
}

function templateResult({ t }: Runtime): Result {
  const text = `${t('batch.template.heading')}\n${t('batch.template.row')}`;
  const cells = t('batch.template.row').split(',');
  const row = Object.fromEntries(
    t('batch.template.heading')
      .split(',')
      .map((name, at) => [name, cells[at] ?? '']),
  );
  return { data: { template: text }, rows: [row], view: [{ kind: 'verbatim', text }] };
}

/** Room for the questions besides the refunds themselves; the plan and the pace keep their own limits. */
async function transportOf(wanted: Wanted, runtime: Runtime): Promise<Transport> {
  return runtime.transport({ ratePerSecond: wanted.rate + 300 });
}

function limitsOf(wanted: Wanted, batch: Batch): BatchLimits {
  return {
    expectTotal: wanted.expectTotal,
    maxTotal: wanted.maxTotal ?? maxFen,
    maxCount: wanted.maxCount ?? Number.MAX_SAFE_INTEGER,
    saved: batch.saved !== undefined,
  };
}

async function carryOut(
  wanted: Wanted,
  batch: Batch,
  journal: Journal,
  profile: ResolvedProfile,
  runtime: Runtime,
): Promise<Result> {
  const transport = await transportOf(wanted, runtime);
  if (journal.torn > 0) runtime.note('batch.note.torn', { file: journal.path, bytes: journal.torn });
  if (journal.size > 0) runtime.note('batch.note.resuming', { file: journal.path, count: journal.size });
  const plan = await lookAhead(wanted, batch, journal, transport, runtime);
  batch.saved?.requireSame(plan, journal);
  if (plan.faults.count > 0) return faultResult(batch.identity, plan.faults, wanted, runtime);
  await confirmBatch(runtime, profile, plan, journal, limitsOf(wanted, batch));

  const stop = new AbortController();
  const abort = new AbortController();
  const finished = new AbortController();
  setMaxListeners(0, abort.signal, stop.signal);
  const progress = openProgress(runtime, 'batch.progress.apply');
  const onSignal = (): void => {
    // The terminal has written ^C behind the line that is drawn.
    progress.end();
    runtime.warn('batch.note.stopping');
    stop.abort(runtime.signal.reason);
    runtime.clock.sleep(finishMs, finished.signal).then(
      () => abort.abort(runtime.signal.reason),
      () => {},
    );
  };
  const onReaderGone = (): void => stop.abort(readerGone);
  if (runtime.signal.aborted) onSignal();
  runtime.signal.addEventListener('abort', onSignal, { once: true });
  runtime.readerGone.addEventListener('abort', onReaderGone, { once: true });
  const own = await ownJournal(runtime, profile);
  const elsewhere = await unresolvedElsewhere(batch.identity, journal.path, wanted.shard, [own.path]);
  for (const file of elsewhere.journals)
    runtime.warn('batch.warn.unresolved_elsewhere', {
      file,
      command: ['wxpay', 'refund', 'resume', ...(file === own.path ? [] : ['--journal', file])]
        .map(shellQuote)
        .join(' '),
    });

  const all = plan.file.count - plan.tally('elsewhere').count;
  const streamed = openStream(plan, wanted.wait, runtime);
  let done = 0;
  const deps = {
    // Ctrl-C ends no request that is under way; it has its time to come to its end.
    transport: ((request) => transport({ ...request, signal: request.signal ?? abort.signal })) as Transport,
    clock: runtime.clock,
    journal,
  };
  let applied: Applied;
  try {
    applied = await applyPlan(deps, plan, {
      extras: batch.extras,
      concurrency: wanted.concurrency,
      rate: wanted.rate,
      failureRate: wanted.failureRate,
      spacingMs: wanted.spacingMs ?? (profile.live ? 60_000 : 0),
      failFast: wanted.failFast,
      once: profile.live ? {} : { pauses: [100, 200, 400, 800], rounds: 6 },
      stop: stop.signal,
      abort: abort.signal,
      unresolvedOrders: elsewhere.orders,
      onRow: (row, outcomes) => {
        done += 1;
        streamed.onRow(row, outcomes);
        progress.show(done, all, {
          failed: outcomes.tally('failed').count,
          unknown: outcomes.tally('unknown').count,
        });
      },
    });
    if (wanted.wait && !stop.signal.aborted)
      await waitForFinals(deps, plan, applied.outcomes, {
        intervals: profile.live ? liveRefundIntervals : [200, 500, 1_000],
        limitMs: wanted.forMs,
        concurrency: wanted.concurrency,
        signal: stop.signal,
      });
  } finally {
    finished.abort();
    progress.end();
    runtime.signal.removeEventListener('abort', onSignal);
    runtime.readerGone.removeEventListener('abort', onReaderGone);
  }
  streamed.end(applied.outcomes);
  return report(wanted, plan, applied, journal.path, runtime);
}

/** With `-o ndjson` and `-o csv` every row is told when it is done, so that a reader who goes away is noticed. */
function openStream(
  plan: BatchPlan,
  wait: boolean,
  { globals, stdout }: Runtime,
): { onRow(row: number, outcomes: Outcomes): void; end(outcomes: Outcomes): void } {
  const { output } = globals;
  if (output !== 'ndjson' && output !== 'csv') return { onRow: () => {}, end: () => {} };
  const write = (row: number, outcomes: Outcomes): void => {
    const line = reportRow(plan, outcomes, row);
    stdout.write(output === 'csv' ? csvRow(line) : `${JSON.stringify(line)}\n`);
  };
  if (output === 'csv') stdout.write(csvHead());
  return {
    onRow(row, outcomes) {
      if (!wait || outcomes.resultOf(row) !== 'processing') write(row, outcomes);
    },
    end(outcomes) {
      if (!wait) return;
      // What was in progress, and is final or still in progress now.
      for (let row = 0; row < plan.rows.count; row += 1)
        if (outcomes.wasProcessing(row) && plan.actionOf(row) !== 'elsewhere') write(row, outcomes);
    },
  };
}

async function report(
  wanted: Wanted,
  plan: BatchPlan,
  applied: Applied,
  journal: string,
  runtime: Runtime,
): Promise<Result> {
  const { t, globals, env, stderr } = runtime;
  const summary = summarise(plan, applied);
  const rows = (): Iterable<ReportRow> => reportRows(plan, applied.outcomes);
  let unwritten: WxpayError | undefined;
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof WxpayError)) throw error;
      unwritten = error;
      runtime.warn('batch.warn.report_unwritten', {
        file: String(error.params['file'] ?? ''),
        reason: safeText(String(error.params['reason'] ?? error.code)),
      });
    }
  };
  const file = wanted.report;
  if (file !== undefined) attempt(() => writeReport(file, summary, rows, runtime));
  const meaning = (row: ReportRow): string => meaningOf(row, t);
  if (env['GITHUB_ACTIONS'] === 'true') {
    if (wanted.annotations) stderr.write(rowAnnotations(rows(), summary.source.name, t, meaning));
    const page = env['GITHUB_STEP_SUMMARY'];
    if (page !== undefined && page !== '') attempt(() => appendJobSummary(page, summary, rows(), t, meaning));
  }
  const failed = failureOf(summary, wanted.wait) ?? (unwritten === undefined ? undefined : 'BATCH_INCOMPLETE');
  if (summary.stopped !== null) {
    const { stopped } = applied;
    if (stopped?.error !== undefined) stderr.write(await stopText(stopped.error, runtime));
  }
  const again = safeText(againText(wanted, runtime));
  const next =
    summary.unknown.count > 0 || summary.skipped.count > 0 || summary.stopped !== null
      ? t('batch.note.again', { command: again })
      : summary.processing.count > 0 && !wanted.wait && !globals.quiet
        ? t('batch.note.wait', { command: `${again} --wait` })
        : undefined;
  const listed = summary.planned.count <= maxListed;
  const isStreamed = globals.output === 'ndjson' || globals.output === 'csv';
  return {
    data: { ...summary, journal, ...(listed ? { rows: [...rows()] } : { rows_omitted: summary.planned.count }) },
    // What was told row by row is not told again.
    ...(isStreamed ? { rows: [] } : {}),
    view: isStreamed ? [] : reportBlocks(summary, rows(), t),
    ...(next === undefined ? {} : { afterwards: next }),
    ...(failed === undefined ? {} : { failed }),
  };
}

async function stopText(error: WxpayError, { t, stderr }: Runtime): Promise<string> {
  const { renderError, wrapFor } = await import('../../render-error.ts');
  return renderError(error, t, { wrap: await wrapFor(stderr) });
}

/** The command that goes on where this one ended: the very same. */
function againText(wanted: Wanted, { globals }: Runtime): string {
  return commandText(wanted.file, wanted.again, globals);
}

function commandText(
  file: string,
  flags: readonly string[],
  globals: Partial<Pick<Globals, 'profile' | 'baseUrl' | 'allowHost' | 'yes' | 'confirm'>>,
): string {
  const where = [
    ...(globals.profile === undefined ? [] : ['--profile', globals.profile]),
    ...(globals.baseUrl === undefined ? [] : ['--base-url', globals.baseUrl]),
    ...(globals.allowHost === undefined ? [] : ['--allow-host', globals.allowHost]),
    ...(globals.yes === true ? ['--yes'] : []),
    ...(globals.confirm === undefined ? [] : ['--confirm', globals.confirm]),
  ];
  return ['wxpay', 'refund', 'batch', file, ...flags, ...where].map(shellQuote).join(' ');
}
