/** `wxpay order query`: one order, by either number; `--watch` polls until it is final. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import {
  numberOf,
  orderNumber,
  queryOrder,
  queryRequest,
  watchOrder,
  type Order,
  type OrderNumber,
} from '../../../operations/order.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { dryRun } from '../../dry-run.ts';
import { parseDuration } from '../../duration.ts';
import { examples } from '../../help.ts';
import { partyOf } from '../../party.ts';
import { orderView } from './order-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('[no]', t('order.argument.no'))
      .option('--out-trade-no <no>', t('order.option.by_out_trade_no'))
      .option('--transaction-id <id>', t('order.option.by_transaction_id'))
      .option('--watch', t('order.option.watch'))
      .option('--for <duration>', t('order.option.for'));
    examples(command, t, ['order.example.query', 'order.example.query_json', 'order.example.query_watch']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result | undefined> {
    const number = readOrderNumber(args[0], options);
    const profile = await runtime.profile();
    const party = partyOf(profile);
    if (runtime.globals.dryRun) return dryRun(runtime, queryRequest(party, number));
    const transport = await runtime.transport();
    if (options['watch'] !== true) {
      const order = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
        queryOrder(transport, party, number),
      );
      return result(order, runtime);
    }
    const streaming = runtime.globals.output !== 'json';
    const watched = watchOrder(transport, party, number, {
      // WeChat Pay's own advice begins at 5 s (endpoints.md 4.2); an emulator on this machine may be asked every second.
      intervals: profile.live ? [5_000, 5_000, 10_000, 30_000] : [500, 1_000],
      limit: parseDuration('--for', typeof options['for'] === 'string' ? options['for'] : '15m'),
      clock: runtime.clock,
      signal: AbortSignal.any([runtime.signal, runtime.readerGone]),
      // JSON is exactly one document: the last state. The other formats show every change as it comes.
      onChange: (order) => {
        if (streaming) runtime.emit(result(order, runtime));
      },
    });
    const order = await watched.catch((error: unknown) => {
      // Nobody reads any more: there is nothing left to watch for, and that is no failure (CLI-MANNERS S3).
      if (runtime.readerGone.aborted) return undefined;
      throw error;
    });
    return streaming || order === undefined ? undefined : result(order, runtime);
  },
};

/** A number is required, and just one of the three ways to give it. */
function readOrderNumber(argument: string | undefined, options: CommandInput['options']): OrderNumber {
  const { outTradeNo, transactionId } = options;
  const given: OrderNumber[] = [];
  if (argument !== undefined) given.push(orderNumber(argument));
  if (typeof outTradeNo === 'string') given.push({ out_trade_no: outTradeNo });
  if (typeof transactionId === 'string') given.push({ transaction_id: transactionId });
  const [number] = given;
  if (number === undefined)
    throw new WxpayError('INPUT_MISSING', {
      params: { field: '<no>', flag: '--out-trade-no', variable: '--transaction-id' },
      outcome: 'not_sent',
    });
  if (given.length > 1)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: '<no>', reason: 'key:reason.one_number' },
      outcome: 'not_sent',
    });
  return number;
}

function result(order: Order, runtime: Runtime): Result {
  return { data: order, view: orderView(order, runtime.t), id: numberOf({ out_trade_no: order.out_trade_no }) };
}
