/** How a combined order looks to people: itself, and a table of its sub-orders. */
import { combinedTotal, type CombinedOrder } from '../../../operations/combine.ts';
import { isObject } from '../../../operations/fields.ts';
import { formatFen } from '../../../output/money.ts';
import { describeState } from '../../../output/states.ts';
import type { Block, DetailRow, Result } from '../../../output/view.ts';
import type { Translate } from '../../../i18n/translate.ts';

export function combinedView(combined: CombinedOrder, t: Translate, title?: string): readonly Block[] {
  const rows: DetailRow[] = [{ label: 'combine_out_trade_no', value: combined.combine_out_trade_no }];
  const add = (label: string, value: unknown): void => {
    if (typeof value === 'string' && value !== '') rows.push({ label, value });
  };
  add('combine_transaction_id', combined['combine_transaction_id']);
  add('combine_mchid', combined.combine_mchid);
  rows.push({ label: t('order.label.amount'), value: formatFen(combinedTotal(combined.sub_orders)) });
  const payer = isObject(combined['combine_payer_info']) ? combined['combine_payer_info'] : {};
  add('openid', payer['openid'] ?? payer['sub_openid']);
  return [
    { kind: 'details', ...(title === undefined ? {} : { title }), rows },
    {
      kind: 'table',
      columns: [
        { field: 'out_trade_no', title: t('order.label.out_trade_no'), fixed: true },
        { field: 'mchid', title: 'mchid', fixed: true },
        { field: 'trade_state', title: t('order.label.state') },
        { field: 'total_amount', title: t('order.label.amount'), align: 'right', fixed: true },
        { field: 'transaction_id', title: 'transaction_id', fixed: true },
      ],
      rows: combined.sub_orders.map((sub) => [
        sub.out_trade_no,
        sub.sub_mchid ?? sub.mchid,
        describeState(sub.trade_state, t),
        typeof sub.amount?.total_amount === 'number' ? formatFen(sub.amount.total_amount) : '',
        sub.transaction_id ?? '',
      ]),
      empty: '',
    },
  ];
}

/** The answer of query and watch; CSV and ndjson have a row for each sub-order. */
export function combinedResult(combined: CombinedOrder, t: Translate): Result {
  return {
    data: combined,
    view: combinedView(combined, t),
    rows: combined.sub_orders,
    id: combined.combine_out_trade_no,
  };
}
