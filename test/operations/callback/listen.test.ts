import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import {
  keptCaptures,
  keptUnverified,
  openCaptureFolder,
  unverifiedASecond,
} from '../../../src/operations/callback/capture-folder.ts';
import { parseRawHttp } from '../../../src/operations/callback/capture/raw-http.ts';
import { makeEvent } from '../../../src/operations/callback/events.ts';
import type { Exchange } from '../../../src/operations/callback/exchange.ts';
import {
  startListener,
  type Listener,
  type ListenOptions,
  type Received,
} from '../../../src/operations/callback/listen.ts';
import { makeRepeats } from '../../../src/operations/callback/repeats.ts';
import { makeMessage, type Damage, type Message } from '../../../src/operations/callback/send.ts';
import { parseTarget } from '../../../src/operations/callback/target.ts';
import { realClock } from '../../helpers/local.ts';
import { apiV2Key, mchid as v2Mchid, payment, refund, signed, xml } from './autopsy/v2/stage.ts';
import { foreignKey } from './staged-callback.ts';

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const serial = '5157F09EFDC096DE15EBE81A47057A7232F1B8E1';
const apiV3Key = Buffer.from('0123456789abcdef0123456789abcdef');
const keys = {
  find: async (id: string) =>
    id === serial ? { id, kind: 'platform-certificate' as const, publicKey: createPublicKey(privateKey) } : undefined,
  apiV3Key,
  mchid: '1900000001',
};

/** A callback of now. Its numbers can be chosen, so that two are about the same thing. */
function callback(changes: { id?: string; no?: string; event?: string; damage?: Damage } = {}): Message {
  const now = Date.now();
  const story = { mchid: '1900000001', appid: 'wx1', subMchid: '1900000109', now, randomBytes };
  const event = makeEvent(changes.event ?? 'TRANSACTION.SUCCESS', undefined, story);
  const name = event.event_type.startsWith('REFUND') ? 'out_refund_no' : 'out_trade_no';
  const resource = changes.no === undefined ? event.resource : { ...event.resource, [name]: changes.no };
  const id = changes.id ?? randomBytes(8).toString('hex');
  const sealing = { key: { id: serial, privateKey }, foreignKey: () => foreignKey, apiV3Key, now, randomBytes };
  return makeMessage({ ...event, resource }, { id, create_time: '2026-11-24T10:00:00+08:00' }, sealing, changes.damage);
}

interface Answer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

async function send(
  url: string,
  { headers, body }: Message,
  extra: readonly (readonly [string, string])[] = [],
  method = 'POST',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const flat = [
      ...(extra.some(([name]) => name === 'Host') ? [] : [['Host', new URL(url).host]]),
      ...headers,
      ...extra,
    ];
    const request = httpRequest(url, { method, headers: flat.flat(), agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.rawHeaders, body: Buffer.concat(chunks).toString() }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wxpay-listen-'));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
});

interface App {
  readonly url: string;
  /** Raw requests as they came. */
  readonly requests: Buffer[];
}

/** An app over bare sockets, which may be as rude as it likes. */
async function app(answer: (socket: Socket, count: number) => void): Promise<App> {
  const requests: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(bytes.toString('latin1'))?.[1] ?? 0);
      if (end === -1 || bytes.length < end + 4 + length) return;
      requests.push(bytes);
      answer(socket, requests.length);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/app`, requests };
}

const reply =
  (status: number, body = '', head = ''): ((socket: Socket) => void) =>
  (socket) =>
    socket.end(`HTTP/1.1 ${status} X\r\n${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);

interface Stage extends Listener {
  readonly received: Received[];
  readonly late: Exchange[];
  readonly unkept: WxpayError[];
  readonly notify: string;
}

async function listen(to: string | undefined, options: Partial<ListenOptions> = {}, keeps = true): Promise<Stage> {
  const received: Received[] = [];
  const late: Exchange[] = [];
  const unkept: WxpayError[] = [];
  const listener = await startListener({
    host: '127.0.0.1',
    port: 0,
    publicHosts: [],
    ...(to === undefined
      ? {}
      : { forwardTo: parseTarget(to, { flag: '--forward-to', allowHosts: [], privateHosts: false }) }),
    forwardUnverified: false,
    forwardRepeats: false,
    failFirst: 0,
    clock: realClock,
    keys,
    v2Keys: async () => ({ apiV2Key, mchid: v2Mchid }),
    ...(keeps ? { captures: await openCaptureFolder(join(dir, 'captures')) } : {}),
    onReceived: (one) => received.push(one),
    onLate: (_one, answer) => late.push(answer),
    onUnkept: (error) => unkept.push(error),
    ...options,
  });
  closers.push(() => listener.close());
  return { ...listener, received, late, unkept, notify: `${listener.url}/notify` };
}

const junk: Message = { headers: [['Content-Length', '4']], body: Buffer.from('junk') };
const bodyOf = (raw: Buffer): Buffer => raw.subarray(raw.indexOf('\r\n\r\n') + 4);
const headOf = (raw: Buffer): string => raw.subarray(0, raw.indexOf('\r\n\r\n')).toString('latin1');

describe('W1: what is passed on', () => {
  test('is the very bytes, and every header but those of the connection, in order and case', async () => {
    const own = await app(reply(204));
    const stage = await listen(own.url);
    const message = callback();
    const extra = [
      ['X-Odd', '\u00e4 b'],
      ['x-odd', 'c'],
      ['Keep-Alive', 'timeout=5'],
      ['X-Private', '1'],
      ['Connection', 'close, x-private'],
    ] as const;
    expect((await send(stage.notify, message, extra)).status).toBe(204);
    const [raw] = own.requests;
    expect(bodyOf(raw!).equals(message.body)).toBe(true);
    const kept = message.headers.filter(([name]) => name !== 'Content-Length');
    expect(headOf(raw!).split('\r\n')).toEqual([
      'POST /app HTTP/1.1',
      `Host: ${new URL(own.url).host}`,
      ...kept.map(([name, value]) => `${name}: ${value}`),
      'X-Odd: \u00e4 b',
      'x-odd: c',
      `Content-Length: ${message.body.length}`,
      'Connection: close',
    ]);
  });

  test('keeps its path where the app’s URL has none', async () => {
    const own = await app(reply(204));
    const stage = await listen(own.url.replace('/app', ''));
    await send(`${stage.url}/pay/notify?a=%2F`, callback());
    expect(headOf(own.requests[0]!)).toMatch(/^POST \/pay\/notify\?a=%2F HTTP\/1\.1\r\n/);
  });
});

describe('the app’s answer', () => {
  test('goes back as it is, and is told with its time', async () => {
    const own = await app(reply(200, '{"code":"SUCCESS"}', 'X-App: 1\r\nContent-Type: application/json\r\n'));
    const stage = await listen(own.url);
    const answer = await send(stage.notify, callback());
    expect(answer).toMatchObject({ status: 200, body: '{"code":"SUCCESS"}' });
    expect(answer.headers).toEqual(expect.arrayContaining(['X-App', '1', 'Content-Type', 'application/json']));
    expect(stage.received).toMatchObject([
      { action: 'forwarded', app: { status: 200 }, answered: { status: 200 }, report: { verdict: 'valid' } },
    ]);
    expect(stage.received[0]!.app!.ms).toBeLessThan(5000);
  });

  test.each([201, 302, 400, 500, 503])('%i goes back too, and the callback is passed on again', async (status) => {
    const own = await app(reply(status, 'no', 'Location: http://169.254.169.254/\r\n'));
    const stage = await listen(own.url);
    const message = callback();
    expect((await send(stage.notify, message)).status).toBe(status);
    expect((await send(stage.notify, message)).status).toBe(status);
    expect(own.requests).toHaveLength(2);
    expect(stage.received[1]).toMatchObject({ action: 'forwarded', repeat: { acknowledged: false, times: 2 } });
  });
});

describe('R15: an app that is', () => {
  test.each<[string, (socket: Socket) => void, number, object]>([
    ['rude', (socket) => socket.end('\u0000\u0001garbage\r\n\r\n'), 502, { failure: 'garbage' }],
    ['gone', (socket) => socket.resetAndDestroy(), 502, { failure: 'cut' }],
    ['cut', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab'), 502, { failure: 'cut' }],
    [
      'switching',
      (socket) => socket.write('HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
      502,
      { failure: 'garbage' },
    ],
    [
      'beyond all statuses',
      (socket) => socket.end('HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n'),
      502,
      { status: 999 },
    ],
    [
      'huge',
      (socket) => socket.end(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n${'x'.repeat(5_000_000)}`),
      200,
      { status: 200, whole: false },
    ],
  ])('%s does no harm', async (_kind, answer, status, told) => {
    const own = await app(answer);
    const stage = await listen(own.url);
    const result = await send(stage.notify, callback());
    expect(result.status).toBe(status);
    if (status === 502) expect(JSON.parse(result.body)).toEqual({ code: 'FAIL', message: 'app failed' });
    else expect(result.body).toBe('');
    expect(stage.received[0]!.app).toMatchObject(told);
    // It is still there.
    expect((await send(`${stage.url}/healthz`, { headers: [], body: Buffer.alloc(0) }, [], 'GET')).status).toBe(200);
  });

  test('down is told, answered with a failure, and asked again when it is back', async () => {
    const own = await app(reply(204));
    const stage = await listen('http://127.0.0.1:1/');
    const answer = await send(stage.notify, callback());
    expect([answer.status, JSON.parse(answer.body)]).toEqual([502, { code: 'FAIL', message: 'app not running' }]);
    expect(stage.received[0]).toMatchObject({ action: 'forwarded', app: { failure: 'refused' } });
    expect(own.requests).toEqual([]);
  });

  test('slow: WeChat Pay has its answer in time, the late one is told, and counts for nothing', async () => {
    const own = await app((socket, count) => {
      if (count > 1) reply(204)(socket);
      else setTimeout(() => reply(204)(socket), 5_300);
    });
    const stage = await listen(own.url);
    const message = callback();
    const began = performance.now();
    const answer = await send(stage.notify, message);
    // Our answer is due after 4.8 s, and is none of the app's; what is over five is the machine's.
    expect(performance.now() - began).toBeLessThan(6000);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([504, { code: 'FAIL', message: 'app too slow' }]);
    while (stage.late.length === 0 && performance.now() - began < 10_000)
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    expect(stage.late).toMatchObject([{ status: 204 }]);
    expect(stage.late[0]!.ms).toBeGreaterThan(5000);
    expect((await send(stage.notify, message)).status).toBe(204);
    expect(own.requests).toHaveLength(2);
  });

  test('silent does not keep the listener from ending', async () => {
    const own = await app(() => {});
    const stage = await listen(own.url);
    const sending = send(stage.notify, callback()).catch(() => undefined);
    while (own.requests.length === 0)
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    const began = performance.now();
    await stage.close();
    expect(performance.now() - began).toBeLessThan(2500);
    await sending;
  });
});

describe('W2: what does not verify', () => {
  test.each([
    'body',
    'signature',
    'stale',
    'key',
    'serial',
    'probe',
    'missing-all',
    'api-v3-key',
    'json',
    'mchid',
  ] satisfies Damage[])('C11: is refused in one wording, kept, and goes nowhere: %s', async (damage) => {
    const own = await app(reply(204));
    const stage = await listen(own.url);
    const answer = await send(stage.notify, callback({ damage }));
    expect([answer.status, JSON.parse(answer.body)]).toEqual([401, { code: 'FAIL', message: 'verification failed' }]);
    expect(own.requests).toEqual([]);
    expect(stage.received).toMatchObject([{ action: 'refused', report: { verdict: 'invalid' } }]);
    expect(stage.received[0]!.report).not.toHaveProperty('resource');
    expect(stage.received[0]!.capture).toMatch(/-unverified\.http$/);
  });

  test('is passed on when that is asked for, marked, and refused all the same', async () => {
    const own = await app(reply(204));
    const stage = await listen(own.url, { forwardUnverified: true });
    const faked = [['wxpay-unverified', 'no']] as const;
    expect((await send(stage.notify, callback({ damage: 'key' }), faked)).status).toBe(401);
    expect(headOf(own.requests[0]!).match(/wxpay-unverified: .*/gi)).toEqual(['Wxpay-Unverified: SIGNATURE_WRONG']);
    expect((await send(stage.notify, callback(), faked)).status).toBe(204);
    expect(headOf(own.requests[1]!)).not.toMatch(/wxpay-unverified/i);
  });

  test('is one thing, what cannot be verified now another: 503, and WeChat Pay sends it again', async () => {
    const own = await app(reply(204));
    const find = async (): Promise<never> => {
      throw new WxpayError('NETWORK_DNS', { params: { host: 'x' } });
    };
    const stage = await listen(own.url, { keys: { ...keys, find } });
    expect((await send(stage.notify, callback())).status).toBe(503);
    expect(stage.received).toMatchObject([{ action: 'unjudged', error: { code: 'NETWORK_DNS' } }]);
    expect(own.requests).toEqual([]);
  });
});

describe('C7: repeats', () => {
  test.each([
    ['of one notification', { id: 'A', no: 'T1' }, { id: 'A', no: 'T1' }],
    ['of one order under another id', { id: 'A', no: 'T1' }, { id: 'B', no: 'T1' }],
  ])('%s are held back once the app has acknowledged', async (_what, first, second) => {
    const own = await app(reply(200));
    const stage = await listen(own.url);
    await send(stage.notify, callback(first));
    expect((await send(stage.notify, callback(second))).status).toBe(204);
    expect(own.requests).toHaveLength(1);
    expect(stage.received[1]).toMatchObject({ action: 'held_back', repeat: { by: 'number', times: 2 } });
  });

  test.each([
    ['another order', { id: 'A', no: 'T1' }, { id: 'B', no: 'T2' }],
    ['another order under the same id', { id: 'A', no: 'T1' }, { id: 'A', no: 'T2' }],
    ['another state of a refund', { no: 'R1', event: 'REFUND.ABNORMAL' }, { no: 'R1', event: 'REFUND.SUCCESS' }],
    ['a refund of an order that is known', { no: 'X1' }, { no: 'X1', event: 'REFUND.SUCCESS' }],
  ])('%s is none', async (_what, first, second) => {
    const own = await app(reply(200));
    const stage = await listen(own.url);
    await send(stage.notify, callback(first));
    await send(stage.notify, callback(second));
    expect(own.requests).toHaveLength(2);
  });

  test('are passed on when that is asked for', async () => {
    const own = await app(reply(200));
    const stage = await listen(own.url, { forwardRepeats: true });
    for (let count = 0; count < 3; count += 1) await send(stage.notify, callback({ id: 'A', no: 'T1' }));
    expect(own.requests).toHaveLength(3);
  });

  test('go by the id where no number is known', async () => {
    const own = await app(reply(200));
    const stage = await listen(own.url);
    for (const id of ['A', 'A', 'B']) await send(stage.notify, callback({ id, event: 'COMPLAINT.STATE_CHANGE' }));
    expect(stage.received.map(({ action }) => action)).toEqual(['forwarded', 'held_back', 'forwarded']);
  });

  test('are remembered for the last 10,000 notices, and for no more', () => {
    const repeats = makeRepeats();
    const notice = (id: number) => ({ id: String(id), event_type: 'X.Y', resource: {} });
    for (let id = 0; id < 10_001; id += 1) repeats.meet(notice(id), 0);
    expect(repeats.meet(notice(1), 0).times).toBe(2);
    expect(repeats.meet(notice(0), 0).times).toBe(1);
  });
});

test('--fail-first: the first comings of every callback fail, and the app hears of the next', async () => {
  const own = await app(reply(204));
  const stage = await listen(own.url, { failFirst: 2 });
  const statuses: number[] = [];
  for (const no of ['T1', 'T1', 'T2', 'T1', 'T2', 'T2'])
    statuses.push((await send(stage.notify, callback({ no }))).status);
  expect(statuses).toEqual([500, 500, 500, 204, 500, 204]);
  expect(own.requests).toHaveLength(2);
});

test('without an app it answers 204 by itself', async () => {
  const stage = await listen(undefined);
  expect((await send(stage.notify, callback({ no: 'T1' }))).status).toBe(204);
  expect((await send(stage.notify, callback({ no: 'T1' }))).status).toBe(204);
  expect(stage.received.map(({ action }) => action)).toEqual(['answered', 'held_back']);
});

describe('captures', () => {
  test('are the message as it came, for the owner only, and verify', async () => {
    const stage = await listen(undefined);
    const message = callback();
    await send(stage.notify, message);
    const file = stage.received[0]!.capture!;
    expect(file).toMatch(/\/\d{8}T\d{9}Z-0001-TRANSACTION\.SUCCESS\.http$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'captures')).mode & 0o777).toBe(0o700);
    const capture = parseRawHttp(readFileSync(file));
    expect(capture.body.equals(message.body)).toBe(true);
    expect(capture.headers['wechatpay-signature']).toHaveLength(1);
  });

  test('of a chunked body can be read as well', async () => {
    const stage = await listen(undefined);
    const { headers, body } = callback();
    const chunked = headers.filter(([name]) => name !== 'Content-Length');
    await send(stage.notify, { headers: [...chunked, ['Transfer-Encoding', 'chunked']], body });
    expect(parseRawHttp(readFileSync(stage.received[0]!.capture!)).body.equals(body)).toBe(true);
  });

  test('S9: an event type does not choose a path', async () => {
    const folder = await openCaptureFolder(join(dir, 'captures'));
    const message = { method: 'POST', target: '/', headers: [], body: Buffer.from('x') };
    for (const label of ['../../evil', '/etc/passwd', '..', '', 'a b', '\u001b[2J', 'x'.repeat(200), 'CON\0'])
      expect(await folder.keep(message, label, 0)).toMatch(/\/captures\/19700101T000000000Z-\d{4}-callback\.http$/);
    expect(readdirSync(dir)).toEqual(['captures']);
  });

  test('do not follow a link that somebody has put there, and are not written over', async () => {
    const folder = await openCaptureFolder(join(dir, 'captures'));
    writeFileSync(join(dir, 'precious'), 'precious');
    symlinkSync(join(dir, 'precious'), join(dir, 'captures', '19700101T000000000Z-0001-A.http'));
    const message = { method: 'POST', target: '/', headers: [], body: Buffer.from('x') };
    expect(await folder.keep(message, 'A', 0)).toMatch(/-0002-A\.http$/);
    expect(readFileSync(join(dir, 'precious'), 'utf8')).toBe('precious');
  });

  test('are bounded: the oldest go first, and nobody else’s files do', async () => {
    const captures = join(dir, 'captures');
    const folder = await openCaptureFolder(captures);
    writeFileSync(join(captures, 'mine.http'), '');
    const message = { method: 'POST', target: '/', headers: [], body: Buffer.from('x') };
    for (let count = 0; count < keptCaptures + 5; count += 1) await folder.keep(message, 'A', 0);
    const names = readdirSync(captures);
    expect(names).toHaveLength(keptCaptures + 1);
    expect(names).toContain('mine.http');
    expect(names.filter((name) => name.endsWith('-0005-A.http'))).toEqual([]);
  });

  test('that cannot be kept are told of, and the callback is passed on all the same', async () => {
    const own = await app(reply(204));
    const stage = await listen(own.url);
    rmSync(join(dir, 'captures'), { recursive: true });
    expect((await send(stage.notify, callback())).status).toBe(204);
    expect(stage.unkept).toMatchObject([{ code: 'FILE_UNWRITABLE' }]);
    expect(stage.received[0]).not.toHaveProperty('capture');
  });
});

describe('I3: who is not welcome', () => {
  const nothing = { headers: [], body: Buffer.alloc(0) };
  test.each<[string, readonly (readonly [string, string])[], number]>([
    ['a foreign name', [['Host', 'evil.example']], 403],
    ['a foreign name with our port', [['Host', 'evil.example:PORT']], 403],
    ['another port', [['Host', 'localhost:1']], 403],
    [
      'a web page',
      [
        ['Host', 'localhost:PORT'],
        ['Origin', 'https://evil.example'],
      ],
      403,
    ],
    [
      'a web page of another site',
      [
        ['Host', 'localhost:PORT'],
        ['Sec-Fetch-Site', 'cross-site'],
      ],
      403,
    ],
    ['our own name', [['Host', 'localhost:PORT']], 401],
    ['our own address', [['Host', '127.0.0.1:PORT']], 401],
    ['the tunnel', [['Host', 'Pay.Example.com']], 401],
    ['the tunnel with a port', [['Host', 'pay.example.com:443']], 401],
  ])('%s', async (_who, extra, status) => {
    const stage = await listen(undefined, { publicHosts: ['pay.example.com'] });
    const named = extra.map(([name, value]) => [name, value.replace('PORT', String(stage.port))] as const);
    const answer = await send(stage.notify, nothing, [...named, ['Content-Length', '0']]);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'FAIL' });
  });

  test('nothing but POST, /healthz apart', async () => {
    const stage = await listen(undefined);
    expect((await send(stage.notify, nothing, [], 'GET')).status).toBe(405);
    expect(await send(`${stage.url}/healthz`, nothing, [], 'GET')).toMatchObject({
      status: 200,
      body: '{"status":"ok"}',
    });
    expect(stage.received).toEqual([]);
  });
});

describe('I2: limits', () => {
  test('a body beyond 2 MiB is refused, declared or not', async () => {
    const stage = await listen(undefined);
    const declared = `POST / HTTP/1.1\r\nHost: 127.0.0.1:${stage.port}\r\nContent-Length: 2097153\r\n\r\n`;
    const chunked = `POST / HTTP/1.1\r\nHost: 127.0.0.1:${stage.port}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    for (const head of [declared, chunked]) {
      const text = await new Promise<string>((resolve) => {
        const socket = connect(stage.port, '127.0.0.1');
        let got = '';
        socket.on('data', (chunk) => (got += chunk.toString('latin1')));
        socket.on('error', () => {});
        socket.on('close', () => resolve(got));
        socket.write(head);
        if (head === chunked)
          for (let count = 0; count < 40; count += 1) socket.write(`10000\r\n${'x'.repeat(0x10000)}\r\n`);
      });
      expect(text).toMatch(/^HTTP\/1\.1 413 /);
    }
    expect(stage.received).toEqual([]);
    expect((await send(stage.notify, callback())).status).toBe(204);
  });

  test('500 sockets that say nothing do not keep a callback out', async () => {
    const stage = await listen(undefined);
    const sockets = Array.from({ length: 500 }, () => connect(stage.port, '127.0.0.1').on('error', () => {}));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (const socket of sockets) socket.write('POST / HTTP/1.1\r\nHost: ');
    const began = performance.now();
    expect((await send(stage.notify, callback())).status).toBe(204);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('500 sockets with bodies that never end, small or nearly too large, do not keep a callback out', async () => {
    const stage = await listen(undefined);
    const sockets = Array.from({ length: 500 }, () => connect(stage.port, '127.0.0.1').on('error', () => {}));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (const [index, socket] of sockets.entries()) {
      const size = index % 20 === 0 ? 2_000_000 : 1_000;
      socket.write(`POST / HTTP/1.1\r\nHost: 127.0.0.1:${stage.port}\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size - 1, 0x20));
    }
    // Until they have all arrived, and some had to go.
    await new Promise((resolve) => {
      setTimeout(resolve, 300);
    });
    const began = performance.now();
    expect((await send(stage.notify, callback())).status).toBe(204);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test('junk is refused by the thousand, and does not drive out what is genuine', async () => {
    let now = Date.now();
    const clock = { ...realClock, now: () => (now += 15) };
    const stage = await listen(undefined, { captures: await openCaptureFolder(join(dir, 'captures')), clock });
    await send(stage.notify, callback());
    const genuine = stage.received[0]!.capture!;
    for (let round = 0; round < 40; round += 1) {
      const answers = await Promise.all(Array.from({ length: 25 }, async () => send(stage.notify, junk)));
      expect(answers.every(({ status }) => status === 401)).toBe(true);
    }
    expect(readdirSync(join(dir, 'captures'))).toContain(genuine.split('/').at(-1));
    expect(readdirSync(join(dir, 'captures'))).toHaveLength(keptUnverified + 1);
    expect((await send(stage.notify, callback())).status).toBe(204);
  });

  test('much in one breath waits for its turn: a callback on another connection comes between', async () => {
    const stage = await listen(undefined, {}, false);
    const open = async (): Promise<Socket> =>
      new Promise((resolve) => {
        const socket = connect(stage.port, '127.0.0.1', () => resolve(socket));
        socket.on('error', () => {});
        closers.push(() => void socket.destroy());
      });
    const raw = ({ headers, body }: Message): Buffer => {
      const lines = ['POST /notify HTTP/1.1', `Host: 127.0.0.1:${stage.port}`];
      const head = [...lines, ...headers.map(([name, value]) => `${name}: ${value}`)];
      if (!head.some((line) => /^content-length:/i.test(line))) head.push(`Content-Length: ${body.length}`);
      return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
    };
    const [flood, calm] = [await open(), await open()];
    flood.write(Buffer.concat(Array.from({ length: 15 }, () => raw(callback({ damage: 'probe' })))));
    calm.write(raw(callback()));
    await new Promise<void>((resolve) => {
      calm.once('data', () => resolve());
    });
    expect(stage.received.length).toBeLessThan(8);
    expect(stage.received.filter(({ action }) => action === 'answered')).toHaveLength(1);
  });
});

describe('R15: the disk', () => {
  test('is not kept busy by a flood: a hundred a second of what does not verify, and everything that does', async () => {
    let now = Math.floor(Date.now() / 1_000) * 1_000;
    const stage = await listen(undefined, { clock: { ...realClock, now: () => now } });
    for (let count = 0; count < unverifiedASecond + 20; count += 1) await send(stage.notify, junk);
    expect((await send(stage.notify, callback())).status).toBe(204);
    const kept = stage.received.map(({ capture }) => capture !== undefined);
    expect(kept).toEqual(
      stage.received.map((_, index) => index < unverifiedASecond || index === stage.received.length - 1),
    );
    expect(readdirSync(join(dir, 'captures'))).toHaveLength(unverifiedASecond + 1);
    now += 1_000;
    await send(stage.notify, junk);
    expect(stage.received.at(-1)?.capture).toMatch(/-unverified\.http$/);
  });
});

describe('I1: the port', () => {
  test('that is taken is refused', async () => {
    const stage = await listen(undefined);
    await expect(listen(undefined, { port: stage.port })).rejects.toMatchObject({ code: 'LISTEN_PORT_BUSY' });
    await expect(listen(undefined, { host: '192.0.2.1' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('is loopback’s', async () => {
    const stage = await listen(undefined);
    const reached = await new Promise((resolve) => {
      const socket = connect({ port: stage.port, host: '::1' });
      socket.on('connect', () => resolve(true));
      socket.on('error', () => resolve(false));
      closers.push(() => void socket.destroy());
    });
    expect(reached).toBe(false);
  });
});

describe('APIv2', () => {
  const ok = '<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>';
  const notice = (body: string): Message => ({
    headers: [
      ['Content-Type', 'text/xml'],
      ['Content-Length', String(Buffer.byteLength(body))],
    ],
    body: Buffer.from(body),
  });
  const paid = notice(xml(signed()));

  test('without an app, a callback that holds is answered in XML, and its repeat is recognised', async () => {
    const stage = await listen(undefined);
    const first = await send(stage.notify, paid);
    expect(first).toMatchObject({ status: 200, body: ok });
    expect(first.headers).toContain('text/xml; charset=utf-8');
    expect(await send(stage.notify, paid)).toMatchObject({ status: 200, body: ok });
    expect(stage.received).toMatchObject([
      { kind: 'v2', action: 'answered', answered: { taken: true }, report: { verdict: 'valid' } },
      { kind: 'v2', action: 'held_back', repeat: { by: 'number', times: 2 } },
    ]);
    expect(await send(stage.notify, notice(refund()))).toMatchObject({ status: 200, body: ok });
    expect(stage.received[2]).toMatchObject({ action: 'answered', report: { resource: { out_refund_no: 'R1' } } });
  });

  test('one that does not hold is refused in XML and goes nowhere, whatever is wrong with it', async () => {
    const own = await app(reply(200, ok));
    const stage = await listen(own.url);
    const bodies = [
      xml(signed()).replace('<![CDATA[1290]]>', '<![CDATA[1]]>'),
      xml(signed(payment, 'MD5', 'x'.repeat(32))),
      xml(signed({ ...payment, mch_id: '10000200' })),
      xml(payment),
      '<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><a>&a;</a></xml>',
      '<xml>',
    ];
    const answers = [];
    for (const body of bodies) answers.push(await send(stage.notify, notice(body)));
    const words =
      '<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[verification failed]]></return_msg></xml>';
    expect(answers).toMatchObject(bodies.map(() => ({ status: 401, body: words })));
    expect(stage.received.map(({ action }) => action)).toEqual(bodies.map(() => 'refused'));
    expect(own.requests).toEqual([]);
  });

  test('goes to the app untouched, and only its SUCCESS in XML counts', async () => {
    const answers = [
      reply(200, '{"code":"SUCCESS"}'),
      reply(204),
      reply(200, ok.replace('SUCCESS', 'FAIL')),
      reply(500, ok),
      reply(200, ok),
    ];
    const own = await app((socket, count) => answers[count - 1]!(socket));
    const stage = await listen(own.url);
    for (let count = 0; count <= answers.length; count += 1) await send(stage.notify, paid);
    expect(own.requests).toHaveLength(5);
    expect(bodyOf(own.requests[0]!).equals(paid.body)).toBe(true);
    expect(stage.received.map(({ action, answered }) => [action, answered.status, answered.taken])).toEqual([
      ['forwarded', 200, false],
      ['forwarded', 204, false],
      ['forwarded', 200, false],
      ['forwarded', 500, false],
      ['forwarded', 200, true],
      ['held_back', 200, true],
    ]);
  });

  test('without an APIv2 key it cannot be judged: WeChat Pay sends it again', async () => {
    const stage = await listen(undefined, {
      v2Keys: async () => {
        throw new WxpayError('INPUT_MISSING', { params: { field: 'api_v2_key' } });
      },
    });
    const answer = await send(stage.notify, paid);
    expect(answer.status).toBe(503);
    expect(answer.body).toContain('<return_code><![CDATA[FAIL]]></return_code>');
    expect(stage.received[0]).toMatchObject({ kind: 'v2', action: 'unjudged', error: { code: 'INPUT_MISSING' } });
  });

  test('an app that is gone is a failure in XML', async () => {
    const stage = await listen('http://127.0.0.1:9/');
    const answer = await send(stage.notify, paid);
    expect(answer.status).toBe(502);
    expect(answer.body).toContain('<return_msg><![CDATA[app not running]]></return_msg>');
  });
});
