/** `wxpay order query`: one order, by either number; `--watch` polls until it is final. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { numberOf, queryOrder, queryRequest, watchOrder, type Order } from '../../../operations/order.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { dryRun } from '../../dry-run.ts';
import { parseDuration } from '../../duration.ts';
import { examples } from '../../help.ts';
import { partyOf } from '../../party.ts';
import { readOrderNumber } from './order-argument.ts';
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
    let last: Order | undefined;
    const watched = watchOrder(transport, party, number, {
      // WeChat Pay's own advice begins at 5 s (endpoints.md 4.2); an emulator on this machine may be asked every second.
      intervals: profile.live ? [5_000, 5_000, 10_000, 30_000] : [500, 1_000],
      limit: parseDuration('--for', typeof options['for'] === 'string' ? options['for'] : '15m'),
      clock: runtime.clock,
      signal: AbortSignal.any([runtime.signal, runtime.readerGone]),
      // JSON is exactly one document: the last state. The other formats show every change as it comes.
      onChange: (order) => {
        last = order;
        if (streaming) runtime.emit(result(order, runtime));
      },
      meanwhile: async (order, wait) =>
        runtime.busy('order.busy.watching', { no: order.out_trade_no, state: order.trade_state }, wait),
    });
    const order = await watched.catch((error: unknown) => {
      // Nobody reads any more: there is nothing left to watch for, and that is no failure (CLI-MANNERS S3).
      if (runtime.readerGone.aborted) return undefined;
      // The last state is the one JSON document all the same; the exit code says that it is not final.
      if (!streaming && last !== undefined && error instanceof WxpayError && error.code === 'NOT_FINAL')
        runtime.emit(result(last, runtime));
      throw error;
    });
    return streaming || order === undefined ? undefined : result(order, runtime);
  },
};

function result(order: Order, runtime: Runtime): Result {
  return { data: order, view: orderView(order, runtime.t), id: numberOf({ out_trade_no: order.out_trade_no }) };
}
