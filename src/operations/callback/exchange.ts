/** One callback sent to an app, and whatever it answers, however rude: bounded in time and size, never redirected. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '../../core/ports.ts';
import type { HeaderLines } from './send.ts';
import { lookupFor, type Target } from './target.ts';

/**
 * Why there is no whole answer.
 *
 * - `refused`: nobody listens there. `unreachable`: no way there, or no such name. `tls`: no secure connection.
 * - `slow`: not in time. `cut`: the connection or the answer broke off. `garbage`: no HTTP.
 * - `stopped`: we have been told to stop.
 */
export type ExchangeFailure = 'refused' | 'unreachable' | 'tls' | 'slow' | 'cut' | 'garbage' | 'stopped';

export interface Exchange {
  /** Milliseconds until the answer was there whole, or until it was clear that there will be none. */
  readonly ms: number;
  readonly status?: number;
  readonly headers?: HeaderLines;
  /** At most `keptBytes` of it. */
  readonly body?: Buffer;
  /** Whether `body` is all that came. */
  readonly whole?: boolean;
  readonly failure?: ExchangeFailure;
}

/** How much of an answer is taken. WeChat Pay needs a status; a failure's reason is 256 characters at most (protocol 6.5). */
export const keptBytes = 64 * 1024;

export interface Sending {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * POSTs bytes with exactly these headers and a `Host`, on a connection of its own. An answer larger than `keptBytes` is taken by
 * its status, and the rest is left. Never throws.
 *
 * @param path the request target; by default the URL's
 */
export async function exchange(
  target: Target,
  { headers, body }: { readonly headers: HeaderLines; readonly body: Buffer },
  sending: Sending,
  path = `${target.url.pathname}${target.url.search}`,
): Promise<Exchange> {
  const { clock, signal } = sending;
  const started = clock.monotonic();
  const ended = (): number => Math.round(clock.monotonic() - started);
  return await new Promise((resolve) => {
    const send = target.url.protocol === 'https:' ? httpsRequest : httpRequest;
    const flat = [
      ...headers.filter(([name]) => name.toLowerCase() !== 'host'),
      ['Connection', 'close'] as const,
    ].flat();
    const timer = new AbortController();
    const finish = (outcome: Omit<Exchange, 'ms'>): void => {
      resolve({ ms: ended(), ...outcome });
      timer.abort();
      signal.removeEventListener('abort', stop);
      request.destroy();
    };
    const stop = (): void => finish({ failure: 'stopped' });
    let request: ReturnType<typeof httpRequest>;
    const options = {
      hostname: target.url.hostname.replaceAll(/[[\]]/g, ''),
      port: target.url.port === '' ? undefined : Number(target.url.port),
      path,
      method: 'POST',
      headers: ['Host', target.host, ...flat],
      agent: false,
      lookup: lookupFor(target),
      maxHeaderSize: 64 * 1024,
      // Certificates of development servers are their own; nobody is between this machine and itself.
      rejectUnauthorized: !target.loopback,
    };
    try {
      request = send(options);
    } catch {
      // A header that cannot be sent.
      resolve({ ms: ended(), failure: 'unreachable' });
      return;
    }
    request.on('error', (error: NodeJS.ErrnoException) => finish({ failure: failureOf(error) }));
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      finish({ failure: 'garbage' });
    });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const answered = (whole: boolean): void =>
        finish({
          status: response.statusCode ?? 0,
          headers: pairs(response.rawHeaders),
          body: Buffer.concat(chunks).subarray(0, keptBytes),
          whole,
        });
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > keptBytes) answered(false);
      });
      response.on('end', () => answered(true));
      // After `end` these change nothing.
      response.on('error', () => finish({ failure: 'cut' }));
      response.on('close', () => finish({ failure: 'cut' }));
    });
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    clock.sleep(sending.timeoutMs, timer.signal).then(
      () => finish({ failure: 'slow' }),
      () => undefined,
    );
    request.end(body);
  });
}

function failureOf(error: NodeJS.ErrnoException): ExchangeFailure {
  const code = error.code ?? '';
  if (code === 'ECONNREFUSED') return 'refused';
  if (code.startsWith('HPE_')) return 'garbage';
  if (['ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(code)) return 'cut';
  if (/^(?:ERR_TLS|ERR_SSL|EPROTO|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|CERT_)/.test(code)) return 'tls';
  return 'unreachable';
}

function pairs(flat: readonly string[]): HeaderLines {
  const lines: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) lines.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return lines;
}
