/** `wxpay certs import`: takes apiclient_cert.p12 apart into key and certificate, and offers a profile for them. Sends nothing. */
import { X509Certificate } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { describeCertificate } from '../../../core/crypto/certificate.ts';
import { openPkcs12, type OpenedPkcs12 } from '../../../core/crypto/pkcs12.ts';
import { writeFileAtomic } from '../../../core/durable/atomic-file.ts';
import { fileUnwritable } from '../../../core/durable/system-error.ts';
import { isWxpayError, WxpayError } from '../../../core/errors.ts';
import { formatInstant } from '../../../output/time.ts';
import { shellQuote } from '../../../output/shell.ts';
import type { Result } from '../../../output/view.ts';
import { isProfileName } from '../../../profiles/schema.ts';
import { readKeyFile } from '../../../profiles/secrets.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { fileWriter } from '../../file-writer.ts';
import { examples } from '../../help.ts';
import { declarePassphraseOptions, readPassphrase } from './passphrase.ts';

const fileLimit = 1024 * 1024;

export const command: CommandModule = {
  copesWithoutProfile: true,
  configure(command: Command, t) {
    command
      .argument('<file>', t('certs.argument.p12'))
      .option('--out <dir>', t('certs.option.import_out'))
      .option('--mchid <mchid>', t('certs.option.mchid'));
    declarePassphraseOptions(command, t);
    command.option('--add-profile <name>', t('certs.option.add_profile')).option('--force', t('certs.option.force'));
    examples(command, t, ['certs.example.import', 'certs.example.import_profile']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const file = resolve(runtime.cwd, args[0] ?? '');
    const bytes = readKeyFile('p12', file, runtime, fileLimit);
    const opened = await open(bytes, file, options, runtime);
    const facts = describeCertificate(new X509Certificate(opened.certificate));
    const dir = resolve(runtime.cwd, typeof options['out'] === 'string' ? options['out'] : '.');
    const keyFile = join(dir, 'apiclient_key.pem');
    const certificateFile = join(dir, 'apiclient_cert.pem');
    const pieces = [
      { path: keyFile, text: opened.privateKey },
      { path: certificateFile, text: opened.certificate },
    ];
    if (!runtime.globals.dryRun) writePieces(dir, pieces, options['force'] === true, runtime);
    const mchid = /^[0-9]{8,10}$/.test(facts.common_name ?? '') ? (facts.common_name ?? '') : undefined;
    const profile = await offerProfile(
      { name: options['addProfile'], mchid, keyFile, certificateFile, force: options['force'] === true },
      runtime,
    );
    return {
      data: {
        mchid: mchid ?? null,
        serial_no: facts.serial_no,
        expire_time: new Date(facts.not_after).toISOString(),
        private_key_file: keyFile,
        certificate_file: certificateFile,
        profile: profile.name,
      },
      view: [
        {
          kind: 'details',
          rows: [
            { label: t(runtime, 'certs.label.mchid'), value: mchid ?? '?' },
            { label: t(runtime, 'certs.label.serial'), value: facts.serial_no },
            { label: t(runtime, 'certs.label.expire'), value: formatInstant(facts.not_after) },
          ],
        },
        ...pieces.map(({ path }) => ({
          kind: 'text' as const,
          text: runtime.t(runtime.globals.dryRun ? 'certs.would_write' : 'certs.written', { file: path }),
        })),
      ],
      id: facts.serial_no,
      ...(profile.failed ? { failed: 'PROFILE_INVALID' } : {}),
    };
  },
};

function t(runtime: Runtime, key: 'certs.label.mchid' | 'certs.label.serial' | 'certs.label.expire'): string {
  return runtime.t(key);
}

/** With what was given; else with the merchant number; else with what a person says. */
async function open(
  bytes: Buffer,
  file: string,
  options: CommandInput['options'],
  runtime: Runtime,
): Promise<OpenedPkcs12> {
  const given = (await readPassphrase(options, runtime)) ?? (await knownMchid(options['mchid'], runtime));
  const prompts = await runtime.prompts();
  if (given !== undefined) {
    try {
      return await openPkcs12(bytes, given, file);
    } catch (error) {
      if (!isWxpayError(error, 'P12_PASSPHRASE_WRONG') || !prompts.canPrompt) throw error;
    }
  }
  if (!prompts.canPrompt)
    throw new WxpayError('INPUT_MISSING', {
      params: { field: 'mchid', flag: '--mchid / --p12-passphrase-file', variable: 'WXPAY_MCHID' },
      outcome: 'not_sent',
    });
  return openPkcs12(bytes, await prompts.secret({ message: runtime.t('profile.ask.passphrase') }), file);
}

async function knownMchid(option: unknown, runtime: Runtime): Promise<string | undefined> {
  if (typeof option === 'string') return option;
  try {
    return (await runtime.profile()).values.mchid?.value;
  } catch (error) {
    // Whoever unpacks their first .p12 has no profile yet.
    if (isWxpayError(error, 'PROFILE_NONE', 'INPUT_MISSING')) return undefined;
    throw error;
  }
}

interface Piece {
  readonly path: string;
  readonly text: string;
}

/** Both or none, as far as that can be known before: a key that is there already is somebody's. */
function writePieces(dir: string, pieces: readonly Piece[], force: boolean, runtime: Runtime): void {
  const standing = pieces.find(({ path, text }) => !force && holdsSomethingElse(path, text));
  if (standing !== undefined)
    throw new WxpayError('FILE_UNWRITABLE', {
      params: { file: standing.path, reason: 'key:certs.reason.exists' },
      hint: 'certs.hint.exists',
    });
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileUnwritable(dir, error);
  }
  for (const { path, text } of pieces) writeFileAtomic(path, text, fileWriter(runtime));
}

function holdsSomethingElse(path: string, text: string): boolean {
  try {
    // Whatever is no regular file is refused by the writer, with its reason.
    return lstatSync(path).isFile() && readFileSync(path, 'utf8') !== text;
  } catch {
    return false;
  }
}

interface Offer {
  readonly name: unknown;
  readonly mchid: string | undefined;
  readonly keyFile: string;
  readonly certificateFile: string;
  readonly force: boolean;
}

/** @returns the name of the profile that was added, if one was; `failed` when it was wanted and could not be */
async function offerProfile(
  { name, mchid, keyFile, certificateFile, force }: Offer,
  runtime: Runtime,
): Promise<{ readonly name: string | null; readonly failed: boolean }> {
  const argv = ['profile', 'add'];
  const flags = [
    ...(mchid === undefined ? [] : ['--mchid', mchid]),
    '--private-key-file',
    keyFile,
    '--certificate-file',
    certificateFile,
    ...(force ? ['--force'] : []),
    ...(runtime.globals.baseUrl === undefined ? [] : ['--base-url', runtime.globals.baseUrl]),
  ];
  let chosen = typeof name === 'string' ? name : undefined;
  if (chosen === undefined) {
    const prompts = await runtime.prompts();
    if (
      prompts.canPrompt &&
      !runtime.globals.dryRun &&
      (await prompts.confirm({ message: runtime.t('certs.ask.profile') }))
    )
      chosen = await prompts.input({
        message: runtime.t('profile.ask.name'),
        initial: 'default',
        validate: (text) => (isProfileName(text) ? undefined : runtime.t('profile.reason.name')),
      });
  }
  if (chosen === undefined || runtime.globals.dryRun) {
    const words = ['wxpay', ...argv, chosen ?? 'NAME', ...flags];
    runtime.note('certs.note.profile', { command: words.map(shellQuote).join(' ') });
    return { name: null, failed: false };
  }
  // What it prints is a conversation here: the answer of this command is the import's.
  const code = await runtime.self([...argv, chosen, ...flags], { env: runtime.env, stdout: () => undefined });
  if (code !== 0) {
    runtime.warn('certs.warn.profile', { name: chosen });
    return { name: null, failed: true };
  }
  return { name: chosen, failed: false };
}
