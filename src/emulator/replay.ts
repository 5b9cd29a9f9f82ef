/** The fault `replay-other`: what a validly signed answer about another order says (THREATS C4). */
import type { Call } from './endpoint.ts';
import { describeOrder } from './orders.ts';
import type { OrderBook } from './orders.ts';
import { describeRefund } from './refunds.ts';
import type { RefundBook } from './refunds.ts';
import type { Reply } from './reply.ts';

interface Books {
  readonly orders: OrderBook;
  readonly refunds: RefundBook;
}

/** The answer to the same question about another order or refund of the caller; one is made up where there is none. */
export function replyAboutAnother(
  reply: Reply,
  call: Pick<Call, 'merchant' | 'now' | 'randomBytes'>,
  { orders, refunds }: Books,
): Reply {
  const refundNumber = reply.body?.['out_refund_no'];
  if (typeof refundNumber === 'string') {
    const other = refunds.another(call.merchant, refundNumber, call.now);
    if (other !== undefined) return { ...reply, body: describeRefund(other) };
    const made = { out_refund_no: `OTHER${call.randomBytes(6).toString('hex')}`, refund_id: `503${'0'.repeat(26)}` };
    return { ...reply, body: { ...reply.body, ...made } };
  }
  const billNumber = reply.body?.['out_bill_no'];
  if (typeof billNumber === 'string') {
    const made = `OTHER${call.randomBytes(6).toString('hex')}`;
    return { ...reply, body: { ...reply.body, out_bill_no: made } };
  }
  const combinedNumber = reply.body?.['combine_out_trade_no'];
  if (typeof combinedNumber === 'string') {
    const made = `OTHER${call.randomBytes(6).toString('hex')}`;
    return { ...reply, body: { ...reply.body, combine_out_trade_no: made } };
  }
  const number = reply.body?.['out_trade_no'];
  if (reply.body === undefined || typeof number !== 'string') return reply;
  const other = orders.another(call.merchant, number, call.now);
  if (other !== undefined) return { ...reply, body: describeOrder(other) };
  const transaction = reply.body['transaction_id'];
  return {
    ...reply,
    body: {
      ...reply.body,
      out_trade_no: `OTHER${call.randomBytes(6).toString('hex')}`,
      ...(typeof transaction === 'string' ? { transaction_id: `${transaction.slice(0, -1)}x` } : {}),
    },
  };
}
