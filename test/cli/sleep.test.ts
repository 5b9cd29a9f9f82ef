import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { sleep } from '../../src/cli/sleep.ts';

describe('sleep', () => {
  test('ends when its time is over, and leaves no listener behind', async () => {
    const { signal } = new AbortController();
    const before = performance.now();
    await sleep(30, signal);
    expect(performance.now() - before).toBeGreaterThan(25);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('called off, it rejects with the reason at once, whatever that is', async () => {
    const controller = new AbortController();
    const sleeping = sleep(60_000, controller.signal);
    controller.abort('over');
    await expect(sleeping).rejects.toBe('over');
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test('does not begin when it was called off before', async () => {
    const reason = new Error('before');
    await expect(sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
