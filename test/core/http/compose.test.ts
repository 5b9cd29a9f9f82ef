/** The whole transport against real servers: what the layers do together. */
import { verify } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { checkEnvironment } from '../../../src/core/http/environment.ts';
import { parseBaseUrl } from '../../../src/core/http/base-url.ts';
import { createTransport, type ComposedTransport, type TransportOptions } from '../../../src/core/http/compose.ts';
import type { TraceEvent } from '../../../src/core/http/logged.ts';
import { settle } from '../../../src/core/http/outcome.ts';
import { createRedactor } from '../../../src/core/http/redact.ts';
import type { ApiRequest, Headers } from '../../../src/core/ports.ts';
import { closeAll, get, httpServer, post, realClock } from './loopback.ts';
import { answerHeaders, foreignPrivateKey, keyRing, merchantPublicKey, publicKeyId, signer } from './merchant.ts';

const made: ComposedTransport[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((transport) => transport.close()));
  await closeAll();
});

let nonces = 0;
function transportTo(port: number, options: Partial<TransportOptions> = {}): ComposedTransport['transport'] {
  const composed = createTransport({
    baseUrl: parseBaseUrl(`http://127.0.0.1:${port}`),
    signer,
    keyRing,
    clock: { ...realClock, sleep: (ms, signal) => realClock.sleep(Math.min(ms, 5), signal) },
    nonce: () => `NONCE${(nonces += 1)}`,
    random: () => 0.5,
    env: {},
    userAgent: 'wxpay-test',
    acceptLanguage: 'zh-CN',
    ...options,
  });
  made.push(composed);
  return composed.transport;
}

type Play = (request: IncomingMessage, response: ServerResponse, body: string, count: number) => void;

async function server(play: Play): Promise<{ port: number; seen: { authorization: string; body: string }[] }> {
  const seen: { authorization: string; body: string }[] = [];
  const port = await httpServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ authorization: request.headers.authorization ?? '', body });
      play(request, response, body, seen.length);
    });
  });
  return { port, seen };
}

function answer(response: ServerResponse, status: number, text: string, headers: Headers): void {
  for (const [name, values] of Object.entries(headers)) response.setHeader(name, [...values]);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
const now = (): number => Date.now();
const signedAnswer = (text: string, change = {}): Headers => answerHeaders(Buffer.from(text), now(), change);
const run = (transport: ComposedTransport['transport'], request: ApiRequest) =>
  settle(request, () => transport(request));

test('a signed request gets a verified answer, and the server can verify the request', async () => {
  const { port, seen } = await server((_request, response) =>
    answer(response, 200, '{"a":1}', signedAnswer('{"a":1}')),
  );
  const response = await run(transportTo(port), post());
  expect(response).toMatchObject({ status: 200, trust: 'verified', serial: publicKeyId, attempts: 1 });
  const header = seen[0]?.authorization ?? '';
  const field = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(header)?.[1] ?? '';
  const message = `POST\n/v3/y\n${field('timestamp')}\n${field('nonce_str')}\n${seen[0]?.body}\n`;
  expect(verify('sha256', Buffer.from(message), merchantPublicKey, Buffer.from(field('signature'), 'base64'))).toBe(
    true,
  );
});

const faults: [string, () => Headers, string][] = [
  ['missing', () => ({}), 'SIGNATURE_MISSING'],
  ['wrong', () => signedAnswer('{"a":1}', { key: foreignPrivateKey }), 'SIGNATURE_WRONG'],
  ['stale', () => signedAnswer('{"a":1}', { timestamp: Math.floor(now() / 1_000) - 400 }), 'SIGNATURE_STALE'],
  ['foreign', () => signedAnswer('{"a":1}', { serial: 'AB'.repeat(20) }), 'SIGNATURE_SERIAL_UNKNOWN'],
  ['a probe', () => signedAnswer('{"a":1}', { signature: `WECHATPAY/SIGNTEST/${'A'.repeat(325)}` }), 'SIGNATURE_PROBE'],
];

test.each(faults)(
  'R18: a 200 whose signature is %s: a read is refused, a write stays open',
  async (_what, headers, code) => {
    const { port, seen } = await server((_request, response) => answer(response, 200, '{"a":1}', headers()));
    const transport = transportTo(port);
    await expect(run(transport, get())).rejects.toMatchObject({ code, outcome: 'no_effect', httpStatus: 200 });
    expect(seen).toHaveLength(2);
    await expect(run(transport, post())).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      outcome: 'unknown',
      cause: { code },
    });
    expect(seen).toHaveLength(3);
  },
);

test('C6: a probe on a read is tried again, with a fresh signature over the same bytes', async () => {
  const { port, seen } = await server((_request, response, _body, count) =>
    answer(
      response,
      200,
      '{}',
      count === 1 ? signedAnswer('{}', { signature: 'WECHATPAY/SIGNTEST/x' }) : signedAnswer('{}'),
    ),
  );
  expect(await run(transportTo(port), get())).toMatchObject({ trust: 'verified', attempts: 2 });
  expect(new Set(seen.map(({ authorization }) => authorization)).size).toBe(2);
});

test('0.8: a refund is sent once, whatever the server does after receiving it', async () => {
  for (const play of [
    (_request, response) => answer(response, 500, '{"code":"SYSTEM_ERROR","message":""}', {}),
    (_request, response) => answer(response, 429, '{"code":"FREQUENCY_LIMITED","message":""}', {}),
    (_request, response) => response.destroy(),
    (_request, response) => response.writeHead(200, { 'content-length': '10' }).write('{"a"', () => response.destroy()),
    (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/', 'content-length': '0' }).end(),
  ] satisfies Play[]) {
    const { port, seen } = await server(play);
    await expect(run(transportTo(port), post())).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown' });
    expect(seen).toHaveLength(1);
  }
});

test('a prepay is repeated byte for byte until it is answered', async () => {
  const { port, seen } = await server((_request, response, _body, count) =>
    count < 3 ? response.destroy() : answer(response, 200, '{}', signedAnswer('{}')),
  );
  expect(await run(transportTo(port), post({ effect: 'prepay' }))).toMatchObject({ trust: 'verified', attempts: 3 });
  expect(new Set(seen.map(({ body }) => body)).size).toBe(1);
  expect(new Set(seen.map(({ authorization }) => authorization)).size).toBe(3);
});

test('C5: an unsigned 404 is the refusal that it is, and marked', async () => {
  const { port } = await server((_request, response) =>
    answer(response, 404, '{"code":"ORDER_NOT_EXIST","message":"订单不存在"}', {}),
  );
  await expect(run(transportTo(port), get())).rejects.toMatchObject({
    code: 'NOT_FOUND',
    unsigned: true,
    wechat: { message: '订单不存在' },
  });
});

test('B6: NODE_TLS_REJECT_UNAUTHORIZED=0 stops every write before anything is sent', async () => {
  const { port, seen } = await server((_request, response) => answer(response, 200, '{}', signedAnswer('{}')));
  const transport = transportTo(port, { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } });
  for (const effect of ['prepay', 'close', 'refund', 'write'] as const) {
    await expect(run(transport, post({ effect }))).rejects.toMatchObject({ code: 'ENVIRONMENT_UNSAFE' });
  }
  expect(seen).toHaveLength(0);
  expect(await run(transport, get())).toMatchObject({ status: 200 });
});

test.each(['--inspect', '--inspect-brk=0', '--max-old-space-size=512 --inspect-wait=127.0.0.1:9229', '"--inspect"'])(
  'E4: NODE_OPTIONS=%s stops every write to a live host before anything is sent',
  async (value) => {
    const { port, seen } = await server((_request, response) => answer(response, 200, '{}', signedAnswer('{}')));
    const env = { NODE_OPTIONS: value, HTTPS_PROXY: `http://127.0.0.1:${port}` };
    const live = transportTo(port, { env, baseUrl: parseBaseUrl('https://api.mch.weixin.qq.com') });
    for (const effect of ['prepay', 'close', 'refund', 'write'] as const)
      await expect(run(live, post({ effect }))).rejects.toMatchObject({
        code: 'ENVIRONMENT_UNSAFE',
        params: { variable: 'NODE_OPTIONS' },
        outcome: 'not_sent',
      });
    expect(seen).toHaveLength(0);
    // An app that is being debugged on this machine may use the emulator.
    expect(await run(transportTo(port, { env }), post())).toMatchObject({ status: 200 });
  },
);

test.each(['--inspect-publish-uid=http', '--require ./x-inspect.js', ''])(
  'E4: NODE_OPTIONS=%j opens no debugger and stops nothing',
  (value) => expect(checkEnvironment({ NODE_OPTIONS: value }, 'refund', true)).toBeUndefined(),
);

test('E2: the trace shows every try and no signature or secret', async () => {
  const secret = 'Canary-Secret-0123456789';
  const { port, seen } = await server((_request, response, _body, count) =>
    count === 1
      ? answer(response, 503, `{"code":"X","message":"${secret}"}`, {})
      : answer(response, 200, `{"echo":"${secret}"}`, signedAnswer(`{"echo":"${secret}"}`)),
  );
  const events: TraceEvent[] = [];
  const trace = { redact: createRedactor([secret]), onEvent: (event: TraceEvent) => void events.push(event) };
  await run(transportTo(port, { trace }), get());
  expect(events.map(({ kind }) => kind)).toEqual([
    'call',
    'request',
    'response',
    'retry',
    'request',
    'response',
    'settled',
  ]);
  const text = JSON.stringify(events);
  expect(text).not.toContain(secret);
  for (const { authorization } of seen) expect(text).not.toContain(/signature="([^"]+)"/.exec(authorization)?.[1]);
  expect(text).toContain('mchid=\\"1900000001\\"');
});

test('B2, R17: any target and body arrive as they were signed', { timeout: 60_000 }, async () => {
  const { assert, asyncProperty, uint8Array, stringMatching } = await import('fast-check');
  const { port } = await server((request, response, body) => {
    const header = request.headers.authorization ?? '';
    const field = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(header)?.[1] ?? '';
    const message = `${request.method}\n${request.url}\n${field('timestamp')}\n${field('nonce_str')}\n${body}\n`;
    const holds = verify('sha256', Buffer.from(message), merchantPublicKey, Buffer.from(field('signature'), 'base64'));
    answer(response, holds ? 200 : 401, '{}', signedAnswer('{}'));
  });
  const transport = transportTo(port, { ratePerSecond: 100_000 });
  await assert(
    asyncProperty(
      stringMatching(/^\/v3\/[!"$-[\]-~]{1,40}$/),
      uint8Array({ maxLength: 200 }),
      async (target, bytes) => {
        const body = Buffer.from(Buffer.from(bytes).toString('utf8'));
        const segments = target.split('?', 1)[0]?.split('/') ?? [];
        if (segments.some((segment) => /^(\.|%2e){1,2}$/i.test(segment))) return;
        const response = await transport(post({ target, body, effect: 'prepay' }));
        expect([response.status, target]).toEqual([200, target]);
      },
    ),
    { numRuns: 300 },
  );
});
