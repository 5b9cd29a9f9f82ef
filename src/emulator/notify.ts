/** Callbacks: made, encrypted, signed and delivered (protocol 6). */
import { lookup } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '../core/ports.ts';
import { signatureHeaders } from './answer.ts';
import type { Seal } from './answer.ts';
import { describeOrder } from './orders.ts';
import type { Order } from './orders.ts';
import { encryptResource } from './resource.ts';
import { beijingTime } from './times.ts';

/** Seconds between one send and the next after a failure: 15 repetitions, 24 h 4 m in all (protocol 6.5). */
export const callbackSchedule: readonly number[] = [
  15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600,
];

export interface Callback {
  readonly id: string;
  readonly url: string;
  readonly body: Buffer;
}

export interface Attempt {
  /** Acknowledged: 200 or 204 in time. */
  readonly delivered: boolean;
  readonly status?: number;
  /** Why there is no status: `timeout`, `url` (not http or https, or link-local), or the network's error code. */
  readonly failure?: string;
}

export interface Delivery extends Attempt {
  readonly id: string;
  readonly url: string;
  readonly attempts: number;
}

/** The callback of a paid order. Its body stays the same over all sends; the signature headers do not. */
export function makePaymentCallback(order: Order, now: number, randomBytes: (size: number) => Buffer): Callback {
  const event = {
    url: order.request.notify_url,
    key: order.merchant.apiV3Key,
    event: 'TRANSACTION.SUCCESS',
    type: 'transaction',
    summary: '支付成功',
    content: describeOrder(order),
  };
  return makeCallback(event, now, randomBytes);
}

/** What a callback tells, and to whom. */
export interface Event {
  readonly url: string;
  /** The merchant's APIv3 key. */
  readonly key: string;
  /** `event_type` */
  readonly event: string;
  /** `original_type` of the resource, and its associated data. */
  readonly type: string;
  readonly summary: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** The envelope of an event, its content encrypted (protocol 6.1). */
export function makeCallback(event: Event, now: number, randomBytes: (size: number) => Buffer): Callback {
  const id = uuid(randomBytes(16));
  const nonce = randomBytes(6).toString('hex');
  const body = {
    id,
    create_time: beijingTime(now),
    resource_type: 'encrypt-resource',
    event_type: event.event,
    summary: event.summary,
    resource: {
      original_type: event.type,
      ...encryptResource(JSON.stringify(event.content), event.type, event.key, nonce),
    },
  };
  return { id, url: event.url, body: Buffer.from(JSON.stringify(body), 'utf8') };
}

export interface Delivering {
  readonly clock: Clock;
  /** How long one send may take, in milliseconds; WeChat Pay waits 5 s. */
  readonly timeoutMs: number;
  /** Seconds between sends; empty for one send only. */
  readonly schedule: readonly number[];
  readonly randomBytes: (size: number) => Buffer;
  /** What a send is signed with; asked again for every send. */
  seal(): Seal & { readonly key: NonNullable<Seal['key']> };
  readonly signal: AbortSignal;
}

/** Sends a callback until it is acknowledged or the schedule ends. Never throws but for the signal. */
export async function deliver(callback: Callback, delivering: Delivering): Promise<Delivery> {
  let attempts = 0;
  let last: Attempt = { delivered: false };
  for (const pause of [0, ...delivering.schedule]) {
    if (pause > 0) await delivering.clock.sleep(pause * 1000, delivering.signal);
    attempts += 1;
    last = await send(callback, delivering);
    if (last.delivered) break;
  }
  return { id: callback.id, url: callback.url, attempts, ...last };
}

async function send(callback: Callback, delivering: Delivering): Promise<Attempt> {
  const url = URL.canParse(callback.url) ? new URL(callback.url) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || isLinkLocal(hostOf(url))) {
    return { delivered: false, failure: 'url' };
  }
  const requestId = `${delivering.randomBytes(18).toString('hex').toUpperCase()}-0`;
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': String(callback.body.length),
    'User-Agent': 'Mozilla/4.0',
    Accept: '*/*',
    'Request-ID': requestId,
    ...Object.fromEntries(signatureHeaders(callback.body, delivering.seal())),
  };
  const stop = new AbortController();
  const cancel = (): void => stop.abort();
  delivering.signal.addEventListener('abort', cancel, { once: true });
  const inTime = delivering.clock.sleep(delivering.timeoutMs, stop.signal).then(
    () => ({ delivered: false, failure: 'timeout' }) as const,
    () => ({ delivered: false, failure: 'stopped' }) as const,
  );
  const answer = post(url, headers, callback.body, stop.signal);
  try {
    return await Promise.race([answer, inTime]);
  } finally {
    delivering.signal.removeEventListener('abort', cancel);
    stop.abort();
  }
}

/** One POST, on a connection of its own, never redirected. The answer's body is not read further than needed. */
async function post(url: URL, headers: Record<string, string>, body: Buffer, signal: AbortSignal): Promise<Attempt> {
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(
      url,
      { method: 'POST', headers, signal, agent: false, lookup: lookupElsewhere },
      (response) => {
        const status = response.statusCode ?? 0;
        response.resume();
        // The answer counts when it is complete, as far as 64 KiB of it are concerned.
        let size = 0;
        const done = (): void => resolve({ delivered: status === 200 || status === 204, status });
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > 65_536) request.destroy();
        });
        response.on('close', done);
        response.on('error', done);
      },
    );
    request.on('error', (error: NodeJS.ErrnoException) => {
      resolve({ delivered: false, failure: error.code ?? error.name });
    });
    request.end(body);
  });
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
