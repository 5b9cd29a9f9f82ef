/** What a merchant profile holds, and the rules of its fields. */
import { isAbsolute } from 'node:path';
import { WxpayError } from '../core/errors.ts';

/** A secret kept elsewhere (`env:NAME`, `file:/path`, `keychain:NAME`), or, at worst, the value itself in the 0600 file. */
export type SecretReference = string;

/**
 * A merchant as stored, one file per profile. Every field has a `WXPAY_*` variable that overrides it (DESIGN section 3).
 * Unknown fields are refused when read, so that a typing error is not silently a default.
 */
export interface Profile {
  /** Schema version of the file. */
  readonly version: 1;
  /** Merchant number, 8 to 10 digits. */
  readonly mchid?: string;
  readonly appid?: string;
  /** Serial of the merchant API certificate, 40 upper-case hex digits. */
  readonly serial_no?: string;
  /** The merchant's API private key: a reference, or PEM text. */
  readonly private_key?: SecretReference;
  /** 32 bytes. A reference, or the key itself. */
  readonly api_v3_key?: SecretReference;
  readonly api_v2_key?: SecretReference;
  /** `PUB_KEY_ID_…` */
  readonly public_key_id?: string;
  /** PEM text of the WeChat Pay public key, or a path with `file:`. Not secret. */
  readonly public_key?: string;
  /** Client certificate for mTLS: path of a `.p12` or `.pem`. */
  readonly client_cert_file?: string;
  readonly client_cert_passphrase?: SecretReference;
  /** Service provider mode: the sub-merchant. */
  readonly sub_mchid?: string;
  readonly sub_appid?: string;
  readonly notify_url?: string;
  /** `https://…` of a WeChat Pay host, or a loopback URL of an emulator. Default `https://api.mch.weixin.qq.com`. */
  readonly base_url?: string;
  /** PEM bundle of additional CAs for TLS. */
  readonly ca_file?: string;
}

export type ProfileField = Exclude<keyof Profile, 'version'>;

/** Where a value came from. */
export type Source =
  | { readonly from: 'flag'; readonly flag: string }
  | { readonly from: 'env'; readonly variable: string }
  | { readonly from: 'profile'; readonly name: string; readonly file: string }
  | { readonly from: 'default' };

export interface Sourced {
  readonly value: string;
  readonly source: Source;
}

/**
 * The effective configuration: for each field the winning value and its source. Secrets are still references here; they
 * are read (`readSecret`) only when something needs them.
 */
export interface ResolvedProfile {
  /** The profile's name; `undefined` when the environment alone supplies everything. */
  readonly name: string | undefined;
  readonly values: Readonly<Partial<Record<ProfileField, Sourced>>>;
  /** Values that the winner hides: a flag over an environment variable, the environment over the profile. */
  readonly shadowed: readonly { readonly field: ProfileField; readonly by: Source; readonly hidden: Source }[];
  /** True when the effective base URL is not loopback: money is real. */
  readonly live: boolean;
}

/** An environment variable of a field: `value` holds it, `text` holds it and may be a reference, `file` holds its path. */
export interface FieldVariable {
  readonly name: string;
  readonly form: 'value' | 'file';
}

export interface FieldRule {
  /** Never shown, and read only when needed. */
  readonly secret: boolean;
  /** The flag of `profile add` that supplies it. */
  readonly flag: string;
  /** In order of precedence. */
  readonly variables: readonly [FieldVariable, ...FieldVariable[]];
  /** A relative path from the environment or a flag is taken from the working directory. */
  readonly path?: true;
  /** Brings what people type into the one form that is stored. */
  readonly normalise?: (value: string) => string;
  /** The reason (a message key) why the value will not do. */
  readonly check: (value: string) => string | undefined;
}

const matches =
  (pattern: RegExp, reason: string) =>
  (value: string): string | undefined =>
    pattern.test(value) ? undefined : `key:profile.reason.${reason}`;

const maximumLength = 65_536;

function checkSecret(value: string): string | undefined {
  if (value.includes('\0') || value.length > maximumLength) return 'key:profile.reason.not_text';
  if (value.startsWith('env:'))
    return /^env:[A-Za-z_][A-Za-z0-9_]*$/.test(value) ? undefined : 'key:profile.reason.env_name';
  if (value.startsWith('file:')) return checkPath(value.slice('file:'.length));
  if (value.startsWith('keychain:'))
    return /^keychain:[\x21-\x7e]{1,128}$/.test(value) ? undefined : 'key:profile.reason.keychain_name';
  return undefined;
}

function checkPath(value: string): string | undefined {
  if (value.includes('\0') || value.length > 4096) return 'key:profile.reason.not_text';
  return isAbsolute(value) ? undefined : 'key:profile.reason.path';
}

function checkPublicKey(value: string): string | undefined {
  if (value.startsWith('file:')) return checkPath(value.slice('file:'.length));
  return value.includes('-----BEGIN ') && value.length <= maximumLength ? undefined : 'key:profile.reason.public_key';
}

function checkUrl(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const plain = url !== undefined && url.username === '' && url.password === '' && /^https?:$/.test(url.protocol);
  return plain && value.length <= 256 ? undefined : 'key:profile.reason.url';
}

const checkMchid = matches(/^[0-9]{8,10}$/, 'mchid');
const checkAppid = matches(/^[0-9A-Za-z_-]{1,32}$/, 'appid');
const upper = (value: string): string => value.toUpperCase();

function plain(field: string, check: FieldRule['check'], more: Partial<FieldRule> = {}): FieldRule {
  return {
    secret: false,
    flag: flagOf(field),
    variables: [{ name: variableOf(field), form: 'value' }],
    check,
    ...more,
  };
}

function secret(field: string, flag: string, ...variables: FieldVariable[]): FieldRule {
  const value: FieldVariable = { name: variableOf(field), form: 'value' };
  return { secret: true, flag, variables: [value, ...variables], check: checkSecret };
}

function flagOf(field: string): string {
  return `--${field.replaceAll('_', '-')}`;
}

function variableOf(field: string): string {
  return `WXPAY_${field.toUpperCase()}`;
}

/** The fields in the order in which people read them. The store's schema, the variables and `profile show` are made from it. */
export const profileFields: Readonly<Record<ProfileField, FieldRule>> = {
  mchid: plain('mchid', checkMchid),
  appid: plain('appid', checkAppid),
  serial_no: plain('serial_no', matches(/^[0-9A-F]{8,40}$/, 'serial_no'), { normalise: upper }),
  private_key: secret('private_key', '--private-key-file', { name: 'WXPAY_PRIVATE_KEY_FILE', form: 'file' }),
  api_v3_key: secret('api_v3_key', '--api-v3-key-file'),
  api_v2_key: secret('api_v2_key', '--api-v2-key-file'),
  public_key_id: plain('public_key_id', matches(/^PUB_KEY_ID_[0-9]{1,64}$/, 'public_key_id')),
  public_key: {
    secret: false,
    flag: '--public-key-file',
    variables: [
      { name: 'WXPAY_PUBLIC_KEY', form: 'value' },
      { name: 'WXPAY_PUBLIC_KEY_FILE', form: 'file' },
    ],
    check: checkPublicKey,
  },
  client_cert_file: plain('client_cert_file', checkPath, { flag: '--certificate-file', path: true }),
  client_cert_passphrase: secret('client_cert_passphrase', '--p12-passphrase-file'),
  sub_mchid: plain('sub_mchid', checkMchid),
  sub_appid: plain('sub_appid', checkAppid),
  notify_url: plain('notify_url', checkUrl),
  base_url: plain('base_url', checkUrl),
  ca_file: plain('ca_file', checkPath, { path: true }),
};

export const profileFieldNames = Object.keys(profileFields) as readonly ProfileField[];

/** The file version that this program writes; a higher one is refused untouched. */
export const profileVersion = 1;

/**
 * Checks one value and brings it into the form that is stored.
 *
 * @param origin the flag, variable or file that it came from, for the message
 * @throws `PROFILE_INVALID` naming field and origin; never with the value, which may be a secret
 */
export function checkField(field: ProfileField, value: string, origin: string): string {
  const rule = profileFields[field];
  const normal = rule.normalise?.(value) ?? value;
  const reason = normal === '' ? 'key:profile.reason.empty' : rule.check(normal);
  if (reason !== undefined) throw invalid(field, origin, reason);
  return normal;
}

/**
 * Reads a profile from parsed JSON. Hand-written instead of a schema library: every command that reads a profile passes
 * here, and this table costs nothing to load.
 *
 * @param file names the origin in messages
 * @throws `PROFILE_INVALID` for an unknown field, a wrong type or a wrong form; `PROFILE_FILE_NEWER`
 */
export function parseProfile(json: unknown, file: string): Profile {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalid('version', file, 'key:profile.reason.not_object');
  const entries = Object.entries(json);
  const version: unknown = Object.hasOwn(json, 'version') ? (json as { version: unknown }).version : undefined;
  if (typeof version === 'number' && version > profileVersion)
    throw new WxpayError('PROFILE_FILE_NEWER', { params: { file } });
  if (version !== profileVersion) throw invalid('version', file, 'key:profile.reason.version');
  const profile: Partial<Record<ProfileField, string>> = {};
  for (const [name, value] of entries) {
    if (name === 'version') continue;
    if (!isProfileField(name)) throw invalid(name.slice(0, 64), file, 'key:profile.reason.unknown_field');
    if (typeof value !== 'string') throw invalid(name, file, 'key:profile.reason.not_string');
    profile[name] = checkField(name, value, file);
  }
  return { version: profileVersion, ...profile };
}

export function isProfileField(name: string): name is ProfileField {
  return Object.hasOwn(profileFields, name);
}

function invalid(field: string, origin: string, reason: string): WxpayError {
  return new WxpayError('PROFILE_INVALID', { params: { field, origin, reason } });
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** Windows keeps these for devices, with any extension; a profile should travel. */
const deviceNames = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])$/i;

/** True for 1 to 64 letters, digits, `-` and `_` that begin with a letter or digit (THREATS F6). */
export function isProfileName(name: string): boolean {
  return namePattern.test(name) && !deviceNames.test(name);
}

/** @throws `INPUT_INVALID` */
export function checkProfileName(name: string): void {
  if (!isProfileName(name))
    throw new WxpayError('INPUT_INVALID', {
      params: { field: 'name', reason: 'key:profile.reason.name' },
      outcome: 'not_sent',
    });
}
