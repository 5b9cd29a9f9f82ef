/** Real servers on 127.0.0.1 for the transport's tests, closed by `afterEach(closeAll)`. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { createServer as createHttp, type RequestListener, type Server as HttpServer } from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import forge from 'node-forge';
import { createSend, type SendOptions, type Sender } from '../../../src/core/http/send.ts';
import { parseBaseUrl } from '../../../src/core/http/base-url.ts';
import type { ApiRequest, Clock } from '../../../src/core/ports.ts';

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort);
        resolve();
      }, milliseconds);
      signal?.addEventListener('abort', abort, { once: true });
    }),
};

const open: { close(): void }[] = [];
const senders: Sender[] = [];

export async function closeAll(): Promise<void> {
  for (const server of open.splice(0)) server.close();
  await Promise.all(senders.splice(0).map((sender) => sender.close()));
}

/** A TCP server that sees raw bytes; sockets are destroyed at the end. */
export async function rawServer(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcp((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  return listen(server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

/** Answers every request's head with the given bytes, then does `after`. */
export async function answering(answer: string | Buffer, after?: (socket: Socket) => void): Promise<number> {
  return rawServer((socket) => {
    let seen = '';
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
      if (!seen.includes('\r\n\r\n')) return;
      seen = '';
      socket.write(answer, () => after?.(socket));
    });
  });
}

export async function httpServer(listener: RequestListener): Promise<number> {
  const server = createHttp(listener);
  return listen(server, () => server.closeAllConnections());
}

export async function httpsServer(options: ServerOptions, listener: RequestListener): Promise<number> {
  const server = createHttps(options, listener);
  return listen(server, () => server.closeAllConnections());
}

async function listen(server: Server | HttpServer, end: () => void): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close: () => {
      end();
      server.close();
    },
  });
  return (server.address() as AddressInfo).port;
}

export function get(extra: Partial<ApiRequest> = {}): ApiRequest {
  return { method: 'GET', target: '/v3/x?a=1', body: new Uint8Array(), effect: 'read', ...extra };
}

export function post(extra: Partial<ApiRequest> = {}): ApiRequest {
  return { method: 'POST', target: '/v3/y', body: Buffer.from('{"a":1}'), effect: 'refund', ...extra };
}

export function sender(url: string, options: Partial<SendOptions> = {}, allowHosts: string[] = []): Sender {
  const made = createSend({
    baseUrl: parseBaseUrl(url, allowHosts),
    clock: realClock,
    userAgent: 'wxpay-test',
    env: {},
    ...options,
  });
  senders.push(made);
  return made;
}

export interface Issued {
  readonly key: string;
  readonly cert: string;
}

/** A certificate from `issuer`, or a self-signed one. */
export function issue(
  name: string,
  options: { issuer?: Issued; ca?: boolean; days?: number; altIps?: string[] } = {},
): Issued {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.serialNumber = `4f${Buffer.from(name).toString('hex').slice(0, 30)}`;
  const days = options.days ?? 30;
  certificate.validity.notBefore = new Date(Date.now() - 100 * 86_400_000);
  certificate.validity.notAfter = new Date(Date.now() + days * 86_400_000);
  const subject = [{ name: 'commonName', value: name }];
  certificate.setSubject(subject);
  const issuer = options.issuer;
  certificate.setIssuer(issuer === undefined ? subject : forge.pki.certificateFromPem(issuer.cert).subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: options.ca === true, critical: true },
    {
      name: 'subjectAltName',
      altNames: [{ type: 2, value: name }, ...(options.altIps ?? ['127.0.0.1']).map((ip) => ({ type: 7, ip }))],
    },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(issuer?.key ?? privateKey), forge.md.sha256.create());
  return { key: privateKey, cert: forge.pki.certificateToPem(certificate) };
}

export function publicKeyOf(issued: Issued): ReturnType<typeof createPublicKey> {
  return createPublicKey(issued.key);
}
