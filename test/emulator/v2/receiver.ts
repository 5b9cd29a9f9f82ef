/** Where APIv2 callbacks arrive; acknowledges them as the documentation has it, unless it is told to say something else. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface XmlArrival {
  readonly type: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface XmlReceiver {
  readonly url: string;
  readonly arrivals: readonly XmlArrival[];
  /** What it says instead. */
  answer: { readonly status: number; readonly text: string } | undefined;
  close(): Promise<void>;
}

const acknowledgement =
  '<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>';

export async function receiveXml(): Promise<XmlReceiver> {
  const arrivals: XmlArrival[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      arrivals.push({ type: request.headers['content-type'], headers: request.headers, text });
      const { status, text: answer } = receiver.answer ?? { status: 200, text: acknowledgement };
      response.writeHead(status, { 'content-type': 'text/xml' }).end(answer);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const receiver: XmlReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`,
    arrivals,
    answer: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return receiver;
}
