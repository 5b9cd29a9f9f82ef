/** Who may talk to the emulator at all: no web page, no rebound name (THREATS I3), no flood (I2). */
import { isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import type { RawRequest } from './gateway.ts';
import { officialHosts } from './tls.ts';

/** Bounds on what one caller, and all of them together, can make the emulator hold. */
export const limits = {
  bodyBytes: 1024 * 1024,
  /** Of an upload: the largest file there is, and what stands around it. */
  uploadBytes: 8 * 1024 * 1024,
  /** Bytes of all unfinished bodies together. */
  pendingBytes: 64 * 1024 * 1024,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  keepAliveMs: 8_000,
  connections: 256,
} as const;

export interface Address {
  /** What the emulator listens on. */
  readonly host: string;
  readonly port: number;
  /** Names beyond loopback by which it may be called. */
  readonly allowedHosts: readonly string[];
  /** A TLS listener: it answers to WeChat Pay's own names, too. */
  readonly secure?: boolean;
}

/**
 * True when the request names this emulator and comes from no web page. On loopback, `Host` must be a loopback name or
 * address with the right port; elsewhere an IP address or an allowed name (a name of somebody else's is what rebinding needs).
 */
export function isWelcome(headers: RawRequest['headers'], address: Address): boolean {
  if (headers.has('origin')) return false;
  const site = headers.get('sec-fetch-site')?.[0];
  if (site !== undefined && site !== 'none' && site !== 'same-origin') return false;
  const called = calledName(headers, address);
  if (called === undefined) return false;
  const { name, port } = called;
  if (address.allowedHosts.includes(name) || isOfficial(called, address)) return true;
  if (isLoopback(address.host)) return isLoopback(name) && port === address.port;
  return isLoopback(name) || isIP(name) !== 0;
}

/**
 * True when the request is meant for WeChat Pay itself: an app whose hosts are fixed was led here. A web page can neither have
 * such a name nor a certificate for it, so this opens no door (THREATS I3).
 */
export function isForOfficialHost(headers: RawRequest['headers'], address: Address): boolean {
  const called = calledName(headers, address);
  return called !== undefined && isOfficial(called, address);
}

export interface Called {
  readonly name: string;
  readonly port: number;
}

function isOfficial({ name, port }: Called, address: Address): boolean {
  return address.secure === true && port === 443 && officialHosts.includes(name);
}

/** What `Host` says, if it says one thing. */
export function calledName(headers: RawRequest['headers'], address: Address): Called | undefined {
  const hosts = headers.get('host') ?? [];
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(hosts[0] ?? '');
  if (hosts.length !== 1 || match === null) return undefined;
  const name = (match[1] ?? '').replaceAll(/^\[|\]$/g, '').toLowerCase();
  return { name, port: Number(match[2] ?? (address.secure === true ? 443 : 80)) };
}

export function isLoopback(host: string): boolean {
  return /^(?:localhost|(?:[^.]+\.)*localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host);
}

/** The raw headers: lower-case names, every value, nothing merged. */
export function rawHeaders(message: IncomingMessage): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2) {
    const name = (message.rawHeaders[at] ?? '').toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), message.rawHeaders[at + 1] ?? '']);
  }
  return headers;
}

/** Reads bodies within the limits; all callers share one budget. */
export type BodyReader = (message: IncomingMessage, limit?: number) => Promise<Buffer | 'too-large'>;

export function makeBodyReader(): BodyReader {
  let pending = 0;
  return async (message, limit = limits.bodyBytes) => {
    const isUpload = message.headers['content-type']?.startsWith('multipart/form-data') === true;
    const allowed = isUpload ? limits.uploadBytes : limit;
    if (Number(message.headers['content-length'] ?? 0) > allowed) return 'too-large';
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        size += chunk.length;
        pending += chunk.length;
        if (size > allowed || pending > Math.max(allowed, limits.pendingBytes)) return 'too-large';
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } finally {
      pending -= size;
    }
  };
}
