import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer as createTcp, connect as connectTcp } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { BodySink, Headers } from '../../../src/core/ports.ts';
import { afterEach, beforeAll, expect, test } from 'vitest';
import {
  answering,
  closeAll,
  get,
  httpServer,
  httpsServer,
  issue,
  post,
  rawServer,
  realClock,
  sender,
  type Issued,
} from './loopback.ts';
import { expectFast, timeOf, until } from '../../helpers/timing.ts';

afterEach(closeAll);

const head = (status: string, ...lines: string[]): string => `HTTP/1.1 ${status}\r\n${lines.join('\r\n')}\r\n\r\n`;

test('B2: target, method, headers and body reach the wire exactly as given', async () => {
  let seen = '';
  const port = await rawServer((socket) => {
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
      if (seen.endsWith('{"a":1}')) socket.write(head('200 OK', 'Content-Length: 2') + '{}');
    });
  });
  const target = '/v3/x|y*z@%7C%2b/\'"{}?q=a+b%20c&d=|';
  await sender(`http://127.0.0.1:${port}`).send(post({ target, headers: { authorization: 'A b', 'x-y': '1' } }));
  expect(seen.split('\r\n')[0]).toBe(`POST ${target} HTTP/1.1`);
  expect(seen.toLowerCase()).toContain('\r\nauthorization: a b\r\n');
  expect(seen.toLowerCase()).toContain('\r\ncontent-length: 7\r\n');
  expect(seen.split('\r\n\r\n')[1]).toBe('{"a":1}');
});

test('the answer keeps raw bytes, every value of every header, and where it came from', async () => {
  const body = Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d, 0xff]);
  const port = await answering(
    Buffer.concat([
      Buffer.from(
        head('200 OK', 'Content-Length: 6', 'Wechatpay-Nonce: a', 'WECHATPAY-NONCE: b', 'Request-ID: R-0', 'X: \xe9 '),
        'latin1',
      ),
      body,
    ]),
  );
  const answer = await sender(`http://127.0.0.1:${port}`).send(get());
  expect(Buffer.from(answer.body)).toEqual(body);
  expect(answer.headers['wechatpay-nonce']).toEqual(['a', 'b']);
  expect(answer.headers['x']).toEqual(['é']);
  expect(answer).toMatchObject({ status: 200, requestId: 'R-0', trust: 'unchecked', host: `127.0.0.1:${port}` });
});

test.each([
  ['that is the same', 0, 0],
  ['behind this clock', -301, 301],
  ['ahead of it', 301, -301],
])('a Date %s says by how much this clock is ahead', async (_, seconds, ahead) => {
  const at = 1_795_000_000_000;
  const date = new Date(at + seconds * 1_000).toUTCString();
  const port = await answering(head('401 Unauthorized', 'Content-Length: 0', `Date: ${date}`));
  const answer = await sender(`http://127.0.0.1:${port}`, { clock: { ...realClock, now: () => at } }).send(get());
  expect(answer).toMatchObject({ clockAhead: ahead });
});

test.each(['', 'Date: today, or tomorrow'])(
  'without a Date that can be read ("%s") nothing is said of the clock',
  async (line) => {
    const port = await answering(head('401 Unauthorized', 'Content-Length: 0', ...(line === '' ? [] : [line])));
    expect(await sender(`http://127.0.0.1:${port}`).send(get())).not.toHaveProperty('clockAhead');
  },
);

test.each(['/v3/x', 'http://elsewhere.example/x'])(
  'B4: a redirect to %s is an error that names the host, and nothing is asked there',
  async (location) => {
    let asked = 0;
    const other = await httpServer((_request, response) => {
      asked += 1;
      response.end();
    });
    for (const status of [301, 302, 303, 307, 308]) {
      const target = location.replace('elsewhere.example', `127.0.0.1:${other}`);
      const port = await answering(head(`${status} Moved`, `Location: ${target}`, 'Content-Length: 0'));
      const answer = sender(`http://127.0.0.1:${port}`).send(post());
      await expect(answer).rejects.toMatchObject({
        code: 'NETWORK_REDIRECT',
        outcome: 'unknown',
        httpStatus: status,
        params: { target: location.startsWith('/') ? `127.0.0.1:${port}` : `127.0.0.1:${other}` },
      });
    }
    expect(asked).toBe(0);
  },
);

test('a host that refuses the connection: nothing was sent', async () => {
  const server = createTcp().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const { send } = sender(`http://127.0.0.1:${port}`);
  await expect(send(post())).rejects.toMatchObject({ code: 'NETWORK_REFUSED', outcome: 'not_sent' });
  await expect(send(get())).rejects.toMatchObject({ code: 'NETWORK_REFUSED', outcome: 'no_effect' });
});

test('a name that does not resolve: nothing was sent', async () => {
  const { send } = sender('https://nothing.invalid', {}, ['nothing.invalid']);
  await expect(send(post())).rejects.toMatchObject({
    code: 'NETWORK_DNS',
    outcome: 'not_sent',
    params: { host: 'nothing.invalid' },
  });
});

test('H2: a server that accepts and never answers is left after the first-byte deadline, outcome unknown', async () => {
  const port = await rawServer(() => undefined);
  const { send } = sender(`http://127.0.0.1:${port}`, { timeouts: { firstByte: 80 } });
  const left = async (): Promise<void> => {
    const failure = { code: 'NETWORK_TIMEOUT', outcome: 'unknown', params: { seconds: 0.08 } };
    await expect(send(post())).rejects.toMatchObject(failure);
  };
  await expectFast(1_000, () => timeOf(left));
});

test('H2: a TLS handshake that never comes is left after the connect deadline: nothing was sent', async () => {
  const port = await rawServer(() => undefined);
  const { send } = sender(`https://127.0.0.1:${port}`, { timeouts: { connect: 80 } });
  await expect(send(post())).rejects.toMatchObject({ code: 'NETWORK_TIMEOUT', outcome: 'not_sent' });
});

test('H2: an answer that drips for ever is cut off by the total deadline', async () => {
  const port = await answering(head('200 OK', 'Content-Length: 100000'), (socket) => {
    const drip = setInterval(() => socket.write('x'), 10);
    socket.on('close', () => clearInterval(drip));
  });
  const { send } = sender(`http://127.0.0.1:${port}`, { timeouts: { total: 500 } });
  await expect(send(post())).rejects.toMatchObject({ code: 'NETWORK_TIMEOUT', outcome: 'unknown' });
});

test('H2: an answer cut after any number of bytes is never taken for a whole one', async () => {
  const whole = `${head('200 OK', 'Content-Length: 11')}{"a":"bcde"}`.slice(0, -1);
  for (let length = 0; length < whole.length; length += 1) {
    const port = await answering(whole.slice(0, length), (socket) => socket.end());
    const answer = sender(`http://127.0.0.1:${port}`).send(post());
    await expect(answer, `after ${length} bytes`).rejects.toMatchObject({ code: 'NETWORK_CUT', outcome: 'unknown' });
  }
});

test('H2: a body that ends with the connection is incomplete, chunked without its end too', async () => {
  for (const answer of [
    `${head('200 OK', 'Content-Type: application/json')}{"status":"SUCCESS"}`,
    `HTTP/1.0 200 OK\r\n\r\n{}`,
    `${head('200 OK', 'Transfer-Encoding: chunked')}2\r\n{}\r\n`,
    `${head('200 OK', 'Transfer-Encoding: chunked')}5\r\n{}`,
  ]) {
    const port = await answering(answer, (socket) => socket.end());
    await expect(sender(`http://127.0.0.1:${port}`).send(get())).rejects.toMatchObject({ code: 'NETWORK_CUT' });
  }
});

test('whole answers in every regular form are accepted', async () => {
  for (const answer of [
    `${head('200 OK', 'Content-Length: 2')}{}`,
    `${head('200 OK', 'Transfer-Encoding: chunked')}1\r\n{\r\n1\r\n}\r\n0\r\n\r\n`,
    `${head('103 Early Hints', 'Link: x')}${head('200 OK', 'Content-Length: 2')}{}`,
    `${head('200 OK', 'Content-Length: 2', 'Connection: close')}{}`,
  ]) {
    const port = await answering(answer);
    const { status, body } = await sender(`http://127.0.0.1:${port}`).send(get());
    expect([status, Buffer.from(body).toString()]).toEqual([200, '{}']);
  }
  const port = await answering(head('204 No Content'));
  expect((await sender(`http://127.0.0.1:${port}`).send(post())).body).toHaveLength(0);
});

test('a reset in the middle of a request leaves its outcome open', async () => {
  const port = await rawServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  await expect(sender(`http://127.0.0.1:${port}`).send(post())).rejects.toMatchObject({
    code: 'NETWORK_CUT',
    outcome: 'unknown',
  });
});

test('something that is not HTTP is no answer', async () => {
  const port = await answering('SSH-2.0-OpenSSH_9.2\r\n\r\n');
  await expect(sender(`http://127.0.0.1:${port}`).send(get())).rejects.toMatchObject({ code: 'NETWORK_CUT' });
});

test('H1: answers beyond the limit are refused, announced or not', async () => {
  const announced = await answering(head('200 OK', 'Content-Length: 5000'));
  const endless = await answering(head('200 OK', 'Transfer-Encoding: chunked'), (socket) => {
    const flood = setInterval(() => socket.write(`400\r\n${'x'.repeat(1_024)}\r\n`), 1);
    socket.on('close', () => clearInterval(flood));
  });
  for (const port of [announced, endless]) {
    const { send } = sender(`http://127.0.0.1:${port}`, { limitBytes: 4_000 });
    await expect(send(post())).rejects.toMatchObject({
      code: 'ANSWER_TOO_LARGE',
      outcome: 'unknown',
      params: { limit: 4_000 },
    });
  }
});

test('H1: the limit for certificates is 1 MiB', async () => {
  const port = await answering(head('200 OK', 'Content-Length: 1048577'));
  await expect(sender(`http://127.0.0.1:${port}`).send(get({ answer: 'certificates' }))).rejects.toMatchObject({
    params: { limit: 1_048_576 },
  });
});

test('a server that compresses anyway is understood', async () => {
  const body = gzipSync('{"a":1}');
  const port = await httpServer((_request, response) => {
    response.setHeader('content-encoding', 'gzip').setHeader('content-length', body.length).end(body);
  });
  expect(Buffer.from((await sender(`http://127.0.0.1:${port}`).send(get())).body).toString()).toBe('{"a":1}');
});

test.each([
  ['a bomb of 512 MiB', 'gzip', 'ANSWER_TOO_LARGE'],
  ['nested codings', 'gzip, gzip', 'ANSWER_MALFORMED'],
  ['a thousand codings', Array(1_000).fill('gzip').join(', '), 'ANSWER_MALFORMED'],
  ['an unknown coding', 'constructor', 'ANSWER_MALFORMED'],
  ['a broken coding', 'deflate', 'ANSWER_MALFORMED'],
])('H1: %s is refused', async (_what, encoding, code) => {
  const body = gzipSync(Buffer.alloc(32 * 1024 * 1024));
  const port = await httpServer((_request, response) => {
    response.setHeader('content-encoding', encoding).setHeader('content-length', body.length).end(body);
  });
  await expect(sender(`http://127.0.0.1:${port}`).send(post())).rejects.toMatchObject({ code, outcome: 'unknown' });
});

test('connections are kept and used one request at a time', async () => {
  let connections = 0;
  /** So many requests are answered together. */
  let together = 1;
  const waiting: ServerResponse[] = [];
  const port = await httpServer((_request, response) => {
    if (waiting.push(response) < together) return;
    for (const one of waiting.splice(0)) one.setHeader('content-length', 2).end('{}');
  });
  const server = await rawServer((socket) => {
    connections += 1;
    const upstream = connectTcp(port, '127.0.0.1').on('error', () => undefined);
    socket.pipe(upstream).pipe(socket);
  });
  const { send } = sender(`http://127.0.0.1:${server}`);
  for (let i = 0; i < 5; i++) await send(get());
  expect(connections).toBe(1);
  together = 3;
  await Promise.all([send(get()), send(get()), send(get())]);
  expect(connections).toBe(3);
});

test('an interrupted read ends with the reason; an interrupted write that left is an open outcome', async () => {
  let heard = 0;
  const port = await rawServer((socket) => {
    socket.once('data', () => (heard += 1));
  });
  const { send } = sender(`http://127.0.0.1:${port}`);
  const controller = new AbortController();
  const read = send(get({ signal: controller.signal }));
  const write = send(post({ signal: controller.signal }));
  await until(() => heard === 2);
  controller.abort(new Error('Ctrl-C'));
  await Promise.allSettled([read, write]);
  await expect(read).rejects.toThrow('Ctrl-C');
  await expect(write).rejects.toMatchObject({ code: 'NETWORK_CUT', outcome: 'unknown' });
  await expect(send(post({ signal: controller.signal }))).rejects.toThrow('Ctrl-C');
});

test.each([
  ['mailto:a@b.example', 'mailto:'],
  ['http://[', '?'],
  [undefined, '?'],
])('B4: a redirect to %j is an error, too', async (location, target) => {
  const lines = location === undefined ? [] : [`Location: ${location}`];
  const port = await answering(head('302 Found', ...lines, 'Content-Length: 0'));
  await expect(sender(`http://127.0.0.1:${port}`).send(get())).rejects.toMatchObject({
    code: 'NETWORK_REDIRECT',
    outcome: 'no_effect',
    params: { target },
  });
});

test('a coding that does not hold says the status and the Request-ID; a read did nothing', async () => {
  for (const lines of [['Request-ID: R-7'], []]) {
    const answer = head('200 OK', 'Content-Encoding: gzip', 'Content-Length: 4', ...lines);
    const port = await answering(`${answer}nope`);
    const read = await sender(`http://127.0.0.1:${port}`)
      .send(get())
      .catch((error: unknown) => error);
    expect(read).toMatchObject({ code: 'ANSWER_MALFORMED', outcome: 'no_effect', httpStatus: 200 });
    expect(read).toHaveProperty('requestId', lines.length === 0 ? undefined : 'R-7');
  }
});

test('a reason for stopping that is no error becomes one', async () => {
  const port = await rawServer(() => undefined);
  const { send } = sender(`http://127.0.0.1:${port}`);
  await expect(send(get({ signal: AbortSignal.abort('enough') }))).rejects.toMatchObject({ name: 'AbortError' });
});

test('a call that was given up while connecting sends nothing when the connection comes after all', async () => {
  const seen: string[] = [];
  const target = await httpsServer(good, (request, response) => {
    seen.push(request.url ?? '');
    response.setHeader('content-length', 2).end('{}');
  });
  const slow = await rawServer((socket) => {
    socket.pause();
    setTimeout(() => {
      const upstream = connectTcp(target, '127.0.0.1').on('error', () => undefined);
      socket.pipe(upstream).pipe(socket);
    }, 60);
  });
  const { send } = sender(`https://127.0.0.1:${slow}`, { ca: authority.cert });
  const controller = new AbortController();
  const given = send(post({ target: '/given-up', signal: controller.signal }));
  setTimeout(() => controller.abort(new Error('Ctrl-C')), 20);
  await expect(given).rejects.toThrow('Ctrl-C');
  // The same connection, once it stands, carries what is asked next.
  expect((await send(get({ target: '/next' }))).status).toBe(200);
  expect(seen).toEqual(['/next']);
});

const file = (port: number, sink: BodySink, timeouts = {}) =>
  sender(`http://127.0.0.1:${port}`, { limitBytes: 100, timeouts }).send(get({ answer: 'file', sink }));
function collecting(change: Partial<BodySink> = {}) {
  const chunks: Uint8Array[] = [];
  const heads: [number, Headers][] = [];
  const sink: BodySink = {
    begin: (status, headers) => void heads.push([status, headers]),
    write: (chunk) => void chunks.push(Buffer.from(chunk)),
    get begun() {
      return heads.length > 0;
    },
    ...change,
  };
  return { sink, heads, text: () => Buffer.concat(chunks).toString() };
}

test('a file goes to its sink as it comes, however large, and is not kept', async () => {
  const body = 'line\n'.repeat(20_000);
  const port = await answering(`${head('200 OK', `Content-Length: ${body.length}`, 'X-A: 1')}${body}`);
  const { sink, heads, text } = collecting();
  expect((await file(port, sink)).body).toHaveLength(0);
  expect(text()).toBe(body);
  expect(heads).toMatchObject([[200, { 'x-a': ['1'] }]]);
});

test('a refusal is no file: it is read as any answer, within the limit', async () => {
  const { sink, heads, text } = collecting();
  const refusal = await answering(`${head('403 Forbidden', 'Content-Length: 2')}{}`);
  expect(Buffer.from((await file(refusal, sink)).body).toString()).toBe('{}');
  const long = await answering(head('403 Forbidden', 'Content-Length: 101'));
  await expect(file(long, sink)).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE' });
  expect([heads, text()]).toEqual([[], '']);
});

test.each<[string, Partial<BodySink>, string]>([
  ['begin', { begin: () => fall(new RangeError('full')) }, ''],
  ['write', { write: () => fall(new RangeError('full')) }, ''],
  ['write, with a text', { write: () => fall('full') }, ''],
])('what a sink throws in %s goes up as it is, and nothing more reaches it', async (_what, broken, wanted) => {
  let calls = 0;
  const port = await answering(`${head('200 OK', 'Content-Length: 200000')}${'x'.repeat(200_000)}`);
  const counted = Object.fromEntries(
    Object.entries(broken).map(([name, work]) => [
      name,
      (...facts: never[]) => {
        calls += 1;
        (work as (...given: never[]) => void)(...facts);
      },
    ]),
  );
  const { sink, text } = collecting(counted);
  const error = await file(port, sink).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).toBe('full');
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect([calls, text()]).toEqual([1, wanted]);
});

function fall(error: unknown): never {
  throw error;
}

test('H2: a file may take longer than an answer, if only something keeps coming; silence ends it', async () => {
  const body = 'x'.repeat(12);
  const dripping = (until: number) =>
    answering(head('200 OK', `Content-Length: ${body.length}`), (socket) => {
      let sent = 0;
      const drip = setInterval(() => {
        if (sent >= until) return;
        sent += 1;
        socket.write('x');
      }, 120);
      socket.on('close', () => clearInterval(drip));
    });
  const timeouts = { connect: 5_000, firstByte: 1_000, total: 1_100 };
  const whole = collecting();
  await file(await dripping(12), whole.sink, timeouts);
  expect(whole.text()).toBe(body);
  const silent = collecting();
  await expect(file(await dripping(3), silent.sink, timeouts)).rejects.toMatchObject({
    code: 'NETWORK_TIMEOUT',
    params: { seconds: 1 },
  });
  expect(silent.text()).toBe('xxx');
});

test('a failure of whoever holds the client certificate goes up as it is, and the next call asks again', async () => {
  const failure = new TypeError('mine');
  let asked = 0;
  const { send } = sender('https://127.0.0.1:1', {
    clientCertificate: async () => {
      asked += 1;
      throw failure;
    },
  });
  await expect(send(get({ clientCertificate: true }))).rejects.toBe(failure);
  await expect(send(get({ clientCertificate: true }))).rejects.toBe(failure);
  expect(asked).toBe(2);
});

test('a missing client certificate: a write was provably not sent', async () => {
  const { send } = sender('https://127.0.0.1:1');
  for (const [request, outcome] of [
    [get({ clientCertificate: true }), 'no_effect'],
    [post({ clientCertificate: true }), 'not_sent'],
  ] as const)
    await expect(send(request)).rejects.toMatchObject({ code: 'CREDENTIAL_MISSING', outcome });
});

let authority: Issued;
let good: Issued;
beforeAll(() => {
  authority = issue('test authority', { ca: true });
  good = issue('localhost', { issuer: authority });
});

const ok = (_request: unknown, response: { end(text: string): void }): void => response.end('{}');

test('B6: TLS with a certificate of a given authority is accepted', async () => {
  const port = await httpsServer(good, ok);
  const { send } = sender(`https://127.0.0.1:${port}`, { ca: authority.cert });
  expect((await send(get())).status).toBe(200);
});

test.each<[string, () => Issued, string, boolean]>([
  ['self-signed', () => issue('localhost'), 'SELF_SIGNED', true],
  ['of an unknown authority', () => good, 'UNABLE_TO_VERIFY', false],
  ['expired', () => issue('localhost', { issuer: authority, days: -1 }), 'CERT_HAS_EXPIRED', true],
  ['for another name', () => issue('other.example', { issuer: authority, altIps: ['127.0.0.9'] }), 'ALTNAME', true],
])('B6: a certificate that is %s is refused before anything is sent', async (_what, make, reason, trusted) => {
  let requests = 0;
  const port = await httpsServer(make(), (_request, response) => {
    requests += 1;
    response.end('{}');
  });
  const { send } = sender(`https://127.0.0.1:${port}`, trusted ? { ca: authority.cert } : {});
  await expect(send(post())).rejects.toMatchObject({
    code: 'NETWORK_TLS',
    outcome: 'not_sent',
    params: { reason: expect.stringContaining(reason) as string },
  });
  expect(requests).toBe(0);
});

test('B6: NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing', async () => {
  const port = await httpsServer(good, ok);
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  try {
    await expect(sender(`https://127.0.0.1:${port}`).send(get())).rejects.toMatchObject({ code: 'NETWORK_TLS' });
  } finally {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  }
});

test('B6: a server that knows only TLS 1.1 is refused', async () => {
  const port = await httpsServer(
    { ...good, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' },
    ok,
  );
  const { send } = sender(`https://127.0.0.1:${port}`, { ca: authority.cert });
  await expect(send(post())).rejects.toMatchObject({ code: 'NETWORK_TLS', outcome: 'not_sent' });
});

test('plain HTTP where TLS is expected is a TLS failure', async () => {
  const port = await httpServer(ok);
  await expect(sender(`https://127.0.0.1:${port}`).send(get())).rejects.toMatchObject({ code: 'NETWORK_TLS' });
});

test('mTLS: the client certificate is shown only for requests that want it, on connections of their own', async () => {
  const client = issue('1900000001', { issuer: authority });
  const names: unknown[] = [];
  const port = await httpsServer(
    { ...good, requestCert: true, rejectUnauthorized: false, ca: authority.cert },
    (request, response) => {
      const peer = (request.socket as import('node:tls').TLSSocket).getPeerCertificate();
      names.push(peer.subject?.CN);
      response.end('{}');
    },
  );
  const { send } = sender(`https://127.0.0.1:${port}`, {
    ca: authority.cert,
    clientCertificate: async () => client,
  });
  await send(get());
  await send(get({ clientCertificate: true }));
  await send(get());
  expect(names).toEqual([undefined, '1900000001', undefined]);
});

/** `legacy` is how the merchant platform's own file is encrypted: RC2, which OpenSSL 3 no longer reads by itself. */
function p12(client: Issued, passphrase: string, legacy: boolean): Buffer | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'wxpay-p12-'));
  try {
    writeFileSync(join(dir, 'key.pem'), client.key);
    writeFileSync(join(dir, 'cert.pem'), client.cert);
    const flags = legacy
      ? ['-legacy', '-certpbe', 'PBE-SHA1-RC2-40', '-keypbe', 'PBE-SHA1-3DES', '-macalg', 'sha1']
      : [];
    const files = ['-inkey', join(dir, 'key.pem'), '-in', join(dir, 'cert.pem'), '-out', join(dir, 'out.p12')];
    const made = spawnSync('openssl', ['pkcs12', '-export', ...flags, ...files, '-passout', `pass:${passphrase}`]);
    return made.status === 0 ? readFileSync(join(dir, 'out.p12')) : undefined;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test.each([false, true])('mTLS with the .p12 itself (as the merchant platform makes it: %s)', async (legacy) => {
  const client = issue('1900000001', { issuer: authority });
  const pfx = p12(client, '1900000001', legacy);
  if (pfx === undefined) {
    process.stderr.write('mTLS with a .p12: skipped, openssl cannot make one here\n');
    return;
  }
  let name: unknown;
  const port = await httpsServer(
    { ...good, requestCert: true, rejectUnauthorized: false, ca: authority.cert },
    (request, response) => {
      name = (request.socket as import('node:tls').TLSSocket).getPeerCertificate().subject?.CN;
      response.end('{}');
    },
  );
  const url = `https://127.0.0.1:${port}`;
  const call = get({ clientCertificate: true });
  const options = (passphrase: string) => ({
    ca: authority.cert,
    clientCertificate: async () => ({ pfx, passphrase, source: 'apiclient_cert.p12' }),
  });
  expect((await sender(url, options('1900000001')).send(call)).status).toBe(200);
  expect(name).toBe('1900000001');
  await expect(sender(url, options('wrong')).send(call)).rejects.toMatchObject({
    code: 'P12_PASSPHRASE_WRONG',
    params: { source: 'apiclient_cert.p12' },
  });
});

test('mTLS without a certificate in the profile says what is missing', async () => {
  await expect(sender('https://127.0.0.1:1').send(get({ clientCertificate: true }))).rejects.toMatchObject({
    code: 'CREDENTIAL_MISSING',
    params: { variable: 'WXPAY_CLIENT_CERT_FILE' },
  });
});

/** A proxy that tunnels every CONNECT to one local port, whatever name is asked for. */
async function proxy(target: number, heads: string[]): Promise<number> {
  return rawServer((socket) => {
    socket.once('data', (chunk) => {
      heads.push(chunk.toString('latin1'));
      const upstream = connectTcp(target, '127.0.0.1').on('error', () => undefined);
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
  });
}

test('B7: a proxy sees CONNECT and ciphertext, never the request', async () => {
  const certificate = issue('pay.example', { issuer: authority });
  const target = await httpsServer(certificate, ok);
  const heads: string[] = [];
  const port = await proxy(target, heads);
  const { send } = sender(
    'https://pay.example',
    { ca: authority.cert, env: { HTTPS_PROXY: `http://user:p%40ss@127.0.0.1:${port}` } },
    ['pay.example'],
  );
  expect((await send(post({ headers: { authorization: 'SECRET' } }))).status).toBe(200);
  expect(heads).toHaveLength(1);
  expect(heads[0]).toBe(
    'CONNECT pay.example:443 HTTP/1.1\r\nHost: pay.example:443\r\nUser-Agent: wxpay-test\r\n' +
      `Proxy-Authorization: Basic ${Buffer.from('user:p@ss').toString('base64')}\r\n\r\n`,
  );
});

test('B7: a proxy that is itself reached by TLS carries the tunnel; its certificate is checked', async () => {
  const target = await httpsServer(issue('pay.example', { issuer: authority }), ok);
  const heads: string[] = [];
  const server = createTls({ ...good }, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => {
      heads.push(chunk.toString('latin1').split('\r\n')[0] ?? '');
      const upstream = connectTcp(target, '127.0.0.1').on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as { port: number };
    const env = { HTTPS_PROXY: `https://127.0.0.1:${port}` };
    const trusting = sender('https://pay.example', { ca: authority.cert, env }, ['pay.example']);
    expect((await trusting.send(post())).status).toBe(200);
    expect(heads).toEqual(['CONNECT pay.example:443 HTTP/1.1']);
    await trusting.close();
    const stranger = sender('https://pay.example', { env }, ['pay.example']);
    await expect(stranger.send(post())).rejects.toMatchObject({
      code: 'NETWORK_PROXY',
      outcome: 'not_sent',
      params: { proxy: `https://127.0.0.1:${port}`, reason: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' },
    });
    expect(heads).toHaveLength(1);
  } finally {
    server.close();
  }
});

test('B7: a proxy whose answer comes in pieces still opens the tunnel', async () => {
  const target = await httpsServer(issue('pay.example', { issuer: authority }), ok);
  const port = await rawServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.0 200 OK\r\nVia: x\r');
      setTimeout(() => {
        const upstream = connectTcp(target, '127.0.0.1').on('error', () => undefined);
        socket.write('\n\r\n');
        socket.pipe(upstream).pipe(socket);
      }, 20);
    });
  });
  const env = { HTTPS_PROXY: `http://127.0.0.1:${port}` };
  expect((await sender('https://pay.example', { ca: authority.cert, env }, ['pay.example']).send(get())).status).toBe(
    200,
  );
});

test('B7: a proxy that resets the connection is named with the system’s reason', async () => {
  const port = await rawServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  const env = { HTTPS_PROXY: `http://127.0.0.1:${port}` };
  await expect(sender('https://pay.example', { env }, ['pay.example']).send(post())).rejects.toMatchObject({
    code: 'NETWORK_PROXY',
    outcome: 'not_sent',
    params: { reason: expect.stringContaining('ECONNRESET') as string },
  });
});

test('B7: the certificate is checked against the real host, also through a proxy', async () => {
  const target = await httpsServer(issue('evil.example', { issuer: authority }), ok);
  const port = await proxy(target, []);
  const { send } = sender('https://pay.example', { ca: authority.cert, env: { https_proxy: `127.0.0.1:${port}` } }, [
    'pay.example',
  ]);
  await expect(send(post())).rejects.toMatchObject({ code: 'NETWORK_TLS', outcome: 'not_sent' });
});

test.each([
  ['refuses', 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', 'proxy_status'],
  ['is no proxy', 'nonsense\r\n\r\n', 'proxy_http'],
  ['closes', '', 'proxy_closed'],
  ['sends data before TLS', 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n', 'proxy_data'],
  ['floods', 'x'.repeat(20_000), 'proxy_long'],
])('B7: a proxy that %s is named without its password, and nothing was sent', async (_what, answer, reason) => {
  const port = await rawServer((socket) => {
    socket.once('data', () => (answer === '' ? socket.end() : socket.write(answer)));
  });
  const env = { HTTPS_PROXY: `http://user:hunter2@127.0.0.1:${port}` };
  const error: unknown = await sender('https://pay.example', { env }, ['pay.example'])
    .send(post())
    .catch((caught: unknown) => caught);
  expect(error).toMatchObject({
    code: 'NETWORK_PROXY',
    outcome: 'not_sent',
    params: { proxy: `http://127.0.0.1:${port}`, reason: expect.stringContaining(reason) as string },
  });
  expect(JSON.stringify(error)).not.toContain('hunter2');
});

test('B7: a proxy variable that cannot be used stops a write before anything is sent', async () => {
  const { send } = sender('https://pay.example', { env: { HTTPS_PROXY: 'socks5://127.0.0.1:1' } }, ['pay.example']);
  await expect(send(post())).rejects.toMatchObject({ code: 'NETWORK_PROXY', outcome: 'not_sent' });
});

test("B7: an unreachable proxy is the proxy's fault, not the host's", async () => {
  const { send } = sender('https://pay.example', { env: { HTTPS_PROXY: 'http://127.0.0.1:1' } }, ['pay.example']);
  await expect(send(post())).rejects.toMatchObject({ code: 'NETWORK_PROXY', params: { reason: 'ECONNREFUSED' } });
});
