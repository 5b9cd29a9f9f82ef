/** Times that the program promises, held on a machine that may be busy with other things. */
import { expect } from 'vitest';

/**
 * Expects one of three tries to take less than `limit` milliseconds: what else the machine does can only add to a time, so the fastest says
 * what the program needs. `work` gives its time, and makes its other expectations in every try.
 */
export async function expectFast(limit: number, work: (attempt: number) => Promise<number> | number): Promise<void> {
  const times: number[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const time = await work(attempt);
    if (time < limit) return;
    times.push(time);
  }
  expect(Math.min(...times), `the fastest of ${times.length} tries, in milliseconds`).toBeLessThan(limit);
}

/** How many milliseconds `work` takes. */
export async function timeOf(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
