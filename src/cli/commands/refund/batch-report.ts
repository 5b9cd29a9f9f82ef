/** Reports of batches: as a file, and for GitHub Actions (CLI-MANNERS S9). */
import { appendFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { writeStreamAtomic } from '../../../core/durable/stream-file.ts';
import { fileUnwritable } from '../../../core/durable/system-error.ts';
import {
  reportDocument,
  reportFields,
  type BatchSummary,
  type ReportRow,
} from '../../../operations/refund-batch/report.ts';
import { csvField } from '../../../output/csv.ts';
import { formatFen } from '../../../output/money.ts';
import { safeText } from '../../../output/safe-text.ts';
import type { MessageKey, Translate } from '../../../i18n/translate.ts';
import type { RowFault } from '../../../operations/refund-batch/parse.ts';
import type { Runtime } from '../../command.ts';

type Files = Pick<Runtime, 'cwd' | 'platform' | 'pid' | 'randomBytes' | 't'>;

/** How a report looks, by the file's name: `.json`, `.ndjson`, `.csv`; anything else is text with tabs. Mode 0600. */
export function writeReport(
  file: string,
  summary: BatchSummary,
  rows: () => Iterable<ReportRow>,
  runtime: Files,
): void {
  writeStreamAtomic(resolve(runtime.cwd, file), piecesOf(file, summary, rows, runtime.t), {
    platform: runtime.platform,
    pid: runtime.pid,
    randomName: () => runtime.randomBytes(12).toString('hex'),
  });
}

function* piecesOf(
  file: string,
  summary: BatchSummary,
  rows: () => Iterable<ReportRow>,
  t: Translate,
): Generator<string> {
  if (/\.json$/i.test(file)) yield* reportDocument(summary, rows());
  else if (/\.(?:ndjson|jsonl)$/i.test(file)) for (const row of rows()) yield `${JSON.stringify(row)}\n`;
  else if (/\.csv$/i.test(file)) {
    yield csvHead();
    for (const row of rows()) yield csvRow(row);
  } else {
    for (const line of summaryLines(summary, t)) yield `${line}\n`;
    yield `\n${reportFields.join('\t')}\n`;
    for (const row of rows()) yield `${reportFields.map((field) => safeText(String(row[field] ?? ''))).join('\t')}\n`;
  }
}

export function csvHead(): string {
  return `${reportFields.join(',')}\r\n`;
}

/** No cell is a formula (THREATS A4). */
export function csvRow(row: ReportRow): string {
  return `${reportFields.map((field) => csvField(row[field] ?? '')).join(',')}\r\n`;
}

/** Count and sum of each result, for people. */
export function summaryLines(summary: BatchSummary, t: Translate): readonly string[] {
  return (['planned', 'succeeded', 'processing', 'failed', 'skipped', 'unknown'] as const).map(
    (name) => `${t(`batch.result.${name}`)}: ${summary[name].count} (${formatFen(summary[name].fen)})`,
  );
}

const maxAnnotations = 10;

/** A fault of the file as an annotation, on stderr. */
export function faultAnnotation(source: string, fault: RowFault, text: string): string {
  const where = fault.line === 0 ? '' : `,line=${fault.line}`;
  return `::error file=${property(source)}${where},title=wxpay::${escaped(text)}\n`;
}

/** Rows as annotations: on stderr, where they hide nothing of the answer; at most ten, the rest as a number. */
export function rowAnnotations(
  rows: Iterable<ReportRow>,
  source: string,
  t: Translate,
  meaning: (row: ReportRow) => string,
): string {
  const lines: string[] = [];
  let more = 0;
  for (const row of rows) {
    if (row.result !== 'failed' && row.result !== 'unknown') continue;
    if (lines.length >= maxAnnotations) {
      more += 1;
      continue;
    }
    const title = t('batch.github.title', { result: t(`batch.result.${row.result}`), line: row.line });
    lines.push(`::error file=${property(source)},line=${row.line},title=${property(title)}::${escaped(meaning(row))}`);
  }
  if (more > 0) lines.push(`::error title=wxpay::${escaped(t('batch.github.more', { count: more }))}`);
  return lines.map((line) => `${line}\n`).join('');
}

function escaped(text: string): string {
  return safeText(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return escaped(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

const maxSummaryRows = 100;

/** Appends the report to the page of the job. @throws `FILE_UNWRITABLE` */
export function appendJobSummary(
  file: string,
  summary: BatchSummary,
  rows: Iterable<ReportRow>,
  t: Translate,
  meaning: (row: ReportRow) => string,
): void {
  const title: MessageKey = summary.reconciled ? 'batch.title.report' : 'batch.title.unreconciled';
  const lines = [`## ${markdown(t(title, { source: summary.source.name }))}`, ''];
  lines.push(`| | ${t('batch.label.count')} | ${t('batch.label.amount')} |`, '| --- | ---: | ---: |');
  for (const name of ['planned', 'succeeded', 'processing', 'failed', 'skipped', 'unknown'] as const)
    lines.push(`| ${t(`batch.result.${name}`)} | ${summary[name].count} | ${formatFen(summary[name].fen)} |`);
  const bad: string[] = [];
  let more = 0;
  for (const row of rows) {
    if (row.result === 'succeeded' || row.result === 'processing') continue;
    if (bad.length >= maxSummaryRows) more += 1;
    else
      bad.push(
        `| ${row.line} | ${markdown(row.out_trade_no ?? row.transaction_id ?? '')} | ${markdown(row.out_refund_no)} | ${formatFen(row.amount)} | ${t(`batch.result.${row.result}`)} | ${markdown(meaning(row))} |`,
      );
  }
  if (bad.length > 0) {
    const heads = ['line', 'order', 'out_refund_no', 'amount', 'result', 'why'] as const;
    lines.push(
      '',
      `| ${heads.map((name) => t(`batch.label.${name}`)).join(' | ')} |`,
      `|${' --- |'.repeat(6)}`,
      ...bad,
    );
    if (more > 0) lines.push('', t('batch.github.more', { count: more }));
  }
  try {
    appendFileSync(file, `${lines.join('\n')}\n\n`, { mode: 0o600 });
  } catch (error) {
    throw fileUnwritable(file, error);
  }
}

/** Foreign text in a table of Markdown: nothing of it is markup. */
function markdown(text: string): string {
  return safeText(text).replaceAll(/[\\`*_{}[\]()#+!|<>&~]/g, (char) => `&#${char.charCodeAt(0)};`);
}
