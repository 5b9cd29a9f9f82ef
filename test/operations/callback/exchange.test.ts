import { createServer as createHttp } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { exchange, keptBytes, type Exchange } from '../../../src/operations/callback/exchange.ts';
import { isMet, readExpectation } from '../../../src/operations/callback/expectation.ts';
import { forwardable } from '../../../src/operations/callback/forwardable.ts';
import { parseTarget } from '../../../src/operations/callback/target.ts';
import { realClock } from '../../helpers/local.ts';

let stop: (() => Promise<void>) | undefined;
afterEach(async () => {
  await stop?.();
  stop = undefined;
});

/** A server that does with a connection what the test wants, once the request is there. */
async function app(answer: (socket: Socket) => void): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (!text.endsWith('END')) return;
      requests.push(text);
      answer(socket);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  stop = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/n?a=b`, requests };
}

async function send(url: string, timeoutMs = 2000, signal = new AbortController().signal): Promise<Exchange> {
  const target = parseTarget(url, { flag: '--to', allowHosts: [], privateHosts: false });
  const headers = [
    ['X-One', 'a'],
    ['x-one', 'b'],
    ['Content-Length', '3'],
  ] as const;
  return exchange(target, { headers, body: Buffer.from('END') }, { clock: realClock, timeoutMs, signal });
}

test('headers go out in their order, case and number, with the host of the app', async () => {
  const { url, requests } = await app((socket) => socket.end('HTTP/1.1 204 No Content\r\n\r\n'));
  expect(await send(url)).toMatchObject({ status: 204, whole: true });
  const host = new URL(url).host;
  expect(requests).toEqual([
    `POST /n?a=b HTTP/1.1\r\nHost: ${host}\r\nX-One: a\r\nx-one: b\r\nContent-Length: 3\r\nConnection: close\r\n\r\nEND`,
  ]);
});

describe('an app that is', () => {
  const never = (): void => {};
  test.each<[string, (socket: Socket) => void, Partial<Exchange>]>([
    ['silent', never, { failure: 'slow' }],
    [
      'silent after the head',
      (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'),
      { failure: 'slow' },
    ],
    ['gone at once', (socket) => socket.resetAndDestroy(), { failure: 'cut' }],
    [
      'gone in the middle',
      (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nab'),
      { failure: 'cut' },
    ],
    ['no HTTP at all', (socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n'), { failure: 'garbage' }],
    [
      'fond of other protocols',
      (socket) => socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
      { failure: 'garbage' },
    ],
    [
      'redirecting',
      (socket) => socket.end('HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n'),
      { status: 302 },
    ],
    [
      'fond of 1xx',
      (socket) =>
        socket.end('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
      { status: 200 },
    ],
    [
      'too talkative in its headers',
      (socket) => socket.end(`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`),
      { failure: 'garbage' },
    ],
  ])('%s does no harm', async (_kind, answer, expected) => {
    const { url } = await app(answer);
    expect(await send(url, 300)).toMatchObject(expected);
  });

  test('talking for ever is taken by its status, and left', async () => {
    const { url } = await app((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const more = (): void => {
        if (!socket.destroyed) socket.write(`4000\r\n${'x'.repeat(0x4000)}\r\n`, () => setImmediate(more));
      };
      more();
    });
    const answer = await send(url);
    expect(answer).toMatchObject({ status: 200, whole: false });
    expect(answer.body).toHaveLength(keptBytes);
  });

  test('dripping for ever is slow', async () => {
    const { url } = await app((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
      const timer = setInterval(() => socket.write('x'), 20);
      socket.on('close', () => clearInterval(timer));
    });
    const { failure, ms } = await send(url, 300);
    expect(failure).toBe('slow');
    expect(ms).toBeLessThan(2000);
  });

  test('not there is refused', async () => {
    expect(await send('http://127.0.0.1:1/')).toMatchObject({ failure: 'refused' });
  });

  test('left when we are told to stop', async () => {
    const { url } = await app(never);
    const stopping = new AbortController();
    const sending = send(url, 20_000, stopping.signal);
    setTimeout(() => stopping.abort(), 50);
    expect(await sending).toMatchObject({ failure: 'stopped' });
    expect(await send(url, 20_000, AbortSignal.abort())).toMatchObject({ failure: 'stopped' });
  });

  test('without a secure connection says so', async () => {
    const server = createHttp((_request, response) => response.end());
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    stop = async () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      });
    const { port } = server.address() as AddressInfo;
    expect(await send(`https://127.0.0.1:${port}/`)).toMatchObject({ failure: 'tls' });
  });
});

test('headers of one hop stay behind, those that Connection names too; the length is the body’s own', () => {
  const lines = forwardable(
    [
      ['Host', 'a'],
      ['Connection', 'close, X-Private'],
      ['X-Private', '1'],
      ['Wechatpay-Nonce', 'n'],
      ['Transfer-Encoding', 'chunked'],
      ['Keep-Alive', 'timeout=5'],
      ['TE', 'trailers'],
      ['Expect', '100-continue'],
      ['Cookie', 'a=b'],
      ['cookie', 'c=d'],
      [':path', '/'],
      ['Content-Length', '99'],
      ['Content-Encoding', 'identity'],
    ],
    Buffer.from('äb'),
  );
  expect(lines).toEqual([
    ['Wechatpay-Nonce', 'n'],
    ['Cookie', 'a=b'],
    ['cookie', 'c=d'],
    ['Content-Encoding', 'identity'],
    ['Content-Length', '3'],
  ]);
});

describe('expectations', () => {
  test.each([
    ['ok', 200, true],
    ['ok', 204, true],
    ['ok', 201, false],
    ['ok', 302, false],
    ['fail', 401, true],
    ['fail', 500, true],
    ['fail', 200, false],
    ['fail', 302, false],
    ['any', 302, true],
    ['2xx', 201, true],
    ['4xx', 500, false],
    ['418', 418, true],
    ['418', 419, false],
  ])('%s of %i: %s', (text, status, met) => {
    expect(isMet(readExpectation(text), { status, ms: 5000 })).toBe(met);
    expect(isMet(readExpectation(text), { status, ms: 5001 })).toBe(false);
  });

  test('no answer meets none', () => {
    for (const text of ['ok', 'fail', 'any', '5xx'])
      expect(isMet(readExpectation(text), { ms: 1, failure: 'cut' })).toBe(false);
  });

  test.each(['', '20', '2000', '6xx', 'yes', '600', '2XXX'])('%j is none', (text) => {
    expect(() => readExpectation(text)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
  });
});
