import { getHeapSpaceStatistics } from 'node:v8';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { boundYoungGeneration } from '../../src/cli/young-generation.ts';

const MiB = 1024 * 1024;

function heapOf(): { size: () => number; keep: () => void; bytes: number; kept: number; looks: number } {
  const heap = {
    bytes: MiB,
    kept: 0,
    looks: 0,
    size: () => {
      heap.looks += 1;
      return heap.bytes;
    },
    keep: () => void (heap.kept += 1),
  };
  return heap;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('what is small may grow; what has 16 MiB grows no more, and is looked at no more', () => {
  const heap = heapOf();
  boundYoungGeneration('', heap);
  vi.advanceTimersByTime(10_000);
  expect([heap.looks, heap.kept]).toEqual([200, 0]);
  heap.bytes = 16 * MiB - 1;
  vi.advanceTimersByTime(50);
  expect(heap.kept).toBe(0);
  heap.bytes = 16 * MiB;
  vi.advanceTimersByTime(50);
  expect(heap.kept).toBe(1);
  const { looks } = heap;
  vi.advanceTimersByTime(10_000);
  expect([heap.looks, heap.kept]).toEqual([looks, 1]);
});

test.each([
  '--max-semi-space-size=64',
  '--max_semi_space_size=64',
  '--enable-source-maps --semi-space-growth-factor=4',
])('who started Node with %s has chosen', (options) => {
  const heap = heapOf();
  heap.bytes = 64 * MiB;
  boundYoungGeneration(options, heap);
  vi.advanceTimersByTime(10_000);
  expect([heap.looks, heap.kept]).toEqual([0, 0]);
});

test('the real one stops growing, whatever this Node allows', async () => {
  vi.useRealTimers();
  boundYoungGeneration('', undefined, 1);
  const size = (): number => getHeapSpaceStatistics().find((one) => one.space_name === 'new_space')?.space_size ?? 0;
  let kept: object[] = [];
  let largest = 0;
  for (let round = 0; round < 400; round += 1) {
    for (let at = 0; at < 20_000; at += 1) {
      const one = { at, more: [round] };
      if (at % 20 === 0) kept.push(one);
    }
    if (kept.length > 100_000) kept = kept.slice(50_000);
    largest = Math.max(largest, size());
    // A turn of the event loop, in which it is looked at.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(largest).toBeGreaterThanOrEqual(16 * MiB);
  expect(largest).toBeLessThanOrEqual(64 * MiB);
});
