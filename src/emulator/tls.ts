/**
 * The emulator's side of TLS: an authority of its own, which is not the one that issues merchants' and platform certificates,
 * and a server certificate for this machine and for WeChat Pay's own host names, so that an app whose SDK knows no other
 * hosts can be led here.
 */
import { X509Certificate, constants } from 'node:crypto';
import { createServer } from 'node:https';
import type { Server, ServerOptions } from 'node:https';
import { join } from 'node:path';
import { issueCertificate, makeKeys } from './authority.ts';
import { keepFiles, parseOwnFile } from './folder.ts';

/** WeChat Pay's hosts that the emulator stands in for (protocol 9). */
export const officialHosts: readonly string[] = [
  'api.mch.weixin.qq.com',
  'api2.mch.weixin.qq.com',
  'api.wechatpay.cn',
  'api2.wechatpay.cn',
];

const ownNames: readonly string[] = ['localhost', '127.0.0.1', '::1', ...officialHosts];
const month = 30 * 86_400_000;

export interface TlsIdentity {
  /** PEM file of the authority: what a client has to trust. */
  readonly caFile: string;
  readonly ca: string;
  /** PEM of the server's key and certificate. */
  readonly key: string;
  readonly certificate: string;
}

interface Tools {
  /** By the clock of this machine, which is the one that clients judge certificates by. */
  readonly now: number;
  readonly randomBytes: (size: number) => Buffer;
}

/**
 * Reads the authority and the server's key from `dir`, or makes them there. The authority lasts for 10 years; the server's
 * certificate for 2, since some clients trust none that lasts longer than 825 days. One that runs out, or that has to carry
 * more names than the usual ones, is issued anew for this start.
 *
 * @param extraNames DNS names and IP addresses beyond this machine's and WeChat Pay's
 * @throws WxpayError `FILE_UNWRITABLE`, `KEY_UNREADABLE`
 */
export async function openTls(dir: string, extraNames: readonly string[], tools: Tools): Promise<TlsIdentity> {
  const home = await keepFiles(dir, 'tls', tools.randomBytes, async () => makeTls(tools));
  const file = (name: string): string => join(home, name);
  const text = async (name: string): Promise<string> => parseOwnFile(file(name), (pem) => pem);
  const certificateOf = async (name: string): Promise<X509Certificate> =>
    parseOwnFile(file(name), (pem) => new X509Certificate(pem));
  const [ca, key, server] = await Promise.all([
    certificateOf('ca_cert.pem'),
    text('server_key.pem'),
    certificateOf('server_cert.pem'),
  ]);
  const identity = { caFile: file('ca_cert.pem'), ca: ca.toString(), key };
  const names = [...new Set([...ownNames, ...extraNames.filter((name) => name !== '0.0.0.0' && name !== '::')])];
  if (names.length === ownNames.length && Date.parse(server.validTo) - tools.now > month)
    return { ...identity, certificate: server.toString() };
  const issuer = { certificate: identity.ca, privateKey: await text('ca_key.pem') };
  const publicKey = server.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { ...identity, certificate: await issueServer(publicKey, issuer, names, tools) };
}

async function makeTls(tools: Tools): Promise<Record<string, string>> {
  const [caKeys, serverKeys] = await Promise.all([makeKeys(), makeKeys()]);
  const ca = await issueCertificate({
    publicKey: caKeys.publicKey,
    privateKey: caKeys.privateKey,
    commonName: 'wxpay EMULATOR TLS CA',
    unit: 'EMULATOR TLS',
    years: 10,
    ...tools,
  });
  const issuer = { certificate: ca, privateKey: caKeys.privateKey };
  return {
    'ca_key.pem': caKeys.privateKey,
    'ca_cert.pem': ca,
    'server_key.pem': serverKeys.privateKey,
    'server_cert.pem': await issueServer(serverKeys.publicKey, issuer, ownNames, tools),
  };
}

async function issueServer(
  publicKey: string,
  issuer: { readonly certificate: string; readonly privateKey: string },
  serverNames: readonly string[],
  tools: Tools,
): Promise<string> {
  const commonName = 'wxpay EMULATOR TLS';
  return issueCertificate({ publicKey, issuer, commonName, unit: 'EMULATOR TLS', years: 2, serverNames, ...tools });
}

/**
 * An HTTPS server that asks every caller for a certificate and lets everybody in: who may call what is decided per endpoint.
 * Sessions are not resumed, so that every connection shows its certificate anew.
 *
 * @param authority PEM of the authority of merchants' certificates, named to callers who choose among several
 */
export function makeSecureServer(tls: TlsIdentity, authority: string, options: ServerOptions): Server {
  return createServer({
    ...options,
    key: tls.key,
    cert: tls.certificate,
    ca: authority,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: 10_000,
  });
}
