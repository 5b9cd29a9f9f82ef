/** `wxpay transfer query`: one transfer by either number; `--watch` polls until it has ended. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
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
import { parseDuration } from '../../duration.ts';
import { examples } from '../../help.ts';
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
    const limit = parseDuration('--for', typeof options['for'] === 'string' ? options['for'] : '10m');
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

    // JSON is exactly one document: the last state. The other formats show every change as it comes.
    const streaming = runtime.globals.output !== 'json';
    if (streaming) runtime.emit(shown(first));
    let last = first;
    const { out_bill_no } = first;
    const watching = watchTransfer(transport, mchid, first, {
      intervals: profile.live ? liveTransferIntervals : [500, 1_000],
      limit,
      clock: runtime.clock,
      signal: AbortSignal.any([runtime.signal, runtime.readerGone]),
      onChange: (transfer) => {
        last = transfer;
        if (streaming) runtime.emit(shown(transfer));
      },
    });
    try {
      await runtime.busy('transfer.busy.waiting', { out_bill_no }, () => watching);
    } catch (error) {
      // Nobody reads any more: there is nothing left to watch for, and that is no failure (CLI-MANNERS S3).
      if (runtime.readerGone.aborted) return undefined;
      // The last state is the one JSON document all the same; the exit code says that it is not final.
      if (!streaming && error instanceof WxpayError && error.code === 'NOT_FINAL') runtime.emit(shown(last));
      throw error;
    }
    await learn(runtime, profile, last);
    return streaming ? undefined : shown(last);
  },
};
