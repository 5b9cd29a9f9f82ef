/** Do the parts of a profile exist, and do they belong together? Without any network (protocol 12). */
import { createHash, type KeyObject } from 'node:crypto';
import { describeCertificate, type CertificateDescription } from '../core/crypto/certificate.ts';
import { WxpayError } from '../core/errors.ts';
import { isEmulatorCertificate, missing, originOf, type Credentials } from './credentials.ts';
import { defaultBaseUrl } from './resolve.ts';
import type { ProfileField, ResolvedProfile } from './schema.ts';
import { secretPlace } from './secrets.ts';

export interface Finding {
  readonly field: ProfileField;
  readonly error: WxpayError;
}

export interface Inspection {
  readonly findings: readonly Finding[];
  /** The merchant certificate, where it could be read. */
  readonly certificate: CertificateDescription | undefined;
  /** SHA-256 of the WeChat Pay public key (SPKI), upper-case hex, where it could be read. */
  readonly publicKeyFingerprint: string | undefined;
}

export interface InspectOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** False leaves keychain entries alone: a look at a profile should not make the system ask for a password. */
  readonly askKeychain: boolean;
}

/**
 * Reads everything that the profile refers to and compares: key with certificate, serial and merchant number with the
 * certificate, its expiry, the length of the APIv3 key, an emulator's certificate against the host. Throws nothing that
 * is about the profile; every fault is a finding with the error that using the profile would meet.
 */
export async function inspectProfile(
  profile: ResolvedProfile,
  credentials: Credentials,
  { now, askKeychain }: InspectOptions,
): Promise<Inspection> {
  const { values } = profile;
  const findings: Finding[] = [];
  const add = (field: ProfileField, error: WxpayError): void => {
    // One fault can surface in two places: an unreadable `.p12` is both key and certificate.
    const same = ({ error: other }: Finding): boolean => other.message === error.message;
    if (!findings.some(same)) findings.push({ field, error });
  };
  const kept = (field: ProfileField): boolean => {
    const value = values[field]?.value;
    return value !== undefined && secretPlace(value).kind === 'keychain';
  };
  const attempt = async <T>(field: ProfileField, work: () => T | Promise<T>): Promise<T | undefined> => {
    if (!askKeychain && (kept(field) || (field !== 'public_key' && kept('client_cert_passphrase')))) return undefined;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof WxpayError)) throw error;
      add(field, error);
      return undefined;
    }
  };

  if (values.mchid === undefined) add('mchid', missing('mchid'));
  const certificate = await attempt('client_cert_file', () => credentials.certificate());
  const key: KeyObject | undefined = await attempt('private_key', () => credentials.merchantKey());
  const facts = certificate === undefined ? undefined : describeCertificate(certificate);
  if (certificate !== undefined && facts !== undefined) {
    const file = values.client_cert_file === undefined ? '' : originOf('client_cert_file', values.client_cert_file);
    if (key !== undefined && !certificate.checkPrivateKey(key))
      add('private_key', new WxpayError('KEY_CERTIFICATE_MISMATCH', { params: { source: file } }));
    if (facts.not_after < now)
      add('client_cert_file', new WxpayError('CERTIFICATE_EXPIRED', { params: expiryOf(facts) }));
    const serial = values.serial_no?.value;
    if (serial !== undefined && !sameSerial(serial, facts.serial_no))
      add('serial_no', contradicts('serial_no', profile, facts.serial_no));
    const mchid = values.mchid?.value;
    // Anything but digits is no merchant number: a certificate of another kind, which the key check judges.
    if (mchid !== undefined && /^[0-9]{8,10}$/.test(facts.common_name ?? '') && facts.common_name !== mchid)
      add('mchid', contradicts('mchid', profile, facts.common_name ?? ''));
    if (profile.live && isEmulatorCertificate(certificate))
      add(
        'client_cert_file',
        new WxpayError('EMULATOR_KEY_ON_LIVE', {
          params: { url: values.base_url?.value ?? defaultBaseUrl },
          outcome: 'not_sent',
        }),
      );
  } else if (values.client_cert_file === undefined && values.serial_no === undefined) {
    add('serial_no', missing('serial_no'));
  }
  if (values.api_v3_key !== undefined) await attempt('api_v3_key', () => credentials.apiV3Key());
  if (values.api_v2_key !== undefined) await attempt('api_v2_key', () => credentials.apiV2Key());
  const [publicKey] = (await attempt('public_key', () => credentials.publicKeys())) ?? [];
  await attempt('ca_file', () => credentials.ca());
  return {
    findings,
    certificate: facts,
    publicKeyFingerprint: publicKey === undefined ? undefined : fingerprint(publicKey.publicKey),
  };
}

function expiryOf(facts: CertificateDescription): Readonly<Record<string, string>> {
  return { serial: facts.serial_no, date: new Date(facts.not_after).toISOString().slice(0, 10) };
}

/** A leading zero gets lost in some tools; the number is the same (protocol 12). */
function sameSerial(a: string, b: string): boolean {
  const bare = (serial: string): string => serial.toUpperCase().replace(/^0+/, '');
  return bare(a) === bare(b);
}

function contradicts(field: 'serial_no' | 'mchid', profile: ResolvedProfile, found: string): WxpayError {
  const source = profile.values[field]?.source;
  const origin = source?.from === 'env' ? source.variable : source?.from === 'profile' ? source.file : field;
  return new WxpayError('PROFILE_INVALID', {
    params: { field, origin, reason: 'key:profile.reason.contradicts_certificate', found },
  });
}

function fingerprint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .toUpperCase();
}
