/** What commands for APIv2 take from the command line and the profile. */
import type { Command } from 'commander';
import { WxpayError } from '../core/errors.ts';
import { readSignType, v2SignTypes, type V2SignType } from '../core/wire/v2-sign.ts';
import type { V2FieldMap } from '../operations/v2-fields.ts';
import type { Translate } from '../i18n/translate.ts';
import type { CommandInput, Runtime } from './command.ts';
import { readInput } from './json-input.ts';

export function declareV2Options(command: Command, t: Translate): void {
  command
    .option('--v2', t('v2.option.v2'))
    .option('-f, --field <name=value>', t('v2.option.field'), (value: string, before: unknown) => [
      ...(Array.isArray(before) ? (before as string[]) : []),
      value,
    ])
    .option('--sign-type <type>', t('v2.option.sign_type'));
}

/** `--data` first, `-f` over it. @throws `INPUT_INVALID`, `INPUT_UNREADABLE`, `SECRET_IN_ARGV` */
export async function readV2Fields(options: CommandInput['options'], runtime: Runtime): Promise<V2FieldMap> {
  // The XML parser is loaded where there is XML to come.
  const { addV2Pairs, readV2Data } = await import('../operations/v2-fields.ts');
  const { data, field } = options;
  const fields = typeof data === 'string' ? readV2Data(await readInput(data, runtime), '--data') : new Map();
  addV2Pairs(fields, Array.isArray(field) ? (field as string[]) : []);
  return fields;
}

/** The sign type that the flag, else the field names. @throws `INPUT_INVALID` */
export function givenSignType(options: CommandInput['options'], fields: V2FieldMap): V2SignType | undefined {
  const flag = options['signType'];
  const [name, text] = typeof flag === 'string' ? ['--sign-type', flag] : ['sign_type', fields.get('sign_type')];
  if (text === undefined || text === '') return undefined;
  const type = readSignType(text.toUpperCase());
  if (type !== undefined) return type;
  throw new WxpayError('INPUT_INVALID', {
    params: { field: name, reason: 'key:reason.not_one_of', values: v2SignTypes.join(', ') },
    outcome: 'not_sent',
  });
}
