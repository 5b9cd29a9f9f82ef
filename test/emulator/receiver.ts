/** Where callbacks arrive, and how a merchant would open them by hand. */
import { createDecipheriv } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Arrival {
  readonly url: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly text: string;
}

export interface Envelope {
  readonly resource: Record<string, string>;
}

export interface Receiver {
  readonly url: string;
  readonly arrivals: readonly Arrival[];
  close(): Promise<void>;
}

/** Answers what `answer` says: a status, or nothing at all. */
export async function receive(answer: number | 'nothing' | 'redirect'): Promise<Receiver> {
  const arrivals: Arrival[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers: Record<string, string[]> = {};
      for (let at = 0; at < request.rawHeaders.length; at += 2) {
        const name = request.rawHeaders[at]!.toLowerCase();
        headers[name] = [...(headers[name] ?? []), request.rawHeaders[at + 1]!];
      }
      arrivals.push({ url: request.url ?? '', headers, text: Buffer.concat(chunks).toString('utf8') });
      if (answer === 'nothing') return;
      if (answer === 'redirect') response.writeHead(307, { location: '/elsewhere' });
      else response.writeHead(answer);
      response.end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify/here`,
    arrivals,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** Decrypts by hand: AES-256-GCM, key and nonce as their ASCII bytes, tag at the end. */
export function decrypt(resource: Record<string, string>, key: string): Record<string, unknown> {
  const bytes = Buffer.from(resource['ciphertext']!, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key), Buffer.from(resource['nonce']!));
  decipher.setAAD(Buffer.from(resource['associated_data']!));
  decipher.setAuthTag(bytes.subarray(-16));
  const plain = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]);
  return JSON.parse(plain.toString('utf8')) as Record<string, unknown>;
}
