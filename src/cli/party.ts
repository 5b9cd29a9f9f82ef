/** From the effective profile to what order operations need to know of the caller. */
import { WxpayError } from '../core/errors.ts';
import type { Party } from '../operations/order.ts';
import type { ProfileField, ResolvedProfile } from '../profiles/schema.ts';

/** The value of a field, or `CREDENTIAL_MISSING` naming the variable that supplies it. */
export function requireValue(profile: ResolvedProfile, field: ProfileField): string {
  const value = profile.values[field]?.value;
  if (value === undefined || value === '')
    throw new WxpayError('CREDENTIAL_MISSING', {
      params: { field, variable: `WXPAY_${field.toUpperCase()}` },
      outcome: 'not_sent',
    });
  return value;
}

/** A profile with a sub-merchant calls the service provider's endpoints. */
export function partyOf(profile: ResolvedProfile): Party {
  const mchid = requireValue(profile, 'mchid');
  const sub = profile.values.sub_mchid?.value;
  return sub === undefined ? { kind: 'direct', mchid } : { kind: 'partner', sp_mchid: mchid, sub_mchid: sub };
}
