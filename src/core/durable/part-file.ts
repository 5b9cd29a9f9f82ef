/**
 * A file that grows piece by piece under a name of its own and gets its final name only when it is whole (THREATS E6, H4).
 */
import * as nodeFs from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from './atomic-file.ts';
import { fileUnwritable, refuseFile } from './system-error.ts';

/** The calls that a test may replace by ones that fail or write short. */
export type PartFileSystem = Pick<
  typeof nodeFs,
  | 'openSync'
  | 'writeSync'
  | 'ftruncateSync'
  | 'fchmodSync'
  | 'fsyncSync'
  | 'fstatSync'
  | 'closeSync'
  | 'renameSync'
  | 'rmSync'
  | 'lstatSync'
>;

export interface PartFileOptions {
  readonly platform: NodeJS.Platform;
  /** How messages name the file; default its path. */
  readonly name?: string;
  readonly fs?: PartFileSystem;
}

export interface PartFile {
  readonly path: string;
  /** Bytes so far. */
  readonly size: number;
  /** @throws `FILE_UNWRITABLE` */
  write(bytes: Uint8Array): void;
  /** Begins again from the start. */
  clear(): void;
  /** Syncs the file and gives it its final name; a link or anything but a file there is refused. @throws `FILE_UNWRITABLE` */
  publish(path: string): void;
  /** Removes the file, unless it was published. Never throws. */
  discard(): void;
  /** Lets go of the file and leaves it where it is, for a later run to take over. Never throws. */
  leave(): void;
}

/**
 * Creates the file, mode 0600 whatever the umask; its folder must exist.
 *
 * @throws `FILE_UNWRITABLE`, also when something is there already
 */
export function openPartFile(path: string, options: PartFileOptions): PartFile {
  const { name = path, fs = nodeFs } = options;
  try {
    return partFile(fs.openSync(path, 'wx', 0o600), 0, path, options);
  } catch (error) {
    throw fileUnwritable(name, error);
  }
}

/**
 * Takes over what an earlier run left: the file gets the new path in one step, so that of two runs only one has it, and its bytes
 * are this part's. They prove nothing; whoever goes on from them checks the whole.
 *
 * @param uid the user's number, where there is one
 * @returns `undefined` where there is nothing, or anything but a file of this user's own that nobody else may touch (it is
 *   removed then, links included, and never followed)
 */
export function adoptPartFile(
  left: string,
  path: string,
  { uid, ...options }: PartFileOptions & { readonly uid: number | undefined },
): PartFile | undefined {
  const { fs = nodeFs, platform } = options;
  try {
    fs.renameSync(left, path);
  } catch {
    return undefined;
  }
  try {
    // Where a system knows no such flag, it counts as nothing.
    const { O_RDWR, O_NOFOLLOW, O_NONBLOCK } = nodeFs.constants;
    if (!fs.lstatSync(path).isFile()) throw refuseFile(path, 'kind');
    const fd = fs.openSync(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    const stat = fs.fstatSync(fd);
    const foreign = uid !== undefined && stat.uid !== uid;
    const shared = platform !== 'win32' && ((stat.mode & 0o077) !== 0 || stat.nlink !== 1);
    if (stat.isFile() && !foreign && !shared) return partFile(fd, stat.size, path, options);
    fs.closeSync(fd);
  } catch {
    // Not ours to go on with: cleared away below.
  }
  try {
    fs.rmSync(path, { force: true });
  } catch {
    // A folder, or a file of somebody else's in a folder that is not ours: it stays, and nobody reads it.
  }
  return undefined;
}

function partFile(
  fd: number,
  sizeBefore: number,
  path: string,
  { platform, name = path, fs = nodeFs }: PartFileOptions,
): PartFile {
  let size = sizeBefore;
  let open = true;
  let published = false;
  if (platform !== 'win32') {
    try {
      attempt(() => fs.fchmodSync(fd, 0o600));
    } catch (error) {
      discard();
      throw error;
    }
  }

  function attempt<T>(work: () => T, file = name): T {
    try {
      return work();
    } catch (error) {
      throw fileUnwritable(file, error);
    }
  }

  function close(): void {
    if (!open) return;
    // A descriptor is gone even where closing it fails; a second attempt could hit somebody else's.
    open = false;
    fs.closeSync(fd);
  }

  function discard(): void {
    try {
      close();
    } catch {
      // It is removed all the same.
    }
    try {
      if (!published) fs.rmSync(path, { force: true });
    } catch {
      // What cannot be removed now is cleared away by a later run.
    }
  }

  return {
    path,
    get size() {
      return size;
    },

    write(bytes) {
      attempt(() => {
        // A nearly full disk takes a part and says how much; the next call says why.
        for (let done = 0; done < bytes.length;) {
          const taken = fs.writeSync(fd, bytes, done, bytes.length - done, size);
          if (taken <= 0) throw refuseFile(name, 'short', { written: done, size: bytes.length });
          done += taken;
          size += taken;
        }
      });
    },

    clear() {
      attempt(() => fs.ftruncateSync(fd, 0));
      size = 0;
    },

    publish(to) {
      attempt(() => {
        const stat = fs.lstatSync(to, { throwIfNoEntry: false });
        if (stat?.isSymbolicLink() === true) throw refuseFile(to, 'link');
        if (stat !== undefined && !stat.isFile()) throw refuseFile(to, 'kind');
        fs.fsyncSync(fd);
        const written = fs.fstatSync(fd).size;
        if (written !== size) throw refuseFile(to, 'short', { written, size });
        close();
        fs.renameSync(path, to);
        published = true;
        if (platform !== 'win32') syncDirectory(fs, dirname(to));
      }, to);
    },

    discard,

    leave() {
      try {
        close();
      } catch {
        // What was written is there, or is found out by whoever checks it.
      }
    },
  };
}
