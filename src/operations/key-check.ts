/** What can be said of a key that verifies WeChat Pay without asking anybody: issuer, dates, usage. */
import { X509Certificate } from 'node:crypto';
import { isIssuedBy, keyUsageOf, tenpayRootCa } from '../core/crypto/certificate.ts';
import { loadCertificate } from '../core/crypto/key-files.ts';
import type { VerificationKey } from '../core/ports.ts';

export interface Anchors {
  /** `tenpay`: the pinned Tenpay.com Root CA. `given`: a bundle of the user's, which is trusted as a whole. */
  readonly kind: 'tenpay' | 'given';
  readonly certificates: readonly X509Certificate[];
}

/** The CA that issues WeChat Pay's platform certificates (protocol 3.4). */
export function tenpayAnchors(): Anchors {
  return { kind: 'tenpay', certificates: [new X509Certificate(tenpayRootCa)] };
}

/**
 * Reads a PEM bundle (or one DER certificate) as anchors.
 *
 * @param source names it in messages
 * @throws `KEY_WRONG_KIND`, `KEY_UNREADABLE`, `KEY_WEAK`
 */
export function readAnchors(bytes: Uint8Array, source: string): Anchors {
  const blocks = Buffer.from(bytes)
    .toString('latin1')
    .match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  const parts = blocks === null ? [bytes] : blocks.map((block) => Buffer.from(block, 'latin1'));
  return { kind: 'given', certificates: parts.map((part) => loadCertificate(part, source)) };
}

/** `null`: it does not apply to a public key. */
export interface KeyVerdict {
  readonly chain: 'tenpay' | 'given' | 'foreign' | null;
  readonly validity: 'valid' | 'not_yet' | 'expired' | null;
  /** Whole days until the key is retired; negative once it is. */
  readonly daysLeft: number | null;
  /** `unsuitable`: the certificate says that its key is not for signatures, or not for encryption. */
  readonly usage: 'good' | 'unsuitable' | null;
}

/**
 * Judges one key.
 *
 * An anchor counts only within its own dates. There is no path to build: one CA issues all platform certificates.
 */
export function judgeKey(key: VerificationKey, now: number, anchors: Anchors): KeyVerdict {
  if (key.certificate === undefined) return { chain: null, validity: null, daysLeft: null, usage: null };
  const certificate = new X509Certificate(key.certificate);
  const expiresAt = key.expiresAt ?? Date.parse(certificate.validTo);
  const issued = anchors.certificates.some(
    (anchor) =>
      Date.parse(anchor.validFrom) <= now && now < Date.parse(anchor.validTo) && isIssuedBy(certificate, anchor),
  );
  const usage = keyUsageOf(certificate);
  const suitable = usage === undefined || (usage.includes('digitalSignature') && usage.includes('keyEncipherment'));
  return {
    chain: issued ? anchors.kind : 'foreign',
    validity: expiresAt <= now ? 'expired' : Date.parse(certificate.validFrom) > now ? 'not_yet' : 'valid',
    daysLeft: Math.floor((expiresAt - now) / 86_400_000),
    usage: suitable ? 'good' : 'unsuitable',
  };
}
