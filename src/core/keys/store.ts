/**
 * Platform certificates on disk, so that not every run of the program downloads them again.
 *
 * One 0600 file per merchant and server in a 0700 directory. The content carries an HMAC under the APIv3 key: the same secret
 * that made the downloaded certificates believable (protocol 3.3) keeps a planted file from being believed.
 */
import { createHash, createHmac, timingSafeEqual, X509Certificate } from 'node:crypto';
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateDir, removeStaleTemps, writeFileAtomic } from '../durable/atomic-file.ts';
import { withFileLock } from '../durable/file-lock.ts';
import { isWxpayError } from '../errors.ts';
import type { Clock, VerificationKey } from '../ports.ts';

/** What one download brought. */
export interface CertificateSet {
  /** Wall clock, milliseconds. */
  readonly downloadedAt: number;
  readonly certificates: readonly PlatformCertificate[];
}

export interface PlatformCertificate extends VerificationKey {
  readonly kind: 'platform-certificate';
  readonly certificate: string;
  readonly effectiveAt: number;
  readonly expiresAt: number;
}

export interface CertificateStore {
  /** What is on disk; `undefined` when there is nothing, or nothing that can be believed. */
  load(): CertificateSet | undefined;
  /** Is there a file, believable or not? */
  exists(): boolean;
  /** Replaces it. `false` when the directory cannot be written: the program then works from memory. */
  save(set: CertificateSet): boolean;
  /** Runs the work while no other process does; without the lock where there can be none (read-only directory). */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** For messages. */
  readonly file: string;
}

export interface StoreOptions {
  /** The cache directory of the program; `certificates` is made inside. */
  readonly dir: string;
  readonly mchid: string;
  /** Origin of the base URL: an emulator's certificates are not WeChat Pay's. */
  readonly origin: string;
  /** 32 bytes. */
  readonly apiV3Key: Uint8Array;
  readonly clock: Clock;
  readonly platform: NodeJS.Platform;
  readonly pid: number;
  readonly uid: number | undefined;
  readonly isAlive: (pid: number) => boolean;
  readonly randomName: () => string;
}

const fileLimit = 1024 * 1024;
const lockTimeoutMs = 20_000;

interface Content {
  readonly version: 1;
  readonly mchid: string;
  readonly base_url: string;
  readonly downloaded_at: string;
  readonly certificates: readonly {
    readonly serial_no: string;
    readonly effective_time: string;
    readonly expire_time: string;
    readonly certificate: string;
  }[];
}

/** The store of one merchant on one server. Touches nothing until it is used. */
export function createCertificateStore(options: StoreOptions): CertificateStore {
  const { mchid, origin, clock, platform, pid } = options;
  const dir = join(options.dir, 'certificates');
  const name = `${createHash('sha256').update(`${mchid}\n${origin}`).digest('hex').slice(0, 32)}.json`;
  const file = join(dir, name);
  const stamp = (content: Content): Buffer =>
    createHmac('sha256', options.apiV3Key)
      .update('wxpay platform certificates 1\n')
      .update(JSON.stringify(content))
      .digest();

  return {
    file,
    load: () => {
      try {
        const { size } = statSync(file);
        if (size > fileLimit) return undefined;
        const document = JSON.parse(readFileSync(file, 'utf8')) as { hmac?: unknown; content?: unknown };
        if (typeof document.hmac !== 'string' || typeof document.content !== 'object') return undefined;
        const content = document.content as Content;
        const found = Buffer.from(document.hmac, 'hex');
        const wanted = stamp(content);
        if (found.length !== wanted.length || !timingSafeEqual(found, wanted)) return undefined;
        // From here on the content is our own writing.
        if (content.version !== 1 || content.mchid !== mchid || content.base_url !== origin) return undefined;
        return {
          downloadedAt: Date.parse(content.downloaded_at),
          certificates: content.certificates.map((entry) => ({
            id: entry.serial_no,
            kind: 'platform-certificate',
            publicKey: new X509Certificate(entry.certificate).publicKey,
            certificate: entry.certificate,
            effectiveAt: Date.parse(entry.effective_time),
            expiresAt: Date.parse(entry.expire_time),
          })),
        };
      } catch {
        // Missing, unreadable, or not JSON: the certificates are fetched again.
        return undefined;
      }
    },
    exists: () => {
      try {
        return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
      } catch {
        // A file stands where a folder should.
        return false;
      }
    },
    save: (set) => {
      const content: Content = {
        version: 1,
        mchid,
        base_url: origin,
        downloaded_at: new Date(set.downloadedAt).toISOString(),
        certificates: set.certificates.map((key) => ({
          serial_no: key.id,
          effective_time: new Date(key.effectiveAt).toISOString(),
          expire_time: new Date(key.expiresAt).toISOString(),
          certificate: key.certificate,
        })),
      };
      const text = `${JSON.stringify({ hmac: stamp(content).toString('hex'), content }, undefined, 2)}\n`;
      try {
        ensurePrivateDir(dir, { platform, uid: options.uid });
        removeStaleTemps(dir, { isAlive: options.isAlive, now: clock.now() });
        writeFileAtomic(file, text, { platform, pid, randomName: options.randomName });
        return true;
      } catch (error) {
        if (isWxpayError(error, 'FILE_UNWRITABLE')) return false;
        throw error;
      }
    },
    exclusively: async (work) => {
      let entered = false;
      const guarded = (): ReturnType<typeof work> => {
        entered = true;
        return work();
      };
      try {
        ensurePrivateDir(dir, { platform, uid: options.uid });
        return await withFileLock(`${file}.lock`, guarded, {
          clock,
          pid,
          platform,
          isAlive: options.isAlive,
          timeoutMs: lockTimeoutMs,
        });
      } catch (error) {
        // The lock saves a download, no more: without it, or while somebody is stuck in it, each process fetches alone.
        if (!entered && isWxpayError(error, 'FILE_UNWRITABLE', 'LOCK_TIMEOUT')) return work();
        throw error;
      }
    },
  };
}

/** A store for where there is no cache directory: nothing outlives the process. */
export function createMemoryStore(): CertificateStore {
  let held: CertificateSet | undefined;
  return {
    file: '',
    load: () => held,
    exists: () => held !== undefined,
    save: (set) => {
      held = set;
      return true;
    },
    exclusively: (work) => work(),
  };
}
