/** The effective profile: flag > environment > profile > default, each value with its source (DESIGN section 3). */
import { resolve as resolvePath } from 'node:path';
import { WxpayError } from '../core/errors.ts';
import { isLive, parseBaseUrl } from '../core/http/base-url.ts';
import {
  checkField,
  profileFieldNames,
  profileFields,
  type FieldVariable,
  type ProfileField,
  type ResolvedProfile,
  type Source,
  type Sourced,
} from './schema.ts';
import type { ProfileStore, StoredProfile } from './store.ts';

export const defaultBaseUrl = 'https://api.mch.weixin.qq.com';

export interface ResolveRequest {
  /** `--profile`. */
  readonly profile?: string | undefined;
  /** Values of fields that flags of this command line supply; named after the flags they have in `profileFields`. */
  readonly flags?: Partial<Readonly<Record<ProfileField, string | undefined>>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly store: Pick<ProfileStore, 'read' | 'list' | 'current'>;
  /** Relative paths of flags and variables are taken from here. */
  readonly cwd: string;
  /** `--allow-host`: hosts beyond WeChat Pay's and loopback that are meant. */
  readonly allowHosts?: readonly string[];
}

/**
 * Puts the layers together. Reads one profile file at most, and none where the environment names the merchant and nobody
 * chose a profile; reads no secret.
 *
 * Which profile: `--profile` > `WXPAY_PROFILE` > the chosen one > the only one > the environment alone.
 *
 * @throws `PROFILE_NONE`, `PROFILE_NOT_FOUND` and the store's other errors, `INPUT_MISSING` where several profiles exist
 *   and nothing chooses, `PROFILE_INVALID` naming the flag or variable of a bad value, `HOST_NOT_ALLOWED`
 */
export async function resolveProfile(request: ResolveRequest): Promise<ResolvedProfile> {
  const chosen = await chooseProfile(request);
  const values: Partial<Record<ProfileField, Sourced>> = {};
  const shadowed: { field: ProfileField; by: Source; hidden: Source }[] = [];
  for (const field of profileFieldNames) {
    const [winner, ...others] = candidates(field, request, chosen);
    if (winner === undefined) continue;
    values[field] = winner;
    // A value hidden by the same value surprises nobody, and a default is there to be replaced.
    for (const { value, source } of others) {
      if (value !== winner.value && source.from !== 'default')
        shadowed.push({ field, by: winner.source, hidden: source });
    }
  }
  const base = parseBaseUrl(values.base_url?.value ?? defaultBaseUrl, request.allowHosts ?? []);
  return { name: chosen?.name, values, shadowed, live: isLive(base) };
}

async function chooseProfile({ profile, env, store }: ResolveRequest): Promise<StoredProfile | undefined> {
  const explicit = profile ?? given(env['WXPAY_PROFILE']);
  if (explicit !== undefined) return await store.read(explicit);
  const name = store.current();
  if (name !== undefined) return await store.read(name);
  if (given(env['WXPAY_MCHID']) !== undefined) return undefined;
  const names = store.list();
  if (names.length > 1)
    throw new WxpayError('INPUT_MISSING', {
      params: { field: 'profile', names: names.join(', ') },
      hint: 'profile.hint.choose',
      outcome: 'not_sent',
    });
  const anyVariable = profileFieldNames.some((field) =>
    profileFields[field].variables.some((variable) => given(env[variable.name]) !== undefined),
  );
  if (!anyVariable) throw new WxpayError('PROFILE_NONE');
  return undefined;
}

/** Every value that a field has, the winner first, each checked: a bad value that is hidden today wins tomorrow, but only the winner may stop us. */
function candidates(
  field: ProfileField,
  { flags, env, cwd }: ResolveRequest,
  chosen: StoredProfile | undefined,
): readonly Sourced[] {
  const found: Sourced[] = [];
  const rule = profileFields[field];
  const add = (value: string, source: Source, origin: string): void => {
    found.push({ value: found.length === 0 ? checkField(field, value, origin) : normal(field, value), source });
  };
  const flag = flags?.[field];
  if (flag !== undefined)
    add(rule.path === true ? resolvePath(cwd, flag) : flag, { from: 'flag', flag: rule.flag }, rule.flag);
  for (const variable of rule.variables) {
    const text = given(env[variable.name]);
    if (text === undefined) continue;
    add(fromVariable(field, variable, text, cwd), { from: 'env', variable: variable.name }, variable.name);
  }
  const stored = (chosen?.profile as Partial<Record<ProfileField, string>> | undefined)?.[field];
  if (chosen !== undefined && stored !== undefined)
    found.push({ value: stored, source: { from: 'profile', name: chosen.name, file: chosen.file } });
  if (field === 'base_url') found.push({ value: defaultBaseUrl, source: { from: 'default' } });
  return found;
}

/** A secret variable becomes a reference to itself, so that the secret is read where it is needed and nowhere else. */
function fromVariable(field: ProfileField, variable: FieldVariable, text: string, cwd: string): string {
  const rule = profileFields[field];
  if (variable.form === 'file') return `file:${resolvePath(cwd, text)}`;
  if (rule.path === true) return resolvePath(cwd, text);
  // A variable may also say where the secret is: CI systems mount secrets as files.
  if (text.startsWith('file:') && (rule.secret || field === 'public_key'))
    return `file:${resolvePath(cwd, text.slice('file:'.length))}`;
  if (text.startsWith('keychain:') && rule.secret) return text;
  return rule.secret ? `env:${variable.name}` : text;
}

function normal(field: ProfileField, value: string): string {
  return profileFields[field].normalise?.(value) ?? value;
}

/** An empty variable is what CI systems set for a secret that does not exist: nothing. */
function given(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

/** A profile as if it had been read from `file`, with no other layer: for checking one before it is saved, and for lists. */
export function resolvedFrom(
  { name, file, profile }: StoredProfile,
  allowHosts: readonly string[] = [],
): ResolvedProfile {
  const values: Partial<Record<ProfileField, Sourced>> = {};
  const stored = profile as Partial<Record<ProfileField, string>>;
  for (const field of profileFieldNames) {
    const value = stored[field];
    if (value !== undefined) values[field] = { value, source: { from: 'profile', name, file } };
  }
  values.base_url ??= { value: defaultBaseUrl, source: { from: 'default' } };
  return { name, values, shadowed: [], live: isLive(parseBaseUrl(values.base_url.value, allowHosts)) };
}
