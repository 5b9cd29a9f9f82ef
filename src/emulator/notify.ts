/** Callbacks: made, encrypted, signed and sent (protocol 6). When they are sent is the outbox's. */
import { lookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '../core/ports.ts';
import { signatureHeaders } from './answer.ts';
import type { Seal } from './answer.ts';
import type { Randomness } from './randomness.ts';
import { encryptResource } from './resource.ts';
import { beijingTime } from './times.ts';
import { isAcknowledged } from './v2/callbacks.ts';

/** Seconds between one send and the next after a failure: 15 repetitions, 24 h 4 m in all (protocol 6.5). */
export const callbackSchedule: readonly number[] = [
  15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600,
];

export interface Callback {
  readonly id: string;
  readonly url: string;
  readonly body: Buffer;
  /** XML that proves itself: no signature headers, and an acknowledgement in XML (protocol 11.4). */
  readonly form?: 'v2';
}

export interface Attempt {
  /** Acknowledged: 200 or 204 in time. */
  readonly delivered: boolean;
  readonly status?: number;
  /**
   * `cut` (the answer was broken off); or why there is no status: `timeout`, `url` (not http or https, or link-local), `later` (it has not been sent yet),
   * `stopped`, or the network's error code.
   */
  readonly failure?: string;
}

export interface Delivery extends Attempt {
  readonly id: string;
  readonly url: string;
  readonly attempts: number;
}

/** What a callback tells, and to whom. */
export interface Event {
  readonly url: string;
  /** The merchant's APIv3 key. */
  readonly key: string;
  /** `event_type` */
  readonly event: string;
  /** `original_type` of the resource. */
  readonly type: string;
  /** The resource's associated data; default: its `original_type`. */
  readonly associatedData?: string;
  readonly summary: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** The envelope of an event, its content encrypted (protocol 6.1). It stays the same over all sends. */
export function makeCallback(
  event: Event,
  now: number,
  { of, nonceFor }: Pick<Randomness, 'of' | 'nonceFor'>,
): Callback {
  const id = uuid(of('callbacks')(16));
  const content = JSON.stringify(event.content);
  const associatedData = event.associatedData ?? event.type;
  const nonce = nonceFor(`${associatedData}\n${content}`);
  const body = {
    id,
    create_time: beijingTime(now),
    resource_type: 'encrypt-resource',
    event_type: event.event,
    summary: event.summary,
    resource: {
      original_type: event.type,
      ...encryptResource(content, associatedData, event.key, nonce),
    },
  };
  return { id, url: event.url, body: Buffer.from(JSON.stringify(body), 'utf8') };
}

export interface Sending {
  readonly clock: Clock;
  /** How long one send may take, in milliseconds; WeChat Pay waits 5 s. */
  readonly timeoutMs: number;
  /** What this send is signed with. */
  readonly seal: Seal & { readonly key: NonNullable<Seal['key']> };
  readonly signal: AbortSignal;
}

type HeaderList = readonly (readonly [string, string])[];

/** One send with what went over the wire, both ways. */
export interface Exchange {
  readonly outcome: Attempt;
  /** As they were sent, signature headers last; absent where nothing could be sent. */
  readonly headers: HeaderList;
  /** What came back: headers as they stand, and the beginning of the body. */
  readonly answer?: { readonly headers: HeaderList; readonly body: Buffer; readonly whole: boolean };
}

/** How much of an answer's body is kept. */
const keptBytes = 4096;

/** Sends a callback once. Never throws; when `signal` is aborted the outcome's failure is `stopped`. */
export async function sendCallback(callback: Callback, sending: Sending): Promise<Exchange> {
  const url = URL.canParse(callback.url) ? new URL(callback.url) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || isLinkLocal(hostOf(url))) {
    return { outcome: { delivered: false, failure: 'url' }, headers: [] };
  }
  const requestId = `${sending.seal.randomBytes(18).toString('hex').toUpperCase()}-0`;
  const headers: HeaderList = [
    ['Content-Type', callback.form === 'v2' ? 'text/xml' : 'application/json'],
    ['Content-Length', String(callback.body.length)],
    ['User-Agent', 'Mozilla/4.0'],
    ['Accept', '*/*'],
    ...(callback.form === 'v2'
      ? []
      : ([['Request-ID', requestId], ...signatureHeaders(callback.body, sending.seal)] as const)),
  ];
  const stop = new AbortController();
  const cancel = (): void => stop.abort();
  sending.signal.addEventListener('abort', cancel, { once: true });
  const inTime = sending.clock.sleep(sending.timeoutMs, stop.signal).then(
    () => ({ outcome: { delivered: false, failure: 'timeout' }, headers }) as const,
    () => ({ outcome: { delivered: false, failure: 'stopped' }, headers }) as const,
  );
  if (sending.signal.aborted) stop.abort();
  const answer = post(url, headers, callback, stop.signal);
  try {
    return await Promise.race([answer, inTime]);
  } finally {
    sending.signal.removeEventListener('abort', cancel);
    stop.abort();
  }
}

/** One POST, on a connection of its own, never redirected. The answer's body is not read further than needed. */
async function post(url: URL, headers: HeaderList, { body, form }: Callback, signal: AbortSignal): Promise<Exchange> {
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(
      url,
      { method: 'POST', headers: Object.fromEntries(headers), signal, agent: false, lookup: lookupElsewhere },
      (response) => {
        const status = response.statusCode ?? 0;
        // The answer counts when it is complete, as far as 64 KiB of it are concerned.
        let size = 0;
        const chunks: Buffer[] = [];
        const done = (): void => {
          const cut = !response.complete && size <= 65_536;
          const accepted =
            form === 'v2' ? status === 200 && isAcknowledged(Buffer.concat(chunks)) : status === 200 || status === 204;
          const delivered = accepted && !cut;
          resolve({
            outcome: { delivered, status, ...(cut ? { failure: 'cut' } : {}) },
            headers,
            answer: {
              headers: pairs(response.rawHeaders),
              body: Buffer.concat(chunks).subarray(0, keptBytes),
              whole: response.complete && size <= keptBytes,
            },
          });
        };
        response.on('data', (chunk: Buffer) => {
          if (size < keptBytes) chunks.push(chunk);
          size += chunk.length;
          if (size > 65_536) request.destroy();
        });
        response.on('close', done);
        response.on('error', done);
      },
    );
    request.on('error', (error: NodeJS.ErrnoException) => {
      resolve({ outcome: { delivered: false, failure: error.code ?? error.name }, headers });
    });
    request.end(body);
  });
}

function pairs(flat: readonly string[]): HeaderList {
  const list: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) list.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return list;
}

/** Names may lead anywhere but to link-local addresses, where cloud metadata services live (THREATS I4). */
const lookupElsewhere: typeof lookup = ((
  hostname: string,
  options: object,
  callback: (error: Error | null, address?: unknown, family?: number) => void,
) => {
  lookup(hostname, options, (error, address, family) => {
    const addresses = Array.isArray(address) ? address.map((entry) => entry.address) : [address];
    if (error === null && addresses.some(isLinkLocal)) callback(new Error('url'));
    else callback(error, address, family);
  });
}) as typeof lookup;

function hostOf(url: URL): string {
  return url.hostname.replaceAll(/^\[|\]$/g, '');
}

function isLinkLocal(host: string): boolean {
  if (isIP(host) === 0) return false;
  return /^(?:169\.254\.|fe[89ab][0-9a-f]:|::ffff:(?:169\.254\.|a9fe:))/i.test(host);
}

function uuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
