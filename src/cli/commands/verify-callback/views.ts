/** What people read of a verdict: the steps of one callback, or the sum of many. */
import type { MessageKey, Translate } from '../../../i18n/translate.ts';
import type { CaptureOrigin } from '../../../operations/callback/capture/capture.ts';
import type { Judged, Summary } from '../../../operations/callback/tally.ts';
import type { CallbackReport } from '../../../operations/callback/verify.ts';
import { isObject } from '../../../operations/fields.ts';
import { formatFen } from '../../../output/money.ts';
import { describeRefundState, describeState } from '../../../output/states.ts';
import type { Block, Cell, DetailRow } from '../../../output/view.ts';
import { failureText } from './failure-text.ts';

/** The steps of one callback, what failed, and what it says when nothing did. */
export function reportBlocks(report: CallbackReport, t: Translate): readonly Block[] {
  const marks = {
    passed: { text: `✓ ${t('callback.passed')}`, tone: 'good' },
    failed: { text: `✗ ${t('callback.failed')}`, tone: 'bad' },
    skipped: { text: `- ${t('callback.skipped')}`, tone: 'dim' },
    not_judged: { text: `- ${t('callback.not_judged')}`, tone: 'dim' },
  } as const;
  const blocks: Block[] = [
    {
      kind: 'details',
      title: t(report.verdict === 'valid' ? 'callback.title.valid' : 'callback.title.invalid'),
      rows: report.steps.map(({ step, result }) => ({ label: t(`callback.step.${step}`), value: marks[result] })),
    },
  ];
  if (report.failure !== undefined) {
    const { message, hint } = failureText(report.failure, t);
    blocks.push({ kind: 'text', text: message, tone: 'bad' }, { kind: 'text', text: hint });
  }
  for (const remark of report.remarks)
    blocks.push({ kind: 'text', text: t(`callback.remark.${remark}`), tone: 'warn' });
  if (report.resource !== undefined)
    blocks.push(
      { kind: 'details', title: clip(report.envelope?.event_type ?? ''), rows: resourceRows(report.resource, t) },
      { kind: 'verbatim', text: JSON.stringify(report.resource, (_, value: unknown) => shortened(value, t), 2) },
    );
  return blocks;
}

/** More than this of one string tells nobody more. Programs get all of it. */
const longest = 1_000;

function shortened(value: unknown, t: Translate): unknown {
  if (typeof value !== 'string' || value.length <= longest) return value;
  return `${value.slice(0, 100)}… ${t('callback.shortened', { length: value.length })}`;
}

function clip(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 99)}…`;
}

/** Amounts and states in words; the whole resource follows as JSON. */
function resourceRows(resource: Record<string, unknown>, t: Translate): readonly DetailRow[] {
  const rows: DetailRow[] = [];
  for (const field of ['out_trade_no', 'transaction_id', 'out_refund_no', 'refund_id'] as const)
    if (typeof resource[field] === 'string') rows.push({ label: field, value: clip(resource[field]) });
  const { trade_state: tradeState, refund_status: refundStatus } = resource;
  const label = t('order.label.state');
  if (typeof tradeState === 'string') rows.push({ label, value: describeState(clip(tradeState), t) });
  if (typeof refundStatus === 'string') rows.push({ label, value: describeRefundState(clip(refundStatus), t) });
  const amount = isObject(resource['amount']) ? resource['amount'] : {};
  for (const field of ['total', 'refund', 'payer_total'] as const)
    if (typeof amount[field] === 'number') rows.push({ label: `amount.${field}`, value: formatFen(amount[field]) });
  // APIv2 has its amounts side by side, as text.
  for (const [field, value] of Object.entries(resource))
    if (/(?:^|_)fee$/.test(field) && typeof value === 'string' && /^\d{1,15}$/.test(value))
      rows.push({ label: field, value: formatFen(Number(value)) });
  return rows;
}

/** The sum of many: counts, why, and the first of them; those that failed before those that did not. */
export function summaryBlocks(summary: Summary, listed: readonly Judged[], t: Translate): readonly Block[] {
  const { captures, valid, invalid, unreadable, other_lines: otherLines } = summary;
  const rows: DetailRow[] = [
    { label: t('callback.label.valid'), value: { text: String(valid), tone: valid > 0 ? 'good' : 'plain' } },
    { label: t('callback.label.invalid'), value: { text: String(invalid), tone: invalid > 0 ? 'bad' : 'plain' } },
  ];
  if (unreadable > 0)
    rows.push({ label: t('callback.label.unreadable'), value: { text: String(unreadable), tone: 'bad' } });
  if (otherLines > 0) rows.push({ label: t('callback.label.other_lines'), value: String(otherLines) });
  const blocks: Block[] = [
    {
      kind: 'details',
      title: t(captures === valid ? 'callback.title.all_valid' : 'callback.title.some_invalid', { captures }),
      rows,
    },
  ];
  if (summary.reasons.length > 0)
    blocks.push({
      kind: 'table',
      title: t('callback.title.reasons'),
      empty: '',
      columns: [
        { field: 'count', title: t('callback.label.count'), align: 'right', fixed: true },
        { field: 'code', title: t('callback.label.code'), fixed: true },
        { field: 'reason', title: t('callback.label.reason') },
      ],
      rows: summary.reasons.map(({ code, reason, step, count }) => [
        String(count),
        code,
        reason !== undefined
          ? plainReason(t(reason as MessageKey))
          : step === undefined
            ? ''
            : t(`callback.step.${step}`),
      ]),
    });
  if (listed.length > 0)
    blocks.push({
      kind: 'table',
      title: t(listed.length < captures ? 'callback.title.first' : 'callback.title.each', { count: listed.length }),
      empty: '',
      columns: [
        { field: 'source', title: t('callback.label.source'), fixed: true },
        { field: 'verdict', title: t('callback.label.verdict'), fixed: true },
        { field: 'about', title: t('callback.label.about'), wraps: true },
      ],
      rows: listed.map((judged) => [placeOf(judged.origin), verdictCell(judged, t), about(judged, t)]),
    });
  return blocks;
}

/** A reason of one capture names what is in it; of many, only what they have in common is left. */
function plainReason(text: string): string {
  return text.replaceAll(/\{[a-z_]+\}/g, '…');
}

/** How people find a capture again: the file, and where in it. */
export function placeOf({ file, index, line }: CaptureOrigin): string {
  const name = file === undefined || file === '-' ? 'stdin' : file;
  // The end of a path tells more than its beginning.
  const short = name.length <= 32 ? name : `…${name.slice(-31)}`;
  return line === undefined ? ((index ?? 0) === 0 ? short : `${short} #${(index ?? 0) + 1}`) : `${short}:${line}`;
}

function verdictCell(judged: Judged, t: Translate): Cell {
  if ('unreadable' in judged) return { text: `✗ ${t('callback.label.unreadable')}`, tone: 'bad' };
  return judged.report.verdict === 'valid'
    ? { text: `✓ ${t('callback.label.valid')}`, tone: 'good' }
    : { text: `✗ ${t('callback.label.invalid')}`, tone: 'bad' };
}

function about(judged: Judged, t: Translate): string {
  if ('unreadable' in judged) return failureText(judged.unreadable, t).message;
  const { failure, envelope, resource } = judged.report;
  if (failure !== undefined) return failureText(failure, t).message;
  const number = resource?.['out_refund_no'] ?? resource?.['out_trade_no'];
  return [envelope?.event_type ?? '', typeof number === 'string' ? number : ''].map(clip).join(' ').trimEnd();
}
