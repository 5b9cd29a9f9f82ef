/**
 * A server that checks requests and signs answers with nothing of ours: an independent word on what is signed. It says what a
 * test tells it to.
 */
import { createPublicKey, createSign, createVerify, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StubRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Whether the Authorization signs this method, URL and body; of an upload its `meta` part instead of the body. */
  readonly authentic: boolean;
}

export interface StubAnswer {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly sign?: boolean;
}

export interface Stub {
  readonly url: string;
  readonly requests: StubRequest[];
  /** For WXPAY_PUBLIC_KEY_ID and WXPAY_PUBLIC_KEY. */
  readonly keyId: string;
  readonly publicKey: string;
  answer: (request: StubRequest) => StubAnswer | 'cut';
  close(): Promise<void>;
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keyId = 'PUB_KEY_ID_0119000000012026112300000000000009';

export async function startStub(merchantPrivateKey: string): Promise<Stub> {
  const requests: StubRequest[] = [];
  const merchant = createPublicKey(merchantPrivateKey);
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      const { method = '', url = '', headers } = incoming;
      const request: StubRequest = { method, url, headers, body, authentic: isAuthentic(method, url, headers, body) };
      requests.push(request);
      const answer = stub.answer(request);
      if (answer === 'cut') {
        incoming.socket.destroy();
        return;
      }
      const text = answer.body ?? '';
      const timestamp = String(Math.floor(Date.now() / 1000));
      const nonce = 'STUBNONCE0123456789STUBNONCE0123';
      const signature = createSign('RSA-SHA256').update(`${timestamp}\n${nonce}\n${text}\n`).sign(privateKey, 'base64');
      const proof = {
        'wechatpay-timestamp': timestamp,
        'wechatpay-nonce': nonce,
        'wechatpay-serial': keyId,
        'wechatpay-signature': signature,
        'wechatpay-signature-type': 'WECHATPAY2-SHA256-RSA2048',
      };
      response.writeHead(answer.status ?? 200, {
        'content-length': Buffer.byteLength(text),
        'content-type': 'application/json; charset=utf-8',
        'request-id': 'STUB-0',
        ...(answer.sign === false ? {} : proof),
        ...answer.headers,
      });
      response.end(text);
    });
  });
  const isAuthentic = (method: string, url: string, headers: IncomingMessage['headers'], body: Buffer): boolean => {
    const part = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(headers.authorization ?? '')?.[1] ?? '';
    const multipart = headers['content-type']?.startsWith('multipart/form-data') === true;
    const meta = /name="meta"\r\nContent-Type: application\/json\r\n\r\n([^]*?)\r\n--/.exec(
      body.toString('latin1'),
    )?.[1];
    const signed = multipart ? Buffer.from(meta ?? '', 'latin1') : body;
    return createVerify('RSA-SHA256')
      .update(`${method}\n${url}\n${part('timestamp')}\n${part('nonce_str')}\n`)
      .update(signed)
      .update('\n')
      .verify(merchant, part('signature'), 'base64');
  };
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const stub: Stub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    keyId,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    answer: () => ({ body: '{}' }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return stub;
}
