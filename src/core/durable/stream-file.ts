/** A file that is too big for memory, written piece by piece and there only when it is whole (THREATS F2, E6). */
import * as nodeFs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { AtomicFileOptions } from './atomic-file.ts';
import { fileUnwritable, refuseFile } from './system-error.ts';

/**
 * Replaces the file by the pieces, end to end, as UTF-8. Its directory must exist. Mode 0600 unless said otherwise; a link
 * at the path is refused. After it throws, the file is what it was.
 *
 * @throws `FILE_UNWRITABLE` with the system's reason; what the pieces throw
 */
export function writeStreamAtomic(
  path: string,
  pieces: Iterable<string>,
  options: Omit<AtomicFileOptions, 'fs'>,
): void {
  const { mode = 0o600, platform, pid, randomName } = options;
  const temp = join(dirname(path), `.${basename(path)}.${pid}.${randomName()}.tmp`);
  let fd: number | undefined;
  try {
    const stat = nodeFs.lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() === true) throw refuseFile(path, 'link');
    if (stat !== undefined && !stat.isFile()) throw refuseFile(path, 'kind');
    fd = nodeFs.openSync(temp, 'wx', mode);
    if (platform !== 'win32') nodeFs.fchmodSync(fd, mode);
    let size = 0;
    let waiting = '';
    const flush = (): void => {
      // `writeFileSync` on a descriptor goes on until all of it is written.
      const bytes = Buffer.from(waiting);
      nodeFs.writeFileSync(fd as number, bytes);
      size += bytes.length;
      waiting = '';
    };
    for (const piece of pieces) {
      waiting += piece;
      if (waiting.length > 64 * 1024) flush();
    }
    flush();
    nodeFs.fsyncSync(fd);
    const written = nodeFs.fstatSync(fd).size;
    if (written !== size) throw refuseFile(path, 'short', { written, size });
    nodeFs.closeSync(fd);
    fd = undefined;
    nodeFs.renameSync(temp, path);
  } catch (error) {
    if (fd !== undefined) nodeFs.closeSync(fd);
    nodeFs.rmSync(temp, { force: true });
    throw fileUnwritable(path, error);
  }
}
