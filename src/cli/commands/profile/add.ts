/**
 * `wxpay profile add`: a merchant, from flags or from questions on a terminal. No flag carries a secret: it comes by file,
 * standard input or reference. Nothing is saved before key, certificate, serial and APIv3 key have been read and compared.
 */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { WxpayError } from '../../../core/errors.ts';
import type { Result } from '../../../output/view.ts';
import { inspectProfile, type Inspection } from '../../../profiles/inspect.ts';
import { resolvedFrom } from '../../../profiles/resolve.ts';
import {
  checkProfileName,
  profileFields,
  type Profile,
  type ProfileField,
  type ResolvedProfile,
} from '../../../profiles/schema.ts';
import type { ProfileStore } from '../../../profiles/store.ts';
import type { CommandInput, CommandModule, Runtime } from '../../command.ts';
import { examples } from '../../help.ts';
import { askName, askProfile, askUse } from './add-questions.ts';
import { checkInput, isPkcs12, requirePkcs12, resolvedOf, type Draft } from './draft.ts';
import { describeProfile, profileBlocks, profileRows } from './profile-view.ts';
import { declareSecretOptions, readSecretOptions } from './secret-options.ts';

/** Options whose text is the value. `--base-url` is a global flag. */
const plainOptions: readonly (readonly [option: string, field: ProfileField])[] = [
  ['mchid', 'mchid'],
  ['appid', 'appid'],
  ['serialNo', 'serial_no'],
  ['publicKeyId', 'public_key_id'],
  ['subMchid', 'sub_mchid'],
  ['subAppid', 'sub_appid'],
  ['notifyUrl', 'notify_url'],
];

/** What appids look like today; nowhere promised, so that another shape only warns. */
const appidShape = /^w[wx][0-9a-zA-Z]{16}$/;

export const command: CommandModule = {
  configure(command: Command, t) {
    command
      .argument('[name]', t('profile.argument.new_name'))
      .option('--mchid <mchid>', t('profile.option.mchid'))
      .option('--appid <appid>', t('profile.option.appid'))
      .option('--certificate-file <file>', t('profile.option.certificate_file'))
      .option('--p12-file <file>', t('profile.option.p12_file'))
      .option('--serial-no <serial>', t('profile.option.serial_no'));
    declareSecretOptions(command, t);
    command
      .option('--public-key-id <id>', t('profile.option.public_key_id'))
      .option('--public-key-file <file>', t('profile.option.public_key_file'))
      .option('--sub-mchid <mchid>', t('profile.option.sub_mchid'))
      .option('--sub-appid <appid>', t('profile.option.sub_appid'))
      .option('--notify-url <url>', t('profile.option.notify_url'))
      .option('--ca-file <file>', t('profile.option.ca_file'))
      .option('--force', t('profile.option.force'))
      .option('--use', t('profile.option.use'));
    examples(command, t, ['profile.example.add', 'profile.example.add_flags', 'profile.example.add_p12']);
  },

  async run({ args, options }: CommandInput, runtime: Runtime): Promise<Result> {
    const draft = await readOptions(options, runtime);
    const store = await runtime.profileStore();
    const name = await chooseName(args[0], runtime);
    const force = options['force'] === true;
    await refuseExisting(name, force, store);
    const prompts = await runtime.prompts();
    const asked = prompts.canPrompt && (await askProfile(draft, prompts, runtime));
    const packed = options['p12File'] !== undefined || isPkcs12(draft.client_cert_file, runtime);
    if (!prompts.canPrompt) completeFromEnvironment(draft, packed, runtime);
    requireKeys(draft, packed);
    await readSerial(draft, options, runtime);
    requireRest(draft);

    const profile: Profile = { version: 1, ...draft };
    const file = store.fileOf(name);
    const allowHosts = runtime.globals.allowHost === undefined ? [] : [runtime.globals.allowHost];
    const resolved = resolvedFrom({ name, file, profile }, allowHosts);
    const inspection = await inspect(resolved, runtime);

    if (!runtime.globals.dryRun) {
      const before = store.current();
      const { kept } = await store.save(name, profile, { force });
      if (kept !== undefined) runtime.warn('profile.warn.kept', { file: kept });
      const others = store.list().length > 1 && store.current() !== name;
      if (options['use'] === true || (asked && others && (await askUse(name, prompts, runtime.t))))
        await store.use(name);
      // An only profile is the current one without having been chosen; a second one must not silently end that.
      else if (before !== undefined && store.current() === undefined) await store.use(before);
    }
    if (draft.appid !== undefined && !appidShape.test(draft.appid))
      runtime.warn('profile.warn.appid', { appid: draft.appid });
    if (draft.api_v3_key === undefined) runtime.note('profile.note.no_api_v3_key');
    const current = !runtime.globals.dryRun && store.current() === name;
    const shown = describeProfile(resolved, inspection, { file, current }, runtime.t);
    runtime.note(runtime.globals.dryRun ? 'profile.note.not_saved' : 'profile.note.saved', { name, file });
    if (!current && !runtime.globals.dryRun) runtime.note('profile.note.use', { name });
    return { data: shown, rows: profileRows(shown), view: profileBlocks(shown, runtime.t), id: name };
  },
};

/** Everything that flags say, checked, with absolute paths. */
async function readOptions(options: CommandInput['options'], runtime: Runtime): Promise<Draft> {
  const draft: Draft = await readSecretOptions(options, runtime);
  const text = (option: string): string | undefined => {
    const value = options[option];
    return typeof value === 'string' ? value : undefined;
  };
  const put = (field: ProfileField, value: string | undefined, flag: string = profileFields[field].flag): void => {
    if (value !== undefined) draft[field] = checkInput(field, value, flag);
  };
  for (const [option, field] of plainOptions) put(field, text(option));
  put('base_url', runtime.globals.baseUrl);
  const path = (option: string): string | undefined => {
    const value = text(option);
    return value === undefined ? undefined : resolve(runtime.cwd, value);
  };
  const packed = path('p12File');
  if (packed !== undefined) requirePkcs12(packed, runtime);
  put('client_cert_file', packed ?? path('certificateFile'));
  put('ca_file', path('caFile'));
  const publicKey = path('publicKeyFile');
  put('public_key', publicKey === undefined ? undefined : `file:${publicKey}`);
  return draft;
}

async function chooseName(argument: string | undefined, runtime: Runtime): Promise<string> {
  const variable = runtime.env['WXPAY_PROFILE'];
  const given = argument ?? runtime.globals.profile ?? (variable === '' ? undefined : variable);
  if (given === undefined) {
    const prompts = await runtime.prompts();
    if (!prompts.canPrompt) throw inputMissing('name', 'wxpay profile add <name>', 'WXPAY_PROFILE');
    return await askName(prompts, runtime.t);
  }
  checkProfileName(given);
  return given;
}

/** Before anybody answers ten questions for nothing. The store looks again under its lock. */
async function refuseExisting(name: string, force: boolean, store: ProfileStore): Promise<void> {
  if (force || !store.list().includes(name)) return;
  try {
    await store.read(name);
  } catch (error) {
    // A broken file was moved aside by this very look; the new profile takes its place.
    if (error instanceof WxpayError && error.code === 'PROFILE_FILE_BROKEN') return;
    throw error;
  }
  throw new WxpayError('PROFILE_EXISTS', { params: { name } });
}

/** In CI the variables that every command understands supply what flags leave out; secrets become references to them. */
function completeFromEnvironment(draft: Draft, packed: boolean, { env, cwd }: Runtime): void {
  for (const field of ['mchid', 'serial_no', 'private_key', 'api_v3_key', 'base_url'] as const) {
    if (draft[field] !== undefined) continue;
    // With a `.p12` the key is in it, and with a certificate the serial is.
    if (draft.client_cert_file !== undefined && field === 'serial_no') continue;
    if (packed && field === 'private_key') continue;
    for (const { name, form } of profileFields[field].variables) {
      const value = env[name];
      if (value === undefined || value === '') continue;
      const secret = profileFields[field].secret ? `env:${name}` : value;
      draft[field] = checkInput(field, form === 'file' ? `file:${resolve(cwd, value)}` : secret, name);
      break;
    }
  }
}

/** The serial is read from the certificate or `.p12` wherever there is one; typing it is the last resort. */
async function readSerial(draft: Draft, options: CommandInput['options'], runtime: Runtime): Promise<void> {
  const { certificateFile } = options;
  const both = typeof certificateFile === 'string' && typeof options['p12File'] === 'string';
  if (draft.client_cert_file === undefined || (draft.serial_no !== undefined && !both)) return;
  const credentials = await runtime.credentials(resolvedOf(draft));
  const certificate = await credentials.certificate();
  if (certificate === undefined) return;
  draft.serial_no ??= certificate.serialNumber.toUpperCase();
  if (!both) return;
  const file = resolve(runtime.cwd, certificateFile);
  const other = await (await runtime.credentials(resolvedOf({ ...draft, client_cert_file: file }))).certificate();
  if (other?.fingerprint256 !== certificate.fingerprint256)
    throw new WxpayError('KEY_CERTIFICATE_MISMATCH', { params: { source: file } });
}

/** What has to be there before a `.p12` can be opened: its passphrase is the merchant number. */
function requireKeys(draft: Draft, packed: boolean): void {
  need(draft, 'mchid');
  if (!packed) need(draft, 'private_key', '--private-key-file / --p12-file');
}

function requireRest(draft: Draft): void {
  need(draft, 'serial_no', '--certificate-file / --serial-no');
  if (draft.public_key !== undefined) need(draft, 'public_key_id');
  if (draft.public_key_id !== undefined) need(draft, 'public_key');
}

function need(draft: Draft, field: ProfileField, flag: string = profileFields[field].flag): void {
  if (draft[field] === undefined)
    throw inputMissing(field, flag, profileFields[field].variables.map(({ name }) => name).join(' / '));
}

function inputMissing(field: string, flag: string, variable: string): WxpayError {
  return new WxpayError('INPUT_MISSING', { params: { field, flag, variable }, outcome: 'not_sent' });
}

/** Refuses what does not fit together; a variable or keychain that is absent on this machine only warns. */
async function inspect(profile: ResolvedProfile, runtime: Runtime): Promise<Inspection> {
  const credentials = await runtime.credentials(profile);
  const inspection = await inspectProfile(profile, credentials, { now: runtime.clock.now(), askKeychain: true });
  for (const { field, error } of inspection.findings) {
    const elsewhere = /^(?:env|keychain):/.test(profile.values[field]?.value ?? '');
    if (!elsewhere || (error.code !== 'SECRET_UNREADABLE' && error.code !== 'KEYCHAIN_UNAVAILABLE')) throw error;
    runtime.warn('profile.warn.unread', { field, reference: profile.values[field]?.value ?? '' });
  }
  return inspection;
}
