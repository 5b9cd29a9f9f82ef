/** How a command line names an order. */
import { WxpayError } from '../../../core/errors.ts';
import { orderNumber, type OrderNumber } from '../../../operations/order.ts';
import type { CommandInput } from '../../command.ts';

/** A number is required, and just one of the three ways to give it. */
export function readOrderNumber(argument: string | undefined, options: CommandInput['options']): OrderNumber {
  const { outTradeNo, transactionId } = options;
  const given: OrderNumber[] = [];
  if (argument !== undefined) given.push(orderNumber(argument));
  if (typeof outTradeNo === 'string') given.push({ out_trade_no: outTradeNo });
  if (typeof transactionId === 'string') given.push({ transaction_id: transactionId });
  const [number] = given;
  if (number === undefined)
    throw new WxpayError('INPUT_MISSING', {
      params: { field: '<no>', flag: '--out-trade-no', other: '--transaction-id' },
      hint: 'cli.hint.either',
      outcome: 'not_sent',
    });
  if (given.length > 1)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '<no>', reason: 'key:reason.one_number' },
      outcome: 'not_sent',
    });
  return number;
}
