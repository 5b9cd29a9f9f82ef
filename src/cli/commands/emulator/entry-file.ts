/** What an emulator begins with: files of seed entries and fault rules, and the seed of a deterministic one. */
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { DeterministicOptions } from '../../../emulator/deterministic.ts';
import { parseEntries } from '../../../emulator/entries.ts';
import type { Entries } from '../../../emulator/entries.ts';
import type { EmulatorOptions } from '../../../emulator/contract.ts';
import type { Translate } from '../../../i18n/translate.ts';
import type { CommandInput, Runtime } from '../../command.ts';
import { readInput } from '../../json-input.ts';
import { textOption } from './emulator-dir.ts';
import { readInstant } from './instant.ts';

/** A JSON array or NDJSON; `-` is standard input. @throws WxpayError `INPUT_UNREADABLE`, `INPUT_INVALID` naming file and line */
export async function readEntryFile(file: string, runtime: Pick<Runtime, 'readStdin' | 'cwd'>): Promise<Entries> {
  const bytes = await readInput(file === '-' ? '-' : `@${file}`, runtime);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new WxpayError('INPUT_INVALID', {
      params: { field: file, reason: 'key:emulator.reason.utf8' },
      outcome: 'not_sent',
      cause: error,
    });
  }
  return parseEntries(text, file === '-' ? 'stdin' : file);
}

export function addBeginningOptions(command: Command, t: Translate): void {
  command.option('--seed <file>', t('emulator.option.seed_file'));
  command.option('--faults <file>', t('emulator.option.faults_file'));
  command.option('--deterministic <seed>', t('emulator.option.deterministic'));
  command.option('--at <time>', t('emulator.option.deterministic_at'));
}

/** What an emulator that is started with these flags begins with. */
export async function readBeginning(
  options: CommandInput['options'],
  runtime: Pick<Runtime, 'readStdin' | 'cwd'>,
): Promise<Pick<EmulatorOptions, 'seed' | 'faults' | 'deterministic'>> {
  const deterministic = readDeterministic(options);
  const files = { seed: textOption(options, 'seed'), faults: textOption(options, 'faults') };
  return {
    ...(deterministic === undefined ? {} : { deterministic }),
    ...(files.seed === undefined ? {} : { seed: await readEntryFile(files.seed, runtime) }),
    ...(files.faults === undefined ? {} : { faults: await readEntryFile(files.faults, runtime) }),
  };
}

function readDeterministic(options: CommandInput['options']): DeterministicOptions | undefined {
  const seed = textOption(options, 'deterministic');
  const at = textOption(options, 'at');
  const refused = (field: string, reason: 'deterministic_seed' | 'deterministic_at'): WxpayError =>
    new WxpayError('INPUT_INVALID', {
      params: { field, reason: `key:emulator.reason.${reason}` },
      outcome: 'not_sent',
    });
  if (seed === '') throw refused('--deterministic', 'deterministic_seed');
  if (seed !== undefined) return { seed, ...(at === undefined ? {} : { at: readInstant('--at', at) }) };
  if (at !== undefined) throw refused('--at', 'deterministic_at');
  return undefined;
}
