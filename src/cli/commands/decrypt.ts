/** `wxpay decrypt`: a field that WeChat Pay encrypted for the merchant, or the resource of a callback. Sends nothing. */
import type { Command } from 'commander';
import { WxpayError } from '../../core/errors.ts';
import { decryptCallbackResource, decryptField } from '../../operations/crypt.ts';
import type { Result } from '../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../command.ts';
import { examples } from '../help.ts';
import { readInput } from '../json-input.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('[ciphertext]', t('crypt.argument.ciphertext'))
      .option('--resource <json>', t('crypt.option.resource'));
    examples(command, t, ['crypt.example.decrypt', 'crypt.example.decrypt_resource', 'crypt.example.decrypt_json']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const { resource } = options;
    if (typeof resource === 'string' && args[0] !== undefined)
      throw new WxpayError('USAGE', {
        params: { reason: runtime.t('crypt.usage.one_input') },
        outcome: 'not_sent',
      });
    const bytes = withoutBom(await readInput(typeof resource === 'string' ? resource : (args[0] ?? '-'), runtime));
    if (bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)))
      throw new WxpayError('INPUT_MISSING', {
        params: { field: '<ciphertext>', flag: '<ciphertext>' },
        hint: 'crypt.hint.ciphertext',
        outcome: 'not_sent',
      });
    // A document is a callback's; base64 never begins with a brace.
    const isDocument = typeof resource === 'string' || /^\s*[{[]/.test(bytes.subarray(0, 64).toString('latin1'));
    return isDocument ? decryptDocument(bytes, runtime) : decryptOne(bytes, runtime);
  },
};

async function decryptOne(bytes: Buffer, runtime: Runtime): Promise<Result> {
  const plaintext = decryptField(await (await runtime.credentials()).merchantKey(), bytes.toString('latin1'));
  return { data: { plaintext }, view: [{ kind: 'verbatim', text: plaintext }], id: plaintext };
}

async function decryptDocument(bytes: Buffer, runtime: Runtime): Promise<Result> {
  const found = decryptCallbackResource(bytes, await runtime.apiV3Key());
  runtime.note('crypt.note.unverified');
  const { resource, plaintext } = found;
  return {
    data: found,
    view: [{ kind: 'verbatim', text: resource === null ? plaintext : JSON.stringify(resource, null, 2) }],
    id: plaintext,
  };
}

function withoutBom(bytes: Buffer): Buffer {
  return bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? bytes.subarray(3) : bytes;
}
