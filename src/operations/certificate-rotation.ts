/** `certs rotate`: what is new is installed beside the old, what has expired goes, and whoever uses the files is told. */
import { createHash, X509Certificate } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateDir, removeStaleTemps, writeFileAtomic, type FileSystem } from '../core/durable/atomic-file.ts';
import { fileUnwritable } from '../core/durable/system-error.ts';
import { isWxpayError, WxpayError } from '../core/errors.ts';
import type { CertificateKeyRing } from '../core/keys/keyring.ts';
import type { CertificateSet, PlatformCertificate } from '../core/keys/store.ts';
import type { Clock, VerificationKey } from '../core/ports.ts';
import { describeKey, type KeyReport } from './certificates.ts';
import { judgeKey, type Anchors } from './key-check.ts';

/** What a process brings along to write files safely. */
export interface Writer {
  readonly platform: NodeJS.Platform;
  readonly pid: number;
  readonly uid: number | undefined;
  readonly isAlive: (pid: number) => boolean;
  /** A fresh random name of letters and digits. */
  readonly randomName: () => string;
  /** For tests: the writer's system calls. */
  readonly fs?: FileSystem;
}

export interface Rotation {
  /** Something new was (or, only looking, would be) installed. */
  readonly changed: boolean;
  /** Serials that were not at hand before. */
  readonly added: readonly string[];
  /** Serials that WeChat Pay no longer lists, or that have expired. */
  readonly dropped: readonly string[];
  readonly certificates: readonly KeyReport[];
  /** Files that were (would be) written. */
  readonly written: readonly string[];
  /** Files that were (would be) removed, since their certificate has expired. */
  readonly removed: readonly string[];
}

export interface RotateOptions {
  readonly ring: Pick<CertificateKeyRing, 'list' | 'preferred' | 'refresh'>;
  /** Fetches and verifies without keeping anything: for looking only. */
  readonly download: () => Promise<CertificateSet>;
  readonly clock: Clock;
  /** Refuse certificates that none of these issued. */
  readonly anchors: Anchors | undefined;
  readonly look: boolean;
  /** Directory with one PEM file per certificate. */
  readonly out: string | undefined;
  readonly writer: Writer;
  /** Told before anything is kept, so that a change is not forgotten when the process dies in the middle. */
  readonly onPlan?: (plan: Pick<Rotation, 'added' | 'changed'>) => void;
}

/**
 * Fetches, verifies and installs.
 *
 * New files are written before the cache is, and expired ones are removed last: at every moment there is a whole set that
 * works. Nothing is written before everything has been verified.
 *
 * @throws what a download throws; `CERTIFICATES_INVALID` for a certificate of another issuer; `FILE_UNWRITABLE`, also for a
 *   symbolic link in a file's place
 */
export async function rotateCertificates(options: RotateOptions): Promise<Rotation> {
  const { ring, clock, out, look } = options;
  const before = (await ring.list()).filter((key) => key.kind === 'platform-certificate');
  const known = new Set(before.map(({ id }) => id));
  let planned: Plan | undefined;
  const accept = (set: CertificateSet): void => {
    if (options.anchors !== undefined) requireIssuer(set.certificates, options.anchors, clock.now());
    const plan = planFiles(set.certificates, out, clock.now());
    const added = set.certificates.map(({ id }) => id).filter((id) => !known.has(id));
    planned = { ...plan, added, changed: added.length > 0 || plan.missing.length > 0 };
    if (look) return;
    options.onPlan?.(planned);
    if (out !== undefined) install(out, planned.missing, options);
  };
  let set: CertificateSet;
  if (look) {
    set = await options.download();
    accept(set);
  } else set = await ring.refresh(accept);
  const { added, changed, missing, expired } = planned as Plan;
  const removed = look ? expired : expired.filter(removeFile);
  const now = clock.now();
  const listed = new Set(set.certificates.map(({ id }) => id));
  const preferred = look ? newest(set.certificates, now) : await ring.preferred();
  return {
    changed,
    added,
    dropped: before.map(({ id }) => id).filter((id) => !listed.has(id)),
    certificates: set.certificates.map((key) => describeKey(key, preferred, now)),
    written: missing.map(({ file }) => file),
    removed,
  };
}

interface Plan extends FilePlan {
  readonly added: readonly string[];
  readonly changed: boolean;
}

interface FilePlan {
  /** Certificates whose file is not there, or holds something else. */
  readonly missing: readonly { readonly file: string; readonly pem: string }[];
  readonly expired: readonly string[];
}

function requireIssuer(certificates: readonly PlatformCertificate[], anchors: Anchors, now: number): void {
  const stranger = certificates.find((key) => judgeKey(key, now, anchors).chain === 'foreign');
  if (stranger === undefined) return;
  const reason = anchors.kind === 'tenpay' ? 'key:reason.certificates_issuer' : 'key:certs.reason.issuer_given';
  throw new WxpayError('CERTIFICATES_INVALID', { params: { serial: stranger.id, reason } });
}

const fileName = /^wechatpay_([0-9A-F]{8,40})\.pem$/;

function planFiles(certificates: readonly PlatformCertificate[], out: string | undefined, now: number): FilePlan {
  if (out === undefined) return { missing: [], expired: [] };
  const missing = certificates
    .map((key) => ({ file: join(out, `wechatpay_${key.id}.pem`), pem: key.certificate }))
    .filter(({ file, pem }) => contentOf(file) !== pem);
  const listed = new Set(certificates.map(({ id }) => id));
  const expired = namesIn(out).flatMap((name) => {
    const serial = fileName.exec(name)?.[1];
    if (serial === undefined || listed.has(serial)) return [];
    const file = join(out, name);
    return hasExpired(file, serial, now) ? [file] : [];
  });
  return { missing, expired };
}

/** Only a file that is what its name says, and is over by its own dates, is ours to remove. */
function hasExpired(file: string, serial: string, now: number): boolean {
  try {
    const certificate = new X509Certificate(readFileSync(file));
    return certificate.serialNumber.toUpperCase() === serial && Date.parse(certificate.validTo) <= now;
  } catch {
    return false;
  }
}

function install(out: string, files: FilePlan['missing'], { writer, clock }: RotateOptions): void {
  try {
    mkdirSync(out, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileUnwritable(out, error);
  }
  for (const { file, pem } of files) {
    writeFileAtomic(file, pem, writer);
    removeStaleTemps(out, { isAlive: writer.isAlive, now: clock.now(), of: file.slice(out.length + 1) });
  }
}

function removeFile(file: string): boolean {
  try {
    unlinkSync(file);
    return true;
  } catch {
    // It has expired; that it stays harms nobody, and the next run tries again.
    return false;
  }
}

/** Of a regular file. A link is not looked through: the writer refuses it. */
function contentOf(file: string): string | undefined {
  try {
    return lstatSync(file).isFile() ? readFileSync(file, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return [];
  }
}

function newest(certificates: readonly PlatformCertificate[], now: number): PlatformCertificate | undefined {
  return certificates.filter((key) => key.effectiveAt <= now).toSorted((a, b) => b.effectiveAt - a.effectiveAt)[0];
}

/**
 * The days that the keys at hand still last: those of the certificate that lasts longest. `undefined` where a public key,
 * which never ends, does the work; 0 or less where every certificate is over.
 */
export function daysCovered(keys: readonly VerificationKey[], now: number): number | undefined {
  if (keys.some((key) => key.kind === 'wechatpay-public-key')) return undefined;
  const ends = keys.map((key) => key.expiresAt ?? 0);
  return Math.floor((Math.max(...ends) - now) / 86_400_000);
}

/** A change that somebody still has to be told of: it outlives a hook that fails and a process that dies. */
export interface PendingChange {
  readonly added: readonly string[];
}

export interface PendingStore {
  load(): PendingChange | undefined;
  save(change: PendingChange): void;
  clear(): void;
}

/**
 * @param dir the state directory of the program
 * @param names what tells one hook from another: merchant, server, directory, command
 */
export function openPending(dir: string, names: readonly string[], writer: Writer): PendingStore {
  const folder = join(dir, 'rotations');
  const name = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 32);
  const file = join(folder, `${name}.json`);
  return {
    load: () => {
      try {
        const { added } = JSON.parse(readFileSync(file, 'utf8')) as { added?: unknown };
        const isSerials = Array.isArray(added) && added.every((serial) => /^[0-9A-F]{8,40}$/.test(String(serial)));
        return isSerials ? { added: added as string[] } : undefined;
      } catch {
        return undefined;
      }
    },
    save: (change) => {
      try {
        ensurePrivateDir(folder, writer);
        writeFileAtomic(file, `${JSON.stringify(change)}\n`, writer);
      } catch (error) {
        // A read-only home (CI): the hook runs all the same, and is not repeated if it fails.
        if (!isWxpayError(error, 'FILE_UNWRITABLE')) throw error;
      }
    },
    clear: () => void removeFile(file),
  };
}
