/** Which hosts may receive signed requests: WeChat Pay's own, this machine, and what was named on purpose (THREATS B3). */
import { WxpayError } from '../errors.ts';

export interface BaseUrl {
  /** `https://api.mch.weixin.qq.com`: scheme, host and a port that is not the scheme's own. No path. */
  readonly origin: string;
  /** Host with the port if it is not the scheme's own, as in a `Host` header. */
  readonly host: string;
  /** Host without port; an IPv6 address without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly secure: boolean;
  /** True on 127.0.0.0/8, ::1 and `localhost`. */
  readonly loopback: boolean;
}

/** Protocol 9: primaries, their backups in the other region, and the overseas hosts. */
const wechatHosts: ReadonlySet<string> = new Set([
  'api.mch.weixin.qq.com',
  'api2.mch.weixin.qq.com',
  'api.wechatpay.cn',
  'api2.wechatpay.cn',
  'apihk.mch.weixin.qq.com',
  'apius.mch.weixin.qq.com',
  'apieu.mch.weixin.qq.com',
]);

const backups: ReadonlyMap<string, string> = new Map([
  ['api.mch.weixin.qq.com', 'api2.mch.weixin.qq.com'],
  ['api.wechatpay.cn', 'api2.wechatpay.cn'],
]);

/**
 * Reads a base URL: `https://` and a WeChat Pay host on port 443, or `http(s)://` and a loopback address on any port, or a
 * host that `allowHosts` names (`host` or `host:port`, exactly). No user information, path, query or fragment; no spelling of
 * a host that URL parsers turn into another (full-width letters, hexadecimal addresses, a final dot).
 *
 * @throws `HOST_NOT_ALLOWED`; a password in the text is not repeated.
 */
export function parseBaseUrl(text: string, allowHosts: readonly string[] = []): BaseUrl {
  const match = /^(https?):\/\/(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::([0-9]{1,5}))?\/?$/i.exec(text);
  if (match === null) throw notAllowed(text);
  const [, scheme = '', authority = '', portText] = match;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw notAllowed(text);
  }
  // What the parser made of the host must be what was written: `0x7f.1` and `2130706433` become 127.0.0.1 there.
  if (url.hostname !== authority.toLowerCase()) throw notAllowed(text);
  const secure = scheme.toLowerCase() === 'https';
  const port = portText === undefined ? (secure ? 443 : 80) : Number(portText);
  if (port < 1) throw notAllowed(text);
  const base: BaseUrl = {
    origin: url.origin,
    host: url.host,
    hostname: url.hostname.replaceAll(/[[\]]/g, ''),
    port,
    secure,
    loopback: isLoopback(url.hostname),
  };
  const official = secure && port === 443 && wechatHosts.has(base.hostname);
  const named = allowHosts.some((host) => [base.hostname, base.host, `${base.hostname}:${port}`].includes(host));
  if (!official && !base.loopback && !named) throw notAllowed(text, base.host);
  return base;
}

/** True when money is real: whatever is not this machine. */
export function isLive(base: BaseUrl): boolean {
  return !base.loopback;
}

/** The official backup in the other region, or `undefined` where there is none (protocol 9). */
export function backupOf(base: BaseUrl): BaseUrl | undefined {
  const backup = base.secure && base.port === 443 ? backups.get(base.hostname) : undefined;
  return backup === undefined ? undefined : parseBaseUrl(`https://${backup}`);
}

/** This very machine, as URLs write it. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.[0-9]{1,3}){3}$/.test(hostname);
}

function notAllowed(text: string, host?: string): WxpayError {
  // Up to the last @: a password that was not encoded may hold / ? # and @ itself.
  const url = text.replace(/^((?:[a-z][a-z0-9+.-]*:)?\/\/)?.*@/is, '$1[redacted]@').slice(0, 200);
  return new WxpayError('HOST_NOT_ALLOWED', { params: { url, host: host ?? '<host>' } });
}
