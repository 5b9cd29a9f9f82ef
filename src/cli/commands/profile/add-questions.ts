/** The questions of `profile add` on a terminal: only for what no flag says, each answer checked before the next question. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { WxpayError } from '../../../core/errors.ts';
import { isLoopback } from '../../../core/http/base-url.ts';
import type { Translate } from '../../../i18n/translate.ts';
import { isEmulatorCertificate } from '../../../profiles/credentials.ts';
import { defaultBaseUrl } from '../../../profiles/resolve.ts';
import { isProfileName, type ProfileField } from '../../../profiles/schema.ts';
import { secretPlace } from '../../../profiles/secrets.ts';
import type { Runtime } from '../../command.ts';
import type { Prompts } from '../../prompts.ts';
import { errorText } from '../../render-error.ts';
import { checkInput, isPkcs12, resolvedOf, type Draft } from './draft.ts';

type QuestionRuntime = Pick<Runtime, 't' | 'cwd' | 'env' | 'credentials' | 'platform' | 'uid'>;

export async function askName(prompts: Prompts, t: Translate): Promise<string> {
  return await prompts.input({
    message: t('profile.ask.name'),
    initial: 'default',
    validate: (text) => (isProfileName(text) ? undefined : t('profile.reason.name')),
  });
}

export async function askUse(name: string, prompts: Prompts, t: Translate): Promise<boolean> {
  return await prompts.confirm({ message: t('profile.ask.use', { name }) });
}

/**
 * Fills the draft. Asks nothing when everything that a merchant needs is there: a full command line is never interrupted.
 *
 * @returns whether anything was asked
 */
export async function askProfile(draft: Draft, prompts: Prompts, runtime: QuestionRuntime): Promise<boolean> {
  const hasKey = draft.private_key !== undefined || draft.client_cert_file !== undefined;
  const hasSerial = draft.serial_no !== undefined || draft.client_cert_file !== undefined;
  if (draft.mchid !== undefined && hasKey && hasSerial && draft.api_v3_key !== undefined) return false;
  if (draft.mchid === undefined) draft.mchid = await askPlain('mchid', prompts, runtime, runtime.env['WXPAY_MCHID']);
  if (draft.private_key === undefined && !isPkcs12(draft.client_cert_file, runtime))
    await askKey(draft, prompts, runtime);
  if (draft.client_cert_file === undefined) await askCertificate(draft, prompts, runtime);
  if (draft.client_cert_file === undefined && draft.serial_no === undefined)
    draft.serial_no = await askPlain('serial_no', prompts, runtime);
  if (draft.api_v3_key === undefined) await askApiV3Key(draft, prompts, runtime);
  await askOptional(draft, prompts, runtime);
  return true;
}

async function askPlain(
  field: ProfileField & ('mchid' | 'serial_no'),
  prompts: Prompts,
  runtime: QuestionRuntime,
  initial?: string,
): Promise<string> {
  const answer = await prompts.input({
    message: runtime.t(`profile.ask.${field}`),
    ...(initial === undefined || initial === '' ? {} : { initial }),
    validate: (text) => complaintOf(runtime.t, () => checkInput(field, text.trim(), field)),
  });
  return checkInput(field, answer.trim(), field);
}

/** The private key, or the `.p12` that holds key and certificate. */
async function askKey(draft: Draft, prompts: Prompts, runtime: QuestionRuntime): Promise<void> {
  const { t } = runtime;
  let packed = false;
  const answer = await prompts.input({
    message: t('profile.ask.key_file'),
    validate: async (text) => {
      packed = false;
      const file = pathOf(text, runtime);
      if (file === undefined) return t('profile.reason.empty');
      try {
        await keyOf({ ...draft, private_key: `file:${file}` }, runtime);
        return undefined;
      } catch (error) {
        packed =
          error instanceof WxpayError && error.code === 'KEY_WRONG_KIND' && error.params['found'] === 'kind:pkcs12';
        return packed ? undefined : messageOf(error, t);
      }
    },
  });
  const file = pathOf(answer, runtime) ?? '';
  if (!packed) {
    draft.private_key = `file:${file}`;
    return;
  }
  draft.client_cert_file = file;
  await askPassphrase(draft, prompts, runtime);
}

/** WeChat Pay's tool uses the merchant number; whoever changed it is asked. */
async function askPassphrase(draft: Draft, prompts: Prompts, runtime: QuestionRuntime): Promise<void> {
  try {
    await certificateOf(draft, runtime);
    return;
  } catch (error) {
    if (!(error instanceof WxpayError) || error.code !== 'P12_PASSPHRASE_WRONG') throw error;
  }
  draft.client_cert_passphrase = await prompts.secret({
    message: runtime.t('profile.ask.passphrase'),
    validate: (text) =>
      complaintOfAsync(runtime.t, async () => {
        await certificateOf(
          { ...draft, client_cert_passphrase: checkInput('client_cert_passphrase', text, '') },
          runtime,
        );
      }),
  });
}

/** The certificate, which must belong to the key; its serial is read and never asked for. */
async function askCertificate(draft: Draft, prompts: Prompts, runtime: QuestionRuntime): Promise<void> {
  const { t } = runtime;
  const key = await keyOf(draft, runtime);
  const beside = besideKey(draft, 'apiclient_cert.pem');
  const answer = await prompts.input({
    message: t('profile.ask.certificate_file'),
    ...(beside === undefined ? {} : { initial: beside }),
    validate: (text) =>
      complaintOfAsync(t, async () => {
        const file = pathOf(text, runtime);
        if (file === undefined) return;
        const certificate = await certificateOf({ ...draft, client_cert_file: file }, runtime);
        if (certificate?.checkPrivateKey(key) === false)
          throw new WxpayError('KEY_CERTIFICATE_MISMATCH', { params: { source: file } });
      }),
  });
  const file = pathOf(answer, runtime);
  if (file !== undefined) draft.client_cert_file = file;
}

async function askApiV3Key(draft: Draft, prompts: Prompts, runtime: QuestionRuntime): Promise<void> {
  const { t } = runtime;
  const reference = (text: string): string => {
    const place = secretPlace(text);
    return place.kind === 'file' ? `file:${resolve(runtime.cwd, place.path)}` : text;
  };
  const answer = await prompts.secret({
    message: t('profile.ask.api_v3_key'),
    validate: (text) =>
      text === ''
        ? undefined
        : complaintOfAsync(t, async () => {
            const api_v3_key = checkInput('api_v3_key', reference(text), 'api_v3_key');
            const credentials = await runtime.credentials(resolvedOf({ ...draft, api_v3_key }));
            await credentials.apiV3Key();
          }),
  });
  if (answer !== '') draft.api_v3_key = reference(answer);
}

async function askOptional(draft: Draft, prompts: Prompts, runtime: QuestionRuntime): Promise<void> {
  const { t } = runtime;
  const optional = async (field: 'appid' | 'public_key_id'): Promise<string | undefined> => {
    const answer = await prompts.input({
      message: t(`profile.ask.${field}`),
      validate: (text) =>
        text.trim() === '' ? undefined : complaintOf(t, () => checkInput(field, text.trim(), field)),
    });
    return answer.trim() === '' ? undefined : checkInput(field, answer.trim(), field);
  };
  const appid = draft.appid ?? (await optional('appid'));
  if (appid !== undefined) draft.appid = appid;
  if (draft.public_key_id === undefined) {
    const id = await optional('public_key_id');
    if (id === undefined) return;
    draft.public_key_id = id;
  }
  if (draft.public_key !== undefined) return;
  const beside = besideKey(draft, 'pub_key.pem');
  const answer = await prompts.input({
    message: t('profile.ask.public_key_file'),
    ...(beside === undefined ? {} : { initial: beside }),
    validate: (text) =>
      complaintOfAsync(t, async () => {
        const public_key = `file:${pathOf(text, runtime) ?? ''}`;
        const credentials = await runtime.credentials(resolvedOf({ ...draft, public_key }));
        await credentials.publicKeys();
      }),
  });
  draft.public_key = `file:${pathOf(answer, runtime) ?? ''}`;
}

async function keyOf(draft: Draft, runtime: QuestionRuntime): Promise<KeyObject> {
  return await (await runtime.credentials(resolvedOf(draft))).merchantKey();
}

/** @throws what reading it throws; `EMULATOR_KEY_ON_LIVE` at once, rather than after the last question */
async function certificateOf(draft: Draft, runtime: QuestionRuntime): Promise<X509Certificate | undefined> {
  const certificate = await (await runtime.credentials(resolvedOf(draft))).certificate();
  const url = draft.base_url ?? defaultBaseUrl;
  const here = URL.canParse(url) && isLoopback(new URL(url).hostname);
  if (certificate !== undefined && isEmulatorCertificate(certificate) && !here)
    throw new WxpayError('EMULATOR_KEY_ON_LIVE', { params: { url }, outcome: 'not_sent' });
  return certificate;
}

/** No shell has expanded what is typed at a prompt, and files dragged into a terminal arrive in quotes. */
function pathOf(text: string, { cwd, env }: QuestionRuntime): string | undefined {
  const bare = text.trim().replace(/^(['"])(.*)\1$/, '$2');
  if (bare === '') return undefined;
  const home = env['HOME'] ?? env['USERPROFILE'];
  return resolve(cwd, home === undefined ? bare : bare.replace(/^~(?=[/\\])/, home));
}

/** A file of the certificate package that lies where the key lies. */
function besideKey(draft: Draft, name: string): string | undefined {
  const place = secretPlace(draft.private_key ?? '');
  const known = place.kind === 'file' ? place.path : draft.client_cert_file;
  if (known === undefined) return undefined;
  const file = join(dirname(known), name);
  return existsSync(file) ? file : undefined;
}

function complaintOf(t: Translate, check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return messageOf(error, t);
  }
}

async function complaintOfAsync(t: Translate, check: () => Promise<void>): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return messageOf(error, t);
  }
}

function messageOf(error: unknown, t: Translate): string {
  if (error instanceof WxpayError) return errorText(error, t).message;
  throw error;
}
