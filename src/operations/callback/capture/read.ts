/** Captures in whatever form they come, told apart by what is in them (DESIGN section 5). */
import { isWxpayError, type WxpayError } from '../../../core/errors.ts';
import { malformedCapture, type Capture, type CaptureFormat, type CaptureOrigin } from './capture.ts';
import { parseRawHttp } from './raw-http.ts';

export interface ReadOptions {
  /** Read it as this, whatever it looks like. */
  readonly format?: CaptureFormat;
  /** What `origin.file` says. */
  readonly file?: string;
}

/** Beyond this a capture is no capture of callbacks; only lines of NDJSON may go on for ever. */
export const largestFile = 64 * 1024 * 1024;

/**
 * Reads a whole file, clipboard or stream that is in memory.
 *
 * @returns at least one capture
 * @throws `CALLBACK_MALFORMED` with the reason, when it is too large (64 MiB), of no known form, or broken
 */
export function readCaptures(bytes: Uint8Array, options: ReadOptions = {}): readonly Capture[] {
  if (bytes.length > largestFile) throw malformedCapture('capture_large', { max: largestFile / 1024 / 1024 });
  return [{ ...parseRawHttp(bytes), origin: { ...fileOf(options), index: 0 } }];
}

/** One line of a stream: a capture, or why there is none. */
export type CaptureEntry =
  | { readonly capture: Capture }
  | { readonly unreadable: WxpayError; readonly origin: CaptureOrigin };

/**
 * Reads captures as they come, holding one at a time where the form allows it (NDJSON). What cannot be read is an entry of
 * its own and does not end the stream.
 */
export async function* readCaptureStream(
  chunks: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): AsyncGenerator<CaptureEntry> {
  const held: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > largestFile) break;
    held.push(chunk);
  }
  try {
    if (size > largestFile) throw malformedCapture('capture_large', { max: largestFile / 1024 / 1024 });
    for (const capture of readCaptures(Buffer.concat(held), options)) yield { capture };
  } catch (error) {
    if (!isWxpayError(error, 'CALLBACK_MALFORMED')) throw error;
    yield { unreadable: error, origin: fileOf(options) };
  }
}

function fileOf({ file }: ReadOptions): CaptureOrigin {
  return file === undefined ? {} : { file };
}
