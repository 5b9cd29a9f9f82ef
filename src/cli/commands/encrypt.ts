/** `wxpay encrypt`: a sensitive field for a request, or a callback resource for a test. The plaintext never stands on the command line. */
import type { Command } from 'commander';
import { WxpayError } from '../../core/errors.ts';
import { encryptCallbackResource, encryptField } from '../../operations/crypt.ts';
import type { Result } from '../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../command.ts';
import { examples } from '../help.ts';
import { readInput } from '../json-input.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('[source]', t('crypt.argument.plaintext'))
      .option('--serial <serial>', t('crypt.option.serial'))
      .option('--resource-type <type>', t('crypt.option.resource_type'))
      .option('--associated-data <text>', t('crypt.option.associated_data'));
    examples(command, t, ['crypt.example.encrypt', 'crypt.example.encrypt_file', 'crypt.example.encrypt_resource']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const plaintext = await readPlaintext(args[0], runtime);
    const originalType = textOf(options['resourceType']);
    if (originalType !== undefined) return encryptForTest(plaintext, originalType, options, runtime);
    const { t } = runtime;
    const serial = textOf(options['serial']);
    const ring = await runtime.keyRing();
    const field = await encryptField(ring, plaintext, { serial, fetch: !runtime.globals.dryRun });
    return {
      data: field,
      view: [
        { kind: 'verbatim', text: field.ciphertext },
        { kind: 'verbatim', text: `Wechatpay-Serial: ${field.wechatpay_serial}` },
        { kind: 'text', text: t('crypt.text.header') },
      ],
      id: field.ciphertext,
    };
  },
};

async function encryptForTest(
  plaintext: string,
  originalType: string,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<Result> {
  const resource = encryptCallbackResource(plaintext, {
    apiV3Key: await runtime.apiV3Key(),
    originalType,
    associatedData: textOf(options['associatedData']),
    nonce: runtime.randomBytes(6).toString('hex'),
  });
  return {
    data: resource,
    view: [{ kind: 'verbatim', text: JSON.stringify(resource, null, 2) }],
    id: resource.ciphertext,
  };
}

/**
 * From a file, standard input, or a person. One final line end and a BOM, which editors add, are no part of it.
 *
 * @throws `SECRET_IN_ARGV` for a plaintext on the command line, `INPUT_INVALID` for none and for what is not UTF-8
 */
async function readPlaintext(source: string | undefined, runtime: Runtime): Promise<string> {
  if (source !== undefined && source !== '-' && !source.startsWith('@'))
    throw new WxpayError('SECRET_IN_ARGV', {
      params: { flag: runtime.t('crypt.argument.plaintext_name'), instead: '@file, -' },
      outcome: 'not_sent',
    });
  const prompts = await runtime.prompts();
  const text =
    source === undefined && prompts.canPrompt
      ? await prompts.secret({ message: runtime.t('crypt.ask.plaintext') })
      : decodeText(await readInput(source ?? '-', runtime));
  if (text === '') throw invalid('key:profile.reason.empty');
  return text;
}

function decodeText(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch {
    throw invalid('key:crypt.reason.not_utf8');
  }
}

function invalid(reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', { params: { field: 'plaintext', reason }, outcome: 'not_sent' });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
