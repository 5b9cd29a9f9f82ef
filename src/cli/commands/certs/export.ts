/** `wxpay certs export`: the keys at hand as PEM, DER or JWKS, or the merchant's own pair as PKCS#12. Sends nothing. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { resolve } from 'node:path';
import { writeFileAtomic } from '../../../core/durable/atomic-file.ts';
import { WxpayError } from '../../../core/errors.ts';
import { sameSerial } from '../../../core/keys/serial.ts';
import type { VerificationKey } from '../../../core/ports.ts';
import { toJwks, toPem, writeKeyFiles } from '../../../operations/key-export.ts';
import type { Result } from '../../../output/view.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { fileWriter } from '../../file-writer.ts';
import { examples } from '../../help.ts';
import { declarePassphraseOptions, readPassphrase } from './passphrase.ts';

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('[serial]', t('certs.argument.export_serial'))
      .addOption(
        new Option('--format <format>', t('certs.option.format')).choices(['pem', 'der', 'jwks', 'p12']).default('pem'),
      )
      .option('--out <path>', t('certs.option.export_out'));
    declarePassphraseOptions(command, t);
    examples(command, t, ['certs.example.export', 'certs.example.export_jwks', 'certs.example.export_p12']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const out = typeof options['out'] === 'string' ? resolve(runtime.cwd, options['out']) : undefined;
    if (options['format'] === 'p12') return exportPkcs12(required(out), options, runtime);
    const keys = await chosenKeys(args[0], runtime);
    if (options['format'] === 'jwks') return exportJwks(keys, out, runtime);
    const format = options['format'] === 'der' ? 'der' : 'pem';
    if (out === undefined) {
      // DER on a terminal helps nobody, and a pipe cannot tell where one key ends.
      if (format === 'der') required(out);
      const text = keys.map(toPem).join('');
      return { data: keys.map(asData), view: [{ kind: 'verbatim', text: text.trimEnd() }], id: text.trimEnd() };
    }
    const files = writeKeyFiles(keys, format, out, fileWriter(runtime));
    return written(files, runtime);
  },
};

function required(out: string | undefined): string {
  if (out !== undefined) return out;
  throw new WxpayError('INPUT_MISSING', {
    params: { field: '--out', flag: '--out' },
    hint: 'cli.hint.flag',
    outcome: 'not_sent',
  });
}

async function chosenKeys(serial: string | undefined, runtime: Runtime): Promise<readonly VerificationKey[]> {
  const keys = await (await runtime.keyRing()).list();
  const chosen =
    serial === undefined
      ? keys
      : keys.filter((key) => key.id === serial || (key.certificate !== undefined && sameSerial(key.id, serial)));
  if (chosen.length > 0) return chosen;
  throw new WxpayError('NOT_FOUND', {
    params: { what: serial ?? 'Wechatpay-Serial' },
    hint: keys.length === 0 ? 'certs.hint.nothing_at_hand' : 'certs.hint.serials',
    next: ['certs', keys.length === 0 ? 'download' : 'list'],
  });
}

function asData(key: VerificationKey): Record<string, unknown> {
  return { serial_no: key.id, kind: key.kind, pem: toPem(key) };
}

function exportJwks(keys: readonly VerificationKey[], out: string | undefined, runtime: Runtime): Result {
  const jwks = toJwks(keys);
  const text = JSON.stringify(jwks, null, 2);
  if (out === undefined) return { data: jwks, view: [{ kind: 'verbatim', text }], rows: jwks.keys, id: text };
  writeFileAtomic(out, `${text}\n`, fileWriter(runtime));
  return written([out], runtime);
}

async function exportPkcs12(out: string, options: CommandInput['options'], runtime: Runtime): Promise<Result> {
  const credentials = await runtime.credentials();
  const certificate = await credentials.certificate();
  if (certificate === undefined)
    throw new WxpayError('CREDENTIAL_MISSING', {
      params: { field: 'client_cert_file', variable: 'WXPAY_CLIENT_CERT_FILE' },
      outcome: 'not_sent',
    });
  const key = await credentials.merchantKey();
  if (!certificate.checkPrivateKey(key))
    throw new WxpayError('KEY_CERTIFICATE_MISMATCH', { params: { source: 'client_cert_file' } });
  const passphrase = (await readPassphrase(options, runtime)) ?? credentials.mchid();
  const { makePkcs12 } = await import('../../../core/crypto/pkcs12.ts');
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString();
  writeFileAtomic(out, await makePkcs12(pem, certificate.toString(), passphrase), fileWriter(runtime));
  return written([out], runtime);
}

function written(files: readonly string[], { t }: Runtime): Result {
  return {
    data: { files },
    view: files.map((file) => ({ kind: 'text', text: t('certs.written', { file }) })),
    rows: files.map((file) => ({ file })),
    id: files.join('\n'),
  };
}
