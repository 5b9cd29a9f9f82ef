/**
 * What was about to be transferred, on the disk before it is sent, and what came of it: one small file for each out_bill_no,
 * written atomically and durably (core/durable/atomic-file.ts) and held under a lock while a transfer is under way.
 *
 * The journal of refunds (refund-batch/journal.ts) is made for a million rows about orders; a transfer is one thing with one
 * number, and its file is either there with its intent, or nothing was sent from this machine.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ensurePrivateDir, writeFileAtomic } from '../core/durable/atomic-file.ts';
import { withFileLock, type FileLockOptions } from '../core/durable/file-lock.ts';
import { systemCode, systemReason } from '../core/durable/system-error.ts';
import { isWxpayError, WxpayError } from '../core/errors.ts';
import { isObject } from './fields.ts';

/** The merchant that signs, and scheme, host and port of the base URL. */
export interface IntentIdentity {
  readonly mchid: string;
  readonly origin: string;
}

/** What came of it; `result` as in the journal of refunds. */
export interface TransferOutcome {
  readonly result: 'accepted' | 'adopted' | 'refused' | 'not_sent' | 'unknown';
  /** As WeChat Pay says. */
  readonly state?: string;
  readonly transfer_bill_no?: string;
  /** Only the answer to the creation tells it. */
  readonly package_info?: string;
  /** Our error code. */
  readonly code?: string;
}

export interface TransferRecord {
  readonly out_bill_no: string;
  /** When the intent was written, milliseconds since the epoch. */
  readonly at: number;
  /** The exact request body, as text; a name in it is encrypted. */
  readonly body: string;
  /** Id of the key that encrypted the name. */
  readonly serial?: string;
  /** Absent: the intent was written, and nothing after it. */
  readonly outcome?: TransferOutcome;
}

export interface IntentStore {
  find(): TransferRecord | undefined;
  /** Returns when it is on the disk: only then may the request leave. @throws WxpayError `FILE_UNWRITABLE`, outcome `not_sent` */
  recordIntent(record: Omit<TransferRecord, 'outcome'>): void;
  /** @throws WxpayError `FILE_UNWRITABLE` */
  recordOutcome(outcome: TransferOutcome): void;
}

export interface IntentStoreOptions {
  /** The folder of the program's state. */
  readonly stateDir: string;
  readonly identity: IntentIdentity;
  readonly out_bill_no: string;
  readonly lock: Omit<FileLockOptions, 'timeoutMs'>;
  readonly uid: number | undefined;
  /** How long to wait for another process with the same number, milliseconds. */
  readonly waitMs: number;
  readonly randomName: () => string;
}

/** `<state>/transfers/<mchid>-<8 hex digits of the origin's SHA-256>/<out_bill_no>-<8 of its own>.json`: case survives any disk. */
export function intentPath({
  stateDir,
  identity,
  out_bill_no,
}: Pick<IntentStoreOptions, 'stateDir' | 'identity' | 'out_bill_no'>): string {
  const mark = (text: string): string => sha256(text).slice(0, 8);
  const folder = `${identity.mchid}-${mark(identity.origin)}`;
  return join(stateDir, 'transfers', folder, `${out_bill_no}-${mark(out_bill_no)}.json`);
}

/**
 * Holds the number's lock while `work` runs.
 *
 * @throws WxpayError `JOURNAL_BUSY` naming the holder, `FILE_UNWRITABLE`, `JOURNAL_BROKEN`, and whatever `work` throws
 */
export async function withIntentStore<T>(
  options: IntentStoreOptions,
  work: (store: IntentStore) => Promise<T>,
): Promise<T> {
  const path = intentPath(options);
  const { identity, lock } = options;
  const dir = dirname(path);
  ensurePrivateDir(dirname(dir), { platform: lock.platform, uid: options.uid });
  ensurePrivateDir(dir, { platform: lock.platform, uid: options.uid });
  let record = readIntent(path, identity, options.out_bill_no);
  const write = (next: TransferRecord): void => {
    const { body } = next;
    const text = JSON.stringify({
      wxpay: 'transfer',
      version: 1,
      ...identity,
      ...next,
      body_sha256: sha256(body),
    });
    writeFileAtomic(path, `${text}\n`, {
      platform: lock.platform,
      pid: lock.pid,
      randomName: options.randomName,
    });
    record = next;
  };
  let held = false;
  try {
    return await withFileLock(
      `${path}.lock`,
      () => {
        held = true;
        // Another process may have been at work while this one waited.
        record = readIntent(path, identity, options.out_bill_no);
        return work({
          find: () => record,
          recordIntent(intent) {
            try {
              write(intent);
            } catch (error) {
              throw error instanceof WxpayError ? error.with({ outcome: 'not_sent' }) : error;
            }
          },
          recordOutcome(outcome) {
            if (record === undefined)
              throw new WxpayError('INTERNAL', { params: { reason: 'an outcome without intent' } });
            write({ ...record, outcome });
          },
        });
      },
      { ...lock, timeoutMs: options.waitMs },
    );
  } catch (error) {
    if (held || !isWxpayError(error, 'LOCK_TIMEOUT')) throw error;
    const params = { file: path, holder: error.params['holder'] ?? '?' };
    throw new WxpayError('JOURNAL_BUSY', { params, outcome: 'not_sent', cause: error });
  }
}

/** @throws WxpayError `JOURNAL_BROKEN` for a file that is not what was written, `JOURNAL_FOREIGN`, `FILE_UNWRITABLE` */
export function readIntent(path: string, identity: IntentIdentity, out_bill_no: string): TransferRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    const params = { file: path, reason: systemReason(error) };
    throw new WxpayError('FILE_UNWRITABLE', { params, outcome: 'not_sent', cause: error });
  }
  const value = parse(text);
  const broken = new WxpayError('JOURNAL_BROKEN', {
    params: { file: path, line: 1, reason: 'key:reason.journal_record' },
    outcome: 'not_sent',
  });
  if (!isObject(value) || value['wxpay'] !== 'transfer' || value['version'] !== 1) throw broken;
  const { at, body, serial, outcome } = value;
  if (typeof body !== 'string' || typeof at !== 'number' || value['body_sha256'] !== sha256(body)) throw broken;
  if (outcome !== undefined && !(isObject(outcome) && typeof outcome['result'] === 'string')) throw broken;
  if (value['out_bill_no'] !== out_bill_no) throw broken;
  for (const field of ['mchid', 'origin'] as const)
    if (value[field] !== identity[field])
      throw new WxpayError('JOURNAL_FOREIGN', {
        params: { file: path, field, found: String(value[field]), wanted: identity[field] },
        outcome: 'not_sent',
      });
  return {
    out_bill_no,
    at,
    body,
    ...(typeof serial === 'string' ? { serial } : {}),
    ...(outcome === undefined ? {} : { outcome: outcome as unknown as TransferOutcome }),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
