/** `wxpay emulator snapshot load`: puts a saved state in the place of the emulator's. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import type { EmulatorState } from '../../../emulator/state.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { readInput } from '../../json-input.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';
import { describeSnapshot } from './snapshot-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<file>', t('emulator.argument.snapshot'));
    addDirOption(command, t);
    command.option('--url <url>', t('emulator.option.url'));
    examples(command, t, ['emulator.example.snapshot_load', 'emulator.example.snapshot_load_dir']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const file = resolve(runtime.cwd, args[0] ?? '');
    const state = readState(await readInput(`@${file}`, runtime), file);
    const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
    await emulator.restore(state);
    return describeSnapshot(file, await emulator.snapshot(), runtime);
  },
};

function readState(bytes: Buffer, file: string): EmulatorState {
  try {
    const state: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof state === 'object' && state !== null) return state as EmulatorState;
  } catch {
    // Said below.
  }
  throw new WxpayError('INPUT_INVALID', {
    params: { field: file, reason: 'key:emulator.reason.snapshot' },
    outcome: 'not_sent',
  });
}
