import { expect, test } from 'vitest';
import { WxpayError, type ErrorCode, type Outcome } from '../../../src/core/errors.ts';
import { retried, type RetriedOptions, type RetryEvent } from '../../../src/core/http/retried.ts';
import type { ApiRequest, ApiResponse, Effect, Headers, Transport } from '../../../src/core/ports.ts';
import { get, post } from './loopback.ts';
import { fakeClock, startTime } from './merchant.ts';

type Step = number | [number, Headers] | [ErrorCode, Outcome];

/** Plays the steps; the last one repeats. Counts the calls and keeps the requests. */
function script(...steps: Step[]): Transport & { requests: ApiRequest[] } {
  const requests: ApiRequest[] = [];
  const transport = async (request: ApiRequest): Promise<ApiResponse> => {
    const step = steps[Math.min(requests.length, steps.length - 1)] ?? 200;
    requests.push(request);
    if (Array.isArray(step) && typeof step[0] === 'string') {
      throw new WxpayError(step[0], { outcome: step[1] });
    }
    const [status, headers] = Array.isArray(step) ? step : [step, {}];
    return { status, headers, body: new Uint8Array(), trust: 'verified', host: 'x' };
  };
  return Object.assign(transport, { requests });
}

function run(
  inner: Transport,
  request: ApiRequest,
  options: Partial<RetriedOptions> = {},
): { result: Promise<ApiResponse>; clock: ReturnType<typeof fakeClock> } {
  const clock = fakeClock();
  return { clock, result: retried(inner, { clock, random: () => 0.5, retries: 3, ...options })(request) };
}

const of = (effect: Effect): ApiRequest => (effect === 'read' ? get() : post({ effect }));

test('when neither host can be reached, both are named', async () => {
  const dead =
    (host: string): Transport =>
    async () => {
      throw new WxpayError('NETWORK_DNS', { params: { host }, outcome: 'no_effect' });
    };
  const { result } = run(dead('api.example'), of('read'), { backup: dead('api2.example') });
  await expect(result).rejects.toMatchObject({ params: { host: 'api.example, api2.example' } });
});

test.each<[Effect, number]>([
  ['read', 4],
  ['prepay', 4],
  ['close', 4],
  ['refund', 1],
  ['write', 1],
])('G6: %s is sent %i times when the server is in trouble or throttles', async (effect, times) => {
  for (const status of [429, 500, 502, 503]) {
    const inner = script(status);
    expect(await run(inner, of(effect)).result).toMatchObject({ status, attempts: times });
    expect(inner.requests).toHaveLength(times);
    expect(new Set(inner.requests.map((request) => request.body)).size).toBe(1);
  }
});

test.each<[Effect, Outcome, number]>([
  ['read', 'no_effect', 4],
  ['prepay', 'unknown', 4],
  ['prepay', 'not_sent', 4],
  ['close', 'unknown', 4],
  ['refund', 'unknown', 1],
  ['refund', 'not_sent', 4],
  ['write', 'unknown', 1],
  ['write', 'not_sent', 1],
])('0.8: %s after a network error with outcome %s is sent %i times', async (effect, outcome, times) => {
  for (const code of ['NETWORK_TIMEOUT', 'NETWORK_CUT', 'NETWORK_REFUSED', 'NETWORK_DNS'] as const) {
    const inner = script([code, outcome]);
    await expect(run(inner, of(effect)).result).rejects.toMatchObject({ code, outcome, params: { attempts: times } });
    expect(inner.requests).toHaveLength(times);
  }
});

test.each(['NETWORK_TLS', 'NETWORK_PROXY', 'NETWORK_REDIRECT', 'ANSWER_TOO_LARGE', 'PATH_INVALID'] as const)(
  '%s will not go away and is not tried again',
  async (code) => {
    const inner = script([code, 'no_effect']);
    await expect(run(inner, get()).result).rejects.toMatchObject({ code });
    expect(inner.requests).toHaveLength(1);
  },
);

test('C6: a probe is tried again once, for what may be repeated', async () => {
  for (const effect of ['read', 'prepay', 'close'] as const) {
    const inner = script(['SIGNATURE_PROBE', 'unknown'], 200);
    expect(await run(inner, of(effect)).result).toMatchObject({ status: 200, attempts: 2 });
    const wrong = script(['SIGNATURE_WRONG', 'unknown']);
    await expect(run(wrong, of(effect)).result).rejects.toMatchObject({ code: 'SIGNATURE_WRONG' });
    expect(wrong.requests).toHaveLength(2);
  }
  for (const effect of ['refund', 'write'] as const) {
    const inner = script(['SIGNATURE_PROBE', 'unknown'], 200);
    await expect(run(inner, of(effect)).result).rejects.toMatchObject({ code: 'SIGNATURE_PROBE', outcome: 'unknown' });
    expect(inner.requests).toHaveLength(1);
  }
});

test('a try that may have arrived is not forgotten when the last one was not sent', async () => {
  const inner = script(['NETWORK_CUT', 'unknown'], ['NETWORK_REFUSED', 'not_sent']);
  await expect(run(inner, of('prepay')).result).rejects.toMatchObject({ code: 'NETWORK_REFUSED', outcome: 'unknown' });
});

test('refusals are answers, not trouble', async () => {
  for (const status of [200, 204, 400, 401, 403, 404]) {
    const inner = script(status);
    expect(await run(inner, get()).result).toMatchObject({ status, attempts: 1 });
  }
});

test('B8: a host that cannot be reached is exchanged for its backup at once, and back', async () => {
  const events: RetryEvent[] = [];
  const primary = script(['NETWORK_DNS', 'not_sent']);
  const backup = script(['NETWORK_REFUSED', 'not_sent'], 200);
  const { result, clock } = run(primary, post(), { backup, onRetry: (event) => events.push(event) });
  expect(await result).toMatchObject({ status: 200, attempts: 4 });
  expect(clock.sleeps).toEqual([]);
  expect(events.map((event) => event.switched)).toEqual([true, true, true]);
  expect([primary.requests.length, backup.requests.length]).toEqual([2, 2]);
});

test('B8: a host that could not be reached is passed over by the requests that follow, for a minute', async () => {
  const primary = script(['NETWORK_TIMEOUT', 'not_sent'], 200);
  const backup = script(200, 200, 200, ['NETWORK_DNS', 'no_effect'], 200);
  const clock = fakeClock();
  const transport = retried(primary, { clock, random: () => 0.5, retries: 3, backup });
  const asked = (): [number, number] => [primary.requests.length, backup.requests.length];
  await transport(post());
  expect(asked()).toEqual([1, 1]);
  await transport(post());
  await clock.sleep(59_000);
  // Also one that is never repeated: it would have failed.
  await transport(post({ effect: 'write' }));
  expect(asked()).toEqual([1, 3]);
  // The backup is gone, and the primary is back.
  await transport(get());
  expect(asked()).toEqual([2, 4]);
  await transport(get());
  expect(asked()).toEqual([3, 4]);
});

test('B8: after a minute the primary is tried again', async () => {
  const primary = script(['NETWORK_DNS', 'no_effect'], 200);
  const backup = script(200);
  const clock = fakeClock();
  const transport = retried(primary, { clock, random: () => 0.5, retries: 3, backup });
  await transport(get());
  await clock.sleep(60_000);
  await transport(get());
  expect([primary.requests.length, backup.requests.length]).toEqual([2, 1]);
});

test('B8: after any byte was written, or on an answer, the backup is not asked', async () => {
  for (const [effect, step] of [
    ['refund', ['NETWORK_CUT', 'unknown']],
    ['prepay', ['NETWORK_CUT', 'unknown']],
    ['close', ['NETWORK_TIMEOUT', 'unknown']],
    ['read', ['NETWORK_CUT', 'no_effect']],
    ['read', 503],
    ['prepay', 500],
    ['read', 429],
    ['read', ['SIGNATURE_WRONG', 'no_effect']],
    ['write', ['NETWORK_REFUSED', 'not_sent']],
  ] satisfies [Effect, Step][]) {
    const backup = script(200);
    await run(script(step), of(effect), { backup }).result.catch(() => undefined);
    expect(backup.requests, `${effect} ${String(step)}`).toHaveLength(0);
  }
});

test('pauses double, jitter over their whole length, and have a ceiling', async () => {
  const { result, clock } = run(script(503), get(), { retries: 7, random: () => 0.999_999 });
  await result;
  expect(clock.sleeps.map((pause) => Math.round(pause))).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  const { result: none, clock: still } = run(script(503), get(), { random: () => 0 });
  await none;
  expect(still.sleeps).toEqual([]);
});

test.each([
  ['7', 7_000],
  ['0', 250],
  ['99999', 30_000],
  [new Date(startTime + 9_000).toUTCString(), 9_000],
  [new Date(startTime - 9_000).toUTCString(), 250],
  ['soon', 250],
  ['-5', 250],
  ['1e3', 250],
  ['', 250],
])('Retry-After %j is honoured within reason', async (value, pause) => {
  const { result, clock } = run(script([429, { 'retry-after': [value] }], 200), get());
  await result;
  expect(clock.sleeps).toEqual([pause]);
});

test('no retries means one try', async () => {
  const inner = script(503);
  await run(inner, get(), { retries: 0 }).result;
  expect(inner.requests).toHaveLength(1);
});

test('an interrupt during a pause ends the repetition with what was known', async () => {
  const controller = new AbortController();
  const inner = script(503);
  const onRetry = (): void => controller.abort(new Error('stop'));
  const { result } = run(inner, get({ signal: controller.signal }), { onRetry });
  expect(await result).toMatchObject({ status: 503, attempts: 1 });
});

test('an interrupt before a later try does not hide that an earlier one may have arrived', async () => {
  let calls = 0;
  const inner: Transport = async () => {
    calls += 1;
    if (calls === 1) throw new WxpayError('NETWORK_CUT', { outcome: 'unknown' });
    throw new Error('Ctrl-C');
  };
  await expect(run(inner, of('prepay')).result).rejects.toMatchObject({ code: 'NETWORK_CUT', outcome: 'unknown' });
});

test('an error that is not ours passes as it is', async () => {
  const boom = new TypeError('boom');
  const { result } = run(async () => Promise.reject(boom), get());
  await expect(result).rejects.toBe(boom);
});
