/** A loopback receiver that keeps each callback as it came over the wire. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedCallback {
  /** The raw HTTP message, as `verify-callback` reads it. */
  readonly raw: Buffer;
}

export interface Receiver {
  /** `http://127.0.0.1:<port>/notify` */
  readonly url: string;
  /** The next callback that has not been taken yet; rejects when `signal` aborts. */
  readonly next: (signal: AbortSignal) => Promise<ReceivedCallback>;
  readonly close: () => Promise<void>;
}

/** Largest body taken: the ciphertext's own limit is 1 MiB of base64 (protocol 6.1). */
const bodyLimit = 2 * 1024 * 1024;

/**
 * Starts a receiver on 127.0.0.1 and the given port (0: any free one), with WeChat Pay's own limits in mind: it answers
 * 204 at once, well within the 5 s (protocol 6.5). It verifies nothing; that is for the one who takes the capture.
 */
export async function startReceiver(port = 0): Promise<Receiver> {
  const queue: ReceivedCallback[] = [];
  const waiting: ((callback: ReceivedCallback) => void)[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let raw: Buffer;
    try {
      raw = await collect(request);
    } catch {
      // Too large, or its sender has gone.
      response.writeHead(413, { connection: 'close' }).end();
      return;
    }
    response.writeHead(204).end();
    const taker = waiting.shift();
    if (taker === undefined) queue.push({ raw });
    else taker({ raw });
  };
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 15_000, maxHeaderSize: 16 * 1024 },
    (request, response) => {
      void take(request, response);
    },
  );
  server.maxConnections = 64;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/notify`,
    next(signal) {
      const ready = queue.shift();
      if (ready !== undefined) return Promise.resolve(ready);
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          // Who has gone must not be handed the next callback.
          const at = waiting.indexOf(handOver);
          if (at !== -1) waiting.splice(at, 1);
          reject(signal.reason as Error);
        };
        const handOver = (callback: ReceivedCallback): void => {
          signal.removeEventListener('abort', leave);
          resolve(callback);
        };
        if (signal.aborted) {
          leave();
          return;
        }
        waiting.push(handOver);
        signal.addEventListener('abort', leave, { once: true });
      });
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimit) throw new Error('too large');
    chunks.push(chunk);
  }
  const lines = [`${request.method ?? 'POST'} ${request.url ?? '/'} HTTP/${request.httpVersion}`];
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2)
    lines.push(`${request.rawHeaders[index] ?? ''}: ${request.rawHeaders[index + 1] ?? ''}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), ...chunks]);
}
