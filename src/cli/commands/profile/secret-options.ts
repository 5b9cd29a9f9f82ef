/** The ways by which a secret comes in without standing on the command line (THREATS E1, CLI-MANNERS K12). */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { MessageKey, Translate } from '../../../i18n/translate.ts';
import type { ProfileField } from '../../../profiles/schema.ts';
import { dropFinalNewline, secretPlace } from '../../../profiles/secrets.ts';
import type { CommandInput, Runtime } from '../../command.ts';
import { checkInput, type Draft } from './draft.ts';

interface SecretOption {
  readonly field: ProfileField;
  /** `--<name>-file`, `--<name>-stdin` and `--<name>-ref` exist; `--<name>` itself is refused. */
  readonly name: string;
  readonly text: MessageKey;
}

const secretOptions: readonly SecretOption[] = [
  { field: 'private_key', name: 'private-key', text: 'profile.option.private_key' },
  { field: 'api_v3_key', name: 'api-v3-key', text: 'profile.option.api_v3_key' },
  { field: 'api_v2_key', name: 'api-v2-key', text: 'profile.option.api_v2_key' },
  { field: 'client_cert_passphrase', name: 'p12-passphrase', text: 'profile.option.p12_passphrase' },
];

export function declareSecretOptions(command: Command, t: Translate): void {
  for (const { name, text } of secretOptions) {
    command
      .option(`--${name}-file <file>`, t('profile.option.secret_file', { what: t(text) }))
      .option(`--${name}-stdin`, t('profile.option.secret_stdin', { what: t(text) }))
      .option(`--${name}-ref <reference>`, t('profile.option.secret_ref', { what: t(text) }))
      // Known, so that commander's "unknown option" does not repeat it together with its value.
      .addOption(new Option(`--${name} [value]`).hideHelp());
  }
}

/**
 * Reads what the options say. A file becomes a reference to it; standard input is read here, and the profile's own file
 * will hold it.
 *
 * @throws `SECRET_IN_ARGV` (never with the value), `INPUT_INVALID`
 */
export async function readSecretOptions(
  options: CommandInput['options'],
  runtime: Pick<Runtime, 'cwd' | 'readStdin'>,
): Promise<Draft> {
  // All of them first: nothing is read while a secret stands on the command line.
  for (const { name } of secretOptions) if (options[camelCase(name)] !== undefined) throw inArgv(name);
  const draft: Draft = {};
  let stdinOf: string | undefined;
  for (const { field, name } of secretOptions) {
    const file = options[camelCase(`${name}-file`)];
    const reference = options[camelCase(`${name}-ref`)];
    const stdin = options[camelCase(`${name}-stdin`)] === true;
    if ([typeof file === 'string', typeof reference === 'string', stdin].filter(Boolean).length > 1)
      throw invalid(`--${name}-…`, 'key:profile.reason.one_way');
    if (typeof file === 'string')
      draft[field] = checkInput(field, `file:${resolve(runtime.cwd, file)}`, `--${name}-file`);
    if (typeof reference === 'string') draft[field] = checkedReference(field, reference, name, runtime.cwd);
    if (!stdin) continue;
    if (stdinOf !== undefined) throw invalid(`--${name}-stdin`, 'key:profile.reason.one_stdin');
    stdinOf = name;
    const text = dropFinalNewline((await runtime.readStdin(65_536)).toString('utf8'));
    // A secret that reads like a reference would be looked up elsewhere from now on.
    if (secretPlace(text).kind !== 'literal') throw invalid(`--${name}-stdin`, 'key:profile.reason.use_ref');
    draft[field] = checkInput(field, text, `--${name}-stdin`);
  }
  return draft;
}

function checkedReference(field: ProfileField, reference: string, name: string, cwd: string): string {
  const place = secretPlace(reference);
  // Most likely the secret itself.
  if (place.kind === 'literal') throw inArgv(`${name}-ref`);
  const absolute = place.kind === 'file' ? `file:${resolve(cwd, place.path)}` : reference;
  return checkInput(field, absolute, `--${name}-ref`);
}

function inArgv(name: string): WxpayError {
  const base = name.replace(/-ref$/, '');
  return new WxpayError('SECRET_IN_ARGV', {
    params: { flag: `--${name}`, instead: `--${base}-file, --${base}-stdin, --${base}-ref env:NAME` },
    outcome: 'not_sent',
  });
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field, reason }, outcome: 'not_sent' });
}

/** As commander does it: `api-v3-key-file` is `apiV3KeyFile`. */
function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
