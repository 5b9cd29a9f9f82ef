/** The fields of a profile while they are collected. */
import { identify } from '../../../core/crypto/key-files.ts';
import { WxpayError } from '../../../core/errors.ts';
import { certificateLimit } from '../../../profiles/credentials.ts';
import { resolvedFrom } from '../../../profiles/resolve.ts';
import { checkField, type Profile, type ProfileField, type ResolvedProfile } from '../../../profiles/schema.ts';
import { readKeyFile } from '../../../profiles/secrets.ts';
import type { Runtime } from '../../command.ts';

export type Draft = Partial<Record<ProfileField, string>>;

/**
 * Checks and normalises one value. What a person typed is input (exit 2), not configuration (exit 3).
 *
 * @throws `INPUT_INVALID` naming the flag or variable, never with the value
 */
export function checkInput(field: ProfileField, value: string, flag: string): string {
  try {
    return checkField(field, value, flag);
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    const reason = error.params['reason'] ?? '';
    throw new WxpayError('INPUT_INVALID', { params: { field: flag, reason }, outcome: 'not_sent' });
  }
}

/** A draft as an effective profile, to read its keys with. */
export function resolvedOf(draft: Draft): ResolvedProfile {
  // A loopback address, since which host the keys may be used on is judged at the end, when everything is known.
  const profile: Profile = { version: 1, ...draft, base_url: 'http://127.0.0.1' };
  return resolvedFrom({ name: 'new', file: '', profile });
}

/** By what is in it; by its name where it cannot be read, which whoever opens it will say. */
export function isPkcs12(file: string | undefined, { platform, uid }: Owner): boolean {
  if (file === undefined) return false;
  try {
    return identify(readKeyFile('client_cert_file', file, { platform, uid }, certificateLimit)) === 'pkcs12';
  } catch (error) {
    if (!(error instanceof WxpayError)) throw error;
    return /\.(?:p12|pfx)$/i.test(file);
  }
}

/**
 * What was given as a `.p12` must be one: read as something else it would be half right, and its key would be missed later.
 *
 * @throws `KEY_WRONG_KIND`, `SECRET_UNREADABLE`
 */
export function requirePkcs12(file: string, { platform, uid }: Owner): void {
  const found = identify(readKeyFile('client_cert_file', file, { platform, uid }, certificateLimit));
  if (found !== 'pkcs12')
    throw new WxpayError('KEY_WRONG_KIND', {
      params: { source: file, wanted: 'kind:pkcs12', found: `kind:${found}` },
      outcome: 'not_sent',
    });
}

type Owner = Pick<Runtime, 'platform' | 'uid'>;
