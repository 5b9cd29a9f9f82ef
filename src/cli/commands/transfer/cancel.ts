/** `wxpay transfer cancel`: takes a transfer back that its user has not confirmed. */
import type { Command } from 'commander';
import { cancelTransfer, cancelTransferRequest, queryTransfer, type Transfer } from '../../../operations/transfer.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { confirmLive } from '../../confirm.ts';
import { dryRun } from '../../dry-run.ts';
import { examples } from '../../help.ts';
import { pausesFor } from '../refund/refund-journal.ts';
import { bothUnits } from '../refund/refund-view.ts';
import { directMchid, learn } from './transfer-store.ts';
import { transferResult } from './transfer-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<out_bill_no>', t('transfer.argument.out_bill_no'));
    examples(command, t, ['transfer.example.cancel', 'transfer.example.cancel_yes']);
  },

  async run({ args }: CommandInput, runtime: Runtime): Promise<Result> {
    const out_bill_no = args[0] ?? '';
    const { t } = runtime;
    const profile = await runtime.profile();
    const mchid = directMchid(profile);
    const request = cancelTransferRequest(out_bill_no);
    if (runtime.globals.dryRun) return dryRun(runtime, request);
    const transport = await runtime.transport();
    const before = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      queryTransfer(transport, mchid, { out_bill_no }),
    );
    const shown = (transfer: Transfer, result: 'cancelled' | 'already_cancelled'): Result =>
      transferResult(
        { transfer, mchid, appid: profile.values.appid?.value, result, title: t(`transfer.title.${result}`) },
        t,
      );
    if (before.state === 'CANCELING' || before.state === 'CANCELLED') return shown(before, 'already_cancelled');
    await confirmLive(runtime, profile, {
      key: 'transfer.confirm.cancel',
      params: { out_bill_no, amount: bothUnits(Number(before['transfer_amount']), t) },
    });
    const after = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      cancelTransfer({ transport, clock: runtime.clock }, mchid, before, {
        rounds: runtime.globals.retries,
        ...pausesFor(profile),
        signal: runtime.signal,
      }),
    );
    return shown(await learn(runtime, profile, after), 'cancelled');
  },
};
