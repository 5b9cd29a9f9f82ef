/**
 * The sub-orders of a combined order are refunded one by one, each at its own merchant and by its own numbers; the ordinary
 * query does not know them (endpoints.md 9, states.md 2), so they are found through the combined order.
 */
import { WxpayError } from '../core/errors.ts';
import type { Transport } from '../core/ports.ts';
import { queryCombined, type SubOrder } from './combine.ts';
import { numberOf, type OrderNumber, type Party } from './order.ts';
import { refundable, type RefundableOrder } from './refund.ts';

/**
 * Looks a sub-order up in its combined order, as a refund does first.
 *
 * Only a sub-order of the very merchant that refunds is taken: at another one the refund would need that merchant's keys, or
 * that sub-merchant's number in every later question.
 *
 * @param combine the combine_out_trade_no
 * @param number the sub-order's out_trade_no or transaction_id
 * @throws WxpayError `NOT_FOUND` (the combined order, or no such sub-order in it); `INPUT_INVALID` when it belongs to another
 *   merchant; `ORDER_NOT_PAID`; the other errors of `queryCombined`
 */
export async function lookUpSubOrder(
  transport: Transport,
  party: Party,
  combine: string,
  number: OrderNumber,
): Promise<RefundableOrder> {
  const { sub_orders } = await queryCombined(transport, party, combine);
  const named = sub_orders.filter((sub) =>
    'out_trade_no' in number ? sub.out_trade_no === number.out_trade_no : sub.transaction_id === number.transaction_id,
  );
  // A number is unique at its merchant only: two sub-orders of different merchants may share one.
  const own = named.find((sub) => isOf(sub, party));
  if (own !== undefined) {
    const { out_trade_no, transaction_id, trade_state, amount } = own;
    return refundable({
      out_trade_no,
      trade_state,
      ...(transaction_id === undefined ? {} : { transaction_id }),
      amount: { total: amount?.total_amount, currency: amount?.['currency'] },
    });
  }
  const [other] = named;
  if (other !== undefined)
    throw new WxpayError('INPUT_INVALID', {
      params: {
        field: numberOf(number),
        reason: 'key:reason.sub_order_other',
        found: party.kind === 'partner' ? (other.sub_mchid ?? other.mchid) : other.mchid,
      },
      outcome: 'not_sent',
    });
  throw new WxpayError('NOT_FOUND', {
    params: { what: numberOf(number), combine, numbers: sub_orders.map((sub) => sub.out_trade_no).join(', ') },
    hint: 'refund.hint.sub_orders',
    outcome: 'not_sent',
  });
}

function isOf(sub: SubOrder, party: Party): boolean {
  return party.kind === 'partner'
    ? sub.mchid === party.sp_mchid && sub.sub_mchid === party.sub_mchid
    : sub.mchid === party.mchid && sub.sub_mchid === undefined;
}
