/**
 * An HTTPS proxy that is WeChat Pay: an app whose SDK has the hosts hard-coded asks for a tunnel to one of them, and finds the
 * emulator at its end. Other hosts are let through or refused.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { limits } from './guard.ts';
import { officialHosts } from './tls.ts';

/** What becomes of HTTPS to hosts that are not WeChat Pay's. */
export type Others = 'refuse' | 'pass';

export interface ProxyParts {
  readonly others: Others;
  /** Does TLS with whoever is at the other end, as if it had connected to the emulator. */
  readonly tunnel: (socket: Duplex) => void;
  /** Answers a request that came in the clear. */
  readonly serve: (message: IncomingMessage, response: ServerResponse) => void;
  /** Told of every host that was refused. */
  readonly onRefused: (host: string) => void;
}

/**
 * Hosts of WeChat Pay that the emulator does not stand in for are never let through: behind them is real money, and whoever
 * runs an app against an emulator does not mean them.
 */
export function isLiveHost(host: string): boolean {
  return /(?:^|\.)(?:mch\.weixin\.qq\.com|wechatpay\.cn|payapp\.weixin\.qq\.com)$/.test(host);
}

/** Makes the proxy; it does not listen yet. */
export function makeConnectProxy(parts: ProxyParts): Server {
  const server = createServer(
    { maxHeaderSize: limits.headerBytes, headersTimeout: limits.headersTimeoutMs, connectionsCheckingInterval: 2000 },
    (message, response) => inTheClear(message, response, parts),
  );
  server.on('connect', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const target = readAuthority(message.url ?? '');
    if (target === undefined) {
      hangUp(socket, '400 Bad Request', `no host and port: ${message.url ?? ''}`);
    } else if (isEmulated(target)) {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      if (head.length > 0) socket.unshift(head);
      parts.tunnel(socket);
    } else if (parts.others === 'refuse' || isLiveHost(target.host)) {
      parts.onRefused(target.host);
      hangUp(socket, '403 Forbidden', refusalText(target.host));
    } else pass(socket, head, target);
  });
  return server;
}

interface Target {
  readonly host: string;
  readonly port: number;
}

function isEmulated({ host, port }: Target): boolean {
  return port === 443 && officialHosts.includes(host);
}

/** `host:port`; an IPv6 address in brackets. */
function readAuthority(text: string): Target | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const host = (match?.[1] ?? match?.[2] ?? '').toLowerCase().replace(/\.$/, '');
  const port = Number(match?.[3]);
  return host === '' || port < 1 || port > 65_535 ? undefined : { host, port };
}

function pass(socket: Duplex, head: Buffer, { host, port }: Target): void {
  const upstream = connect({ host, port });
  const failed = (error: NodeJS.ErrnoException): void =>
    hangUp(socket, '502 Bad Gateway', `${host}: ${error.code ?? error.name}`);
  upstream.once('error', failed);
  upstream.once('connect', () => {
    upstream.off('error', failed);
    upstream.on('error', () => socket.destroy());
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    upstream.write(head);
    upstream.pipe(socket);
    socket.pipe(upstream);
  });
  socket.once('close', () => upstream.destroy());
  upstream.once('close', () => socket.destroy());
}

function hangUp(socket: Duplex, status: string, text: string): void {
  const body = `${text}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function refusalText(host: string): string {
  return isLiveHost(host)
    ? `EMULATOR: ${host} is WeChat Pay itself, and is never let through`
    : `EMULATOR: ${host} is refused; "--others pass" lets other hosts through`;
}

/**
 * Some clients in wide use do not ask for a tunnel: they send `POST https://host/path` to the proxy as it is. On this machine
 * nothing is lost by that but the client certificate.
 */
function inTheClear(message: IncomingMessage, response: ServerResponse, parts: ProxyParts): void {
  const match = /^https:\/\/([^/?#@]+)(\/[^#]*)?$/.exec(message.url ?? '');
  const target = match === null ? undefined : readAuthority(withPort(match[1] ?? ''));
  if (match !== null && target !== undefined && isEmulated(target)) {
    message.url = match[2] ?? '/';
    parts.serve(message, response);
    return;
  }
  if (target !== undefined) parts.onRefused(target.host);
  const text = target === undefined ? 'EMULATOR: this is a proxy for HTTPS' : refusalText(target.host);
  response.writeHead(target === undefined ? 400 : 403, {
    'Content-Type': 'text/plain; charset=utf-8',
    Connection: 'close',
  });
  response.end(`${text}\n`);
}

function withPort(authority: string): string {
  return /:\d+$/.test(authority) ? authority : `${authority}:443`;
}
