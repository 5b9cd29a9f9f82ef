/**
 * The profiles on disk: `<config>/profiles/<name>.json`, one file each (0600 in a 0700 directory), and `<config>/current`, the
 * chosen name. Reading opens the file and nothing else, and creates nothing; writing goes through conf, a lock between
 * processes and a writer that checks itself (THREATS F).
 */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { ensurePrivateDir, removeStaleTemps, writeFileAtomic, type FileSystem } from '../core/durable/atomic-file.ts';
import { withFileLock } from '../core/durable/file-lock.ts';
import { fileUnwritable, systemCode, systemReason } from '../core/durable/system-error.ts';
import { isWxpayError, WxpayError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { checkProfileName, isProfileName, parseProfile, type Profile } from './schema.ts';

/** Where profiles live, and what the process brings along to write there safely. */
export interface StorePlace {
  /** The configuration folder; it need not exist. */
  readonly config: string;
  readonly platform: NodeJS.Platform;
  readonly pid: number;
  /** The user's number; `undefined` where there is none (win32). */
  readonly uid: number | undefined;
  /** Is there a process with this number? */
  readonly isAlive: (pid: number) => boolean;
  readonly clock: Clock;
  /** A fresh unpredictable name of letters and digits. */
  readonly randomName: () => string;
  /** For tests: the writer's system calls. */
  readonly fs?: FileSystem;
}

export interface StoredProfile {
  readonly name: string;
  readonly file: string;
  readonly profile: Profile;
}

export interface ProfileStore {
  /** The file of a profile, whether it exists or not. @throws `INPUT_INVALID` for a name that cannot be one */
  fileOf(name: string): string;
  /** Every name, sorted, also those whose file turns out to be broken. Empty where nothing can be read. */
  list(): readonly string[];
  /**
   * Reads one profile.
   *
   * A file that is no JSON is moved aside (`<file>.broken-<n>`) where that is possible, and named; it stays named until
   * the profile is added again or removed.
   *
   * @throws `PROFILE_NOT_FOUND`, `PROFILE_FILE_BROKEN`, `PROFILE_FILE_NEWER`, `PROFILE_INVALID`, `INPUT_INVALID`
   */
  read(name: string): Promise<StoredProfile>;
  /**
   * Adds a profile, or replaces it with `force`. An unusable file in its place is moved aside, never overwritten.
   *
   * @returns where an unusable file was moved
   * @throws `PROFILE_EXISTS`, `PROFILE_INVALID`, `PROFILE_FILE_NEWER`, `FILE_UNWRITABLE`, `LOCK_TIMEOUT`
   */
  save(name: string, profile: Profile, options?: { readonly force?: boolean }): Promise<{ readonly kept?: string }>;
  /** Changes a profile under the lock: `change` sees what is stored at that moment, so no other update is lost. */
  update(name: string, change: (profile: Profile) => Profile): Promise<Profile>;
  /** Removes a profile with its broken copies, which hold its secrets; the choice too if it was the chosen one. */
  remove(name: string): Promise<void>;
  /** The chosen name: what `use` stored, else the only profile there is, else `undefined`. */
  current(): string | undefined;
  /** Chooses a profile. @throws `PROFILE_NOT_FOUND` */
  use(name: string): Promise<void>;
}

/** What a look at a profile's file found. */
type Found =
  | { readonly state: 'absent' }
  | { readonly state: 'good'; readonly profile: Profile }
  /** JSON, but not a valid profile. */
  | { readonly state: 'invalid'; readonly error: WxpayError }
  /** Not even JSON. */
  | { readonly state: 'broken'; readonly reason: Reason }
  /** Not ours to touch: a link, a folder, another user's. */
  | { readonly state: 'odd'; readonly reason: Reason };

type Reason = Readonly<Record<string, string | number>>;

const maximumSize = 1_048_576;
/** An editor that writes in place leaves half a file for a moment; nobody's work is moved away for that. */
const editorPauseMs = 60;
/** A hundred processes that start at once on a busy machine of two cores have waited for most of a minute. */
const lockTimeoutMs = 120_000;

/** Opens the store. Touches nothing. */
export function openProfileStore(place: StorePlace): ProfileStore {
  const dir = join(place.config, 'profiles');
  const currentFile = join(place.config, 'current');

  const fileOf = (name: string): string => {
    checkProfileName(name);
    return join(dir, `${name}.json`);
  };

  const locked = <T>(work: () => T | Promise<T>): Promise<T> =>
    withFileLock(join(dir, '.lock'), work, {
      clock: place.clock,
      pid: place.pid,
      isAlive: place.isAlive,
      platform: place.platform,
      timeoutMs: lockTimeoutMs,
    });

  /** The directories, and no leftovers of killed writers in them. */
  const prepare = (): void => {
    ensurePrivateDir(dir, { platform: place.platform, uid: place.uid });
    closeToOthers(place.config, place);
    const now = place.clock.now();
    removeStaleTemps(dir, { isAlive: place.isAlive, now });
    removeStaleTemps(place.config, { isAlive: place.isAlive, now, of: 'current' });
  };

  const write = (path: string, text: string): void => {
    writeFileAtomic(path, text, {
      mode: 0o600,
      platform: place.platform,
      pid: place.pid,
      randomName: place.randomName,
      ...(place.fs === undefined ? {} : { fs: place.fs }),
    });
  };

  const list = (): readonly string[] => {
    const names = new Set<string>();
    for (const entry of namesIn(dir)) {
      const name = /^(.+)\.json(?:\.broken-[0-9]+)?$/.exec(entry)?.[1];
      if (name !== undefined && isProfileName(name)) names.add(name);
    }
    return [...names].sort();
  };

  const read = async (name: string): Promise<StoredProfile> => {
    const file = fileOf(name);
    const found = look(file, place);
    if (found.state === 'good') return { name, file, profile: found.profile };
    if (found.state === 'broken') return { name, file, profile: await keepBroken(file) };
    throw unusable(name, file, found);
  };

  /** Moves a broken file aside, unless it has been mended meanwhile. Where the folder takes no changes it stays in its place. */
  const keepBroken = async (file: string): Promise<Profile> => {
    await place.clock.sleep(editorPauseMs);
    let reason: Reason = { reason: 'key:profile.reason.not_json' };
    let kept = file;
    try {
      const profile = await locked(() => {
        const found = look(file, place);
        if (found.state === 'good') return found.profile;
        if (found.state === 'broken') {
          reason = found.reason;
          kept = moveAside(file);
        }
        return undefined;
      });
      if (profile !== undefined) return profile;
    } catch (error) {
      if (!isWxpayError(error, 'FILE_UNWRITABLE', 'LOCK_TIMEOUT')) throw error;
      const found = look(file, place);
      if (found.state === 'broken') reason = found.reason;
    }
    throw broken(file, reason, kept);
  };

  const unusable = (name: string, file: string, found: Exclude<Found, { state: 'good' }>): WxpayError => {
    if (found.state === 'invalid') return found.error;
    if (found.state === 'broken') return broken(file, found.reason, file);
    if (found.state === 'odd')
      return new WxpayError('PROFILE_FILE_BROKEN', {
        params: { file, ...found.reason },
        hint: 'profile.hint.odd_file',
      });
    const kept = brokenCopies(dir, name).at(-1);
    if (kept !== undefined) return broken(file, { reason: 'key:profile.reason.not_json' }, join(dir, kept));
    return new WxpayError('PROFILE_NOT_FOUND', { params: { name } });
  };

  const save: ProfileStore['save'] = async (name, profile, { force = false } = {}) => {
    const file = fileOf(name);
    const checked = parseProfile(profile, file);
    // Before the lock: loading conf takes longer than everything that is done while others wait.
    const { openConfFile } = await import('./conf-file.ts');
    prepare();
    return await locked(() => {
      const twin = list().find((other) => other !== name && other.toLowerCase() === name.toLowerCase());
      if (twin !== undefined) throw new WxpayError('PROFILE_EXISTS', { params: { name: twin } });
      const found = look(file, place);
      if (found.state === 'odd') throw unusable(name, file, found);
      if (found.state === 'invalid' && (!force || found.error.code === 'PROFILE_FILE_NEWER')) throw found.error;
      if (found.state === 'good' && !force) throw new WxpayError('PROFILE_EXISTS', { params: { name } });
      const kept = found.state === 'broken' || found.state === 'invalid' ? moveAside(file) : undefined;
      openConfFile(dir, name, write).replace(checked);
      return kept === undefined ? {} : { kept };
    });
  };

  const update: ProfileStore['update'] = async (name, change) => {
    const file = fileOf(name);
    await read(name);
    const { openConfFile } = await import('./conf-file.ts');
    prepare();
    return await locked(() => {
      const found = look(file, place);
      if (found.state !== 'good') throw unusable(name, file, found);
      const changed = parseProfile(change(found.profile), file);
      openConfFile(dir, name, write).replace(changed);
      return changed;
    });
  };

  const remove = async (name: string): Promise<void> => {
    const file = fileOf(name);
    if (!list().includes(name)) throw new WxpayError('PROFILE_NOT_FOUND', { params: { name } });
    prepare();
    await locked(() => {
      const copies = brokenCopies(dir, name).map((copy) => join(dir, copy));
      for (const path of [file, ...copies]) unlink(path);
      if (chosen() === name) unlink(currentFile);
    });
  };

  const chosen = (): string | undefined => {
    const text = readCurrent(currentFile);
    if (text === undefined || text === '') return undefined;
    if (!isProfileName(text))
      throw new WxpayError('PROFILE_INVALID', {
        params: { field: 'current', origin: currentFile, reason: 'key:profile.reason.name' },
      });
    return text;
  };

  const current = (): string | undefined => {
    const name = chosen();
    if (name !== undefined) return name;
    const names = list();
    return names.length === 1 ? names[0] : undefined;
  };

  const use = async (name: string): Promise<void> => {
    const file = fileOf(name);
    await read(name);
    prepare();
    await locked(() => {
      const found = look(file, place);
      if (found.state !== 'good') throw unusable(name, file, found);
      write(currentFile, `${name}\n`);
    });
  };

  return { fileOf, list, read, save, update, remove, current, use };
}

const noFollow = constants.O_NOFOLLOW ?? 0;
const nonBlocking = constants.O_NONBLOCK ?? 0;

/** The text of `current`; `undefined` where there is none or it cannot be read: then nobody has chosen. */
function readCurrent(file: string): string | undefined {
  try {
    if (!lstatSync(file).isFile()) return undefined;
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * What is wrong with a profile's file, looked at without changing anything: no mode is tightened, nothing is moved aside.
 * `undefined` for a sound file and for none.
 */
export function faultOf(file: string, place: Pick<StorePlace, 'platform' | 'uid'>): WxpayError | undefined {
  const found = look(file, place, false);
  if (found.state === 'invalid') return found.error;
  if (found.state === 'broken') return broken(file, found.reason, file).with({ hint: 'doctor.fix.profile_broken' });
  if (found.state === 'odd')
    return new WxpayError('PROFILE_FILE_BROKEN', { params: { file, ...found.reason }, hint: 'profile.hint.odd_file' });
  return undefined;
}

/** Reads one file, following no link, and tightens a mode that others could read. */
function look(file: string, { platform, uid }: Pick<StorePlace, 'platform' | 'uid'>, mend = true): Found {
  let fd: number;
  try {
    if (noFollow === 0 && lstatSync(file).isSymbolicLink()) return odd('symlink');
    // Not blocking: a named pipe in the file's place must not hold us for ever.
    fd = openSync(file, constants.O_RDONLY | noFollow | nonBlocking);
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return { state: 'absent' };
    if (code === 'ELOOP' || code === 'EMLINK') return odd('symlink');
    return { state: 'odd', reason: { reason: systemReason(error) } };
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return odd('not_regular');
    // Root owns what an administrator put here, and could change any file anyway.
    if (uid !== undefined && stat.uid !== uid && stat.uid !== 0) return odd('owner');
    if (stat.size > maximumSize) return { state: 'broken', reason: { reason: 'key:profile.reason.too_large' } };
    if (mend && platform !== 'win32' && (stat.mode & 0o077) !== 0) tighten(fd);
    return interpret(readFileSync(fd), file);
  } finally {
    closeSync(fd);
  }
}

function odd(name: 'symlink' | 'not_regular' | 'owner'): Found {
  return { state: 'odd', reason: { reason: `key:profile.reason.${name}` } };
}

function interpret(bytes: Buffer, file: string): Found {
  let json: unknown;
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    json = JSON.parse(text);
  } catch (error) {
    return { state: 'broken', reason: whereBroken(text, error) };
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return { state: 'broken', reason: { reason: 'key:profile.reason.not_object' } };
  try {
    return { state: 'good', profile: parseProfile(json, file) };
  } catch (error) {
    if (error instanceof WxpayError) return { state: 'invalid', error };
    throw error;
  }
}

/** The line of a syntax error. Not the parser's own message: it quotes the file, and the file holds secrets. */
function whereBroken(text: string, error: unknown): Reason {
  const position = error instanceof SyntaxError ? /position (\d+)/.exec(error.message)?.[1] : undefined;
  if (position === undefined) return { reason: 'key:profile.reason.not_json' };
  const line = text.slice(0, Number(position)).split('\n').length;
  return { reason: 'key:profile.reason.not_json_line', line };
}

function broken(file: string, reason: Reason, kept: string): WxpayError {
  return new WxpayError('PROFILE_FILE_BROKEN', {
    params: { file, ...reason, kept },
    ...(kept === file ? { hint: 'profile.hint.broken_in_place' } : {}),
  });
}

/** Renames the file to the first free `<file>.broken-<n>`. The caller holds the lock. */
function moveAside(file: string): string {
  for (let n = 1; ; n++) {
    const kept = `${file}.broken-${n}`;
    if (lstatSync(kept, { throwIfNoEntry: false }) !== undefined) continue;
    try {
      renameSync(file, kept);
    } catch (error) {
      throw fileUnwritable(file, error);
    }
    return kept;
  }
}

function brokenCopies(dir: string, name: string): readonly string[] {
  const number = (entry: string): number => Number(entry.slice(entry.lastIndexOf('-') + 1));
  return namesIn(dir)
    .filter((entry) => entry.startsWith(`${name}.json.broken-`) && /-[0-9]+$/.test(entry))
    .sort((a, b) => number(a) - number(b));
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function tighten(fd: number): void {
  try {
    fchmodSync(fd, 0o600);
  } catch {
    // A read-only file system; the next write tries again.
  }
}

/** Whoever may write to the folder could put another one in place of `profiles`. A sticky folder (/tmp) is left as it is. */
function closeToOthers(config: string, { platform, uid }: StorePlace): void {
  if (platform === 'win32') return;
  try {
    const { mode, uid: owner } = statSync(config);
    if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0 && owner === uid) chmodSync(config, mode & 0o7755);
  } catch (error) {
    throw fileUnwritable(config, error);
  }
}

function unlink(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw fileUnwritable(path, error);
  }
}
