/** `wxpay emulator rotate`: the platform's keys change, as WeChat Pay changes them. */
import { Option, type Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import type { RotateRequest } from '../../../emulator/rotation.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    addDirOption(command, t);
    command
      .addOption(new Option('--step <step>', t('emulator.option.rotate_step')).choices(['issue', 'switch', 'retire']))
      .addOption(
        new Option('--mode <mode>', t('emulator.option.rotate_mode')).choices(['certificate', 'public-key', 'mixed']),
      )
      .option('--days <days>', t('emulator.option.rotate_days'))
      .option('--old-days <days>', t('emulator.option.rotate_old_days'))
      .option('--share <share>', t('emulator.option.rotate_share'));
    examples(command, t, ['emulator.example.rotate', 'emulator.example.rotate_issue']);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    const emulator = await findEmulator(emulatorDir(options, runtime));
    const state = await emulator.rotate(readRequest(options));
    const { t } = runtime;
    return {
      data: state,
      view: [
        {
          kind: 'details',
          rows: [
            { label: t('emulator.label.mode'), value: state.mode },
            { label: t('emulator.label.signing'), value: state.signing },
            ...state.listed.map((serial, index) => ({
              label: index === 0 ? t('emulator.label.listed') : '',
              value: serial,
            })),
          ],
        },
      ],
      id: state.signing,
    };
  },
};

function readRequest(options: CommandInput['options']): RotateRequest {
  const number = (name: string, flag: string): number | undefined => {
    const text = textOption(options, name);
    if (text === undefined) return undefined;
    // A negative number of days makes a certificate that has expired.
    if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
    throw new WxpayError('INPUT_INVALID', {
      params: { field: flag, reason: 'key:emulator.reason.control' },
      outcome: 'not_sent',
    });
  };
  const [days, oldDays, share] = [
    number('days', '--days'),
    number('oldDays', '--old-days'),
    number('share', '--share'),
  ];
  const [step, mode] = [textOption(options, 'step'), textOption(options, 'mode')];
  return {
    ...(step === undefined ? {} : { step: step as NonNullable<RotateRequest['step']> }),
    ...(mode === undefined ? {} : { mode: mode as NonNullable<RotateRequest['mode']> }),
    ...(days === undefined ? {} : { days }),
    ...(oldDays === undefined ? {} : { oldDays }),
    ...(share === undefined ? {} : { share }),
  };
}
