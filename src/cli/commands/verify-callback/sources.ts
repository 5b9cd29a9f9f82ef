/** Where captures come from: files, standard input, or a file of headers with a file that is the body. */
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { inputUnreadable } from '../../../core/durable/system-error.ts';
import type { CaptureFormat } from '../../../operations/callback/capture/capture.ts';
import { readCaptureStream, readFiles, type CaptureEntry } from '../../../operations/callback/capture/read.ts';
import type { Runtime } from '../../command.ts';
import { readInput } from '../../json-input.ts';

export type Batches = AsyncIterable<readonly CaptureEntry[]>;

export interface Wanted {
  readonly files: readonly string[];
  readonly format: CaptureFormat | undefined;
  readonly headersFile: string | undefined;
  readonly bodyFile: string | undefined;
}

type Place = Pick<Runtime, 'cwd' | 'readStdin' | 'streamStdin'>;

/**
 * Opens them one after another.
 *
 * @param onOtherLine told of each line of a log that is of something else
 * @throws WxpayError `INPUT_UNREADABLE` for a file, `INPUT_INVALID` when standard input is named twice
 */
export async function* openCaptures(wanted: Wanted, place: Place, onOtherLine: () => void): Batches {
  const { files, format, headersFile, bodyFile } = wanted;
  if (headersFile !== undefined && bodyFile !== undefined) {
    const [headers, body] = [await readNamed(headersFile, place), await readNamed(bodyFile, place)];
    yield [{ capture: readFiles(headers, body, bodyFile) }];
    return;
  }
  for (const file of files) {
    const chunks = file === '-' ? place.streamStdin() : chunksOf(file, place.cwd);
    yield* readCaptureStream(chunks, { format, file, onOtherLine });
  }
}

function readNamed(file: string, place: Place): Promise<Buffer> {
  return readInput(file === '-' ? '-' : `@${file}`, place);
}

async function* chunksOf(file: string, cwd: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(resolve(cwd, file), { highWaterMark: 256 * 1024 }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw inputUnreadable(file, error, 'not_sent');
  }
}
