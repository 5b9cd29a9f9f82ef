/** `wxpay emulator snapshot save`: the emulator's state in a file, without keys. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { writeFileAtomic } from '../../../core/durable/atomic-file.ts';
import { findEmulator } from '../../../emulator/control-client.ts';
import type { EmulatorState } from '../../../emulator/state.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { fileWriter } from '../../file-writer.ts';
import { examples } from '../../help.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';
import { describeSnapshot } from './snapshot-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<file>', t('emulator.argument.snapshot'));
    addDirOption(command, t);
    command.option('--url <url>', t('emulator.option.url'));
    examples(command, t, ['emulator.example.snapshot_save', 'emulator.example.snapshot_save_dir']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
    const state: EmulatorState = await emulator.snapshot();
    const file = resolve(runtime.cwd, args[0] ?? '');
    writeFileAtomic(file, `${JSON.stringify(state)}\n`, fileWriter(runtime));
    return describeSnapshot(file, state, runtime);
  },
};
