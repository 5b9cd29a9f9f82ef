/** Servers that stand between the program and an emulator, and answer downloads as a test wants. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BillStage } from './bill-stage.ts';

export interface Server {
  readonly url: string;
  readonly seen: IncomingMessage[];
  close(): Promise<void>;
}

interface Passed {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export type Answer = (honest: Buffer, response: ServerResponse, request: IncomingMessage, nth: number) => void;

export interface Servers {
  serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server>;
  /** Bills are applied for honestly, and downloads are answered by the test; `name` is the host that the emulator hears. */
  between(answer: Answer, name?: string): Promise<Server>;
  /** All that are open. */
  close(): Promise<void>;
}

export function openServers(stage: Pick<BillStage, 'local'>): Servers {
  let open: Server[] = [];

  async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
    const seen: IncomingMessage[] = [];
    const server = createServer((request, response) => {
      seen.push(request);
      handle(request, response);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const made: Server = {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      seen,
      close: async () => {
        server.closeAllConnections();
        await new Promise<void>((resolve) => {
          server.close(() => resolve());
        });
      },
    };
    open.push(made);
    return made;
  }

  /** The emulator's own answer, asked for under the name of `host`. */
  async function pass(request: IncomingMessage, host: string): Promise<Passed> {
    const url = new URL(stage.local.info.url);
    return new Promise((resolve, reject) => {
      const { connection: _connection, range: _range, ...headers } = request.headers;
      httpRequest(
        {
          host: url.hostname,
          port: url.port,
          method: 'GET',
          path: request.url,
          headers: { ...headers, host },
          agent: false,
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
          );
        },
      )
        .on('error', reject)
        .end();
    });
  }

  async function between(answer: Answer, name?: string): Promise<Server> {
    let downloads = 0;
    const server: Server = await serve((request, response) => {
      const host = name ?? new URL(server.url).host;
      void relay(request, response, host);
    });
    const relay = async (request: IncomingMessage, response: ServerResponse, host: string): Promise<void> => {
      const { status, headers, body } = await pass(request, host);
      if (request.url?.startsWith('/v3/billdownload/') === true) {
        downloads += 1;
        answer(body, response, request, downloads);
        return;
      }
      const { connection: _connection, 'keep-alive': _alive, ...kept } = headers;
      response.writeHead(status, kept).end(body);
    };
    return server;
  }

  return {
    serve,
    between,
    async close() {
      await Promise.all(open.map(async (server) => server.close()));
      open = [];
    },
  };
}

export const whole = (body: Buffer, response: ServerResponse): void => {
  response.writeHead(200, { 'content-length': body.length }).end(body);
};
/** Declares everything, sends a part, and hangs up. */
export const cut = (body: Buffer, response: ServerResponse, at: number): void => {
  response.writeHead(200, { 'content-length': body.length });
  response.write(body.subarray(0, at), () => response.destroy());
};
export const downloads = ({ seen }: Server): readonly IncomingMessage[] =>
  seen.filter(({ url }) => url?.startsWith('/v3/billdownload/') === true);
