/** `wxpay transfer query`: one transfer by either number; `--watch` polls until it has ended. */
import type { Command } from 'commander';
import {
  liveTransferIntervals,
  queryTransfer,
  queryTransferRequest,
  transferNumber,
  watchTransfer,
  type Transfer,
} from '../../../operations/transfer.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { dryRun } from '../../dry-run.ts';
import { examples } from '../../help.ts';
import { watchAndShow, watchLimit } from '../../watching.ts';
import { directMchid, learn } from './transfer-store.ts';
import { transferResult } from './transfer-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('<out_bill_no>', t('transfer.argument.number'))
      .option('--watch', t('transfer.option.watch'))
      .option('--for <duration>', t('refund.option.for'));
    examples(command, t, ['transfer.example.query', 'transfer.example.query_watch']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result | undefined> {
    const number = transferNumber(args[0] ?? '');
    const limit = watchLimit(options, '10m');
    const profile = await runtime.profile();
    const mchid = directMchid(profile);
    const request = queryTransferRequest(number);
    if (runtime.globals.dryRun) return dryRun(runtime, request);
    const transport = await runtime.transport();
    const first = await learn(
      runtime,
      profile,
      await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () => queryTransfer(transport, mchid, number)),
    );
    const shown = (transfer: Transfer): Result =>
      transferResult({ transfer, mchid, appid: profile.values.appid?.value }, runtime.t);
    if (options['watch'] !== true) return shown(first);

    const { out_bill_no } = first;
    const { last, answer } = await watchAndShow<Transfer>(
      {
        intervals: profile.live ? liveTransferIntervals : [500, 1_000],
        limit,
        known: first,
        watch: async (watch) =>
          runtime.busy('transfer.busy.waiting', { out_bill_no }, () => watchTransfer(transport, mchid, first, watch)),
        result: shown,
      },
      runtime,
    );
    if (last !== undefined) await learn(runtime, profile, last);
    return answer;
  },
};
