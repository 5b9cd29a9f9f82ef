/** The facts in the trace; what it hides is held by `redact.test.ts`. */
import { expect, test } from 'vitest';
import { WxpayError } from '../../../src/core/errors.ts';
import { logged, traced, type TraceEvent } from '../../../src/core/http/logged.ts';
import type { ApiResponse, Transport } from '../../../src/core/ports.ts';
import { get, post } from './loopback.ts';
import { fakeClock } from './merchant.ts';

const answer: ApiResponse = {
  status: 200,
  headers: { date: ['a', 'b'], 'set-cookie': ['secret'] },
  body: Buffer.from('{"a":1}'),
  trust: 'verified',
  host: 'h',
};

function world() {
  const clock = fakeClock();
  const events: TraceEvent[] = [];
  const options = {
    clock,
    redact: (text: string): string => text.replaceAll('KEY', '#'),
    onEvent: (event: TraceEvent) => void events.push(event),
  };
  /** Takes its time, then answers or throws. */
  const inner =
    (result: ApiResponse | Error | symbol): Transport =>
    async () => {
      clock.advance(12.4);
      if (typeof result === 'symbol' || result instanceof Error) throw result;
      return result;
    };
  return { events, options, inner };
}

test.each<[ApiResponse | Error | symbol, object]>([
  [answer, { result: 'HTTP 200', trust: 'verified', attempts: 1 }],
  [
    { ...answer, trust: 'unsigned', status: 404, attempts: 3 },
    { result: 'HTTP 404', trust: 'unsigned', attempts: 3 },
  ],
  [new WxpayError('NETWORK_DNS', { params: { attempts: 4 } }), { result: 'NETWORK_DNS', trust: 'none', attempts: 4 }],
  [new WxpayError('NETWORK_DNS'), { result: 'NETWORK_DNS', trust: 'none', attempts: 1 }],
  [new TypeError('KEY'), { result: 'INTERRUPTED', trust: 'none', attempts: 1 }],
  [Symbol('stop'), { result: 'INTERRUPTED', trust: 'none', attempts: 1 }],
])('a call and how it settled: %#', async (result, settled) => {
  const { events, options, inner } = world();
  const call = logged(inner(result), options)(get({ target: '/v3/KEY?token=t0ken' }));
  if (typeof result === 'object' && !(result instanceof Error)) expect(await call).toBe(result);
  else expect(await call.catch((error: unknown) => error)).toBe(result);
  expect(events).toEqual([
    { kind: 'call', method: 'GET', target: '/v3/#?token=[redacted]', effect: 'read' },
    { kind: 'settled', ...settled, milliseconds: 12 },
  ]);
});

test('a try that is answered: what went out and what came in, every value of a header', async () => {
  const { events, options, inner } = world();
  const request = post({ headers: { accept: 'KEY', 'x-own': 'v' }, body: Buffer.from('a KEY') });
  expect(await traced(inner(answer), 'api.example', options)(request)).toBe(answer);
  expect(events).toEqual([
    {
      kind: 'request',
      host: 'api.example',
      method: 'POST',
      target: '/v3/y',
      headers: [
        ['accept', '#'],
        ['x-own', '[redacted]'],
      ],
      body: 'a #',
    },
    {
      kind: 'response',
      host: 'h',
      status: 200,
      headers: [
        ['date', 'a'],
        ['date', 'b'],
        ['set-cookie', '[redacted]'],
      ],
      body: '{"a":1}',
      milliseconds: 12,
    },
  ]);
});

test.each<[Error, object]>([
  [new WxpayError('NETWORK_CUT', { outcome: 'not_sent' }), { code: 'NETWORK_CUT', outcome: 'not_sent' }],
  [new TypeError('mine'), { code: 'INTERRUPTED', outcome: 'unknown' }],
])('a try that fails says how, and whether money may have moved: %#', async (error, failure) => {
  const { events, options, inner } = world();
  await expect(traced(inner(error), 'h', options)(get())).rejects.toBe(error);
  expect(events[1]).toEqual({ kind: 'failure', ...failure, milliseconds: 12 });
});

test('E2: secrets that only the request knows are hidden in it and in its answer, besides those of everybody', async () => {
  const { events, options, inner } = world();
  const request = post({ body: Buffer.from('own-secret KEY'), secrets: ['own-secret'] });
  await traced(inner({ ...answer, body: Buffer.from('KEY own-secret') }), 'h', options)(request);
  expect(events.map((event) => ('body' in event ? event.body : ''))).toEqual(['[redacted] #', '# [redacted]']);
});

test('of an upload what is signed is shown, and how much there is to read', async () => {
  const { events, options, inner } = world();
  const request = post({ body: Buffer.alloc(70_000, 'x'), signedBody: Buffer.from('{"filename":"KEY"}') });
  await traced(inner(answer), 'h', options)(request);
  expect(events[0]).toMatchObject({ body: '{"filename":"#"}\n… (70000 bytes)' });
});

test('a body of 64 KiB is shown whole, a longer one is cut after its secrets are out', async () => {
  const shown = async (text: string): Promise<string> => {
    const { events, options, inner } = world();
    await traced(inner({ ...answer, body: Buffer.from(text) }), 'h', options)(get());
    const [request, response] = events as { body: string }[];
    expect(request?.body).toBe('');
    return response?.body ?? '';
  };
  expect(await shown('y'.repeat(65_536))).toBe('y'.repeat(65_536));
  expect(await shown('y'.repeat(65_537))).toBe(`${'y'.repeat(65_536)}… (65537 bytes)`);
  const edge = await shown(`${'y'.repeat(65_534)}KEY${'z'.repeat(9)}`);
  expect(edge).toBe(`${'y'.repeat(65_534)}#z… (65546 bytes)`);
});
