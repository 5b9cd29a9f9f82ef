/** `wxpay emulator code`: the payment code that a payer's phone shows. */
import type { Command } from 'commander';
import { findEmulator } from '../../../emulator/control-client.ts';
import { formatTime } from '../../../output/time.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    addDirOption(command, t);
    command.option('--url <url>', t('emulator.option.url'));
    command.option('--openid <openid>', t('emulator.option.code_openid'));
    examples(command, t, ['emulator.example.code', 'emulator.example.code_pay']);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
    const code = await emulator.issueCode(textOption(options, 'openid'));
    const { auth_code, openid, expires_at } = code;
    return {
      data: code,
      view: [
        {
          kind: 'details',
          title: runtime.t('emulator.title.code'),
          rows: [
            { label: 'auth_code', value: auth_code },
            { label: 'openid', value: openid },
            { label: runtime.t('emulator.label.expires'), value: formatTime(new Date(expires_at).toISOString()) },
          ],
        },
      ],
      id: auth_code,
    };
  },
};
