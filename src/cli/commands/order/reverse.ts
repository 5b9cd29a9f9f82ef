/** `wxpay order reverse`: ends a payment by code: paid money goes back, an open one can no longer be paid. */
import type { Command } from 'commander';
import { isReversed, reverseOrder, reverseRequest } from '../../../operations/codepay.ts';
import { queryOrder } from '../../../operations/order.ts';
import { isObject } from '../../../operations/fields.ts';
import { formatFen } from '../../../output/money.ts';
import { describeState } from '../../../output/states.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { confirmLive } from '../../confirm.ts';
import { dryRun } from '../../dry-run.ts';
import { examples } from '../../help.ts';
import { partyOf, requireValue } from '../../party.ts';
import { orderView } from './order-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<out_trade_no>', t('order.argument.out_trade_no'));
    examples(command, t, ['order.example.reverse', 'order.example.reverse_yes']);
  },

  async run({ args }: CommandInput, runtime: Runtime): Promise<Result> {
    const out_trade_no = args[0] ?? '';
    const { t } = runtime;
    const profile = await runtime.profile();
    const party = partyOf(profile);
    const subAppid = profile.values.sub_appid?.value;
    const parts = {
      party,
      appid: requireValue(profile, 'appid'),
      ...(subAppid === undefined ? {} : { sub_appid: subAppid }),
      out_trade_no,
    };
    if (runtime.globals.dryRun) return dryRun(runtime, reverseRequest(parts));
    const transport = await runtime.transport();
    const before = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      queryOrder(transport, party, { out_trade_no }),
    );
    if (isReversed(before))
      return {
        data: { result: 'already_reversed', ...before },
        view: orderView(before, t, t('order.title.already_reversed')),
        id: out_trade_no,
      };
    const amount = isObject(before['amount']) ? Number(before['amount']['total']) : 0;
    await confirmLive(runtime, profile, {
      key: 'order.confirm.reverse',
      params: { out_trade_no, amount: formatFen(amount), state: describeState(before.trade_state, t).text },
    });
    const order = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () => reverseOrder(transport, parts));
    return {
      data: { result: 'reversed', ...order },
      view: orderView(order, t, t('order.title.reversed')),
      id: out_trade_no,
    };
  },
};
