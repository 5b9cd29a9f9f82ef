/** Addresses that WeChat Pay hands out in an answer: a bill's download_url (THREATS B5). */
import { WxpayError } from '../errors.ts';
import { parseBaseUrl, type BaseUrl } from './base-url.ts';

export interface DownloadUrl {
  readonly base: BaseUrl;
  /** Path and query, byte for byte as they stand in the URL: they are signed and sent so (bills 1). */
  readonly target: string;
}

/**
 * Takes a download_url apart, if a signed request may go there: to a host that a base URL may name, and no further away than
 * the base URL itself. Real money does not send its requests to this machine, nor the emulator's to WeChat Pay, unless
 * `allowHosts` names the host.
 *
 * @throws `HOST_NOT_ALLOWED`
 */
export function parseDownloadUrl(url: string, base: BaseUrl, allowHosts: readonly string[] = []): DownloadUrl {
  const match = /^(https?:\/\/[^/?#]+)(\/[^#]*)$/i.exec(url);
  if (match === null) throw notAllowed(withoutSecrets(url));
  const [, origin = '', target = ''] = match;
  const found = parseBaseUrl(origin, allowHosts);
  const named = allowHosts.some((host) => host === found.hostname || host === found.host);
  if (found.origin !== base.origin && found.loopback !== base.loopback && !named)
    throw notAllowed(found.origin, found.host);
  return { base: found, target };
}

function notAllowed(url: string, host = '<host>'): WxpayError {
  return new WxpayError('HOST_NOT_ALLOWED', { params: { url, host } });
}

/** For the message: its token works for whoever reads it. */
function withoutSecrets(url: string): string {
  return url.replace(/[?#].*$/s, '?…').slice(0, 200);
}
