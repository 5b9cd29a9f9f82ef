/** Where a profile's requests go. */
import type { ResolvedProfile } from './schema.ts';

/** The effective base URL without its trailing slash. */
export function baseUrlOf(profile: ResolvedProfile): string {
  return (profile.values.base_url?.value ?? 'https://api.mch.weixin.qq.com').replace(/\/$/, '');
}
