/** The keys that verify WeChat Pay: fetched, listed, described, exported. Data in, data out. */
import { createHash, X509Certificate } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeCertificate } from '../core/crypto/certificate.ts';
import { writeFileAtomic } from '../core/durable/atomic-file.ts';
import { fileUnwritable } from '../core/durable/system-error.ts';
import { WxpayError } from '../core/errors.ts';
import { isIssuedByTenpay } from '../core/keys/download.ts';
import type { CertificateKeyRing } from '../core/keys/keyring.ts';
import { sameSerial } from '../core/keys/serial.ts';
import type { Clock, KeyRing, VerificationKey } from '../core/ports.ts';

/** A key, as programs read it. Times are RFC 3339 in UTC; a public key has none. */
export interface KeyReport {
  /** Serial of a platform certificate, or `PUB_KEY_ID_…`. */
  readonly serial_no: string;
  readonly kind: VerificationKey['kind'];
  readonly effective_time: string | null;
  readonly expire_time: string | null;
  /** Whole days until it is retired; negative once it is. */
  readonly days_left: number | null;
  /** Requests name this one, and sensitive fields are encrypted for it. */
  readonly preferred: boolean;
  readonly subject: string | null;
  readonly issuer: string | null;
  /** Tenpay.com Root CA issued it (an emulator's certificates are its own); `null` for a public key. */
  readonly tenpay_issued: boolean | null;
  /** SHA-256 over the certificate, or over the public key (SPKI): upper-case hex pairs joined by colons. */
  readonly fingerprint_sha256: string;
  /** PEM of the certificate or of the public key. */
  readonly pem: string;
}

export interface DownloadedKeys {
  readonly keys: readonly KeyReport[];
  /** `false`: the cache directory cannot be written, the next run downloads again. */
  readonly cached: boolean;
}

/**
 * Downloads the platform certificates, whatever is cached, verifies and caches them.
 *
 * @throws `CERTIFICATES_NONE` for a merchant on the WeChat Pay public key, `CERTIFICATES_INVALID`, `DECRYPT_FAILED`,
 *   `SIGNATURE_*`, `CREDENTIAL_MISSING` without an APIv3 key, and what a call throws
 */
export async function downloadKeys(ring: CertificateKeyRing, clock: Pick<Clock, 'now'>): Promise<DownloadedKeys> {
  const { certificates, cached } = await ring.refresh();
  const preferred = await ring.preferred();
  return { keys: certificates.map((key) => describeKey(key, preferred, clock.now())), cached };
}

/** Everything at hand: the profile's public keys and the cached certificates, without any request. */
export async function listKeys(ring: KeyRing, clock: Pick<Clock, 'now'>): Promise<readonly KeyReport[]> {
  const [keys, preferred] = [await ring.list(), await ring.preferred()];
  return keys.map((key) => describeKey(key, preferred, clock.now()));
}

/**
 * One key at hand: by its serial or id, else the preferred one.
 *
 * @throws `NOT_FOUND`
 */
export async function showKey(
  ring: KeyRing,
  clock: Pick<Clock, 'now'>,
  serial: string | undefined,
): Promise<KeyReport> {
  const keys = await listKeys(ring, clock);
  const found =
    serial === undefined
      ? keys.find((key) => key.preferred)
      : keys.find(
          (key) =>
            key.serial_no === serial || (key.kind === 'platform-certificate' && sameSerial(key.serial_no, serial)),
        );
  if (found !== undefined) return found;
  throw new WxpayError('NOT_FOUND', {
    params: { what: serial ?? 'Wechatpay-Serial' },
    hint: keys.length === 0 ? 'certs.hint.nothing_at_hand' : 'certs.hint.serials',
    next: ['certs', keys.length === 0 ? 'download' : 'list'],
  });
}

/** A key as programs read it. */
export function describeKey(key: VerificationKey, preferred: VerificationKey | undefined, now: number): KeyReport {
  const common = { serial_no: key.id, kind: key.kind, preferred: preferred?.id === key.id };
  if (key.certificate === undefined) {
    const der = key.publicKey.export({ type: 'spki', format: 'der' });
    const digest = createHash('sha256').update(der).digest('hex').toUpperCase();
    return {
      ...common,
      effective_time: null,
      expire_time: null,
      days_left: null,
      subject: null,
      issuer: null,
      tenpay_issued: null,
      fingerprint_sha256: digest.match(/../g)?.join(':') ?? digest,
      pem: key.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    };
  }
  const described = describeCertificate(new X509Certificate(key.certificate));
  const expiresAt = key.expiresAt ?? described.not_after;
  return {
    ...common,
    effective_time: new Date(key.effectiveAt ?? described.not_before).toISOString(),
    expire_time: new Date(expiresAt).toISOString(),
    days_left: Math.floor((expiresAt - now) / 86_400_000),
    subject: described.subject.replaceAll('\n', ', '),
    issuer: described.issuer.replaceAll('\n', ', '),
    tenpay_issued: isIssuedByTenpay(key.certificate),
    fingerprint_sha256: described.fingerprint256,
    pem: key.certificate,
  };
}

export interface ExportOptions {
  readonly dir: string;
  readonly platform: NodeJS.Platform;
  /** A fresh random name of letters and digits. */
  readonly randomName: () => string;
}

/**
 * Writes each platform certificate as `wechatpay_<SERIAL>.pem` (0600, atomically) and returns the paths. The directory is
 * made (0700) if it is not there. A serial becomes a file name only if it is one (THREATS A7).
 *
 * @throws `FILE_UNWRITABLE`, `CERTIFICATES_INVALID`
 */
export function exportCertificates(keys: readonly KeyReport[], options: ExportOptions): readonly string[] {
  const certificates = keys.filter((key) => key.kind === 'platform-certificate');
  const stranger = certificates.find((key) => !/^[0-9A-F]{8,40}$/.test(key.serial_no));
  if (stranger !== undefined) {
    const params = { serial: stranger.serial_no, reason: 'key:reason.certificates_serial' };
    throw new WxpayError('CERTIFICATES_INVALID', { params });
  }
  try {
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileUnwritable(options.dir, error);
  }
  return certificates.map((key) => {
    const path = join(options.dir, `wechatpay_${key.serial_no}.pem`);
    // A leftover of a killed process holds nothing secret here, so nobody has to recognise whose it was.
    writeFileAtomic(path, key.pem, { platform: options.platform, pid: 0, randomName: options.randomName });
    return path;
  });
}
