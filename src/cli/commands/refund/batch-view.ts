/** Plans and reports of batches as people see them. */
import type { RowFault } from '../../../operations/refund-batch/parse.ts';
import type { BatchPlan } from '../../../operations/refund-batch/plan.ts';
import type { BatchSummary, ReportRow } from '../../../operations/refund-batch/report.ts';
import type { RowResult } from '../../../operations/refund-batch/outcomes.ts';
import { withColon } from '../../../output/colon.ts';
import { formatFen } from '../../../output/money.ts';
import type { Block, Cell, Tone } from '../../../output/view.ts';
import type { MessageKey, Params, Translate } from '../../../i18n/translate.ts';
import { bothUnits } from './refund-view.ts';

/** Lists are cut here on a screen; files have everything. */
export const maxShown = 200;

export function faultText(fault: RowFault, t: Translate): string {
  const params: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(fault.params ?? {})) {
    const key = /^key:([A-Za-z0-9_.]+)$/.exec(String(value))?.[1];
    if (key !== undefined) params[name] = t(key as MessageKey, fault.params);
    // Whoever wrote yuan into the file would have to count zeros.
    else params[name] = isAboutFen(fault) && typeof value === 'number' ? formatFen(value) : value;
  }
  return t(`batch.fault.${fault.reason}`, params);
}

/** What the comparison with the order has found: its numbers are fen. */
function isAboutFen({ reason }: RowFault): boolean {
  return /^amounts?_(?:above|ratio)/.test(reason);
}

export function faultBlocks(faults: BatchPlan['faults'], t: Translate): readonly Block[] {
  const left = faults.count - faults.list.length;
  return [
    {
      kind: 'table',
      title: t('batch.title.faults', { count: faults.count }),
      columns: [
        { field: 'line', title: t('batch.label.line'), align: 'right', fixed: true },
        { field: 'column', title: t('batch.label.column'), fixed: true },
        { field: 'value', title: t('batch.label.value'), wraps: true },
        { field: 'reason', title: t('batch.label.why'), wraps: true },
      ],
      rows: faults.list.map((fault) => [
        fault.line === 0 ? '' : String(fault.line),
        fault.heading ?? fault.column ?? '',
        fault.column === 'amount' && isAboutFen(fault) ? formatFen(Number(fault.value)) : (fault.value ?? ''),
        faultText(fault, t),
      ]),
      empty: '',
    },
    ...(left > 0 ? [{ kind: 'text', text: t('batch.text.more', { count: left }) } as const] : []),
  ];
}

export function planBlocks(plan: BatchPlan, t: Translate): readonly Block[] {
  const { identity, shard, rows, file } = plan;
  const details = [
    { label: t('batch.label.source'), value: identity.source.name },
    { label: t('batch.label.merchant'), value: `${identity.mchid} @ ${identity.base_url}` },
    ...(identity.batch_id === '' ? [] : [{ label: 'batch_id', value: identity.batch_id }]),
    ...(shard === undefined ? [] : [{ label: t('batch.label.shard'), value: `${shard.index}/${shard.of}` }]),
    { label: t('batch.result.planned'), value: tallyText(file, t) },
    ...(['send', 'existing', 'differs', 'elsewhere'] as const)
      .filter((action) => action === 'send' || plan.tally(action).count > 0)
      .map((action) => ({ label: t(`batch.action.${action}`), value: tallyText(plan.tally(action), t) })),
  ];
  const shown: (readonly (string | Cell)[])[] = [];
  let left = 0;
  for (let index = 0; index < rows.count; index += 1) {
    const action = plan.actionOf(index);
    if (action === 'elsewhere') continue;
    if (shown.length >= maxShown) {
      left += 1;
      continue;
    }
    const row = rows.get(index);
    const tone: Tone = action === 'send' ? 'warn' : action === 'differs' ? 'bad' : 'dim';
    const why = action === 'differs' ? plan.differenceOf(index) : '';
    shown.push([
      String(row.line),
      row.no,
      formatFen(row.fen),
      plan.numberOf(index),
      { text: why === '' ? t(`batch.action.${action}`) : `${withColon(t(`batch.action.${action}`))} ${why}`, tone },
    ]);
  }
  return [
    { kind: 'details', title: t('batch.title.plan'), rows: details },
    {
      kind: 'table',
      columns: [
        { field: 'line', title: t('batch.label.line'), align: 'right', fixed: true },
        { field: 'order', title: t('batch.label.order'), fixed: true },
        { field: 'amount', title: t('batch.label.amount'), align: 'right', fixed: true },
        { field: 'out_refund_no', title: 'out_refund_no', fixed: true },
        { field: 'action', title: t('batch.label.action'), wraps: true },
      ],
      rows: shown,
      empty: '',
    },
    ...(left > 0 ? [{ kind: 'text', text: t('batch.text.more', { count: left }) } as const] : []),
  ];
}

export function tallyText({ count, fen }: { readonly count: number; readonly fen: number }, t: Translate): string {
  return t('batch.tally', { count, amount: bothUnits(fen, t) });
}

const tones: Readonly<Record<RowResult, Tone>> = {
  succeeded: 'good',
  processing: 'warn',
  failed: 'bad',
  skipped: 'dim',
  unknown: 'bad',
};

/** Sums, and the rows that want attention (all of a small batch). */
export function reportBlocks(summary: BatchSummary, rows: Iterable<ReportRow>, t: Translate): readonly Block[] {
  const small = summary.planned.count <= 50;
  const shown: (readonly (string | Cell)[])[] = [];
  let left = 0;
  for (const row of rows) {
    if (!small && (row.result === 'succeeded' || row.result === 'processing')) continue;
    if (shown.length >= maxShown) {
      left += 1;
      continue;
    }
    shown.push([
      String(row.line),
      row.out_trade_no ?? row.transaction_id ?? '',
      formatFen(row.amount),
      row.out_refund_no,
      { text: t(`batch.result.${row.result}`), tone: tones[row.result] },
      meaningOf(row, t),
    ]);
  }
  const names = ['planned', 'succeeded', 'processing', 'failed', 'skipped', 'unknown'] as const;
  const blocks: Block[] = [
    {
      kind: 'details',
      title: t('batch.title.report', { source: summary.source.name }),
      rows: names
        .filter((name) => name !== 'unknown' || summary.unknown.count > 0)
        .map((name) => ({ label: t(`batch.result.${name}`), value: tallyText(summary[name], t) })),
    },
  ];
  if (shown.length > 0)
    blocks.push({
      kind: 'table',
      columns: [
        { field: 'line', title: t('batch.label.line'), align: 'right', fixed: true },
        { field: 'order', title: t('batch.label.order'), fixed: true },
        { field: 'amount', title: t('batch.label.amount'), align: 'right', fixed: true },
        { field: 'out_refund_no', title: 'out_refund_no', fixed: true },
        { field: 'result', title: t('batch.label.result') },
        { field: 'why', title: t('batch.label.why'), wraps: true },
      ],
      rows: shown,
      empty: '',
    });
  if (left > 0) blocks.push({ kind: 'text', text: t('batch.text.more', { count: left }) });
  if (!summary.reconciled) {
    const key: MessageKey = summary.unknown.count > 0 ? 'batch.text.unknown' : 'batch.text.unreconciled';
    blocks.push({ kind: 'text', tone: 'bad', text: t(key, { count: summary.unknown.count }) });
  }
  if (summary.stopped !== null) {
    const { reason, code } = summary.stopped;
    blocks.push({ kind: 'text', tone: 'bad', text: t(`batch.stop.${reason}`, { code }) });
  }
  return blocks;
}

/** Why a row is what it is: WeChat Pay's words, or ours for our codes. */
export function meaningOf(row: ReportRow, t: Translate): string {
  const ours: Readonly<Record<string, MessageKey>> = {
    REFUND_DIFFERS: 'batch.why.differs',
    REFUND_CLOSED: 'batch.why.closed',
    REFUND_ABNORMAL: 'batch.why.abnormal',
    ORDER_UNRESOLVED: 'batch.why.order_unresolved',
    NOT_REACHED: 'batch.why.not_reached',
    INTERRUPTED: 'batch.why.interrupted',
  };
  const params: Params = { message: row.message, out_refund_no: row.out_refund_no };
  const key = ours[row.code];
  const told = key === undefined ? [row.code, row.message].filter((text) => text !== '').join(' ') : t(key, params);
  if (told === '' && row.existing) return t('batch.why.existing');
  if (row.existing && row.result !== 'failed') return `${t('batch.why.existing')} ${told}`.trim();
  return told;
}
