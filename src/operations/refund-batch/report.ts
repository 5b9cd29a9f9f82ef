/**
 * What became of a batch: every row once, and sums that are counted from these rows and compared with the plan's, so that a
 * report that does not add up says so (THREATS G12).
 */
import { WxpayError, type ErrorCode } from '../../core/errors.ts';
import { isObject } from '../fields.ts';
import type { Applied, Stopped, StopReason } from './apply.ts';
import { rowResults, type Outcomes, type RowResult } from './outcomes.ts';
import type { BatchIdentity, BatchPlan, Tally } from './plan.ts';
import type { Shard } from './shard.ts';

/** One row of a report; the field names are an interface. */
export interface ReportRow {
  readonly line: number;
  /** Null while WeChat Pay's number is not known. */
  readonly transaction_id: string | null;
  /** Null where the row names its order by transaction_id. */
  readonly out_trade_no: string | null;
  readonly ref: string;
  readonly out_refund_no: string;
  /** Fen. */
  readonly amount: number;
  readonly result: RowResult;
  readonly status: string;
  readonly refund_id: string;
  readonly existing: boolean;
  readonly code: string;
  readonly message: string;
  readonly request_id: string;
}

/** The columns of a report, in this order. */
export const reportFields = [
  'line',
  'transaction_id',
  'out_trade_no',
  'ref',
  'out_refund_no',
  'amount',
  'result',
  'status',
  'refund_id',
  'existing',
  'code',
  'message',
  'request_id',
] as const satisfies readonly (keyof ReportRow)[];

export interface BatchSummary {
  readonly mchid: string;
  readonly sub_mchid?: string;
  readonly base_url: string;
  readonly batch_id: string;
  readonly source: { readonly name: string; readonly sha256: string };
  /** Absent: the whole file. */
  readonly shard?: Shard;
  /** All rows of the file, whoever does them. */
  readonly file: Tally;
  /** The rows of this report. */
  readonly planned: Tally;
  readonly succeeded: Tally;
  readonly processing: Tally;
  readonly failed: Tally;
  readonly skipped: Tally;
  /** Rows of which nobody knows: while there are any, nothing adds up. */
  readonly unknown: Tally;
  /** planned = succeeded + processing + failed + skipped, in count and in fen, counted from the rows. */
  readonly reconciled: boolean;
  readonly stopped: { readonly reason: StopReason; readonly code: string } | null;
}

export function* reportRows(plan: BatchPlan, outcomes: Outcomes): Generator<ReportRow> {
  for (let index = 0; index < plan.rows.count; index += 1)
    if (plan.actionOf(index) !== 'elsewhere') yield reportRow(plan, outcomes, index);
}

export function reportRow(plan: BatchPlan, outcomes: Outcomes, index: number): ReportRow {
  const { rows } = plan;
  const { line, by, no, ref, fen } = rows.get(index);
  const { result, status, refund_id, existing, code, message, request_id } = outcomes.get(index);
  return {
    line,
    transaction_id: by === 'transaction_id' ? no : (rows.factsOf(rows.orderOf(index))?.transaction_id ?? null),
    out_trade_no: by === 'out_trade_no' ? no : null,
    ref,
    out_refund_no: plan.numberOf(index),
    amount: fen,
    result,
    status,
    refund_id,
    existing,
    code,
    message,
    request_id,
  };
}

type Tallies = Record<RowResult, { count: number; fen: number }>;

function emptyTallies(): Tallies {
  return Object.fromEntries(rowResults.map((result) => [result, { count: 0, fen: 0 }])) as Tallies;
}

function addTo(tally: { count: number; fen: number }, fen: number): void {
  tally.count += 1;
  tally.fen += fen;
}

function isReconciled(planned: Tally, tallies: Tallies): boolean {
  const parts = [tallies.succeeded, tallies.processing, tallies.failed, tallies.skipped];
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const fen = parts.reduce((sum, part) => sum + part.fen, 0);
  return count === planned.count && fen === planned.fen;
}

/** Counts the rows of a report anew. */
export function summarise(plan: BatchPlan, { outcomes, stopped }: Pick<Applied, 'outcomes' | 'stopped'>): BatchSummary {
  const tallies = emptyTallies();
  for (let row = 0; row < plan.rows.count; row += 1)
    if (plan.actionOf(row) !== 'elsewhere') addTo(tallies[outcomes.resultOf(row)], plan.rows.fenOf(row));
  const elsewhere = plan.tally('elsewhere');
  const planned = { count: plan.file.count - elsewhere.count, fen: plan.file.fen - elsewhere.fen };
  return {
    ...identityOf(plan.identity),
    ...(plan.shard === undefined ? {} : { shard: plan.shard }),
    file: plan.file,
    planned,
    ...tallies,
    reconciled: isReconciled(planned, tallies),
    stopped: stoppedOf(stopped),
  };
}

function identityOf({ mchid, sub_mchid, base_url, batch_id, source }: BatchIdentity): BatchIdentity {
  return { mchid, ...(sub_mchid === undefined ? {} : { sub_mchid }), base_url, batch_id, source };
}

function stoppedOf(stopped: Stopped | undefined): BatchSummary['stopped'] {
  return stopped === undefined ? null : { reason: stopped.reason, code: stopped.code };
}

/**
 * The error code that decides the exit code (DESIGN section 6); `undefined` for a batch that is done.
 *
 * @param waited `--wait`: what is only in progress counts then
 */
export function failureOf(
  summary: Pick<BatchSummary, 'unknown' | 'failed' | 'skipped' | 'processing' | 'reconciled' | 'stopped'>,
  waited: boolean,
): ErrorCode | undefined {
  if (summary.unknown.count > 0) return 'OUTCOME_UNKNOWN';
  if (summary.failed.count > 0 || summary.skipped.count > 0 || !summary.reconciled) return 'BATCH_INCOMPLETE';
  if (summary.stopped?.reason === 'reader_gone' || summary.stopped?.reason === 'journal') return 'BATCH_INCOMPLETE';
  return waited && summary.processing.count > 0 ? 'NOT_FINAL' : undefined;
}

/** A report as one JSON document with a row a line, so that it can be written and read without holding it. */
export function* reportDocument(summary: BatchSummary, rows: Iterable<ReportRow>): Generator<string> {
  yield `${JSON.stringify({ wxpay_batch_report: 1, ...summary }).slice(0, -1)},"rows":[`;
  let first = true;
  for (const row of rows) {
    yield `${first ? '' : ','}\n${JSON.stringify(row)}`;
    first = false;
  }
  yield '\n]}\n';
}

/** A report's lines, from the start, each time it is called. */
export type ReportLines = () => AsyncIterable<string>;

export interface MergeProblem {
  readonly kind:
    | 'foreign'
    | 'shards_differ'
    | 'shard_twice'
    | 'shard_missing'
    | 'row_twice'
    | 'number_twice'
    | 'sums'
    | 'file';
  readonly params: Readonly<Record<string, string | number>>;
}

export interface MergedReport {
  readonly summary: BatchSummary;
  /** Empty: the shards are together the whole file, and every sum holds. */
  readonly problems: readonly MergeProblem[];
  /** The rows of all reports, in the order of the reports. */
  rows(): AsyncIterable<ReportRow>;
}

/** Of each kind. */
const maxProblems = 5;

/**
 * Puts the reports of shards together and counts again: the same batch, every shard once, every line once, every refund number
 * once, and all rows of the file.
 *
 * @throws WxpayError `INPUT_UNREADABLE` for what is no report
 */
export async function mergeReports(
  reports: readonly { readonly name: string; readonly lines: ReportLines }[],
): Promise<MergedReport> {
  const problems: MergeProblem[] = [];
  const problem = (kind: MergeProblem['kind'], params: MergeProblem['params']): void => {
    if (problems.filter((known) => known.kind === kind).length < maxProblems) problems.push({ kind, params });
  };
  const tallies = emptyTallies();
  const heads: { readonly name: string; readonly head: BatchSummary }[] = [];
  const lines = new Set<number>();
  const numbers = new Set<string>();
  for (const { name, lines: read } of reports) {
    let head: BatchSummary | undefined;
    const own = emptyTallies();
    for await (const part of readReport(name, read)) {
      if ('wxpay_batch_report' in part) {
        head = part as unknown as BatchSummary;
        continue;
      }
      const row = part as unknown as ReportRow;
      if (lines.has(row.line)) problem('row_twice', { file: name, line: row.line });
      lines.add(row.line);
      if (row.out_refund_no !== '' && numbers.has(row.out_refund_no))
        problem('number_twice', { file: name, line: row.line, out_refund_no: row.out_refund_no });
      numbers.add(row.out_refund_no);
      addTo(own[row.result], row.amount);
      addTo(tallies[row.result], row.amount);
    }
    if (head === undefined) throw noReport(name);
    for (const result of rowResults)
      if (head[result].count !== own[result].count || head[result].fen !== own[result].fen)
        problem('sums', { file: name, result });
    heads.push({ name, head });
  }
  const first = heads[0];
  if (first === undefined) throw noReport('-');
  checkHeads(heads, problem);
  const planned = rowResults.reduce(
    (sum, result) => ({ count: sum.count + tallies[result].count, fen: sum.fen + tallies[result].fen }),
    { count: 0, fen: 0 },
  );
  // Only what is known of it: a damaged report may say more.
  const file = { count: first.head.file.count, fen: first.head.file.fen };
  if (planned.count !== file.count || planned.fen !== file.fen)
    problem('file', { count: planned.count, fen: planned.fen, of_count: file.count, of_fen: file.fen });
  return {
    summary: {
      ...identityOf(first.head),
      file,
      planned: file,
      ...tallies,
      reconciled: problems.length === 0 && isReconciled(file, tallies),
      stopped: heads.find(({ head }) => head.stopped !== null)?.head.stopped ?? null,
    },
    problems,
    async *rows() {
      for (const { name, lines: read } of reports)
        for await (const part of readReport(name, read))
          if (!('wxpay_batch_report' in part)) yield part as unknown as ReportRow;
    },
  };
}

function checkHeads(
  heads: readonly { readonly name: string; readonly head: BatchSummary }[],
  problem: (kind: MergeProblem['kind'], params: MergeProblem['params']) => void,
): void {
  const [first] = heads;
  if (first === undefined) return;
  const facts = ({ mchid, sub_mchid, base_url, batch_id, source }: BatchSummary): string =>
    JSON.stringify([mchid, sub_mchid ?? '', base_url, batch_id, source.sha256]);
  const of = first.head.shard?.of ?? 1;
  const seen = new Set<number>();
  for (const { name, head } of heads) {
    if (facts(head) !== facts(first.head)) problem('foreign', { file: name, first: first.name });
    if ((head.shard?.of ?? 1) !== of) problem('shards_differ', { file: name, of: head.shard?.of ?? 1, first: of });
    const index = head.shard?.index ?? 1;
    if (seen.has(index)) problem('shard_twice', { file: name, index });
    seen.add(index);
  }
  for (let index = 1; index <= of; index += 1) if (!seen.has(index)) problem('shard_missing', { index, of });
}

/** The head of a report, then its rows. */
async function* readReport(name: string, read: ReportLines): AsyncGenerator<Record<string, unknown>> {
  let head = true;
  let whole = '';
  for await (const line of read()) {
    const text = line.trim();
    if (head && text.endsWith('"rows":[')) {
      yield checked(name, parsed(name, `${text}]}`), 'head');
      head = false;
    } else if (head) {
      // Somebody has laid it out anew: then it must fit into memory.
      whole += `${line}\n`;
      if (whole.length > 64 * 1024 * 1024) throw noReport(name);
    } else if (text === ']}') return;
    else if (text !== '') yield checked(name, parsed(name, text.replace(/,$/, '').replace(/^,/, '')), 'row');
  }
  if (!head) throw noReport(name);
  const document = checked(name, parsed(name, whole), 'head');
  yield document;
  for (const row of document['rows'] as unknown[]) yield checked(name, row, 'row');
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw noReport(name);
  }
}

function checked(name: string, value: unknown, kind: 'head' | 'row'): Record<string, unknown> {
  if (!isObject(value)) throw noReport(name);
  const isTally = (tally: unknown): boolean =>
    isObject(tally) && Number.isSafeInteger(tally['count']) && Number.isSafeInteger(tally['fen']);
  if (kind === 'head') {
    const { source, rows } = value;
    const sound =
      value['wxpay_batch_report'] === 1 &&
      ['mchid', 'base_url', 'batch_id'].every((field) => typeof value[field] === 'string') &&
      isObject(source) &&
      typeof source['sha256'] === 'string' &&
      [...rowResults, 'file', 'planned'].every((field) => isTally(value[field])) &&
      Array.isArray(rows);
    if (!sound) throw noReport(name);
    return value;
  }
  const { line, amount, result, out_refund_no } = value;
  const sound =
    Number.isSafeInteger(line) &&
    Number.isSafeInteger(amount) &&
    typeof out_refund_no === 'string' &&
    (rowResults as readonly unknown[]).includes(result);
  if (!sound) throw noReport(name);
  return value;
}

function noReport(name: string): WxpayError {
  return new WxpayError('INPUT_UNREADABLE', {
    params: { file: name, reason: 'key:batch.reason.no_report' },
    outcome: 'not_sent',
  });
}
