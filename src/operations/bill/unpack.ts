/** The plain bytes of a bill file, packed or not, within limits (THREATS H1), and the check of their hash (THREATS B5). */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { inputUnreadable, systemCode } from '../../core/durable/system-error.ts';
import { WxpayError } from '../../core/errors.ts';

export interface UnpackOptions {
  /** How many plain bytes at most; default 4 GiB. */
  readonly maxBytes?: number;
  /** How messages name the file. */
  readonly name: string;
  readonly signal?: AbortSignal;
}

export const defaultMaxBytes = 4 * 1024 ** 3;
/** Bills pack about five to one, very repetitive ones thirty to one; deflate can do a thousand to one. */
const maxRatio = 200;
/** Below this size nobody is harmed by any ratio. */
const harmlessBytes = 64 * 1024 * 1024;
const chunkBytes = 512 * 1024;

/**
 * The plain bytes, unpacked when the file begins like gzip: what a server says about its packing does not matter, since
 * the hash is over the plain bytes.
 *
 * @throws `BILL_TOO_LARGE`, `BILL_MALFORMED` for broken or truncated gzip, `INPUT_UNREADABLE`
 */
export async function* unpack(path: string, options: UnpackOptions): AsyncGenerator<Buffer> {
  const { maxBytes = defaultMaxBytes, name, signal } = options;
  let read = 0;
  let plain = 0;
  const isPacked = await startsLikeGzip(path, name);
  const file = createReadStream(path, { highWaterMark: chunkBytes });
  file.on('data', (chunk) => (read += chunk.length));
  const source = isPacked ? createGunzip({ chunkSize: chunkBytes }) : file;
  // Its end reaches us by the iteration.
  if (source !== file) pipeline(file, source as ReturnType<typeof createGunzip>, () => {});
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      plain += chunk.length;
      if (plain > maxBytes) throw new WxpayError('BILL_TOO_LARGE', { params: { file: name, limit: maxBytes } });
      if (isPacked && plain > harmlessBytes && plain > read * maxRatio)
        throw new WxpayError('BILL_TOO_LARGE', { params: { file: name, limit: plain }, hint: 'bill.hint.bomb' });
      yield chunk;
    }
  } catch (error) {
    throw fileError(error, name);
  } finally {
    source.destroy();
    file.destroy();
  }
}

async function startsLikeGzip(path: string, name: string): Promise<boolean> {
  try {
    for await (const chunk of createReadStream(path, { end: 1 }) as AsyncIterable<Buffer>)
      return chunk[0] === 0x1f && chunk[1] === 0x8b;
    return false;
  } catch (error) {
    throw fileError(error, name);
  }
}

function fileError(error: unknown, name: string): unknown {
  if (error instanceof WxpayError) return error;
  const code = systemCode(error) ?? '';
  if (code.startsWith('Z_')) {
    const reason = code === 'Z_BUF_ERROR' ? 'truncated' : 'gzip';
    return new WxpayError('BILL_MALFORMED', { params: { file: name, line: 0, reason: `key:bill.reason.${reason}` } });
  }
  if (!/^E[A-Z]+$/.test(code)) return error;
  return inputUnreadable(name, error);
}

/**
 * Reads the whole file once and compares the SHA-1 of its plain bytes, as `hash_value` is (bills 1).
 *
 * @param sha1 40 hex digits, in either case
 * @returns how many plain bytes there are
 * @throws `BILL_HASH_WRONG`; what `unpack` throws
 */
export async function checkHash(path: string, sha1: string, options: UnpackOptions): Promise<number> {
  const hash = createHash('sha1');
  let bytes = 0;
  for await (const chunk of unpack(path, options)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const found = hash.digest('hex');
  if (found === sha1.toLowerCase()) return bytes;
  throw new WxpayError('BILL_HASH_WRONG', { params: { file: options.name, found, wanted: sha1.toLowerCase() } });
}
