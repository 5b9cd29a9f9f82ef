/**
 * The merchant's certificate in TLS: which endpoints want one, what a caller showed, and the refusals (protocol 11.3).
 *
 * This list is the emulator's own; that of the program's sender is another file, so that a slip in one of them shows.
 */
import { X509Certificate } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Merchant } from './merchants.ts';

/** A caller's certificate. That the caller has its key is proven by the handshake. */
export interface ClientCertificate {
  /** Upper-case hex. */
  readonly serialNo: string;
  /** The common name: the merchant number that it was issued for (protocol 12). */
  readonly mchid: string;
  /** `undefined`: issued by the emulator, or a served merchant's own, and valid now. */
  readonly issue: 'foreign' | 'expired' | 'not-yet-valid' | undefined;
}

/** Whole paths, and folders that end in `/`. */
const wanting: readonly string[] = [
  '/secapi/pay/refund',
  '/secapi/pay/reverse',
  '/secapi/pay/profitsharing',
  '/secapi/pay/multiprofitsharing',
  '/secapi/pay/profitsharingfinish',
  '/secapi/pay/profitsharingreturn',
  '/secapi/mch/',
  '/pay/downloadfundflow',
  '/mmpaymkttransfers/',
  '/mmpaysptrans/pay_bank',
  '/mmpaysptrans/query_bank',
  '/risk/getpublickey',
  '/billcommentsp/batchquerycomment',
];

/** @param path without query */
export function demandsCertificate(path: string): boolean {
  return wanting.some((entry) => (entry.endsWith('/') ? path.startsWith(entry) : path === entry));
}

interface Register {
  /** PEM of the authority that issues merchants' certificates. */
  readonly authority: string;
  readonly find: (mchid: string) => Merchant | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What the caller at the other end of a connection showed; `undefined` for nothing, and for plain HTTP. */
export function readClientCertificate(socket: Socket, register: Register): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const x509 = socket.getPeerX509Certificate();
  return x509 === undefined ? undefined : judge(x509, register);
}

function judge(x509: X509Certificate, { authority, find, now }: Register): ClientCertificate {
  const mchid = /^CN=(.*)$/m.exec(x509.subject)?.[1] ?? '';
  const merchant = find(mchid);
  const ca = new X509Certificate(authority);
  const issued = x509.checkIssued(ca) && x509.verify(ca.publicKey);
  // A merchant that brought a certificate of its own has one that WeChat Pay issued.
  const known = merchant?.serialNo === x509.serialNumber && merchant.publicKey.equals(x509.publicKey);
  const issue =
    !issued && !known
      ? 'foreign'
      : now > Date.parse(x509.validTo)
        ? 'expired'
        : now < Date.parse(x509.validFrom)
          ? 'not-yet-valid'
          : undefined;
  return { serialNo: x509.serialNumber, mchid, issue };
}

/** What the web server in front of WeChat Pay says before a request reaches anything; never signed, and no XML. */
export interface Page {
  readonly status: 400;
  readonly title: string;
}

/**
 * The refusal of a call to an endpoint that wants a certificate. Both pages are nginx's own and were seen on the live host:
 * "No required SSL certificate was sent" without one, "The SSL certificate error" with a wrong one. That an expired one gets
 * the latter, too, is how nginx works and UNCONFIRMED for WeChat Pay.
 *
 * A valid certificate of another merchant passes here: the endpoint knows who calls (`isOwnCertificate`).
 *
 * @param path without query
 */
export function refuseCertificate(path: string, certificate: ClientCertificate | undefined): Page | undefined {
  if (!demandsCertificate(path)) return undefined;
  if (certificate === undefined) return { status: 400, title: 'No required SSL certificate was sent' };
  return certificate.issue === undefined ? undefined : { status: 400, title: 'The SSL certificate error' };
}

/**
 * True when the certificate is the calling merchant's. The refusal of another's is APIv2's `return_code` FAIL with
 * `return_msg` "certificate not match" (seen on the live host; today's wording UNCONFIRMED).
 *
 * @param mchid `mch_id` of the request: for a service provider its own, not the sub-merchant's
 */
export function isOwnCertificate(certificate: ClientCertificate | undefined, mchid: string): boolean {
  return certificate !== undefined && certificate.issue === undefined && certificate.mchid === mchid;
}

/** Sends the page and closes the connection, as nginx does. */
export function sendPage(response: ServerResponse, { status, title }: Page, now: number): void {
  const body = Buffer.from(
    [
      '<html>',
      `<head><title>${status} ${title}</title></head>`,
      '<body>',
      '<center><h1>400 Bad Request</h1></center>',
      `<center>${title}</center>`,
      '<hr><center>nginx</center>',
      '</body>',
      '</html>',
      '',
    ].join('\r\n'),
    'utf8',
  );
  response.writeHead(status, [
    'Server',
    'nginx',
    'Date',
    new Date(now).toUTCString(),
    'Content-Type',
    'text/html',
    'Content-Length',
    String(body.length),
    'Connection',
    'close',
  ]);
  response.end(body);
}
