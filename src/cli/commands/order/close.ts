/** `wxpay order close`: closes an unpaid order, and says what it found when it may not be closed. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { closeCombined, combinedQueryRequest } from '../../../operations/combine.ts';
import { closeOrder, closeRequest, type Party } from '../../../operations/order.ts';
import type { Result } from '../../../output/view.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { confirmLive } from '../../confirm.ts';
import { dryRun } from '../../dry-run.ts';
import { examples } from '../../help.ts';
import { partyOf } from '../../party.ts';
import { combinedView } from './combined-view.ts';
import { orderView } from './order-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('[out_trade_no]', t('order.argument.out_trade_no'))
      .option('--combine <no>', t('order.option.close_combine'));
    examples(command, t, ['order.example.close', 'order.example.close_yes', 'order.example.close_combined']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const [out_trade_no] = args;
    const { combine } = options;
    if (out_trade_no === undefined ? typeof combine !== 'string' : combine !== undefined)
      throw out_trade_no === undefined
        ? new WxpayError('INPUT_MISSING', {
            params: { field: 'out_trade_no', flag: '<out_trade_no>', variable: '--combine' },
            outcome: 'not_sent',
          })
        : new WxpayError('INPUT_INVALID', {
            params: { field: '--combine', reason: 'key:reason.one_number' },
            outcome: 'not_sent',
          });
    const profile = await runtime.profile();
    const party = partyOf(profile);
    if (out_trade_no === undefined) return closeCombinedOrder(String(combine), party, profile, runtime);
    const request = closeRequest(party, out_trade_no);
    if (runtime.globals.dryRun) return dryRun(runtime, request);
    await confirmLive(runtime, profile, { key: 'order.confirm.close', params: { out_trade_no } });
    const transport = await runtime.transport();
    const closed = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      closeOrder(transport, party, out_trade_no),
    );
    return {
      data: { result: closed.result, ...closed.order },
      view: orderView(
        closed.order,
        runtime.t,
        runtime.t(closed.result === 'closed' ? 'order.title.closed' : 'order.title.already_closed'),
      ),
      id: out_trade_no,
    };
  },
};

/** The sub-orders that a close has to repeat come from the query that goes before it. */
async function closeCombinedOrder(
  number: string,
  party: Party,
  profile: ResolvedProfile,
  runtime: Runtime,
): Promise<Result> {
  const query = combinedQueryRequest(number);
  if (runtime.globals.dryRun) {
    runtime.note('order.note.close_asks_first');
    return dryRun(runtime, query);
  }
  await confirmLive(runtime, profile, {
    key: 'order.confirm.close_combined',
    params: { combine_out_trade_no: number },
  });
  const transport = await runtime.transport();
  const { result, order } = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
    closeCombined(transport, party, number),
  );
  const title = runtime.t(result === 'closed' ? 'order.title.closed' : 'order.title.already_closed');
  return {
    data: { result, ...order },
    view: combinedView(order, runtime.t, title),
    rows: order.sub_orders,
    id: number,
  };
}
