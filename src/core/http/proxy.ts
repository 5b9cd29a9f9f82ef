/** Proxies by environment, and the CONNECT tunnel through them: a proxy sees a host name and ciphertext (THREATS B7). */
import type { Socket } from 'node:net';
import { WxpayError } from '../errors.ts';
import type { BaseUrl } from './base-url.ts';

export interface Proxy {
  readonly hostname: string;
  readonly port: number;
  /** The connection to the proxy itself uses TLS. */
  readonly secure: boolean;
  /** `Proxy-Authorization`, if the variable carried credentials. A secret. */
  readonly authorization: string | undefined;
  /** `http://host:port`, without credentials, for messages. */
  readonly label: string;
}

/**
 * The proxy for the base URL: `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` in this order, unless `no_proxy` or
 * `NO_PROXY` (hosts, domains with or without a leading dot, `host:port`, `*`) excludes the host. Loopback and plain http never
 * go through a proxy.
 *
 * @throws `NETWORK_PROXY` for a value that is no http or https proxy: ignoring it would send the request another way than asked.
 */
export function proxyFor(base: BaseUrl, env: Readonly<Record<string, string | undefined>>): Proxy | undefined {
  if (!base.secure || base.loopback) return undefined;
  const value = [env['https_proxy'], env['HTTPS_PROXY'], env['all_proxy'], env['ALL_PROXY']].find(
    (candidate) => candidate !== undefined && candidate.trim() !== '',
  );
  if (value === undefined || isExcluded(base, env['no_proxy'] ?? env['NO_PROXY'] ?? '')) return undefined;
  const text = value.trim();
  const url = parsed(withScheme(text));
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    // Up to the last @: a password that was not encoded may hold / ? # and @ itself, and that is what made it no URL.
    const proxy = text.replace(/^((?:[a-z][a-z0-9+.-]*:)?\/\/)?.*@/is, '$1');
    throw proxyError(proxy.slice(0, 100), base.host, 'key:reason.proxy_scheme');
  }
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  const credentials = `${decoded(url.username)}:${decoded(url.password)}`;
  return {
    hostname: url.hostname.replaceAll(/[[\]]/g, ''),
    port,
    secure,
    authorization: credentials === ':' ? undefined : `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`,
    label: `${url.protocol}//${url.hostname}:${port}`,
  };
}

const headLimit = 16 * 1024;

/**
 * Asks the proxy at the other end of `socket` for a tunnel to the base URL's host. Calls back with `undefined` once
 * the tunnel stands; bytes that the proxy sends beyond its answer are refused, since TLS begins with us.
 */
export function openTunnel(
  socket: Socket,
  proxy: Proxy,
  base: BaseUrl,
  userAgent: string,
  done: (error: WxpayError | undefined) => void,
): void {
  const name = base.hostname.includes(':') ? `[${base.hostname}]` : base.hostname;
  const authority = `${name}:${base.port}`;
  let head = Buffer.alloc(0);
  const finish = (reason: string | undefined, params = {}): void => {
    socket.off('data', onData).off('error', onError).off('close', onClose);
    if (reason === undefined) {
      socket.pause();
      done(undefined);
      return;
    }
    socket.on('error', () => undefined).destroy();
    done(proxyError(proxy.label, base.host, reason, params));
  };
  const onData = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) {
      if (head.length > headLimit) finish('key:reason.proxy_long');
      return;
    }
    const status = /^HTTP\/1\.[01] ([0-9]{3})(?: [^\r\n]*)?\r\n/.exec(head.toString('latin1', 0, end + 2))?.[1];
    if (status === undefined) finish('key:reason.proxy_http');
    else if (!status.startsWith('2')) finish('key:reason.proxy_status', { status });
    else if (head.length > end + 4) finish('key:reason.proxy_data');
    else finish(undefined);
  };
  const onError = (error: Error): void => finish(error.message);
  const onClose = (): void => finish('key:reason.proxy_closed');
  socket.on('data', onData).on('error', onError).on('close', onClose);
  socket.write(
    `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: ${userAgent}\r\n` +
      (proxy.authorization === undefined ? '' : `Proxy-Authorization: ${proxy.authorization}\r\n`) +
      '\r\n',
  );
}

export function proxyError(
  proxy: string,
  host: string,
  reason: string,
  params: Readonly<Record<string, string>> = {},
): WxpayError {
  return new WxpayError('NETWORK_PROXY', { params: { ...params, proxy, host, reason } });
}

function withScheme(text: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
}

/** As written where the percent signs are meant literally. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parsed(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function isExcluded(base: BaseUrl, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const match = /^(.*?)(?::([0-9]+))?$/.exec(entry);
      if (match?.[2] !== undefined && Number(match[2]) !== base.port) return false;
      const name = (match?.[1] ?? '').replace(/^\*?\./, '');
      return base.hostname === name || base.hostname.endsWith(`.${name}`);
    });
}
