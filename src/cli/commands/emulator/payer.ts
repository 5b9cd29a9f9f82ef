/** `wxpay emulator payer`: what a payer's wallet, account and bank are like. */
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import type { PayerChange } from '../../../emulator/payers.ts';
import { formatFen } from '../../../output/money.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<openid>', t('emulator.argument.openid'));
    addDirOption(command, t);
    command.option('--url <url>', t('emulator.option.url'));
    command.option('--balance <fen>', t('emulator.option.payer_balance'));
    command.addOption(
      new Option('--state <state>', t('emulator.option.payer_state')).choices(['normal', 'frozen', 'closed']),
    );
    command.addOption(new Option('--bank <bank>', t('emulator.option.payer_bank')).choices(['up', 'down']));
    command.addOption(
      new Option('--password <when>', t('emulator.option.payer_password')).choices(['auto', 'always', 'never']),
    );
    examples(command, t, ['emulator.example.payer', 'emulator.example.payer_poor']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const change = readChange(options);
    const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
    const payer = await emulator.changePayer(args[0] ?? '', change);
    const { t } = runtime;
    return {
      data: payer,
      view: [
        {
          kind: 'details',
          title: t('emulator.title.payer'),
          rows: [
            { label: 'openid', value: payer.openid },
            { label: 'balance', value: payer.balance === null ? t('emulator.payer.plenty') : formatFen(payer.balance) },
            { label: 'state', value: payer.state },
            { label: 'bank', value: payer.bank },
            { label: 'password', value: payer.password },
          ],
        },
      ],
      id: payer.openid,
    };
  },
};

/** What the flags change; without any, the payer is shown as it is. */
function readChange(options: CommandInput['options']): PayerChange {
  const change: Record<string, unknown> = {};
  for (const name of ['state', 'bank', 'password']) {
    const value = textOption(options, name);
    if (value !== undefined) change[name] = value;
  }
  const balance = textOption(options, 'balance');
  if (balance === 'plenty') change['balance'] = null;
  else if (balance !== undefined) {
    if (!/^\d{1,15}$/.test(balance))
      throw new WxpayError('INPUT_INVALID', {
        params: { field: '--balance', reason: 'key:emulator.reason.balance' },
        outcome: 'not_sent',
      });
    change['balance'] = Number(balance);
  }
  return change;
}
