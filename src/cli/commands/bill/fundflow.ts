/** `wxpay bill fundflow`: what moved on an account of the merchant. */
import { Option, type Command } from 'commander';
import { billRequest, type Account } from '../../../operations/bill/fetch.ts';
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
        new Option('--account <account>', t('bill.option.account'))
          .choices(['basic', 'operation', 'fees'])
          .default('basic'),
      );
    billOptions(command, t);
    examples(command, t, ['bill.example.fundflow', 'bill.example.fundflow_sum']);
  },

  async run(input: CommandInput, runtime: Runtime): Promise<Result | undefined> {
    const options = readBillOptions(input, runtime.globals);
    const dates = await readBillDates(input.args[0] ?? '', runtime);
    requireValue(await runtime.profile(), 'mchid');
    const account = String(input.options['account']).toUpperCase() as Account;
    const queries = dates.map((date) => ({ kind: 'fundflow', date, account }) as const);
    const [first] = queries;
    if (runtime.globals.dryRun && first !== undefined) return dryRun(runtime, billRequest(first));
    return runBills(queries, options, runtime);
  },
};
