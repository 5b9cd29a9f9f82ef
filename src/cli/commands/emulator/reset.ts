/** `wxpay emulator reset`: back to the beginning, with the same keys. */
import type { Command } from 'commander';
import { findEmulator } from '../../../emulator/control-client.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { addDirOption, emulatorDir, textOption } from './emulator-dir.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    addDirOption(command, t);
    command.option('--url <url>', t('emulator.option.url'));
    examples(command, t, ['emulator.example.reset', 'emulator.example.reset_dir']);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    const emulator = await findEmulator(emulatorDir(options, runtime), textOption(options, 'url'));
    await emulator.reset();
    return { data: { ok: true }, view: [{ kind: 'text', text: runtime.t('emulator.reset.done') }], id: emulator.url };
  },
};
