/** `wxpay certs show`: one key with dates, issuer, fingerprint and PEM. Sends nothing. */
import type { Command } from 'commander';
import { showKey } from '../../../operations/certificates.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { keyDetails } from './key-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('[serial]', t('certs.argument.serial'));
    examples(command, t, ['certs.example.show', 'certs.example.show_serial']);
  },

  async run({ args }: CommandInput, runtime: Runtime): Promise<Result> {
    const key = await showKey(await runtime.keyRing(), runtime.clock, args[0]);
    return {
      data: key,
      view: [keyDetails(key, runtime.clock.now(), runtime.t), { kind: 'verbatim', text: key.pem.trimEnd() }],
      id: key.serial_no,
    };
  },
};
