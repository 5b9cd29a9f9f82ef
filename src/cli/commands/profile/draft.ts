/** The fields of a profile while they are collected. */
import { WxpayError } from '../../../core/errors.ts';
import { resolvedFrom } from '../../../profiles/resolve.ts';
import { checkField, type Profile, type ProfileField, type ResolvedProfile } from '../../../profiles/schema.ts';

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

/** By its name: looking inside is left to whoever opens it. */
export function isPkcs12(file: string | undefined): boolean {
  return file !== undefined && /\.(?:p12|pfx)$/i.test(file);
}
