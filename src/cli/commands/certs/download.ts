/** `wxpay certs download`: fetches, verifies, caches and, if wanted, exports the platform certificates. */
import type { Command } from 'commander';
import { resolve } from 'node:path';
import { certificatesRequest } from '../../../core/keys/download.ts';
import { downloadKeys, exportCertificates } from '../../../operations/certificates.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { dryRun } from '../../dry-run.ts';
import { examples } from '../../help.ts';
import { keyTable } from './key-view.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command.option('--out <dir>', t('certs.option.out'));
    examples(command, t, ['certs.example.download', 'certs.example.download_out']);
  },

  async run({ options }: CommandInput, runtime: Runtime): Promise<Result> {
    if (runtime.globals.dryRun) return dryRun(runtime, certificatesRequest);
    const { t, clock } = runtime;
    const ring = await runtime.keyRing();
    const { keys, cached } = await runtime.busy('cli.busy.request', { host: 'WeChat Pay' }, () =>
      downloadKeys(ring, clock),
    );
    if (!cached) runtime.warn('certs.not_cached.warn');
    const { live } = await runtime.profile();
    // Loud, not fatal: whether newer certificates still chain to this CA is not documented (protocol 3.4). An emulator's never do.
    if (live)
      for (const key of keys)
        if (key.tenpay_issued === false) runtime.warn('certs.chain.warn', { serial: key.serial_no });
    const { out } = options;
    const files =
      typeof out === 'string'
        ? exportCertificates(keys, {
            dir: resolve(runtime.cwd, out),
            platform: runtime.platform,
            randomName: () => runtime.randomBytes(8).toString('hex'),
          })
        : [];
    const first = keys.find((key) => key.preferred) ?? keys[0];
    return {
      data: { certificates: keys, cached, files },
      view: [
        keyTable(keys, clock.now(), t),
        { kind: 'text', text: t('certs.verified', { count: keys.length }), tone: 'good' },
        ...files.map((file) => ({ kind: 'text' as const, text: t('certs.written', { file }) })),
      ],
      rows: keys,
      ...(first === undefined ? {} : { id: first.serial_no }),
    };
  },
};
