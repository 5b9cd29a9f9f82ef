/** Content codings. We ask for none; some servers and gateways compress anyway (THREATS H1). */
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { WxpayError } from '../errors.ts';
import type { Headers } from '../ports.ts';

const decoders: Readonly<Record<string, (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>>> =
  {
    gzip: promisify(gunzip),
    'x-gzip': promisify(gunzip),
    deflate: promisify(inflate),
    br: promisify(brotliDecompress),
  };

/**
 * The body without its content coding: at most one of gzip, deflate and br, and at most `limit` bytes.
 *
 * @throws `ANSWER_TOO_LARGE`, `ANSWER_MALFORMED` for an unknown, repeated or broken coding.
 */
export async function decodeBody(body: Uint8Array, headers: Headers, limit: number, host: string): Promise<Uint8Array> {
  const header = headers['content-encoding'];
  if (header === undefined || body.length === 0) return body;
  const codings = header
    .flatMap((value) => value.split(','))
    .map((value) => value.trim().toLowerCase())
    .filter((value) => value !== '' && value !== 'identity');
  const [coding] = codings;
  if (coding === undefined) return body;
  const decode = codings.length === 1 && Object.hasOwn(decoders, coding) ? decoders[coding] : undefined;
  if (decode === undefined) throw malformed(codings.join(', ').slice(0, 60));
  try {
    return await decode(body, { maxOutputLength: limit });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new WxpayError('ANSWER_TOO_LARGE', { params: { host, limit } });
    }
    throw malformed(coding);
  }
}

function malformed(coding: string): WxpayError {
  return new WxpayError('ANSWER_MALFORMED', { params: { coding, reason: 'key:reason.content_coding' } });
}
