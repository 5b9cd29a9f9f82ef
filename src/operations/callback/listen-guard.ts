/** Who may talk to the listener at all: nobody's web page, no rebound name (THREATS I3), and no flood (I2). */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Clock } from '../../core/ports.ts';
import { isLoopbackName } from './target.ts';

/** Bounds on what one caller, and all of them together, can make the listener hold. */
export const listenLimits = {
  /** The ciphertext alone may have 1 MiB of base64 (protocol 6.1). */
  bodyBytes: 2 * 1024 * 1024,
  /** Bytes of all unfinished bodies together. */
  pendingBytes: 8 * 1024 * 1024,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  keepAliveMs: 5_000,
  requestsPerSocket: 16,
  /** Far more than WeChat Pay opens, so that idle ones cannot keep it out. */
  connections: 1024,
  /** Connections that wait to be taken; whom the system turns away there tries again after a whole second. */
  backlog: 4096,
  /** Callbacks that are being judged or passed on. */
  atOnce: 64,
  /** Who waits longer to be let in hears that there is too much to do, while WeChat Pay still listens. */
  gateMs: 1000,
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

/**
 * Reads bodies within the limits; all callers share one budget. When it is spent, the largest unfinished body goes: whoever sends
 * much and slowly does not keep out a callback, which is small.
 */
export function makeBodyReader(): (message: IncomingMessage) => Promise<Buffer | 'too-large'> {
  let pending = 0;
  const unfinished = new Set<{ size: number; readonly message: IncomingMessage }>();
  return async (message) => {
    if (Number(message.headers['content-length'] ?? 0) > listenLimits.bodyBytes) return 'too-large';
    const chunks: Buffer[] = [];
    const own = { size: 0, message };
    unfinished.add(own);
    try {
      for await (const chunk of message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        own.size += chunk.length;
        pending += chunk.length;
        if (own.size > listenLimits.bodyBytes) return 'too-large';
        if (pending > listenLimits.pendingBytes) {
          const largest = [...unfinished].reduce((most, one) => (one.size > most.size ? one : most), own);
          if (largest === own) return 'too-large';
          unfinished.delete(largest);
          largest.message.destroy();
        }
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } finally {
      pending -= own.size;
      unfinished.delete(own);
    }
  };
}

/**
 * Lets so many in at once; the others wait, first come first served.
 *
 * @returns what to call when leaving; `undefined` when it took too long to get in
 */
export function makeGate(clock: Clock): () => Promise<(() => void) | undefined> {
  let inside = 0;
  const waiting: (() => void)[] = [];
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) inside -= 1;
    else next();
  };
  return async () => {
    if (inside < listenLimits.atOnce) {
      inside += 1;
      return leave;
    }
    const patience = new AbortController();
    return new Promise((resolve) => {
      const enter = (): void => {
        // A plain value: the default reason is an exception, and its stack costs more than being let in.
        patience.abort('in');
        resolve(leave);
      };
      waiting.push(enter);
      const giveUp = (): void => {
        const at = waiting.indexOf(enter);
        if (at === -1) return;
        waiting.splice(at, 1);
        resolve(undefined);
      };
      clock.sleep(listenLimits.gateMs, patience.signal).then(giveUp, () => {});
    });
  };
}
