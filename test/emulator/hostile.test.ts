/** What a hostile client may send: each is answered with an error or cut off, costs little, and changes nothing (THREATS I2). */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../src/emulator/guard.ts';
import { openStage, orderBody } from './stage.ts';
import type { Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => stage.end());

const native = '/v3/pay/transactions/native';
const port = (): number => Number(new URL(stage.emulator.url).port);
const host = (): string => new URL(stage.emulator.url).host;

/** After each of them the emulator still serves, and nothing has come of it. */
afterEach(async () => {
  expect((await stage.client.call('GET', '/v3/certificates')).status).toBe(200);
  expect(stage.emulator.snapshot().orders.orders).toEqual([]);
});

interface Heard {
  readonly text: string;
  readonly afterMs: number;
}

/** Says exactly these bytes, and listens until the other side hangs up. */
async function say(bytes: string | Buffer, then?: (socket: Socket) => void): Promise<Heard> {
  const begun = performance.now();
  const socket = connect({ host: '127.0.0.1', port: port() });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  then?.(socket);
  await once(socket, 'close');
  return { text: Buffer.concat(chunks).toString('utf8'), afterMs: performance.now() - begun };
}

const statusesOf = ({ text }: Heard): number[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));

describe('a request that two readers could read in two ways is read by none', () => {
  const body = '{"a":1}';
  const head = (...lines: string[]): string =>
    [`POST ${native} HTTP/1.1`, `Host: 127.0.0.1:${port()}`, 'Content-Type: application/json', ...lines, '', ''].join(
      '\r\n',
    );
  test.each<[string, () => string]>([
    ['two lengths', () => `${head('Content-Length: 7', 'Content-Length: 8')}${body}`],
    [
      'a length and chunks',
      () => `${head('Content-Length: 7', 'Transfer-Encoding: chunked')}7\r\n${body}\r\n0\r\n\r\n`,
    ],
    ['chunks by another name', () => `${head('Transfer-Encoding: xchunked')}7\r\n${body}\r\n0\r\n\r\n`],
    ['chunks that are not the last coding', () => `${head('Transfer-Encoding: chunked, gzip')}${body}`],
    ['a length with a sign', () => `${head('Content-Length: +7')}${body}`],
    ['a negative length', () => `${head('Content-Length: -1')}${body}`],
    ['a length in hexadecimal', () => `${head('Content-Length: 0x7')}${body}`],
    ['a space before the colon', () => `${head('Content-Length : 7')}${body}`],
    ['a folded header', () => `${head('X-A: 1\r\n Content-Length: 7')}${body}`],
    ['a NUL in a header', () => `${head('X-A: \0', 'Content-Length: 7')}${body}`],
    ['a bare CR in a header', () => `${head('X-A: 1\rX-B: 2', 'Content-Length: 7')}${body}`],
    ['a chunk size that is none', () => `${head('Transfer-Encoding: chunked')}zz\r\n${body}\r\n0\r\n\r\n`],
    ['a chunk size beyond all measure', () => `${head('Transfer-Encoding: chunked')}${'f'.repeat(17)}\r\n${body}`],
    ['no HTTP', () => '\u0016\u0003\u0001\u0002\u0000\u0001'],
    ['a line feed in the method', () => `PO\nST ${native} HTTP/1.1\r\nHost: 127.0.0.1:${port()}\r\n\r\n`],
    ['another HTTP', () => `GET / HTTP/9.9\r\nHost: 127.0.0.1:${port()}\r\n\r\n`],
  ])('%s', async (_, text) => {
    const heard = await say(text());
    expect(statusesOf(heard)).toEqual([400]);
    expect(heard.afterMs).toBeLessThan(5000);
  });

  test('a second request in the body of the first is its body, and no request', async () => {
    const before = stage.emulator.requests.length;
    const second = `GET /_emulator/info HTTP/1.1\r\nHost: 127.0.0.1:${port()}\r\n\r\n`;
    const heard = await say(`${head(`Content-Length: ${second.length}`, 'Connection: close')}${second}`);
    expect(statusesOf(heard)).toEqual([401]);
    expect(stage.emulator.requests.slice(before).map(({ target }) => target)).toEqual([native]);
  });
});

describe('a path is what it is, letter by letter', () => {
  test.each([
    '/v3/certificates/',
    '//v3/certificates',
    '/v3//certificates',
    '/v3/./certificates',
    '/v3/pay/../certificates',
    '/v3/pay/transactions/../../certificates',
    '/v3%2Fcertificates',
    '/v3/%63ertificates',
    '/V3/certificates',
    '/v3/certificates%00',
    '/v3/certificates;a=1',
    '/v3/certificates%3F',
    String.raw`/v3\certificates`,
    '/v3/certificates/%2e%2e/certificates',
    `/v3/${'a/'.repeat(2000)}`,
    '/v3/__proto__',
    '/v3/constructor/prototype',
    '/%5Femulator/info',
    '//_emulator/info',
    '/v3/../_emulator/info',
    '/_page/../_emulator/info',
    '*',
  ])('%s leads nowhere', async (target) => {
    const { status, text } = await stage.client.call('GET', target);
    expect([404, 401, 403]).toContain(status);
    expect(text).not.toContain('private_key');
  });

  test.each(['..', '.', '%2e%2e', '%2F', '..%2F..%2Fcertificates', '%00', '__proto__', '%ff', '%', "'", '%0d%0aX:1'])(
    'an order number %s is no number, and answered so',
    async (number) => {
      const { mchid } = stage.emulator.info;
      const answer = await stage.client.call('GET', `/v3/pay/transactions/out-trade-no/${number}?mchid=${mchid}`);
      expect([answer.status, answer.json.code]).toEqual(
        number === '__proto__' ? [404, 'ORDER_NOT_EXIST'] : [400, 'PARAM_ERROR'],
      );
      expect(answer.headers['x']).toBeUndefined();
    },
  );

  test.each(['info/', 'INFO', 'info%00', '../info', '__proto__', 'constructor', 'toString', 'info?x=1', ''])(
    'the control API has no %s, token or not',
    async (name) => {
      const headers = { 'wxpay-emulator-token': stage.emulator.controlToken };
      expect((await stage.client.call('GET', `/_emulator/${name}`, undefined, { headers })).status).toBe(404);
      expect((await stage.client.call('GET', `/_emulator/${name}`)).status).toBe(401);
    },
  );
});

describe('JSON that is made to hurt', () => {
  /** Signed as it should be: the reader has to deal with it. */
  test.each<[string, string, string?]>([
    ['arrays in arrays', `{"a":${'['.repeat(300_000)}`],
    ['arrays in arrays, closed', `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    ['objects in objects', '{"a":'.repeat(150_000)],
    ['one long text', `{"description":"${'长'.repeat(300_000)}"}`],
    ['one long text of escapes', String.raw`{"description":"${String.raw`\u0041`.repeat(160_000)}"}`],
    ['a text without an end', `{"description":"${'a'.repeat(1_000_000)}`],
    ['backslashes without an end', `{"description":"${'\\'.repeat(999_999)}`],
    ['one long number', `{"amount":{"total":${'9'.repeat(1_000_000)}}}`],
    ['a number with a giant exponent', '{"amount":{"total":1e999999999}}'],
    ['a hundred thousand members', `{${Array.from({ length: 80_000 }, (_, at) => `"k${at}":1`).join(',')}}`],
    ['one member a hundred thousand times', `{${'"k":1,'.repeat(160_000)}"k":1}`],
    ['a long array', `{"sub_orders":[${'{},'.repeat(300_000)}{}]}`],
    ['members of the prototype', '{"__proto__":{"mchid":"1900000001"},"constructor":{"prototype":{}}}'],
    ['white space', `${' '.repeat(1_000_000)}{}`],
    ['bytes that are no text', '\u0000\u0001\u0002'],
  ])('%s: refused, and quickly', async (_, body) => {
    for (const target of [native, '/v3/combine-transactions/native', '/v3/refund/domestic/refunds']) {
      const begun = performance.now();
      const answer = await stage.client.call('POST', target, body);
      expect([answer.status, answer.json.code]).toEqual([400, 'PARAM_ERROR']);
      expect(performance.now() - begun).toBeLessThan(3000);
      // The refusal does not repeat megabytes.
      expect(answer.bytes.length).toBeLessThan(2 * limits.bodyBytes);
    }
  });

  test.each(['gzip', 'deflate', 'br', 'identity'])('nothing is unpacked: a body as %s is refused', async (coding) => {
    const answer = await stage.client.call('POST', native, orderBody(stage, 'native'), {
      headers: { 'content-encoding': coding },
    });
    expect([answer.status, answer.json.code]).toEqual([400, 'PARAM_ERROR']);
  });

  test.each([
    ['deep', `{"kind":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['broken', '{"kind":'],
    ['an array', '[]'],
    ['a list of rules that is none', '{"rules":{"length":4294967295}}'],
    ['a rule of the prototype', '{"__proto__":{"kind":"stall"}}'],
  ])('the control API takes no %s body', async (_, body) => {
    const headers = { 'wxpay-emulator-token': stage.emulator.controlToken };
    const answer = await stage.client.call('POST', '/_emulator/faults', body, { headers });
    expect([answer.status, answer.json['error']]).toEqual([400, expect.objectContaining({ code: 'INPUT_INVALID' })]);
    expect(stage.emulator.faults.list()).toEqual([]);
  });

  test('without the token, nobody gets to send it more than 1 MiB', async () => {
    const answer = await stage.client.call('POST', '/_emulator/snapshot', 'x'.repeat(limits.bodyBytes + 1));
    expect(answer.status).toBe(413);
  });
});

describe('an upload that is made to hurt', () => {
  test.each<[string, string, Buffer]>([
    ['more than there may be', 'multipart/form-data; boundary=b', Buffer.alloc(limits.uploadBytes + 1)],
    ['no parts', 'multipart/form-data; boundary=b', Buffer.alloc(limits.uploadBytes - 1024, '-')],
    ['parts without end', 'multipart/form-data; boundary=b', Buffer.from('--b\r\n'.repeat(200_000))],
    [
      'a thousand parts',
      'multipart/form-data; boundary=b',
      Buffer.from('--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n{}\r\n'.repeat(1000)),
    ],
    [
      'a head without end',
      'multipart/form-data; boundary=b',
      Buffer.from(`--b\r\n${'content-disposition: form-data; name="'.repeat(20_000)}`),
    ],
    ['no boundary', 'multipart/form-data', Buffer.from('x')],
    ['a boundary of 71 characters', `multipart/form-data; boundary=${'b'.repeat(71)}`, Buffer.from('x')],
  ])('%s', async (_, type, body) => {
    const begun = performance.now();
    const answer = await stage.client.call('POST', '/v3/merchant/media/upload', body, {
      headers: { 'content-type': type },
    });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(performance.now() - begun).toBeLessThan(3000);
  });
});

describe('who is slow', () => {
  test.concurrent.each<[string, () => string, (socket: Socket) => void]>([
    ['says nothing', () => '', () => undefined],
    ['never ends a header', () => `GET / HTTP/1.1\r\nHost: ${host()}\r\nX-A: `, drip],
    [
      'never ends a body',
      () =>
        `POST ${native} HTTP/1.1\r\nHost: ${host()}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`,
      drip,
    ],
  ])(
    'and %s is hung up on',
    async (_, head, then) => {
      const heard = await say(head(), then);
      expect(statusesOf(heard).filter((status) => status !== 408)).toEqual([]);
      expect(heard.afterMs).toBeLessThan(limits.requestTimeoutMs + 5000);
    },
    60_000,
  );

  function drip(socket: Socket): void {
    const timer = setInterval(() => socket.write('a'), 500);
    socket.once('close', () => clearInterval(timer));
  }
});

describe('who comes in crowds', () => {
  test('bodies under way at once share one budget', async () => {
    const size = limits.uploadBytes;
    const count = Math.ceil(limits.pendingBytes / size) + 4;
    const head = `POST /v3/merchant/media/upload HTTP/1.1\r\nHost: ${host()}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${size}\r\n\r\n`;
    const rest = Buffer.alloc(size - 1);
    const sockets: Socket[] = [];
    const answers = Array.from({ length: count }, async () => {
      const heard = await say(head, (socket) => {
        sockets.push(socket);
        // All of it but a byte: nobody gets ready.
        socket.write(rest);
        socket.on('data', () => socket.destroy());
      });
      return statusesOf(heard);
    });
    // Some are refused while the others wait; then the waiting ones leave.
    const refused = await Promise.race(answers);
    expect(refused).toEqual([413]);
    for (const socket of sockets) socket.destroy();
    await Promise.all(answers);
  });

  test('connections beyond their number are not taken, and room is made when others leave', async () => {
    const idle = Array.from({ length: limits.connections + 20 }, () => {
      const socket = connect({ host: '127.0.0.1', port: port() });
      socket.on('error', () => undefined);
      return socket;
    });
    await expect.poll(() => idle.filter((socket) => socket.destroyed).length).toBeGreaterThanOrEqual(20);
    for (const socket of idle) socket.destroy();
    await expect
      .poll(async () => (await stage.client.call('GET', '/v3/certificates').catch(() => ({ status: 0 }))).status)
      .toBe(200);
  });
});
