/**
 * Secrets: where they are kept, how they are read, and a type that never prints itself (THREATS E2, STYLE habit 18).
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { systemCode, systemReason } from '../core/durable/system-error.ts';
import { WxpayError } from '../core/errors.ts';
import type { SecretReference } from './schema.ts';

const redacted = '[redacted]';

/** A secret text. Whatever prints it (templates, JSON, `console.log`, an error's dump) prints `[redacted]`. */
export interface Secret {
  /** The text itself: for the one call that needs it. */
  reveal(): string;
  toString(): string;
  toJSON(): string;
}

/** Wraps a text so that it shows itself only to `reveal`. */
export function secretOf(text: string): Secret {
  const print = (): string => redacted;
  return Object.freeze({ reveal: () => text, toString: print, toJSON: print, [inspect.custom]: print });
}

/** Where a secret is kept. */
export type SecretPlace =
  | { readonly kind: 'env'; readonly variable: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'keychain'; readonly name: string }
  | { readonly kind: 'literal' };

/** Takes a reference apart; anything without a known scheme is the secret itself. */
export function secretPlace(reference: SecretReference): SecretPlace {
  const scheme = /^(env|file|keychain):/.exec(reference)?.[1];
  const rest = reference.slice((scheme?.length ?? -1) + 1);
  if (scheme === 'env') return { kind: 'env', variable: rest };
  if (scheme === 'file') return { kind: 'file', path: rest };
  if (scheme === 'keychain') return { kind: 'keychain', name: rest };
  return { kind: 'literal' };
}

/** A reference as people may see it: `env:…`, `file:…` and `keychain:…` as they are, a literal not at all. */
export function describeReference(reference: SecretReference): string | undefined {
  return secretPlace(reference).kind === 'literal' ? undefined : reference;
}

/** One entry of a system keychain. */
export interface KeychainEntry {
  getPassword(): Promise<string | null | undefined>;
}

/** Loads the keychain package and names an entry in it. Rejects where the package is not installed. */
export type OpenKeychain = (service: string, name: string) => Promise<KeychainEntry>;

export interface SecretReader {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** The user's number; `undefined` where there is none (win32). */
  readonly uid: number | undefined;
  /** Told of every file that group or others may read, with its permission bits; the caller warns. */
  readonly onLooseFile?: (file: string, mode: number) => void;
  /** Default: the optional package `@napi-rs/keyring`. */
  readonly openKeychain?: OpenKeychain;
}

/** No secret of this protocol is longer; a private key has about 1.7 KiB. */
const maximumFile = 65_536;
const keychainTimeoutMs = 3_000;
/** The service under which keychain entries are kept: `keychain:NAME` is account NAME of this service. */
export const keychainService = 'wxpay';

/**
 * Reads a secret where it is kept. Files lose one final line end, since editors and `echo` add one; nothing else is trimmed.
 *
 * @param field names it in messages, e.g. `api_v3_key`
 * @throws `SECRET_UNREADABLE` (never with the content), `KEYCHAIN_UNAVAILABLE`
 */
export async function readSecret(field: string, reference: SecretReference, reader: SecretReader): Promise<Secret> {
  const place = secretPlace(reference);
  if (place.kind === 'literal') return secretOf(reference);
  if (place.kind === 'file') return secretOf(dropFinalNewline(readText(field, place.path, reader)));
  if (place.kind === 'keychain')
    return secretOf(await readKeychain(field, place.name, reader.openKeychain ?? openNativeKeychain));
  const value = reader.env[place.variable];
  if (value === undefined || value === '') throw unreadable(field, reference, 'key:profile.reason.env_unset');
  return secretOf(value);
}

/**
 * Reads the bytes of a key, certificate or secret file.
 *
 * Refuses files of other users (root excepted: it owns what Docker and Kubernetes mount, and could change any file
 * anyway), folders, pipes, and more than `limit` bytes. Links are followed: Kubernetes mounts secrets as links.
 *
 * @throws `SECRET_UNREADABLE`
 */
export function readKeyFile(
  field: string,
  path: string,
  reader: Pick<SecretReader, 'platform' | 'uid' | 'onLooseFile'>,
  limit: number = maximumFile,
): Buffer {
  const reference = `file:${path}`;
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw unreadable(field, reference, systemCode(error) === undefined ? 'error' : systemReason(error));
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw unreadable(field, reference, 'key:profile.reason.not_regular');
    if (stat.size > limit) throw unreadable(field, reference, 'key:profile.reason.file_too_large');
    if (reader.uid !== undefined && stat.uid !== reader.uid && stat.uid !== 0)
      throw unreadable(field, reference, 'key:profile.reason.owner');
    if (reader.platform !== 'win32' && (stat.mode & 0o077) !== 0) reader.onLooseFile?.(path, stat.mode & 0o777);
    return readFileSync(fd);
  } catch (error) {
    throw error instanceof WxpayError ? error : unreadable(field, reference, systemReason(error));
  } finally {
    closeSync(fd);
  }
}

function readText(field: string, path: string, reader: SecretReader): string {
  const bytes = readKeyFile(field, path, reader);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unreadable(field, `file:${path}`, 'key:profile.reason.not_text');
  }
}

/** Text without its one final line end: for what comes from files and standard input. */
export function dropFinalNewline(text: string): string {
  return text.replace(/\r?\n$/, '');
}

/** A keychain that asks a dead D-Bus would wait for ever, and one that fails throws a Rust backtrace (THREATS E8). */
async function readKeychain(field: string, name: string, open: OpenKeychain): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable('key:profile.reason.keychain_silent')), keychainTimeoutMs);
  });
  try {
    const value = await Promise.race([askKeychain(name, open), silence]);
    if (value === null || value === undefined || value === '')
      throw unreadable(field, `keychain:${name}`, 'key:profile.reason.keychain_entry');
    return value;
  } finally {
    clearTimeout(timer);
  }
}

async function askKeychain(name: string, open: OpenKeychain): Promise<string | null | undefined> {
  let entry: KeychainEntry;
  try {
    entry = await open(keychainService, name);
  } catch (error) {
    const missing = systemCode(error) === 'ERR_MODULE_NOT_FOUND' || systemCode(error) === 'MODULE_NOT_FOUND';
    throw unavailable(missing ? 'key:profile.reason.keychain_package' : firstLine(error));
  }
  try {
    return await entry.getPassword();
  } catch (error) {
    throw unavailable(firstLine(error));
  }
}

/** Optional, so the name is not a literal: neither the compiler nor the bundler may require it to be there. */
async function openNativeKeychain(service: string, name: string): Promise<KeychainEntry> {
  const packageName: string = '@napi-rs/keyring';
  const { AsyncEntry } = (await import(packageName)) as {
    AsyncEntry: new (service: string, name: string) => KeychainEntry;
  };
  return new AsyncEntry(service, name);
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n')[0] ?? '').slice(0, 200);
}

function unavailable(reason: string): WxpayError {
  return new WxpayError('KEYCHAIN_UNAVAILABLE', { params: { reason } });
}

function unreadable(field: string, reference: SecretReference, reason: string): WxpayError {
  return new WxpayError('SECRET_UNREADABLE', { params: { field, reference, reason } });
}
