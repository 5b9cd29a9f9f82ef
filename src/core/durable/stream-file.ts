/** A file that is too big for memory, written piece by piece and there only when it is whole (THREATS F2, E6). */
import { basename, dirname, join } from 'node:path';
import type { AtomicFileOptions } from './atomic-file.ts';
import { openPartFile, type PartFileSystem } from './part-file.ts';

export interface StreamFileOptions extends Pick<AtomicFileOptions, 'platform' | 'pid' | 'randomName'> {
  readonly fs?: PartFileSystem;
}

const flushAt = 64 * 1024;

/**
 * Replaces the file by the pieces, end to end, as UTF-8. Its directory must exist. Mode 0600; a link at the path is refused.
 * After it throws, the file is what it was (a failed sync of the directory after the rename excepted).
 *
 * @throws `FILE_UNWRITABLE` with the system's reason; what the pieces throw
 */
export function writeStreamAtomic(path: string, pieces: Iterable<string>, options: StreamFileOptions): void {
  const { platform, pid, randomName, fs } = options;
  // The name's shape is that of `removeStaleTemps`.
  const temp = join(dirname(path), `.${basename(path)}.${pid}.${randomName()}.tmp`);
  const part = openPartFile(temp, { platform, name: path, ...(fs === undefined ? {} : { fs }) });
  try {
    let waiting = '';
    for (const piece of pieces) {
      waiting += piece;
      if (waiting.length <= flushAt) continue;
      part.write(Buffer.from(waiting));
      waiting = '';
    }
    part.write(Buffer.from(waiting));
    part.publish(path);
  } finally {
    part.discard();
  }
}
