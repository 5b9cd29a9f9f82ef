/** Files that wait to be fetched under a token (bills 1): five minutes, for the merchant that asked. */
import { gzipSync } from 'node:zlib';
import { refuse } from './reply.ts';
import type { Reply } from './reply.ts';

/** One file on offer. Plain data. */
interface Offer {
  readonly mchid: string;
  /** The query under which it is fetched, as it was handed out. */
  readonly query: string;
  readonly bytes: Buffer;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface DownloadShelf {
  /** Puts a text up for download. @returns path and query of its URL */
  offer(mchid: string, text: string, packed: boolean, now: number): string;
  /**
   * The file under this query, or why not.
   *
   * @param range a `Range` header; only `bytes=<from>-` is known, and anything else is ignored, as HTTP allows
   */
  fetch(mchid: string, query: string, range: string | undefined, now: number): Reply;
}

export const downloadPath = '/v3/billdownload/file';
const life = 5 * 60_000;
/** What all offers together may hold; the oldest go first. */
const maxBytes = 512 * 1024 * 1024;

export function openDownloadShelf(randomBytes: (size: number) => Buffer): DownloadShelf {
  const offers = new Map<string, Offer>();
  let held = 0;

  function drop(token: string): void {
    held -= offers.get(token)?.bytes.length ?? 0;
    offers.delete(token);
  }

  return {
    offer(mchid, text, packed, now) {
      const plain = Buffer.from(text, 'utf8');
      const bytes = packed ? gzipSync(plain) : plain;
      for (const [token, { expiresAt }] of offers) if (now > expiresAt || held + bytes.length > maxBytes) drop(token);
      const token = randomBytes(48).toString('base64url');
      const query = `token=${token}${packed ? '&tartype=gzip' : ''}`;
      offers.set(token, { mchid, query, bytes, expiresAt: now + life });
      held += bytes.length;
      return `${downloadPath}?${query}`;
    },

    fetch(mchid, query, range, now) {
      const token = /(?:^|&)token=([^&]*)/.exec(query)?.[1] ?? '';
      const offer = offers.get(token);
      if (offer === undefined || offer.query !== query || now > offer.expiresAt) return expired;
      if (offer.mchid !== mchid) return foreign;
      const { bytes } = offer;
      const whole: Reply = { status: 200, body: undefined, file: bytes, internal: 0 };
      const from = /^bytes=(\d{1,15})-$/.exec(range ?? '')?.[1];
      if (from === undefined) return { ...whole, headers: { 'Accept-Ranges': 'bytes' } };
      const start = Number(from);
      if (start >= bytes.length) {
        const headers = { 'Content-Range': `bytes */${bytes.length}` };
        return { status: 416, body: undefined, internal: 416, headers };
      }
      const headers = { 'Content-Range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
      return { ...whole, status: 206, file: bytes.subarray(start), headers };
    },
  };
}

const expired = refuse(400, 'INVALID_REQUEST', '下载地址无效或已过期，请重新申请账单', 268435461);
const foreign = refuse(403, 'NO_AUTH', '商户号与申请账单的商户号不一致', 268448010);
