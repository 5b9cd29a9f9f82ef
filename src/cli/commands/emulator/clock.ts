/** `wxpay emulator clock`: moves the emulator's own time. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { ClockChange } from '../../../emulator/business-clock.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import { formatInstant } from '../../../output/time.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { parseDuration } from '../../duration.ts';
import { examples } from '../../help.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';
import { readInstant } from './instant.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('[distance]', t('emulator.argument.distance'));
    addDirOption(command, t);
    command.option('--url <url>', t('emulator.option.url'));
    command.option('--at <time>', t('emulator.option.at'));
    command.option('--reset', t('emulator.option.clock_reset'));
    examples(command, t, ['emulator.example.clock', 'emulator.example.clock_at', 'emulator.example.clock_reset']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const change = readChange(args[0], options);
    const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
    const state = change === undefined ? await emulator.clock() : await emulator.moveClock(change);
    const { t } = runtime;
    return {
      data: state,
      view: [
        {
          kind: 'details',
          title: t('emulator.title.clock'),
          rows: [
            { label: t('emulator.label.now'), value: formatInstant(state.now) },
            { label: t('emulator.label.offset'), value: distanceText(state.offset_ms) },
          ],
        },
      ],
      id: new Date(state.now).toISOString(),
    };
  },
};

function readChange(distance: string | undefined, options: CommandInput['options']): ClockChange | undefined {
  const at = textOption(options, 'at');
  const reset = options['reset'] === true;
  if ([distance !== undefined, at !== undefined, reset].filter(Boolean).length > 1)
    throw new WxpayError('INPUT_INVALID', {
      params: { field: 'clock', reason: 'key:emulator.reason.one_clock_change' },
      outcome: 'not_sent',
    });
  if (reset) return { reset: true };
  if (at !== undefined) return { at: readInstant('--at', at) };
  if (distance === undefined) return undefined;
  const back = distance.startsWith('-');
  const ms = parseDuration('clock', distance.replace(/^[+-]/, ''));
  return { by_ms: back ? -ms : ms };
}

/** `+1d 2h 0m 3s` */
function distanceText(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const text = parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
  return text === '' ? '0' : `${ms < 0 ? '-' : '+'}${text}`;
}
