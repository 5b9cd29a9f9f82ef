/** The passphrase of a `.p12`: by file or standard input, never on the command line; WeChat Pay's is the merchant number. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { Translate } from '../../../i18n/translate.ts';
import { dropFinalNewline, readSecret } from '../../../profiles/secrets.ts';
import type { CommandInput, Runtime } from '../../command.ts';

export function declarePassphraseOptions(command: Command, t: Translate): void {
  const what = t('profile.option.p12_passphrase');
  command
    .option('--p12-passphrase-file <file>', t('profile.option.secret_file', { what }))
    .option('--p12-passphrase-stdin', t('profile.option.secret_stdin', { what }))
    // Known, so that commander's "unknown option" does not repeat it together with its value.
    .addOption(new Option('--p12-passphrase [value]').hideHelp());
}

/** @returns `undefined` where no option says anything */
export async function readPassphrase(options: CommandInput['options'], runtime: Runtime): Promise<string | undefined> {
  if (options['p12Passphrase'] !== undefined)
    throw new WxpayError('SECRET_IN_ARGV', {
      params: { flag: '--p12-passphrase', instead: '--p12-passphrase-file, --p12-passphrase-stdin' },
      outcome: 'not_sent',
    });
  const file = options['p12PassphraseFile'];
  if (typeof file === 'string') {
    const reader = { env: runtime.env, platform: runtime.platform, uid: runtime.uid };
    return (await readSecret('--p12-passphrase-file', `file:${resolve(runtime.cwd, file)}`, reader)).reveal();
  }
  if (options['p12PassphraseStdin'] !== true) return undefined;
  return dropFinalNewline((await runtime.readStdin(65_536)).toString('utf8'));
}
