/** Who may talk to the listener at all: nobody's web page, no rebound name (THREATS I3), and no flood (I2). */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { isLoopbackName } from './target.ts';

/** Bounds on what one caller, and all of them together, can make the listener hold. */
export const listenLimits = {
  /** The ciphertext alone may have 1 MiB of base64 (protocol 6.1). */
  bodyBytes: 2 * 1024 * 1024,
  /** Bytes of all unfinished bodies together. */
  pendingBytes: 32 * 1024 * 1024,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  keepAliveMs: 5_000,
  requestsPerSocket: 100,
  /** Far more than WeChat Pay opens, so that idle ones cannot keep it out. */
  connections: 1024,
  /** Callbacks that are being judged or passed on. */
  atOnce: 64,
  /** Answers that are still awaited though WeChat Pay no longer does. */
  lateAtOnce: 16,
} as const;

export interface ListenAddress {
  /** What it listens on. */
  readonly host: string;
  readonly port: number;
  /** Names by which a tunnel calls it. */
  readonly publicHosts: readonly string[];
}

/**
 * True when the request names this listener and comes from no web page. On loopback, `Host` must be a loopback name or address
 * with the right port, or a public host; elsewhere an IP address will do as well.
 */
export function isWelcome(message: IncomingMessage, { host, port, publicHosts }: ListenAddress): boolean {
  const { headersDistinct: headers } = message;
  if (headers['origin'] !== undefined) return false;
  const site = headers['sec-fetch-site']?.[0];
  if (site !== undefined && site !== 'none' && site !== 'same-origin') return false;
  const hosts = headers['host'] ?? [];
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(hosts[0] ?? '');
  if (hosts.length !== 1 || match === null) return false;
  const name = (match[1] ?? '').replaceAll(/^\[|\]$/g, '').toLowerCase();
  if (publicHosts.includes(name)) return true;
  if (isLoopbackName(host)) return isLoopbackName(name) && Number(match[2] ?? 80) === port;
  return isLoopbackName(name) || isIP(name) !== 0;
}

/** Reads bodies within the limits; all callers share one budget. */
export function makeBodyReader(): (message: IncomingMessage) => Promise<Buffer | 'too-large'> {
  let pending = 0;
  return async (message) => {
    if (Number(message.headers['content-length'] ?? 0) > listenLimits.bodyBytes) return 'too-large';
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        size += chunk.length;
        pending += chunk.length;
        if (size > listenLimits.bodyBytes || pending > listenLimits.pendingBytes) return 'too-large';
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } finally {
      pending -= size;
    }
  };
}
