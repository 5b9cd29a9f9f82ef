/**
 * Which public key has this id: the WeChat Pay public keys of the profile and the platform certificates of the cache, side by
 * side, as a migration needs it (protocol 4).
 *
 * A miss leads to one download, however many ask at once and in however many processes, and then to none for a while: ids
 * come from the network, and 1 000 invented ones must not become 1 000 requests (THREATS C3).
 */
import { clockToleranceSeconds } from '../clock-tolerance.ts';
import { isWxpayError, WxpayError } from '../errors.ts';
import type { Clock, KeyRing, VerificationKey } from '../ports.ts';
import { sameSerial } from './serial.ts';
import type { CertificateSet, CertificateStore, PlatformCertificate } from './store.ts';

export interface KeyRingOptions {
  /** WeChat Pay public keys of the profile (`PUB_KEY_ID_…`), the preferred one first. */
  readonly publicKeys: readonly VerificationKey[];
  /** Absent where the profile has no APIv3 key: platform certificates cannot be had then. */
  readonly certificates?: {
    readonly store: CertificateStore;
    /** Fetches and verifies afresh (`downloadCertificates`). */
    readonly download: () => Promise<CertificateSet>;
    /** Told of what a download brought that a call needed on its way, and nobody asked for by name. */
    readonly onUnasked?: (set: CertificateSet) => void;
  };
  readonly clock: Clock;
  /** At least so long between two downloads, milliseconds. Default 60 000. */
  readonly cooldownMs?: number;
}

/** A refresh's certificates, and whether the cache took them (a read-only directory does not). */
export interface Refreshed extends CertificateSet {
  readonly cached: boolean;
}

export interface CacheState {
  readonly file: string;
  /** `unusable`: there is a file, and it was tampered with, made under another APIv3 key, or cannot be read. */
  readonly state: 'absent' | 'sound' | 'unusable';
  /** Milliseconds since the epoch, of a sound one. */
  readonly downloadedAt: number | undefined;
}

/** A key ring whose certificates can be fetched on purpose. */
export interface CertificateKeyRing extends KeyRing {
  /**
   * Downloads, verifies, caches and returns the platform certificates, whatever is cached.
   *
   * @param accept looks at what was downloaded before it is kept; when it throws, everything stays as it was
   * @throws what `downloadCertificates` and `accept` throw, and `CREDENTIAL_MISSING` for a profile without an APIv3 key
   */
  refresh(accept?: (set: CertificateSet) => void): Promise<Refreshed>;
  /** What the cache on disk is like, without any request; `undefined` for a ring without certificates. */
  cache(): CacheState | undefined;
}

/** "Call periodically, interval below 12 hours" (protocol 3.5). */
const maxAgeMs = 12 * 3_600_000;
/** Near the end of a certificate its successor may come any day. */
const nearEndMs = 30 * 86_400_000;
const maxAgeNearEndMs = 3_600_000;
/** A time stamp further ahead than this is a broken clock's, and says nothing about age. */
const skewMs = clockToleranceSeconds * 1_000;

/** Makes the key ring. Reads the cache and the network only when a key is asked for. */
export function createKeyRing(options: KeyRingOptions): CertificateKeyRing {
  const { publicKeys, certificates, clock } = options;
  const cooldownMs = options.cooldownMs ?? 60_000;
  let held: CertificateSet | undefined;
  let loaded = false;
  let cached = false;
  let lastAttempt = Number.NEGATIVE_INFINITY;
  let lastFailure: unknown;
  let flight: Promise<void> | undefined;

  const current = (): CertificateSet | undefined => {
    if (!loaded && certificates !== undefined) {
      held = certificates.store.load();
      loaded = true;
    }
    return held;
  };
  const usable = (): readonly PlatformCertificate[] => {
    const now = clock.now();
    return (current()?.certificates ?? []).filter((key) => key.expiresAt > now);
  };
  const lookUp = (serial: string): PlatformCertificate | undefined =>
    usable().find((key) => sameSerial(key.id, serial));

  const ageOf = (set: CertificateSet): number => {
    const age = clock.now() - set.downloadedAt;
    return age < -skewMs ? Number.POSITIVE_INFINITY : Math.max(0, age);
  };
  const isStale = (): boolean => {
    const set = current();
    if (set === undefined) return true;
    const nearEnd = set.certificates.every((key) => key.expiresAt < clock.now() + nearEndMs);
    return ageOf(set) > (nearEnd ? maxAgeNearEndMs : maxAgeMs);
  };

  /** One download for all who wait; none within the cooldown. `wanted` ends it early when another process has fetched. */
  const refreshOnce = async (
    wanted: (() => boolean) | undefined,
    accept: ((set: CertificateSet) => void) | undefined,
  ): Promise<void> => {
    if (certificates === undefined) return;
    flight ??= (async () => {
      lastAttempt = clock.monotonic();
      lastFailure = undefined;
      await certificates.store.exclusively(async () => {
        const onDisk = certificates.store.load();
        if (wanted !== undefined && onDisk !== undefined && onDisk.downloadedAt !== held?.downloadedAt) {
          held = onDisk;
          if (wanted() || ageOf(onDisk) < cooldownMs) return;
        }
        const set = await certificates.download();
        accept?.(set);
        held = set;
        loaded = true;
        cached = certificates.store.save(set);
      });
    })().finally(() => {
      flight = undefined;
    });
    await flight;
  };
  const coolingDown = (): boolean => {
    if (flight !== undefined) return false;
    if (clock.monotonic() - lastAttempt < cooldownMs) return true;
    const set = current();
    return set !== undefined && ageOf(set) < cooldownMs;
  };

  return {
    find: async (id) => {
      const publicKey = publicKeys.find((key) => key.id === id);
      if (publicKey !== undefined) return publicKey;
      // No download brings a public key, and nothing else than a serial names a certificate.
      if (certificates === undefined || !/^[0-9A-Fa-f]{8,40}$/.test(id)) return undefined;
      const known = lookUp(id);
      if (known !== undefined && !isStale()) return known;
      try {
        if (!coolingDown()) await refreshOnce(() => lookUp(id) !== undefined && !isStale(), certificates.onUnasked);
        else if (lastFailure !== undefined) throw lastFailure;
        return lookUp(id);
      } catch (error) {
        lastFailure = error;
        // A working cache is not dropped because a refresh failed (protocol 8.6); and a merchant without platform
        // certificates simply does not know the serial.
        if (known === undefined && !isWxpayError(error, 'CERTIFICATES_NONE')) throw error;
        return known;
      }
    },
    preferred: async () => {
      const [publicKey] = publicKeys;
      if (publicKey !== undefined) return publicKey;
      const now = clock.now();
      return usable()
        .filter((key) => key.effectiveAt <= now)
        .reduce<PlatformCertificate | undefined>(
          (newest, key) => (newest === undefined || key.effectiveAt > newest.effectiveAt ? key : newest),
          undefined,
        );
    },
    list: async () => [...publicKeys, ...(current()?.certificates ?? [])],
    refresh: async (accept) => {
      if (certificates === undefined) throw noApiKey();
      if (flight !== undefined) await flight.catch(() => undefined);
      await refreshOnce(undefined, accept);
      return { ...(held ?? { downloadedAt: clock.now(), certificates: [] }), cached };
    },
    cache: () => {
      if (certificates === undefined) return undefined;
      const { store } = certificates;
      const set = store.load();
      const state = set !== undefined ? 'sound' : store.exists() ? 'unusable' : 'absent';
      return { file: store.file, state, downloadedAt: set?.downloadedAt };
    },
  };
}

function noApiKey(): WxpayError {
  return new WxpayError('CREDENTIAL_MISSING', { params: { field: 'api_v3_key', variable: 'WXPAY_API_V3_KEY' } });
}
