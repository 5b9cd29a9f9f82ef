/** Where single refunds are recorded, and how the commands open that. */
import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { ensurePrivateDir } from '../../../core/durable/atomic-file.ts';
import { isWxpayError, WxpayError } from '../../../core/errors.ts';
import {
  readJournal,
  withJournal,
  type Journal,
  type JournalIdentity,
  type JournalReader,
} from '../../../operations/refund-batch/journal.ts';
import type { ResolvedProfile } from '../../../profiles/schema.ts';
import type { Runtime } from '../../command.ts';
import { requireValue } from '../../party.ts';
import { baseUrlOf } from '../../../profiles/base-url.ts';

/** What the journal's functions use of the runtime. */
export type JournalRuntime = Pick<
  Runtime,
  'dirs' | 'clock' | 'pid' | 'uid' | 'platform' | 'isAlive' | 'randomBytes' | 'signal' | 'cwd'
>;

/** Which journal: the merchant's own, or a file. */
export interface JournalPlace {
  readonly path: string;
  readonly identity: JournalIdentity;
  /** The merchant's own: its folder is made when it is missing. */
  readonly own: boolean;
}

/** Merchant and origin of a profile, as every journal of it is bound to them. */
export function journalIdentity(profile: ResolvedProfile): JournalIdentity {
  return { mchid: requireValue(profile, 'mchid'), origin: new URL(baseUrlOf(profile)).origin };
}

/** `<state>/refunds/<mchid>-<first 8 hex digits of the origin's SHA-256>.journal`: merchants and emulators never share one. */
export async function ownJournal(runtime: JournalRuntime, profile: ResolvedProfile): Promise<JournalPlace> {
  const identity = journalIdentity(profile);
  const origin = createHash('sha256').update(identity.origin).digest('hex').slice(0, 8);
  return { path: join(runtime.dirs.state, 'refunds', `${identity.mchid}-${origin}.journal`), identity, own: true };
}

/**
 * The journal that `--journal` names, or the merchant's own.
 *
 * @throws WxpayError `INPUT_UNREADABLE` when the named file is not there, `JOURNAL_FOREIGN` when it is another merchant's or
 *   base URL's, `JOURNAL_BROKEN`
 */
export async function chosenJournal(
  runtime: JournalRuntime,
  profile: ResolvedProfile,
  file: string | undefined,
): Promise<JournalPlace> {
  if (file === undefined) return ownJournal(runtime, profile);
  const path = resolve(runtime.cwd, file);
  const identity = await readJournal(path, async ({ header }) => header);
  if (identity === undefined) throw missing(file);
  const mine = journalIdentity(profile);
  for (const [field, found, wanted] of [
    ['mchid', identity.mchid, mine.mchid],
    ['base_url', identity.origin, mine.origin],
  ] as const)
    if (found !== wanted)
      throw new WxpayError('JOURNAL_FOREIGN', { params: { file: path, field, found, wanted }, outcome: 'not_sent' });
  return { path, identity, own: false };
}

function missing(file: string): WxpayError {
  return new WxpayError('INPUT_UNREADABLE', { params: { file, reason: 'ENOENT' }, outcome: 'not_sent' });
}

/** Opens the journal and holds it while `work` runs; another single refund is waited for, a running batch is not. */
export async function openJournal<T>(
  runtime: JournalRuntime,
  place: JournalPlace,
  work: (journal: Journal) => Promise<T>,
): Promise<T> {
  if (place.own) {
    ensurePrivateDir(dirname(place.path), { platform: runtime.platform, uid: runtime.uid });
  }
  const options = {
    path: place.path,
    identity: place.identity,
    clock: runtime.clock,
    lock: {
      pid: runtime.pid,
      platform: runtime.platform,
      isAlive: (pid: number) => runtime.isAlive(pid),
      signal: runtime.signal,
    },
    waitMs: place.own ? 30_000 : 0,
    randomName: () => runtime.randomBytes(12).toString('hex'),
  };
  return withJournal(options, work);
}

/**
 * Reads the journal as it is at this moment; `undefined` when there is none yet.
 *
 * @throws WxpayError `JOURNAL_BROKEN`; `INPUT_UNREADABLE`, and for the merchant's own `FILE_UNWRITABLE`: it could not be written
 *   either
 */
export async function peekJournal<T>(
  place: Pick<JournalPlace, 'path' | 'own'>,
  work: (journal: JournalReader) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await readJournal(place.path, work);
  } catch (error) {
    if (!place.own || !isWxpayError(error, 'INPUT_UNREADABLE')) throw error;
    throw new WxpayError('FILE_UNWRITABLE', { params: error.params, outcome: 'not_sent', cause: error });
  }
}

/** Between questions about an unknown outcome: WeChat Pay needs seconds, an emulator on this machine does not. */
export function pausesFor(profile: ResolvedProfile): { readonly pauses?: readonly number[] } {
  return profile.live ? {} : { pauses: [100, 200, 400, 800] };
}
