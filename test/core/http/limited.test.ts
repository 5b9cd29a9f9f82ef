import { expect, test } from 'vitest';
import { createLimit, limited } from '../../../src/core/http/limited.ts';
import type { ApiResponse } from '../../../src/core/ports.ts';
import { get } from './loopback.ts';
import { fakeClock } from './merchant.ts';

const answer: ApiResponse = { status: 200, headers: {}, body: new Uint8Array(), trust: 'verified', host: 'x' };

/** A clock whose sleepers wake in order of their time, as real ones do. */
function concurrentClock() {
  let time = 0;
  const waiting: { at: number; wake: () => void }[] = [];
  return {
    now: () => time,
    monotonic: () => time,
    sleep: (milliseconds: number) =>
      new Promise<void>((resolve) => waiting.push({ at: time + milliseconds, wake: resolve })),
    async run() {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        const next = waiting.sort((a, b) => a.at - b.at).shift();
        if (next === undefined) return;
        time = Math.max(time, next.at);
        next.wake();
      }
    },
  };
}

test('G13: never more than the rate in any second, however many ask at once, and first come first served', async () => {
  const clock = concurrentClock();
  const times: number[] = [];
  const order: string[] = [];
  const transport = limited(
    async (request) => {
      times.push(clock.monotonic());
      order.push(request.target);
      return answer;
    },
    createLimit({ clock, ratePerSecond: 50 }),
  );
  const all = Promise.all(Array.from({ length: 300 }, (_, i) => transport(get({ target: `/${i}` }))));
  await clock.run();
  await all;
  for (const start of times) {
    expect(times.filter((time) => time >= start && time < start + 1_000).length).toBeLessThanOrEqual(55);
  }
  expect(order).toEqual(Array.from({ length: 300 }, (_, i) => `/${i}`));
  expect(times.at(-1)).toBeLessThanOrEqual(6_000);
});

test('a single request does not wait', async () => {
  const clock = fakeClock();
  const limit = createLimit({ clock, ratePerSecond: 1 });
  await limit();
  expect(clock.sleeps).toEqual([]);
  await limit();
  expect(clock.sleeps).toEqual([1_000]);
});

test('an interrupted wait ends with the reason and nothing is sent', async () => {
  const clock = fakeClock();
  const limit = createLimit({ clock, ratePerSecond: 1 });
  await limit();
  let sent = 0;
  const transport = limited(async () => {
    sent += 1;
    return answer;
  }, limit);
  await expect(transport(get({ signal: AbortSignal.abort(new Error('stop')) }))).rejects.toThrow('stop');
  expect(sent).toBe(0);
});
