/** How a refund looks to people; one list for create, query, resume and abnormal. */
import type { ErrorCode } from '../../../core/errors.ts';
import type { Refund } from '../../../operations/refund.ts';
import { formatFen } from '../../../output/money.ts';
import { describeRefundState } from '../../../output/states.ts';
import { formatTime } from '../../../output/time.ts';
import type { Block, DetailRow } from '../../../output/view.ts';
import type { Translate } from '../../../i18n/translate.ts';

export function refundView(refund: Refund, t: Translate, title?: string): readonly Block[] {
  const rows: DetailRow[] = [];
  const add = (label: string, value: unknown): void => {
    if (typeof value === 'string' && value !== '') rows.push({ label, value });
  };
  const amount = (label: string, fen: unknown): void => {
    if (typeof fen === 'number') rows.push({ label, value: formatFen(fen) });
  };
  add('out_refund_no', refund.out_refund_no);
  add('refund_id', refund.refund_id);
  rows.push({ label: t('refund.label.state'), value: describeRefundState(refund.status, t) });
  amount(t('refund.label.amount'), refund.amount.refund);
  amount(t('refund.label.total'), refund.amount.total);
  if (refund.amount['payer_refund'] !== refund.amount.refund)
    amount(t('refund.label.payer_refund'), refund.amount['payer_refund']);
  add('out_trade_no', refund.out_trade_no);
  add('transaction_id', refund.transaction_id);
  add(t('refund.label.account'), refund['user_received_account']);
  for (const [label, time] of [
    [t('refund.label.create_time'), refund['create_time']],
    [t('refund.label.success_time'), refund['success_time']],
  ] as const)
    if (typeof time === 'string') add(label, formatTime(time));
  const fault = faultOf(refund);
  return [
    { kind: 'details', ...(title === undefined ? {} : { title }), rows },
    ...(fault === undefined
      ? []
      : [{ kind: 'text', tone: 'bad', text: t(`hint.${fault}`, { out_refund_no: refund.out_refund_no }) } as const]),
  ];
}

/** The error code of a refund that will not arrive. */
export function faultOf(
  refund: Pick<Refund, 'status'>,
): (ErrorCode & ('REFUND_CLOSED' | 'REFUND_ABNORMAL')) | undefined {
  if (refund.status === 'CLOSED') return 'REFUND_CLOSED';
  return refund.status === 'ABNORMAL' ? 'REFUND_ABNORMAL' : undefined;
}

/** `¥2.90 (290 fen)`: the unit in both forms, since a lost factor of 100 is what goes wrong. */
export function bothUnits(fen: number, t: Translate): string {
  return t('refund.both_units', { yuan: formatFen(fen), fen });
}
