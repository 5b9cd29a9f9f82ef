/** `wxpay emulator transfer`: the user who gets the money. Confirms a merchant transfer, or lets it end otherwise. */
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import { failReasons } from '../../../emulator/rules/transfer.ts';
import type { ConfirmResult } from '../../../emulator/transfer-desk.ts';
import type { DetailRow, Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { deliveryRows } from './delivery-rows.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';

const outcomes = ['success', 'transfering', 'fail'] as const;

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<transfer>', t('emulator.argument.transfer'));
    addDirOption(command, t);
    command.option('--url <url>', t('emulator.option.url'));
    command.option('--mchid <mchid>', t('emulator.option.mchid'));
    command.addOption(new Option('--outcome <outcome>', t('emulator.option.transfer_outcome')).choices([...outcomes]));
    command.addOption(new Option('--reason <reason>', t('emulator.option.fail_reason')).choices([...failReasons]));
    command.option('--no-callback', t('emulator.option.no_refund_callback'));
    examples(command, t, ['emulator.example.transfer', 'emulator.example.transfer_fail']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const outcome = outcomes.find((one) => one === options['outcome']);
    const reason = failReasons.find((one) => one === options['reason']);
    if (reason !== undefined && outcome !== 'fail')
      throw new WxpayError('INPUT_INVALID', {
        params: { field: '--reason', reason: 'key:emulator.reason.transfer_reason' },
      });
    const mchid = textOption(options, 'mchid');
    const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
    const done = await emulator.confirmTransfer({
      transfer: args[0] ?? '',
      ...(outcome === undefined ? {} : { outcome }),
      ...(reason === undefined ? {} : { reason }),
      ...(mchid === undefined ? {} : { mchid }),
      callback: options['callback'] !== false,
    });
    const { callback } = done;
    if (callback !== null && !callback.delivered) {
      const why = callback.status === undefined ? (callback.failure ?? '') : `HTTP ${callback.status}`;
      runtime.warn('emulator.warn.transfer_callback', { url: callback.url, reason: why });
    }
    return {
      data: done,
      view: [{ kind: 'details', title: runtime.t('emulator.title.transfer'), rows: rows(done, runtime) }],
    };
  },
};

function rows({ transfer, callback }: ConfirmResult, { t }: Runtime): DetailRow[] {
  const row = (name: string): DetailRow[] => {
    const value = transfer[name];
    return typeof value === 'string' ? [{ label: name, value }] : [];
  };
  return [
    ...['out_bill_no', 'transfer_bill_no', 'openid', 'state', 'fail_reason'].flatMap(row),
    ...deliveryRows(callback, t),
  ];
}
