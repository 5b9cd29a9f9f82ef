/**
 * Where callbacks may be sent: the app under development. Never to WeChat Pay, never to link-local addresses, where cloud
 * metadata services live, and to a stranger only by name (THREATS I4).
 */
import { lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { WxpayError } from '../../core/errors.ts';

export interface Target {
  readonly url: URL;
  /** Host and port as in a `Host` header. */
  readonly host: string;
  /** On this machine. */
  readonly loopback: boolean;
}

export interface TargetRules {
  /** The flag that the URL came with, for messages. */
  readonly flag: string;
  /** Hosts beyond this machine (`host` or `host:port`) that the user names. */
  readonly allowHosts: readonly string[];
  /** Whether addresses of private networks need no naming. */
  readonly privateHosts: boolean;
}

/**
 * @throws WxpayError `INPUT_INVALID` for what is no http or https URL, for user information or a fragment in it, for link-local
 * addresses and WeChat Pay's hosts; `FORWARD_HOST_REFUSED` for a host that has to be named
 */
export function parseTarget(text: string, { flag, allowHosts, privateHosts }: TargetRules): Target {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:\/\//i.test(text) || !['http:', 'https:'].includes(url.protocol))
    throw invalid(flag, 'target_url');
  if (url.username !== '' || url.password !== '' || /^[^/]*\/\/[^/]*@/.test(text) || url.hash !== '')
    throw invalid(flag, 'target_user');
  const name = url.hostname.replaceAll(/[[\]]/g, '');
  // What the parser made of the host must be what was written: `0x7f.1` becomes 127.0.0.1 there.
  const written = /^https?:\/\/(\[[^\]]*\]|[^/:?#]*)/i.exec(text)?.[1] ?? '';
  if (isIP(name) === 4 && written !== name) throw invalid(flag, 'target_url');
  if (isForbidden(name)) throw invalid(flag, 'target_link_local');
  if (/(?:^|\.)(?:weixin\.qq\.com|wechatpay\.(?:cn|com)|tenpay\.com)\.?$/i.test(name))
    throw invalid(flag, 'target_wechat');
  const loopback = isLoopbackName(name);
  const named = allowHosts.some((host) => [name, url.host].includes(host.toLowerCase()));
  if (!loopback && !named && !(privateHosts && isPrivate(name)))
    throw new WxpayError('FORWARD_HOST_REFUSED', {
      params: { url: url.origin, host: url.host, flag },
      outcome: 'not_sent',
    });
  return { url, host: url.host, loopback };
}

/**
 * Resolves names as the system does, and refuses addresses that the target may not have: a loopback name is on this machine, no
 * name is link-local. Every connection asks again, and is checked again.
 */
export function lookupFor({ loopback }: Target): typeof lookup {
  return ((hostname: string, options: object, done: (error: Error | null, ...rest: unknown[]) => void) => {
    lookup(hostname, options, (error, address, family) => {
      const found = Array.isArray(address) ? address.map((entry) => entry.address) : [address];
      const wrong = found.some((each) => isForbidden(each) || (loopback && !isLoopbackName(each)));
      if (error === null && wrong) done(Object.assign(new Error('address refused'), { code: 'EADDRREFUSED' }));
      else done(error, address, family);
    });
  }) as unknown as typeof lookup;
}

const linkLocal = new BlockList();
linkLocal.addSubnet('169.254.0.0', 16);
linkLocal.addSubnet('fe80::', 10, 'ipv6');
const privateNetworks = new BlockList();
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const)
  privateNetworks.addSubnet(network, prefix);
privateNetworks.addSubnet('fc00::', 7, 'ipv6');

/** Link-local, the address of nobody, and alibaba's metadata address, which is no link-local one. */
function isForbidden(address: string): boolean {
  const kind = isIP(address);
  if (kind === 0) return false;
  // `::ffff:a.b.c.d` counts as the IPv4 address in it.
  return address === '100.100.100.200' || linkLocal.check(address, kind === 6 ? 'ipv6' : 'ipv4');
}

function isPrivate(address: string): boolean {
  const kind = isIP(address);
  return kind !== 0 && privateNetworks.check(address, kind === 6 ? 'ipv6' : 'ipv4');
}

export function isLoopbackName(name: string): boolean {
  return /^(?:(?:[^.]+\.)*localhost|127(?:\.\d{1,3}){3}|::1|::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4})$/i.test(name);
}

function invalid(field: string, reason: string): WxpayError {
  return new WxpayError('INPUT_INVALID', {
    params: { field, reason: `key:reason.${reason}` },
    outcome: 'not_sent',
  });
}
