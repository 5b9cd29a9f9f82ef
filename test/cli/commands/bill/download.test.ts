/** Downloads that go wrong, and servers that are not who they should be (THREATS B4, B5, H1, H4). */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../../../helpers/cli.ts';
import { openBillStage, type BillStage } from './bill-stage.ts';

let stage: BillStage;
let open: Server[] = [];
beforeAll(async () => {
  stage = await openBillStage();
  stage.local.emulator.seed({ count: 40, total: 1290, paid_ago_ms: stage.day, prefix: 'A' });
}, 30_000);
afterEach(async () => {
  stage.local.emulator.faults.clear();
  await Promise.all(open.map(async (server) => server.close()));
  open = [];
  const folder = join(stage.local.home.dir, 'cache', 'bills');
  // Whatever went wrong, nothing of it stays behind.
  expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([]);
});
afterAll(async () => stage.close());

interface Server {
  readonly url: string;
  readonly seen: IncomingMessage[];
  close(): Promise<void>;
}

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

interface Passed {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
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

type Answer = (honest: Buffer, response: ServerResponse, request: IncomingMessage, nth: number) => void;

/** Between the program and the emulator: bills are applied for honestly, and downloads are answered by the test. */
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

const argv = ['bill', 'trade', '2026-11-22', '-o', 'ndjson'];
const through = async (server: Server, more: readonly string[] = []): Promise<RunResult> =>
  stage.run([...argv, ...more], { WXPAY_BASE_URL: server.url });
const whole = (body: Buffer, response: ServerResponse): void => {
  response.writeHead(200, { 'content-length': body.length }).end(body);
};
/** Declares everything, sends a part, and hangs up. */
const cut = (body: Buffer, response: ServerResponse, at: number): void => {
  response.writeHead(200, { 'content-length': body.length });
  response.write(body.subarray(0, at), () => response.destroy());
};
const downloads = ({ seen }: Server): readonly IncomingMessage[] =>
  seen.filter(({ url }) => url?.startsWith('/v3/billdownload/') === true);
const lines = ({ stdout }: RunResult): number => stdout.split('\n').length - 1;

test('the honest way: both requests are signed, the second under its own target', async () => {
  const server = await between(whole);
  const result = await through(server);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(lines(result)).toBe(40);
  expect(downloads(server)).toHaveLength(1);
  expect(downloads(server)[0]?.headers.authorization).toMatch(/^WECHATPAY2-SHA256-RSA2048 /);
});

describe('a download that breaks off', () => {
  test('goes on where it broke off, from a server that can do that', async () => {
    stage.local.emulator.faults.add({ kind: 'truncate', path: '/v3/billdownload/file', bytes: 300 });
    const result = await stage.run(argv);
    expect(result).toMatchObject({ code: 0 });
    expect(lines(result)).toBe(40);
    expect(result.stderr).toContain('going on from byte 300');
    expect(stage.local.emulator.requests.at(-1)?.status).toBe(206);
  });

  test('begins anew with a server that cannot', async () => {
    const server = await between((body, response, _request, nth) => {
      if (nth === 1) cut(body, response, 200);
      else whole(body, response);
    });
    const result = await through(server);
    expect(result.code).toBe(0);
    expect(lines(result)).toBe(40);
    expect(downloads(server).map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=200-']);
  });

  test('and whose pieces do not fit is fetched once more in one piece', async () => {
    const server = await between((body, response, request, nth) => {
      if (nth === 1) cut(body, response, 200);
      else if (nth === 2) {
        const rest = Buffer.alloc(body.length - 200, 1);
        const range = `bytes 200-${body.length - 1}/${body.length}`;
        response.writeHead(206, { 'content-range': range, 'content-length': rest.length }).end(rest);
      } else whole(body, response);
      expect(request.headers.range).toBe(nth === 2 ? 'bytes=200-' : undefined);
    });
    const result = await through(server);
    expect(result.code).toBe(0);
    expect(lines(result)).toBe(40);
    expect(downloads(server)).toHaveLength(3);
  });

  test('again and again ends, with nothing shown', async () => {
    const server = await between((body, response) => cut(body, response, 100));
    const result = await through(server);
    expect(result).toMatchObject({ code: 7, stdout: '' });
    expect(downloads(server).length).toBeLessThanOrEqual(4);
  });

  test('without a word, where nothing declares the length, is found by its end', async () => {
    const server = await between((body, response, _request, nth) => {
      if (nth > 1) {
        whole(body, response);
        return;
      }
      // Ends with the connection: it cannot be told from a whole answer (THREATS H2).
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, { connection: 'close' });
      response.end(body.subarray(0, body.length - 30));
    });
    const result = await through(server);
    expect(result.code).toBe(0);
    expect(lines(result)).toBe(40);
  });

  test('a piece of another place than was asked for is refused', async () => {
    const server = await between((body, response, _request, nth) => {
      if (nth === 1) cut(body, response, 200);
      else
        response
          .writeHead(206, { 'content-range': `bytes 0-9/${body.length}`, 'content-length': 10 })
          .end(body.subarray(0, 10));
    });
    expect(await through(server)).toMatchObject({ code: 6, stdout: '' });
  });
});

describe('a file that is not the one that was signed for is refused before a row is shown', () => {
  test.each<[string, (plain: Buffer) => Buffer]>([
    ['one flipped bit', (plain) => Buffer.from(plain.map((byte, at) => (at === 700 ? byte ^ 1 : byte)))],
    ['one byte more', (plain) => Buffer.concat([plain, Buffer.from('\n')])],
    ['a row less', (plain) => Buffer.from(plain.toString().replace(/`2026[^\n]*A00000007[^\n]*\n/, ''))],
    ['nothing at all', () => Buffer.alloc(0)],
    ['HTML', () => Buffer.from('<html>maintenance</html>')],
  ])('%s', async (_name, damage) => {
    for (const pack of [gzipSync, (plain: Buffer) => plain]) {
      const server = await between((body, response) => whole(pack(damage(gunzipSync(body))), response));
      const result = await through(server, ['--out', 'refused.ndjson']);
      expect(result).toMatchObject({ code: 6, stdout: '' });
      expect(existsSync(join(stage.local.home.dir, 'refused.ndjson'))).toBe(false);
      expect(errorOf(await through(server))).toMatchObject({ code: 'BILL_HASH_WRONG' });
    }
  });

  test.each<[string, (body: Buffer) => Buffer]>([
    ['cut gzip', (body) => body.subarray(0, body.length - 20)],
    [
      'gzip with a flipped byte in it',
      (body) => Buffer.from(body.map((byte, at) => (at === 100 ? byte ^ 0x55 : byte))),
    ],
    ['gzip with rubbish behind it', (body) => Buffer.concat([body, gzipSync('more')])],
  ])('%s', async (_name, damage) => {
    const server = await between((body, response) => whole(damage(body), response));
    expect(await through(server)).toMatchObject({ code: 6, stdout: '' });
  });

  test('a file that came unpacked, or packed by the way, is the same file', async () => {
    const server = await between((body, response) => {
      response.setHeader('content-encoding', 'gzip');
      whole(body, response);
    });
    expect(lines(await through(server))).toBe(40);
    const plain = await between((body, response) => whole(gunzipSync(body), response));
    expect(lines(await through(plain))).toBe(40);
  });
});

describe('size', () => {
  test('a gzip bomb stops early (THREATS H1)', async () => {
    const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024));
    const server = await between((_body, response) => whole(bomb, response));
    const result = await through(server);
    expect(result).toMatchObject({ code: 6, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'BILL_TOO_LARGE' });
  });

  test('--max-size bounds the plain bytes, and what is downloaded', async () => {
    const server = await between(whole);
    expect(errorOf(await through(server, ['--max-size', '2K']))).toMatchObject({ code: 'BILL_TOO_LARGE' });
    expect(await through(server, ['--max-size', '1M'])).toMatchObject({ code: 0 });
    const endless = await between((_body, response) => {
      response.writeHead(200, { 'content-length': 1024 ** 4 });
      const more = (): void =>
        void response.write(Buffer.alloc(64 * 1024, 1), (error) => void (error ?? setImmediate(more)));
      more();
    });
    expect(errorOf(await through(endless, ['--max-size', '1M']))).toMatchObject({ code: 'BILL_TOO_LARGE' });
  });
});

describe('credentials stay where they belong', () => {
  test('a download_url on a foreign host gets no request at all', async () => {
    const server = await between(whole, 'evil.example');
    const result = await through(server);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'HOST_NOT_ALLOWED' });
    expect(result.stderr).toContain('evil.example');
    expect(downloads(server)).toEqual([]);
  });

  test.each([301, 302, 303, 307, 308])('a redirect (%i) to another server is not followed', async (status) => {
    const other = await serve((_request, response) => void response.end('mine'));
    const server = await between((_body, response) => {
      response.writeHead(status, { location: `${other.url}/v3/billdownload/file?token=x`, 'content-length': 0 }).end();
    });
    const result = await through(server);
    expect(result).toMatchObject({ code: 7, stdout: '' });
    expect(other.seen).toEqual([]);
  });

  test('the same for the request of the bill', async () => {
    const other = await serve((_request, response) => void response.end('{}'));
    stage.local.emulator.faults.add({ kind: 'redirect', location: `${other.url}/`, path: '/v3/bill/tradebill' });
    expect(await stage.run(argv)).toMatchObject({ code: 7, stdout: '' });
    expect(other.seen).toEqual([]);
  });

  test('the token is in no trace', async () => {
    const server = await between(whole);
    const result = await through(server, ['--debug']);
    const token = /token=([^&]+)/.exec(downloads(server)[0]?.url ?? '')?.[1] ?? '';
    expect(token.length).toBeGreaterThan(20);
    expect(result.stderr).toContain('/v3/billdownload/file?token=');
    expect(result.stderr).not.toContain(token);
  });
});

test('an address that has expired is asked for once more', async () => {
  const refusal = Buffer.from('{"code":"INVALID_REQUEST","message":"expired"}');
  const server = await between((body, response, _request, nth) => {
    if (nth === 1)
      response.writeHead(400, { 'content-type': 'application/json', 'content-length': refusal.length }).end(refusal);
    else whole(body, response);
  });
  const result = await through(server);
  expect(result.code).toBe(0);
  expect(lines(result)).toBe(40);
  expect(server.seen.filter(({ url }) => url?.startsWith('/v3/bill') === true)).toHaveLength(4);
  const never = await between((_body, response) => {
    response.writeHead(400, { 'content-type': 'application/json', 'content-length': refusal.length }).end(refusal);
  });
  expect(await through(never)).toMatchObject({ code: 4, stdout: '' });
  expect(downloads(never)).toHaveLength(2);
});

test('an answer whose signature does not hold names no file', async () => {
  stage.local.emulator.faults.add({ kind: 'signature', variant: 'wrong', path: '/v3/bill/tradebill', count: -1 });
  expect(await stage.run(argv)).toMatchObject({ code: 6, stdout: '' });
  stage.local.emulator.faults.clear();
  stage.local.emulator.faults.add({ kind: 'signature', variant: 'missing', path: '/v3/bill/tradebill', count: -1 });
  expect(await stage.run(argv)).toMatchObject({ code: 6, stdout: '' });
});

test('an unsigned "no statement" is a refusal, not a day without transactions (THREATS C5)', async () => {
  stage.local.emulator.faults.add({ kind: 'signature', variant: 'missing', path: '/v3/bill/tradebill' });
  const result = await stage.run(['bill', 'trade', '2026-11-20', '-o', 'ndjson']);
  expect(result).toMatchObject({ code: 4, stdout: '' });
  expect(errorOf(result)).toMatchObject({ unsigned: true, wechat: { code: 'NO_STATEMENT_EXIST' } });
});
