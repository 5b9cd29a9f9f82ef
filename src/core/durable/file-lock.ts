/**
 * A lock between processes, kept in a file. A holder that died is noticed by its process, not by the age of the file, so
 * that the next process waits milliseconds and not ten seconds (THREATS 2.1, G11).
 *
 * How a dead holder's lock is taken over without two winners:
 *
 * - Every acquisition has a token that is never used again. The lock file carries it, and appears complete (a hard link
 *   of a finished file), so there is no moment at which it exists and says nothing.
 * - Whoever wants to replace the lock of the dead token D first takes the guard file named after D, exclusively. With
 *   the guard in hand it reads the lock again. If it still says D, nobody but the holder of D's guard can change it (its
 *   owner is dead, and tokens do not come back), so renaming one's own lock over it is safe. If it says anything else,
 *   somebody was faster, and nothing is touched.
 * - A guard whose holder died is taken over in the same way, under the guard of that holder's token.
 * - While a process holds the lock, every guard beside it belongs to a dead token of the past, and may be removed.
 */
import {
  closeSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { threadId } from 'node:worker_threads';
import { WxpayError } from '../errors.ts';
import type { Clock } from '../ports.ts';
import { fileUnwritable, refuseFile, systemCode } from './system-error.ts';

export interface FileLockOptions {
  readonly clock: Clock;
  readonly pid: number;
  /** Is there a process with this number on this machine? (`kill(pid, 0)`; no permission means yes.) */
  readonly isAlive: (pid: number) => boolean;
  readonly platform: NodeJS.Platform;
  /** How long to wait for one living holder, milliseconds; default 10 000. For a queue of them, at most six times as long. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** The call that a test may replace, as on a file system without hard links. */
  readonly fs?: { readonly linkSync: typeof linkSync };
}

/** Who holds a lock, as its file says. */
interface Holder {
  readonly token: string;
  readonly pid: number | undefined;
  /** When the process started, in the system's own units; tells a reused process number apart. */
  readonly start: string | undefined;
  /** Machine, boot and process name space: process numbers mean something only within one. */
  readonly machine: string | undefined;
  readonly mtimeMs: number;
}

const heartbeatMs = 1_000;
/** A holder on another machine (or container) counts as dead when its heartbeat stays away for so long. */
const foreignSilenceMs = 6_000;
let acquisitions = 0;

/**
 * Runs `work` while holding the lock file at `path` (its directory must exist) and always releases it. Waits for a
 * living holder in this or another process; takes over a dead one at once. Not re-entrant.
 *
 * @throws `LOCK_TIMEOUT` naming the file and the holder; `FILE_UNWRITABLE` when the directory takes no lock file;
 *   whatever `work` throws.
 */
export async function withFileLock<T>(path: string, work: () => T | Promise<T>, options: FileLockOptions): Promise<T> {
  const me = ownClaim(path, options);
  try {
    await acquire(path, me, options);
  } finally {
    removeQuietly(me.file);
  }
  const heartbeat = setInterval(() => touch(path, options.clock.now()), heartbeatMs);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    release(path, me);
  }
}

/** What this acquisition puts into lock and guard files. */
interface Claim {
  readonly token: string;
  readonly machine: string;
  readonly content: string;
  /** Holds `content`, complete, to be linked or renamed into place. */
  readonly file: string;
}

function ownClaim(path: string, options: FileLockOptions): Claim {
  acquisitions += 1;
  const start = startOf(options.pid, options.platform);
  const machine = machineId(options.platform);
  const started = (start?.start ?? String(Math.trunc(options.clock.now()))).replaceAll(/\W/g, '');
  const token = `${options.pid}-${started}-${threadId}-${acquisitions}-${machine.slice(0, 8)}`;
  const content = JSON.stringify({ token, pid: options.pid, start: start?.start, machine });
  // The name's shape is that of `removeStaleTemps`: a process killed here leaves something that is cleaned away.
  const file = join(dirname(path), `.${basename(path)}.${options.pid}.${token}.tmp`);
  return { token, machine, content, file };
}

async function acquire(path: string, me: Claim, options: FileLockOptions): Promise<void> {
  const { clock } = options;
  const patience = options.timeoutMs ?? 10_000;
  const last = clock.monotonic() + 6 * patience;
  let deadline = clock.monotonic() + patience;
  let silent: { readonly token: string; readonly mtimeMs: number; readonly since: number } | undefined;
  for (let attempt = 0; ; attempt++) {
    options.signal?.throwIfAborted();
    // Looked at before it is tried: a refused try costs many times what a look does, and a hundred who try in turns leave
    // no processor for the one who works.
    const holder = readHolder(path);
    if (holder === undefined) {
      if (create(path, me, options)) return;
    } else {
      // A hundred processes behind each other take their time, and it is not the one at the front that hangs.
      if (silent !== undefined && silent.token !== holder.token)
        deadline = Math.min(last, clock.monotonic() + patience);
      if (silent?.token !== holder.token || silent.mtimeMs !== holder.mtimeMs) {
        silent = { token: holder.token, mtimeMs: holder.mtimeMs, since: clock.monotonic() };
      }
      const silentFor = clock.monotonic() - silent.since;
      if (isDead(holder, silentFor, me, options) && takeOver(path, holder, me, options)) {
        removeGuards(path);
        return;
      }
    }
    if (clock.monotonic() >= deadline) {
      const who = holder?.pid ?? '?';
      throw new WxpayError('LOCK_TIMEOUT', { params: { file: path, holder: who } });
    }
    await clock.sleep(pauseAfter(attempt, options.pid), options.signal);
  }
}

/**
 * Milliseconds until the next look: few at first, more for who has waited long, since then there may be many of them. Below
 * the 200 ms in which a dead holder's lock must be taken over (R7). Spread by process number instead of chance: equal pauses
 * would make many waiters meet again and again.
 */
function pauseAfter(attempt: number, pid: number): number {
  const base = Math.min(3 + attempt * 2, 100);
  return base + ((pid * 31 + attempt * 17) % (11 + Math.floor(base / 2)));
}

/** Puts the claim at `path` if nothing is there; `false` when something is. */
function create(path: string, me: Claim, { fs }: FileLockOptions): boolean {
  try {
    materialise(me);
    try {
      (fs?.linkSync ?? linkSync)(me.file, path);
      return true;
    } catch (error) {
      const code = systemCode(error) ?? '';
      if (code === 'EEXIST') return false;
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) throw error;
    }
    // A file system without hard links. The file is empty for a moment here; readers take that for a living holder.
    return createPlain(path, me.content);
  } catch (error) {
    throw fileUnwritable(path, error);
  }
}

function createPlain(path: string, content: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, 'wx', 0o600);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    writeFileSync(fd, content);
  } finally {
    closeSync(fd);
  }
  return true;
}

/** Writes the claim's own file unless it is there. */
function materialise(me: Claim): void {
  createPlain(me.file, me.content);
}

/** Replaces the lock (or guard) of a dead holder by ours; `false` when somebody else was faster. */
function takeOver(path: string, dead: Holder, me: Claim, options: FileLockOptions, lockPath = path): boolean {
  const guard = guardPath(lockPath, dead.token);
  if (guard === path) return false;
  if (!create(guard, me, options)) {
    const other = readHolder(guard);
    if (other === undefined || !isDead(other, 0, me, options)) return false;
    if (!takeOver(guard, other, me, options, lockPath)) return false;
  }
  try {
    if (readHolder(path)?.token !== dead.token) return false;
    materialise(me);
    renameSync(me.file, path);
    return true;
  } catch (error) {
    throw fileUnwritable(path, error);
  } finally {
    removeQuietly(guard);
  }
}

function guardPath(lockPath: string, token: string): string {
  return join(dirname(lockPath), `.${basename(lockPath)}.${token}.steal`);
}

/** Never throws: the result of the work matters more, and a lock that stays is taken over when this process ends. */
function release(path: string, me: Claim): void {
  try {
    if (readHolder(path)?.token === me.token) unlinkSync(path);
  } catch {
    // See above.
  }
}

/** Called by the holder of the lock only: all guards are then of the past (see the top of this file). */
function removeGuards(lockPath: string): void {
  const prefix = `.${basename(lockPath)}.`;
  try {
    for (const name of readdirSync(dirname(lockPath))) {
      if (name.startsWith(prefix) && name.endsWith('.steal')) removeQuietly(join(dirname(lockPath), name));
    }
  } catch {
    // Leftover guards do no harm.
  }
}

function isDead(holder: Holder, silentForMs: number, me: Claim, options: FileLockOptions): boolean {
  if (holder.pid === undefined || holder.machine !== me.machine) return silentForMs >= foreignSilenceMs;
  if (!options.isAlive(holder.pid)) return true;
  const now = startOf(holder.pid, options.platform);
  if (now === undefined || holder.start === undefined) return false;
  return now.ended || now.start !== holder.start;
}

/** What the file says; `undefined` when there is none. A file that says nothing has a token of its own, and no process. */
function readHolder(path: string): Holder | undefined {
  try {
    const stat = lstatSync(path);
    if (!stat.isFile()) throw refuseFile(path, 'kind');
    const nameless: Holder = {
      token: `nameless-${stat.ino}-${Math.trunc(stat.mtimeMs)}`,
      pid: undefined,
      start: undefined,
      machine: undefined,
      mtimeMs: stat.mtimeMs,
    };
    return stat.size > 1_000 ? nameless : (parseHolder(readFileSync(path, 'utf8'), stat.mtimeMs) ?? nameless);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fileUnwritable(path, error);
  }
}

function parseHolder(text: string, mtimeMs: number): Holder | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { token, pid, start, machine } = value as Record<string, unknown>;
  if (typeof token !== 'string' || !/^[\w-]{1,120}$/.test(token)) return undefined;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return {
    token,
    pid,
    start: typeof start === 'string' ? start : undefined,
    machine: typeof machine === 'string' ? machine : undefined,
    mtimeMs,
  };
}

/** When a process started, where the system says (Linux); `ended` for one that is dead but not yet reaped. */
function startOf(
  pid: number,
  platform: NodeJS.Platform,
): { readonly start: string; readonly ended: boolean } | undefined {
  if (platform !== 'linux') return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name in parentheses may hold spaces and parentheses itself; what follows the last one is regular.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, start] = [fields[0], fields[19]];
    return start === undefined ? undefined : { start, ended: state === 'Z' || state === 'X' };
  } catch {
    return undefined;
  }
}

function machineId(platform: NodeJS.Platform): string {
  const parts = [hostname()];
  if (platform === 'linux') {
    try {
      parts.push(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(), readlinkSync('/proc/self/ns/pid'));
    } catch {
      // Without /proc the host name must do.
    }
  }
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 24);
}

function touch(path: string, now: number): void {
  try {
    utimesSync(path, now / 1_000, now / 1_000);
  } catch {
    // The lock was taken away or the disk is read-only: nothing to do about it here.
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone, or it cannot go; a dead holder's lock is taken over later.
  }
}
