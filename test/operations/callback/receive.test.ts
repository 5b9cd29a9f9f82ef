import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { parseRawHttp } from '../../../src/operations/callback/capture/raw-http.ts';
import { startReceiver, type Receiver } from '../../../src/operations/callback/receive.ts';
import { verifyCallback } from '../../../src/operations/callback/verify.ts';
import { keys, makeCallback, now } from './staged-callback.ts';

const open: Receiver[] = [];
async function receiver(): Promise<Receiver> {
  const made = await startReceiver();
  open.push(made);
  return made;
}
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const post = (
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> => fetch(url, { method: 'POST', body, headers });

test('keeps a callback so that it still verifies', async () => {
  const { url, next } = await receiver();
  const { headers, body } = makeCallback();
  expect((await post(url, body, { ...headers })).status).toBe(204);
  const { raw } = await next(AbortSignal.timeout(60_000));
  expect(await verifyCallback(parseRawHttp(raw), keys, now)).toMatchObject({ verdict: 'valid' });
});

test('hands out callbacks in the order in which they came, early or late', async () => {
  const { url, next } = await receiver();
  await post(url, '1');
  const second = (async () => {
    await next(AbortSignal.timeout(60_000));
    return next(AbortSignal.timeout(60_000));
  })();
  await post(url, '2');
  expect((await second).raw.toString()).toMatch(/\r\n\r\n2$/);
});

describe('next', () => {
  test('rejects with the reason of its signal, also when it was aborted before', async () => {
    const { next } = await receiver();
    const reason = new Error('Ctrl-C');
    await expect(next(AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = next(controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  test('gives no callback to somebody who has gone', async () => {
    const { url, next } = await receiver();
    const controller = new AbortController();
    const gone = next(controller.signal).catch(() => undefined);
    controller.abort(new Error('gone'));
    await gone;
    await post(url, 'kept');
    expect((await next(AbortSignal.timeout(60_000))).raw.toString()).toContain('kept');
  });
});

describe('I2: limits', () => {
  test('a body of more than 2 MiB is refused, and the next one is taken', async () => {
    const { url, next } = await receiver();
    const refused = await post(url, new Uint8Array(2 * 1024 * 1024 + 1)).then(
      ({ status }) => status,
      () => 'cut',
    );
    expect([413, 'cut']).toContain(refused);
    expect((await post(url, 'small')).status).toBe(204);
    expect((await next(AbortSignal.timeout(60_000))).raw.toString()).toContain('small');
  });

  test('a head of more than 16 KiB is refused', async () => {
    const { url } = await receiver();
    expect((await post(url, 'x', { 'x-long': 'a'.repeat(20_000) })).status).toBe(431);
  });

  test('a client that goes away in the middle does no harm', async () => {
    const { url, next } = await receiver();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write('POST /notify HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.destroy();
    expect((await post(url, 'whole')).status).toBe(204);
    expect((await next(AbortSignal.timeout(60_000))).raw.toString()).toContain('whole');
  });
});

test('I1: it listens on 127.0.0.1 alone', async () => {
  const { url } = await receiver();
  expect(new URL(url).hostname).toBe('127.0.0.1');
});

test('close ends open connections', async () => {
  const made = await startReceiver();
  const socket = connect(Number(new URL(made.url).port), '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const ended = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  await made.close();
  await ended;
});
