/** `wxpay emulator pay`: the payer. */
import type { Command } from 'commander';
import { findEmulator } from '../../../emulator/control-client.ts';
import type { PayResult } from '../../../emulator/payer.ts';
import { formatTime } from '../../../output/time.ts';
import type { DetailRow, Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { deliveryRows } from './delivery-rows.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<order>', t('emulator.argument.order'));
    addDirOption(command, t);
    command.option('--url <url>', t('emulator.option.url'));
    command.option('--mchid <mchid>', t('emulator.option.mchid'));
    command.option('--openid <openid>', t('emulator.option.openid'));
    command.option('--no-callback', t('emulator.option.no_callback'));
    examples(command, t, ['emulator.example.pay', 'emulator.example.pay_dir']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
    const mchid = textOption(options, 'mchid');
    const openid = textOption(options, 'openid');
    const paid = await emulator.pay({
      order: args[0] ?? '',
      ...(mchid === undefined ? {} : { mchid }),
      ...(openid === undefined ? {} : { openid }),
      callback: options['callback'] !== false,
    });
    const { callback, transaction } = paid;
    const { transaction_id: id } = transaction;
    if (callback !== null && !callback.delivered) {
      const reason = callback.status === undefined ? (callback.failure ?? '') : `HTTP ${callback.status}`;
      runtime.warn('emulator.warn.callback', { url: callback.url, reason });
    }
    return {
      data: paid,
      view: [{ kind: 'details', title: runtime.t('emulator.title.paid'), rows: rows(paid, runtime) }],
      ...(typeof id === 'string' ? { id } : {}),
    };
  },
};

function rows({ transaction, callback }: PayResult, { t }: Runtime): DetailRow[] {
  const row = (name: string): DetailRow[] => {
    const value = transaction[name];
    return typeof value === 'string' ? [{ label: name, value }] : [];
  };
  const paidAt = transaction['success_time'];
  const time = typeof paidAt === 'string' ? [{ label: 'success_time', value: formatTime(paidAt) }] : [];
  return [
    ...row('out_trade_no'),
    ...row('transaction_id'),
    ...row('trade_state'),
    ...time,
    ...deliveryRows(callback, t),
  ];
}
