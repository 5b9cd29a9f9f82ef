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
    throw refused('clock', 'one_clock_change');
  if (reset) return { reset: true };
  if (at !== undefined) {
    // A day is its beginning in Beijing, where bills begin.
    const time = /^\d{4}-\d{2}-\d{2}$/.test(at) ? `${at}T00:00:00+08:00` : at;
    if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/.test(time) || !Date.parse(time))
      throw refused('--at', 'time');
    return { at: time };
  }
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

function refused(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { field, reason: `key:emulator.reason.${reason}` },
    outcome: 'not_sent',
  });
}
