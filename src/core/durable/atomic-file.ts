/**
 * Files that are either the old one or the new one, never a part (THREATS F2, F3, E6, E7).
 *
 * The stores of this program hold keys and profiles. Libraries that write once and ignore a short count truncate them on
 * a nearly full disk, so this writer loops, syncs, compares the size and only then renames.
 */
import * as nodeFs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileUnwritable, refuseFile, systemCode } from './system-error.ts';

/** The calls that a test may replace by ones that fail or write short. */
export type FileSystem = Pick<
  typeof nodeFs,
  | 'openSync'
  | 'writeSync'
  | 'fchmodSync'
  | 'fsyncSync'
  | 'fstatSync'
  | 'closeSync'
  | 'renameSync'
  | 'unlinkSync'
  | 'lstatSync'
>;

export interface AtomicFileOptions {
  /** Permission bits of the new file; default 0600. Applied whatever the umask, not on win32. */
  readonly mode?: number;
  readonly platform: NodeJS.Platform;
  /** Goes into the temporary name, so that `removeStaleTemps` knows whose leftover it is. */
  readonly pid: number;
  /** A fresh unpredictable name of letters, digits, `_` and `-`. */
  readonly randomName: () => string;
  readonly fs?: FileSystem;
}

const renameAttempts = 20;
const renamePauseMs = 15;

/**
 * Replaces the file by `data`, atomically and durably; its directory must exist. Strings are written as UTF-8.
 *
 * Refuses a symbolic link and anything but a regular file at the path. After it returns, the content has reached the
 * disk. After it throws, the file is what it was (a failed sync of the directory after the rename excepted) and no
 * temporary file is left. The new file has `mode` even if the old one was wider.
 *
 * @throws `FILE_UNWRITABLE` with the system's reason.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array, options: AtomicFileOptions): void {
  const fs = options.fs ?? nodeFs;
  const windows = options.platform === 'win32';
  const mode = options.mode ?? 0o600;
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  const temp = join(dirname(path), `.${basename(path)}.${options.pid}.${options.randomName()}.tmp`);
  let created = false;
  try {
    refuseOddTarget(fs, path);
    const fd = fs.openSync(temp, 'wx', mode);
    created = true;
    try {
      if (!windows) fs.fchmodSync(fd, mode);
      writeAll(fs, fd, bytes, path);
      fs.fsyncSync(fd);
      const { size } = fs.fstatSync(fd);
      if (size !== bytes.length) throw refuseFile(path, 'short', { written: size, size: bytes.length });
    } finally {
      fs.closeSync(fd);
    }
    // Looked at again: the rename would replace a link, not follow it, but a link here means that somebody is playing.
    refuseOddTarget(fs, path);
    if (windows) renamePatiently(fs, temp, path);
    else fs.renameSync(temp, path);
    created = false;
    if (!windows) syncDirectory(fs, dirname(path));
  } catch (error) {
    throw fileUnwritable(path, error);
  } finally {
    if (created) removeQuietly(fs, temp);
  }
}

export interface PrivateDirOptions {
  readonly platform: NodeJS.Platform;
  /** The user that must own the directory; `undefined` where there is no such number (win32). */
  readonly uid: number | undefined;
}

/**
 * Makes sure that the directory exists, is a real directory of this user, and is 0700; creates missing parents (0700
 * too) and tightens a wider mode. On win32 only its existence is seen to.
 *
 * @throws `FILE_UNWRITABLE` for a symbolic link, another owner, another kind of file, or the system's reason.
 */
export function ensurePrivateDir(path: string, options: PrivateDirOptions): void {
  try {
    nodeFs.mkdirSync(path, { recursive: true, mode: 0o700 });
    const stat = nodeFs.lstatSync(path);
    if (stat.isSymbolicLink()) throw refuseFile(path, 'link');
    if (!stat.isDirectory()) throw refuseFile(path, 'directory');
    if (options.platform === 'win32') return;
    if (options.uid !== undefined && stat.uid !== options.uid) {
      throw refuseFile(path, 'owner', { owner: stat.uid, user: options.uid });
    }
    if ((stat.mode & 0o777) !== 0o700) nodeFs.chmodSync(path, 0o700);
  } catch (error) {
    throw fileUnwritable(path, error);
  }
}

export interface StaleTempOptions {
  readonly isAlive: (pid: number) => boolean;
  /** Wall clock, milliseconds: leftovers older than an hour go even if their process number lives again. */
  readonly now: number;
  /** Only leftovers of the file with this name: for a directory that others may write to as well. */
  readonly of?: string;
}

const staleAfterMs = 3_600_000;
const tempName = /^\..+\.(\d{1,10})\.[\w-]+\.tmp$/;

/**
 * Removes temporary files that processes killed in the middle of a write have left in the directory (they hold secrets).
 * Returns how many went. Never throws: a directory that cannot be read or changed is left alone.
 */
export function removeStaleTemps(dir: string, options: StaleTempOptions): number {
  let removed = 0;
  for (const name of namesIn(dir)) {
    const match = tempName.exec(name);
    if (match === null) continue;
    if (options.of !== undefined && !name.startsWith(`.${options.of}.${match[1]}.`)) continue;
    const path = join(dir, name);
    if (options.isAlive(Number(match[1])) && !isOlderThan(path, options.now - staleAfterMs)) continue;
    if (removeQuietly(nodeFs, path)) removed += 1;
  }
  return removed;
}

function namesIn(dir: string): readonly string[] {
  try {
    return nodeFs.readdirSync(dir);
  } catch {
    return [];
  }
}

function isOlderThan(path: string, time: number): boolean {
  try {
    return nodeFs.lstatSync(path).mtimeMs < time;
  } catch {
    return false;
  }
}

function refuseOddTarget(fs: FileSystem, path: string): void {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isSymbolicLink()) throw refuseFile(path, 'link');
  if (!stat.isFile()) throw refuseFile(path, 'kind');
}

/** One `write` may take only a part: on a nearly full disk it does, and reports success (THREATS 0.2). */
function writeAll(fs: FileSystem, fd: number, bytes: Uint8Array, path: string): void {
  let offset = 0;
  while (offset < bytes.length) {
    const written = fs.writeSync(fd, bytes, offset, bytes.length - offset);
    if (written <= 0) throw refuseFile(path, 'short', { written: offset, size: bytes.length });
    offset += written;
  }
}

/** Virus scanners and indexers hold a file open for moments; Windows refuses the rename meanwhile. */
function renamePatiently(fs: FileSystem, from: string, to: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      fs.renameSync(from, to);
      return;
    } catch (error) {
      const busy = ['EPERM', 'EACCES', 'EBUSY'].includes(systemCode(error) ?? '');
      if (!busy || attempt >= renameAttempts) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, renamePauseMs);
    }
  }
}

/** Without this a power cut may forget the rename. Some file systems cannot sync a directory, and say so. */
export function syncDirectory(fs: Pick<FileSystem, 'openSync' | 'fsyncSync' | 'closeSync'>, dir: string): void {
  const fd = fs.openSync(dir, 'r');
  try {
    fs.fsyncSync(fd);
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EBADF'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    fs.closeSync(fd);
  }
}

function removeQuietly(fs: FileSystem, path: string): boolean {
  try {
    fs.unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}
