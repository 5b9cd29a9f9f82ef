/** `wxpay bill trade`: the payments and refunds of a day, or of several. */
import { Option, type Command } from 'commander';
import { billRequest, type TradeType } from '../../../operations/bill/fetch.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { dryRun } from '../../dry-run.ts';
import { examples } from '../../help.ts';
import { requireValue } from '../../party.ts';
import { readBillDates } from './bill-dates.ts';
import { billOptions, readBillOptions } from './bill-options.ts';
import { runBills } from './bill-run.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('<date>', t('bill.argument.date'))
      .addOption(
        new Option('--type <type>', t('bill.option.type')).choices(['all', 'success', 'refund']).default('all'),
      );
    billOptions(command, t);
    examples(command, t, ['bill.example.trade', 'bill.example.trade_where', 'bill.example.trade_out']);
  },

  async run(input: CommandInput, runtime: Runtime): Promise<Result | undefined> {
    const options = readBillOptions(input, runtime.globals);
    const dates = await readBillDates(input.args[0] ?? '', runtime);
    const profile = await runtime.profile();
    requireValue(profile, 'mchid');
    const sub_mchid = profile.values.sub_mchid?.value;
    const type = String(input.options['type']).toUpperCase() as TradeType;
    const queries = dates.map(
      (date) => ({ kind: 'trade', date, type, ...(sub_mchid === undefined ? {} : { sub_mchid }) }) as const,
    );
    const [first] = queries;
    if (runtime.globals.dryRun && first !== undefined) return dryRun(runtime, billRequest(first));
    return runBills(queries, options, runtime);
  },
};
