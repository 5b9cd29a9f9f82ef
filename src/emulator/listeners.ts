/** The sockets that the emulator listens on: HTTP, and HTTPS where it is wanted. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WxpayError } from '../core/errors.ts';
import { makeConnectProxy } from './connect-proxy.ts';
import type { Others } from './connect-proxy.ts';
import { limits } from './guard.ts';
import { makeSecureServer } from './tls.ts';
import type { TlsIdentity } from './tls.ts';

export type Listener = (message: IncomingMessage, response: ServerResponse) => void;

export interface ListenerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly secure:
    | {
        readonly tls: TlsIdentity;
        readonly port: number;
        /** PEM of the authority of merchants' certificates. */
        readonly authority: string;
      }
    | undefined;
  readonly serve: (isSecure: boolean) => Listener;
  /** A proxy that leads WeChat Pay's hosts to the secure listener, which it needs. */
  readonly proxy?: { readonly port: number; readonly others: Others; readonly onRefused: (host: string) => void };
}

export interface Listeners {
  readonly url: string;
  readonly secureUrl: string | undefined;
  readonly proxyUrl: string | undefined;
  /** Ends every connection at once. */
  close(): Promise<void>;
}

const serverLimits = {
  maxHeaderSize: limits.headerBytes,
  headersTimeout: limits.headersTimeoutMs,
  requestTimeout: limits.requestTimeoutMs,
  keepAliveTimeout: limits.keepAliveMs,
  connectionsCheckingInterval: 2000,
};

/**
 * Opens all of them or none.
 *
 * @throws WxpayError `EMULATOR_PORT_BUSY`, `INPUT_INVALID`
 */
export async function openListeners({ host, port, secure, serve, proxy }: ListenerOptions): Promise<Listeners> {
  const opened: Opened[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((each) => each.close()));
  };
  const add = async (server: Server | SecureServer, wanted: number): Promise<number> => {
    const made = await open(server, host, wanted);
    opened.push(made);
    return made.port;
  };
  try {
    const url = `http://${urlHost(host)}:${await add(createServer(serverLimits, serve(false)), port)}`;
    if (secure === undefined) return { url, secureUrl: undefined, proxyUrl: undefined, close };
    const server = makeSecureServer(secure.tls, secure.authority, serverLimits).on('request', serve(true));
    const secureUrl = `https://${urlHost(host)}:${await add(server, secure.port)}`;
    if (proxy === undefined) return { url, secureUrl, proxyUrl: undefined, close };
    const tunnel = (socket: Duplex): void => void server.emit('connection', socket);
    const connectProxy = makeConnectProxy({ ...proxy, tunnel, serve: serve(true) });
    return { url, secureUrl, proxyUrl: `http://${urlHost(host)}:${await add(connectProxy, proxy.port)}`, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Opened {
  readonly port: number;
  close(): Promise<void>;
}

async function open(server: Server | SecureServer, host: string, wanted: number): Promise<Opened> {
  server.maxConnections = limits.connections;
  // A server knows of no connection whose TLS handshake is still under way.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const port = await listen(server, host, wanted);
  return {
    port,
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function listen(server: Server | SecureServer, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE' || error.code === 'EACCES'
          ? new WxpayError('EMULATOR_PORT_BUSY', { params: { port }, cause: error })
          : new WxpayError('INPUT_INVALID', { params: { field: '--host', reason: error.code ?? '' }, cause: error }),
      );
    });
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** The host by which this machine reaches what listens on `host`. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
