/** `wxpay order close`: closes an unpaid order, and says what it found when it may not be closed. */
import type { Command } from 'commander';
import { closeOrder, closeRequest } from '../../../operations/order.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { confirmLive } from '../../confirm.ts';
import { dryRun } from '../../dry-run.ts';
import { examples } from '../../help.ts';
import { partyOf } from '../../party.ts';
import { orderView } from './order-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<out_trade_no>', t('order.argument.out_trade_no'));
    examples(command, t, ['order.example.close', 'order.example.close_yes']);
  },

  async run({ args }: CommandInput, runtime: Runtime): Promise<Result> {
    const out_trade_no = args[0] ?? '';
    const profile = await runtime.profile();
    const party = partyOf(profile);
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
