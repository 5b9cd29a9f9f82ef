/** A go-between on loopback: sees every byte that client and emulator exchange, and can change any of them on the way. */
import { Agent, createServer, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface SentRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

export interface SentAnswer {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

/** One exchange as both sides meant it: before anything was changed on the way. */
export interface Exchange {
  readonly request: SentRequest;
  readonly answer: SentAnswer;
}

export interface Tampering {
  readonly request?: (request: SentRequest) => SentRequest;
  readonly answer?: (answer: SentAnswer) => SentAnswer;
}

export interface Wire {
  readonly url: string;
  readonly exchanges: readonly Exchange[];
  /** The exchange that ended last. */
  last(): Exchange;
  /** Changes what passes from now on; `{}` passes everything on as it is. */
  tamper(tampering: Tampering): void;
  close(): Promise<void>;
}

export async function openWire(upstream: string): Promise<Wire> {
  const agent = new Agent({ keepAlive: true });
  const exchanges: Exchange[] = [];
  let tampering: Tampering = {};
  const server = createServer((incoming, outgoing) => {
    const pass = async (): Promise<void> => {
      const body = await readAll(incoming);
      const method = incoming.method ?? '';
      const request = { method, target: incoming.url ?? '', headers: pairs(incoming.rawHeaders), body };
      const changed = tampering.request?.(request) ?? request;
      const answer = await sendTo(upstream, changed, agent);
      exchanges.push({ request, answer });
      const shown = tampering.answer?.(answer) ?? answer;
      outgoing.writeHead(shown.status, endToEnd(shown.headers, shown).flat());
      outgoing.end(shown.body);
    };
    pass().catch((error: unknown) => outgoing.destroy(error as Error));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    exchanges,
    last() {
      const exchange = exchanges.at(-1);
      if (exchange === undefined) throw new Error('nothing has passed yet');
      return exchange;
    },
    tamper(next) {
      tampering = next;
    },
    async close() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** Sends a request as it stands, signed or damaged; only Host, Content-Length and the connection are our own. */
export async function sendTo(upstream: string, request: SentRequest, agent?: Agent): Promise<SentAnswer> {
  const { hostname, port, host } = new URL(upstream);
  const headers = [['Host', host] as const, ...endToEnd(request.headers, request)];
  return new Promise((resolve, reject) => {
    const sent = sendRequest(
      {
        hostname,
        port,
        path: request.target,
        method: request.method,
        headers: headers.flat(),
        ...(agent === undefined ? {} : { agent }),
      },
      (answer) => {
        readAll(answer).then(
          (body) => resolve({ status: answer.statusCode ?? 0, headers: pairs(answer.rawHeaders), body }),
          reject,
        );
      },
    );
    sent.on('error', reject);
    sent.end(request.body);
  });
}

/** The one value of a header. @throws when it is not there exactly once */
export function headerOf(message: { readonly headers: HeaderList }, name: string): string {
  const values = message.headers.filter(([known]) => known.toLowerCase() === name.toLowerCase());
  const [only] = values;
  if (only === undefined || values.length > 1) throw new Error(`${name} is there ${values.length} times`);
  return only[1];
}

export function withHeader<T extends { readonly headers: HeaderList }>(message: T, name: string, value: string): T {
  const headers = message.headers.map(([known, old]): readonly [string, string] => [
    known,
    known.toLowerCase() === name.toLowerCase() ? value : old,
  ]);
  return { ...message, headers };
}

export function withoutHeaders<T extends { readonly headers: HeaderList }>(message: T, ...names: string[]): T {
  const unwanted = names.map((name) => name.toLowerCase());
  return { ...message, headers: message.headers.filter(([name]) => !unwanted.includes(name.toLowerCase())) };
}

function endToEnd(headers: HeaderList, { body }: { readonly body: Buffer }): HeaderList {
  const kept = withoutHeaders({ headers }, 'host', 'connection', 'keep-alive', 'transfer-encoding', 'content-length');
  const hadLength = headers.some(([name]) => name.toLowerCase() === 'content-length');
  return body.length > 0 || hadLength ? [...kept.headers, ['Content-Length', String(body.length)]] : kept.headers;
}

function pairs(rawHeaders: readonly string[]): HeaderList {
  const list: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) list.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '']);
  return list;
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
