/** How an order looks to people; one list for query, watch, close and callbacks. */
import { isObject } from '../../../operations/fields.ts';
import type { Order } from '../../../operations/order.ts';
import { formatFen } from '../../../output/money.ts';
import { describeState } from '../../../output/states.ts';
import { formatTime } from '../../../output/time.ts';
import type { Block, DetailRow } from '../../../output/view.ts';
import type { Translate } from '../../../i18n/translate.ts';

export function orderView(order: Order, t: Translate, title?: string): readonly Block[] {
  const rows: DetailRow[] = [];
  const add = (label: string, value: unknown): void => {
    if (typeof value === 'string' && value !== '') rows.push({ label, value });
  };
  add('out_trade_no', order.out_trade_no);
  add('transaction_id', order.transaction_id);
  rows.push({ label: t('order.label.state'), value: describeState(order.trade_state, t) });
  const amount = isObject(order['amount']) ? order['amount'] : {};
  if (typeof amount['total'] === 'number')
    rows.push({ label: t('order.label.amount'), value: formatFen(amount['total']) });
  if (typeof amount['payer_total'] === 'number' && amount['payer_total'] !== amount['total'])
    rows.push({ label: t('order.label.payer_total'), value: formatFen(amount['payer_total']) });
  add(t('order.label.trade_type'), order['trade_type']);
  if (typeof order['success_time'] === 'string') add(t('order.label.success_time'), formatTime(order['success_time']));
  add(t('order.label.bank_type'), order['bank_type']);
  const payer = isObject(order['payer']) ? order['payer'] : {};
  add('openid', payer['openid'] ?? payer['sub_openid'] ?? payer['sp_openid']);
  add('attach', order['attach']);
  add('mchid', order['mchid'] ?? order['sp_mchid']);
  add('sub_mchid', order['sub_mchid']);
  return [{ kind: 'details', ...(title === undefined ? {} : { title }), rows }];
}
