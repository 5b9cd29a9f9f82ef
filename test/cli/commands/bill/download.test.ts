/** Downloads that go wrong, and servers that are not who they should be (THREATS B4, B5, H1, H4). */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, type RunResult } from '../../../helpers/cli.ts';
import { cut, downloads, openServers, whole, type Server, type Servers } from './bill-servers.ts';
import { openBillStage, type BillStage } from './bill-stage.ts';

let stage: BillStage;
let servers: Servers;
beforeAll(async () => {
  stage = await openBillStage();
  servers = openServers(stage);
  stage.local.emulator.seed({ count: 40, total: 1290, paid_ago_ms: stage.day, prefix: 'A' });
});
afterEach(async () => {
  stage.local.emulator.faults.clear();
  await servers.close();
  const folder = join(stage.local.home.dir, 'cache', 'bills');
  // Whatever else went wrong, nothing of it stays behind.
  expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([]);
});
afterAll(async () => stage.close());

const argv = ['bill', 'trade', '2026-11-22', '-o', 'ndjson'];
const through = async (server: Server, more: readonly string[] = []): Promise<RunResult> =>
  stage.run([...argv, ...more], { WXPAY_BASE_URL: server.url });
const lines = ({ stdout }: RunResult): number => stdout.split('\n').length - 1;

test('the honest way: both requests are signed, the second under its own target', async () => {
  const server = await servers.between(whole);
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
    const server = await servers.between((body, response, _request, nth) => {
      if (nth === 1) cut(body, response, 200);
      else whole(body, response);
    });
    const result = await through(server);
    expect(result.code).toBe(0);
    expect(lines(result)).toBe(40);
    expect(downloads(server).map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=200-']);
  });

  test('and whose pieces do not fit is fetched once more in one piece', async () => {
    const server = await servers.between((body, response, request, nth) => {
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
    const server = await servers.between((body, response) => cut(body, response, 100));
    const result = await through(server);
    expect(result).toMatchObject({ code: 7, stdout: '' });
    expect(downloads(server).length).toBeLessThanOrEqual(4);
    // What came of it waits for the next run (resume.test.ts).
    const folder = join(stage.local.home.dir, 'cache', 'bills');
    const left = readdirSync(folder).map((name) => statSync(join(folder, name)));
    expect(left.map(({ size, mode }) => [size, mode & 0o777])).toEqual([[100, 0o600]]);
    rmSync(folder, { recursive: true });
  });

  test('without a word, where nothing declares the length, is found by its end', async () => {
    const server = await servers.between((body, response, _request, nth) => {
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
    const server = await servers.between((body, response, _request, nth) => {
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
      const server = await servers.between((body, response) => whole(pack(damage(gunzipSync(body))), response));
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
    const server = await servers.between((body, response) => whole(damage(body), response));
    expect(await through(server)).toMatchObject({ code: 6, stdout: '' });
  });

  test('a file that came unpacked, or packed by the way, is the same file', async () => {
    const server = await servers.between((body, response) => {
      response.setHeader('content-encoding', 'gzip');
      whole(body, response);
    });
    expect(lines(await through(server))).toBe(40);
    const plain = await servers.between((body, response) => whole(gunzipSync(body), response));
    expect(lines(await through(plain))).toBe(40);
  });
});

describe('size', () => {
  test('a gzip bomb stops early (THREATS H1)', async () => {
    const bomb = gzipSync(Buffer.alloc(300 * 1024 * 1024));
    const server = await servers.between((_body, response) => whole(bomb, response));
    const result = await through(server);
    expect(result).toMatchObject({ code: 6, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'BILL_TOO_LARGE' });
  });

  test('--max-size bounds the plain bytes, and what is downloaded', async () => {
    const server = await servers.between(whole);
    expect(errorOf(await through(server, ['--max-size', '2K']))).toMatchObject({ code: 'BILL_TOO_LARGE' });
    expect(await through(server, ['--max-size', '1M'])).toMatchObject({ code: 0 });
    const endless = await servers.between((_body, response) => {
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
    const server = await servers.between(whole, 'evil.example');
    const result = await through(server);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'HOST_NOT_ALLOWED' });
    expect(result.stderr).toContain('evil.example');
    expect(downloads(server)).toEqual([]);
  });

  test.each([301, 302, 303, 307, 308])('a redirect (%i) to another server is not followed', async (status) => {
    const other = await servers.serve((_request, response) => void response.end('mine'));
    const server = await servers.between((_body, response) => {
      response.writeHead(status, { location: `${other.url}/v3/billdownload/file?token=x`, 'content-length': 0 }).end();
    });
    const result = await through(server);
    expect(result).toMatchObject({ code: 7, stdout: '' });
    expect(other.seen).toEqual([]);
  });

  test('the same for the request of the bill', async () => {
    const other = await servers.serve((_request, response) => void response.end('{}'));
    stage.local.emulator.faults.add({ kind: 'redirect', location: `${other.url}/`, path: '/v3/bill/tradebill' });
    expect(await stage.run(argv)).toMatchObject({ code: 7, stdout: '' });
    expect(other.seen).toEqual([]);
  });

  test('the token is in no trace', async () => {
    const server = await servers.between(whole);
    const result = await through(server, ['--debug']);
    const token = /token=([^&]+)/.exec(downloads(server)[0]?.url ?? '')?.[1] ?? '';
    expect(token.length).toBeGreaterThan(20);
    expect(result.stderr).toContain('/v3/billdownload/file?token=');
    expect(result.stderr).not.toContain(token);
  });
});

test('an address that has expired is asked for once more', async () => {
  const refusal = Buffer.from('{"code":"INVALID_REQUEST","message":"expired"}');
  const server = await servers.between((body, response, _request, nth) => {
    if (nth === 1)
      response.writeHead(400, { 'content-type': 'application/json', 'content-length': refusal.length }).end(refusal);
    else whole(body, response);
  });
  const result = await through(server);
  expect(result.code).toBe(0);
  expect(lines(result)).toBe(40);
  expect(server.seen.filter(({ url }) => url?.startsWith('/v3/bill') === true)).toHaveLength(4);
  const never = await servers.between((_body, response) => {
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
