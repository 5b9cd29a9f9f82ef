/**
 * A file that grows piece by piece under a name of its own and gets its final name only when it is whole (THREATS E6, H4).
 */
import * as nodeFs from 'node:fs';
import { dirname } from 'node:path';
import { fileUnwritable, refuseFile } from './system-error.ts';

/** The calls that a test may replace by ones that fail or write short. */
export type PartFileSystem = Pick<
  typeof nodeFs,
  | 'openSync'
  | 'writeSync'
  | 'ftruncateSync'
  | 'fchmodSync'
  | 'fsyncSync'
  | 'closeSync'
  | 'renameSync'
  | 'rmSync'
  | 'lstatSync'
>;

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
}

/**
 * Creates the file, mode 0600 whatever the umask; its folder must exist.
 *
 * @throws `FILE_UNWRITABLE`, also when something is there already
 */
export function openPartFile(
  path: string,
  { platform, fs = nodeFs }: { readonly platform: NodeJS.Platform; readonly fs?: PartFileSystem },
): PartFile {
  let size = 0;
  let open = true;
  let published = false;
  const fd = attempt(() => fs.openSync(path, 'wx', 0o600));
  if (platform !== 'win32') attempt(() => fs.fchmodSync(fd, 0o600));

  function attempt<T>(work: () => T, name = path): T {
    try {
      return work();
    } catch (error) {
      throw fileUnwritable(name, error);
    }
  }

  function close(): void {
    if (open) fs.closeSync(fd);
    open = false;
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
          if (taken <= 0) throw refuseFile(path, 'short', { written: done, size: bytes.length });
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
        close();
        fs.renameSync(path, to);
        published = true;
        if (platform !== 'win32') syncFolder(dirname(to));
      }, to);
    },

    discard() {
      try {
        close();
        if (!published) fs.rmSync(path, { force: true });
      } catch {
        // What cannot be removed now is cleared away by a later run.
      }
    },
  };

  function syncFolder(folder: string): void {
    const handle = fs.openSync(folder, 'r');
    try {
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  }
}
