/** Where an emulator keeps its keys, and how its commands find it. */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Translate } from '../../../i18n/translate.ts';
import type { CommandInput, Runtime } from '../../command.ts';

export function addDirOption(command: Command, t: Translate): void {
  command.option('--dir <dir>', t('emulator.option.dir'));
}

/** `--dir`, else `WXPAY_EMULATOR_DIR`, else the emulator's folder among the program's state. */
export function emulatorDir(options: CommandInput['options'], runtime: Pick<Runtime, 'cwd' | 'dirs' | 'env'>): string {
  const option = options['dir'];
  const variable = runtime.env['WXPAY_EMULATOR_DIR'];
  const dir = typeof option === 'string' ? option : variable === '' ? undefined : variable;
  return dir === undefined ? join(runtime.dirs.state, 'emulator') : resolve(runtime.cwd, dir);
}

/** An option's text. */
export function textOption(options: CommandInput['options'], name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}
