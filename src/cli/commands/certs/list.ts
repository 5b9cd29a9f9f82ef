/** `wxpay certs list`: the keys at hand that verify WeChat Pay. Sends nothing. */
import type { Command } from 'commander';
import { listKeys } from '../../../operations/certificates.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { keyTable } from './key-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    examples(command, t, ['certs.example.list', 'certs.example.list_json']);
  },

  async run(_input: CommandInput, runtime: Runtime): Promise<Result> {
    const { t, clock } = runtime;
    const keys = await listKeys(await runtime.keyRing(), clock);
    return {
      data: keys,
      view: [keyTable(keys, clock.now(), t)],
      id: keys.map((key) => key.serial_no).join('\n'),
    };
  },
};
