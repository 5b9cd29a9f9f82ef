/**
 * The innermost layer: puts one signed request on the wire to one host and brings back the whole answer, or says how far
 * it came. It signs nothing, verifies nothing, follows nothing and repeats nothing.
 */
import type { ConnectionOptions } from 'node:tls';
import type { Dispatcher, Pool, buildConnector } from 'undici';
import { systemCode } from '../durable/system-error.ts';
import { WxpayError } from '../errors.ts';
import type { ApiRequest, BodySink, Clock, Headers, Transport } from '../ports.ts';
import type { BaseUrl } from './base-url.ts';
import { wantsClientCertificate } from './client-certificate.ts';
import { loadUndici } from './undici.ts';
import { decodeBody } from './decode-body.ts';
import { networkError, outcomeOf, type Wire } from './network-error.ts';
import { openTunnel, proxyError, proxyFor, type Proxy } from './proxy.ts';
import { createWatchdog, type Watchdog, type Watched } from './watchdog.ts';

/** The merchant's certificate in TLS (protocol 11.3): the `.p12` as it is, or the PEM texts. */
export type ClientCertificate =
  | {
      readonly pfx: Uint8Array;
      readonly passphrase: string;
      /** How messages name the file. */
      readonly source?: string;
    }
  | { readonly cert: string; readonly key: string };

export interface Timeouts {
  /** Name lookup, connection, proxy and TLS; milliseconds. */
  readonly connect: number;
  /** Until the answer begins, counted from the start. */
  readonly firstByte: number;
  /** Until the answer is complete, counted from the start. */
  readonly total: number;
}

export const defaultTimeouts: Timeouts = { connect: 5_000, firstByte: 15_000, total: 30_000 };
const answerLimit = 10 * 1024 * 1024;
const certificatesLimit = 1024 * 1024;

export interface SendOptions {
  readonly baseUrl: BaseUrl;
  readonly clock: Clock;
  readonly userAgent: string;
  /** For the proxy variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** PEM bundle of certificate authorities to trust besides the system's. */
  readonly ca?: string;
  /** Asked for only by the first request that wants it. */
  readonly clientCertificate?: () => Promise<ClientCertificate>;
  readonly timeouts?: Partial<Timeouts>;
  /** Largest answer in bytes, also after decompression; default 10 MiB (1 MiB for certificates). */
  readonly limitBytes?: number;
}

export interface Sender {
  readonly send: Transport;
  /** Closes idle connections; those in use end with their request. */
  close(): Promise<void>;
}

/**
 * Makes the sender for one host. undici is loaded, and connections are made, by the first request.
 *
 * TLS is 1.2 or newer and always verified, whatever the environment says. Requests to endpoints that want it use
 * connections of their own. The answer keeps every header value and its body bytes as they came (less a content coding);
 * `trust` is `unchecked`.
 */
export function createSend(options: SendOptions): Sender {
  const { baseUrl, clock } = options;
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const watchdog = createWatchdog(clock);
  const pools = new Map<boolean, Promise<Pool>>();

  const poolFor = (withCertificate: boolean): Promise<Pool> => {
    let pool = pools.get(withCertificate);
    if (pool === undefined) {
      pool = createPool(options, timeouts.connect, withCertificate);
      pools.set(withCertificate, pool);
      pool.catch(() => pools.delete(withCertificate));
    }
    return pool;
  };

  return {
    send: async (request) => {
      const pool = await poolFor(request.clientCertificate ?? wantsClientCertificate(request.target)).catch(
        (error: unknown) => {
          if (!(error instanceof WxpayError)) throw error;
          throw error.with({ outcome: request.effect === 'read' ? 'no_effect' : 'not_sent' });
        },
      );
      const limit = options.limitBytes ?? (request.answer === 'certificates' ? certificatesLimit : answerLimit);
      const answer = await exchange(pool, request, { baseUrl, clock, watchdog, timeouts, limit });
      const requestId = answer.headers['request-id']?.[0];
      try {
        const body = await decodeBody(answer.body, answer.headers, limit, baseUrl.host);
        const clockAhead = clockAheadOf(answer.headers, clock.now());
        return {
          ...answer,
          body,
          trust: 'unchecked',
          host: baseUrl.host,
          ...(requestId === undefined ? {} : { requestId }),
          ...(clockAhead === undefined ? {} : { clockAhead }),
        };
      } catch (error) {
        if (!(error instanceof WxpayError)) throw error;
        const outcome = request.effect === 'read' ? 'no_effect' : 'unknown';
        throw error.with({ outcome, httpStatus: answer.status, ...(requestId === undefined ? {} : { requestId }) });
      }
    },
    close: async () => {
      const open = [...pools.values()];
      pools.clear();
      await Promise.allSettled(open.map(async (pool) => (await pool).destroy()));
    },
  };
}

type TlsOptions = Pick<
  ConnectionOptions,
  'rejectUnauthorized' | 'minVersion' | 'maxVersion' | 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase'
>;

interface Exchange {
  readonly baseUrl: BaseUrl;
  readonly clock: Clock;
  readonly watchdog: Watchdog;
  readonly timeouts: Timeouts;
  readonly limit: number;
}

interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** See `ApiResponse.clockAhead`; `now` in milliseconds. */
function clockAheadOf(headers: Headers, now: number): number | undefined {
  const seconds = Math.round((now - Date.parse(headers['date']?.[0] ?? '')) / 1_000);
  return Number.isNaN(seconds) ? undefined : seconds;
}

function exchange(pool: Pool, request: ApiRequest, options: Exchange): Promise<RawAnswer> {
  const { baseUrl, clock, watchdog, timeouts, limit } = options;
  return new Promise((resolve, reject) => {
    let phase: 'connect' | 'wait' | 'body' | 'done' = 'connect';
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let headers: Headers = {};
    let size = 0;
    /** Takes the body instead of `chunks`. */
    let sink: BodySink | undefined;
    let heardAt = 0;
    const chunks: Buffer[] = [];
    const start = clock.monotonic();
    const deadlines = [
      { allowed: timeouts.connect, missed: () => phase === 'connect' },
      { allowed: timeouts.firstByte, missed: () => phase !== 'body' },
      { allowed: timeouts.total, missed: () => sink === undefined },
    ].sort((a, b) => a.allowed - b.allowed);
    const watched: Watched = {
      due: start + (deadlines[0]?.allowed ?? 0),
      look(now) {
        for (const { allowed, missed } of deadlines) {
          if (now < start + allowed) return start + allowed;
          if (!missed()) continue;
          fail(Object.assign(new Error('deadline'), { code: 'ETIMEDOUT' }), allowed / 1_000);
          return Infinity;
        }
        // A file may take as long as it needs, if only something keeps coming.
        const silentUntil = heardAt + timeouts.firstByte;
        if (now < silentUntil) return silentUntil;
        fail(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' }), timeouts.firstByte / 1_000);
        return Infinity;
      },
    };

    const wire = (): Wire => ({
      host: baseUrl.host,
      secure: baseUrl.secure,
      started: controller !== undefined,
      harmless: request.effect === 'read',
    });
    const finish = (settle: () => void): void => {
      if (phase === 'done') return;
      phase = 'done';
      watchdog.forget(watched);
      request.signal?.removeEventListener('abort', onAbort);
      settle();
    };
    const fail = (error: unknown, seconds = timeouts.total / 1_000): void => {
      const failure = networkError(error, wire(), seconds);
      finish(() => reject(failure));
      controller?.abort(failure);
    };
    /** What the sink throws goes up as it is; nothing after it reaches the sink. */
    const attempt = (work: () => void): void => {
      if (phase === 'done') return;
      try {
        work();
      } catch (error) {
        finish(() => reject(error instanceof Error ? error : new Error(String(error))));
        controller?.abort(new Error('sink'));
      }
    };
    /** Somebody pressed Ctrl-C. Where nothing can have happened the reason itself goes up. */
    const onAbort = (): void => {
      const reason: unknown = request.signal?.reason;
      const outcome = outcomeOf(wire());
      if (outcome === 'unknown') {
        const params = { host: baseUrl.host, reason: 'key:reason.interrupted' };
        fail(new WxpayError('NETWORK_CUT', { params, cause: reason }));
        return;
      }
      finish(() => reject(reason instanceof Error ? reason : new DOMException('aborted', 'AbortError')));
      controller?.abort(new Error('aborted'));
    };

    if (request.signal?.aborted === true) {
      onAbort();
      return;
    }
    request.signal?.addEventListener('abort', onAbort, { once: true });

    watchdog.watch(watched);

    pool.dispatch(
      {
        path: request.target,
        method: request.method,
        headers: { ...request.headers },
        body: request.body.length === 0 ? null : request.body,
      },
      {
        onRequestStart(started) {
          // Called right before the bytes are written; an exchange that is over by now must not begin.
          if (phase === 'done') {
            started.abort(new Error('over'));
            return;
          }
          controller = started;
          phase = 'wait';
        },
        onResponseStart(started, statusCode) {
          if (statusCode < 200) return;
          phase = 'body';
          status = statusCode;
          headers = allHeaders(started.rawHeaders);
          if (status < 300) sink = request.sink;
          const refusal = refuseAnswer(status, headers, request, baseUrl, sink === undefined ? limit : Infinity);
          if (refusal !== undefined) fail(refusal);
          else {
            heardAt = clock.monotonic();
            attempt(() => sink?.begin(status, headers));
          }
        },
        onResponseData(_controller, chunk) {
          heardAt = clock.monotonic();
          if (sink !== undefined) {
            attempt(() => sink?.write(chunk));
            return;
          }
          size += chunk.length;
          if (size > limit) fail(tooLarge(baseUrl, limit));
          else chunks.push(chunk);
        },
        onResponseEnd() {
          // undici puts the connection back in an immediate that it schedules after this call. A caller that sends
          // again before that would open a second connection, so it hears of the answer right after.
          const answer = { status, headers, body: Buffer.concat(chunks, size) };
          finish(() => queueMicrotask(() => setImmediate(resolve, answer)));
        },
        onResponseError(_controller, error) {
          fail(error);
        },
      },
    );
  });
}

/** What can be seen from the head of an answer alone. */
function refuseAnswer(
  status: number,
  headers: Headers,
  request: ApiRequest,
  baseUrl: BaseUrl,
  limit: number,
): WxpayError | undefined {
  const { host } = baseUrl;
  const facts = { httpStatus: status };
  if (status >= 300 && status < 400) {
    const target = redirectTarget(headers['location']?.[0], baseUrl);
    return new WxpayError('NETWORK_REDIRECT', { ...facts, params: { host, target } });
  }
  const length = headers['content-length']?.[0];
  if (length !== undefined && Number(length) > limit) return tooLarge(baseUrl, limit);
  // A body that ends when the connection does cannot be told from one that was cut (THREATS H2). A file has its hash.
  const chunked = headers['transfer-encoding']?.some((value) => /(^|,)\s*chunked\s*$/i.test(value)) === true;
  const bodiless = status === 204 || status === 304;
  if (length === undefined && !chunked && !bodiless && request.answer !== 'file') {
    const reason = 'key:reason.undelimited';
    return new WxpayError('NETWORK_CUT', { ...facts, params: { host, reason } });
  }
  return undefined;
}

function redirectTarget(location: string | undefined, baseUrl: BaseUrl): string {
  if (location === undefined) return '?';
  try {
    const url = new URL(location, baseUrl.origin);
    return url.host === '' ? url.protocol : url.host;
  } catch {
    return '?';
  }
}

function tooLarge(baseUrl: BaseUrl, limit: number): WxpayError {
  return new WxpayError('ANSWER_TOO_LARGE', { params: { host: baseUrl.host, limit } });
}

/** Every value of every header, as latin1, under lower-case names. */
function allHeaders(raw: Dispatcher.DispatchController['rawHeaders']): Headers {
  const headers = Object.create(null) as Record<string, string[]>;
  if (!Array.isArray(raw)) return headers;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = text(raw[i]).toLowerCase();
    (headers[name] ??= []).push(text(raw[i + 1]).trim());
  }
  return headers;
}

function text(value: Buffer | string | undefined): string {
  return value === undefined ? '' : typeof value === 'string' ? value : value.toString('latin1');
}

async function createPool(options: SendOptions, connectMs: number, withCertificate: boolean): Promise<Pool> {
  const { baseUrl } = options;
  const proxy = proxyFor(baseUrl, options.env);
  // With TLS 1.3 a client counts its handshake as done before the server has judged its certificate: a refusal would come
  // after the request had left. With 1.2 the judgement comes first, so a refused certificate has provably sent nothing.
  const certificate: TlsOptions = withCertificate
    ? { ...(await clientCertificate(options)), maxVersion: 'TLSv1.2' }
    : {};
  const { Pool, buildConnector } = await loadUndici();
  const tls: TlsOptions = {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(options.ca === undefined ? {} : { ca: await withSystemAuthorities(options.ca) }),
  };
  // undici's own timer is coarse and only frees the socket; the deadline that people see is the watchdog's.
  const timeout = connectMs + 1_000;
  const direct = buildConnector({ ...tls, ...certificate, timeout });
  const connect =
    proxy === undefined ? direct : throughProxy(proxy, options, buildConnector({ ...tls, timeout }), direct);
  return new Pool(baseUrl.origin, {
    connect,
    pipelining: 1,
    connections: null,
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 30_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 32 * 1024,
    allowH2: false,
  });
}

/** Connects to the proxy, asks for the tunnel, then does TLS with the real host inside it. */
function throughProxy(
  proxy: Proxy,
  options: SendOptions,
  toProxy: buildConnector.connector,
  toHost: buildConnector.connector,
): buildConnector.connector {
  const { baseUrl } = options;
  const protocol = proxy.secure ? 'https:' : 'http:';
  return (target, callback) => {
    const proxyHost = { hostname: proxy.hostname, host: proxy.hostname, protocol, port: String(proxy.port) };
    toProxy(proxyHost, (error, socket) => {
      if (error !== null) {
        callback(proxyError(proxy.label, baseUrl.host, systemCode(error) ?? error.message), null);
        return;
      }
      openTunnel(socket, proxy, baseUrl, options.userAgent, (refusal) => {
        if (refusal === undefined) toHost({ ...target, httpSocket: socket }, callback);
        else callback(refusal, null);
      });
    });
  };
}

async function withSystemAuthorities(ca: string): Promise<string[]> {
  const tls = (await import('node:tls')) as typeof import('node:tls') & {
    getCACertificates?: (type: 'default') => string[];
  };
  return [...(tls.getCACertificates?.('default') ?? tls.rootCertificates), ca];
}

async function clientCertificate(options: SendOptions): Promise<TlsOptions> {
  if (options.clientCertificate === undefined) {
    throw new WxpayError('CREDENTIAL_MISSING', {
      params: { field: 'client_cert_file', variable: 'WXPAY_CLIENT_CERT_FILE' },
    });
  }
  const certificate = await options.clientCertificate();
  if ('cert' in certificate) return { cert: certificate.cert, key: certificate.key };
  const { passphrase, source = 'client_cert_file' } = certificate;
  const pfx = Buffer.from(certificate.pfx);
  try {
    const { createSecureContext } = await import('node:tls');
    createSecureContext({ pfx, passphrase });
    return { pfx, passphrase };
  } catch {
    // OpenSSL 3 has retired RC2, which the file from the merchant platform is encrypted with; opening it says what is
    // wrong where something is.
    const { openPkcs12 } = await import('../crypto/pkcs12.ts');
    const opened = await openPkcs12(pfx, passphrase, source);
    return { cert: opened.certificate, key: opened.privateKey };
  }
}
