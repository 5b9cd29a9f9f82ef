/** `wxpay bill read`: a bill that is a file already, of either kind, packed or not. */
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import { checkHash } from '../../../operations/bill/unpack.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { billOptions, readBillOptions } from './bill-options.ts';
import { showBills, type BillFile } from './bill-run.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.argument('<file>', t('bill.argument.file')).option('--sha1 <hex>', t('bill.option.sha1'));
    billOptions(command, t);
    examples(command, t, ['bill.example.read', 'bill.example.read_ndjson']);
  },

  async run(input: CommandInput, runtime: Runtime): Promise<Result | undefined> {
    const options = readBillOptions(input, runtime.globals);
    const path = resolve(runtime.cwd, input.args[0] ?? '');
    const name = basename(path);
    const sha1 = input.options['sha1'];
    if (typeof sha1 === 'string') {
      if (!/^[0-9a-f]{40}$/i.test(sha1))
        throw new WxpayError('INPUT_INVALID', { params: { field: '--sha1', reason: 'key:bill.reason.sha1' } });
      await checkHash(path, sha1, {
        name,
        signal: runtime.signal,
        ...(options.maxBytes === undefined ? {} : { maxBytes: options.maxBytes }),
      });
    }
    return showBills(one({ name, path }), 1, options, runtime);
  },
};

async function* one(file: BillFile): AsyncGenerator<BillFile> {
  yield file;
}
