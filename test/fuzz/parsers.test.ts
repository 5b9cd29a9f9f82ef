/**
 * Every parser, given inputs that are nearly right (THREATS R6, R13): no crash, no hang, no memory without end, nothing accepted
 * that an independent reader refuses. `npm run fuzz` does the same for longer; `WXPAY_FUZZ_RUNS` says how often,
 * `WXPAY_FUZZ_SECONDS` for how long at most, `WXPAY_FAULT_SEED` repeats a run.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chooseSeed } from '../faults/random.ts';
import { fileTargets, targets, type Target } from './parsers.ts';
import { fuzz } from './run.ts';

const runs = Number(process.env['WXPAY_FUZZ_RUNS'] ?? 400);
const seconds = Number(process.env['WXPAY_FUZZ_SECONDS'] ?? 20);
const seed = chooseSeed();
let files: Awaited<ReturnType<typeof fileTargets>>;
beforeAll(async () => {
  files = await fileTargets();
});
afterAll(() => files.close());

async function expectSound(target: Target): Promise<void> {
  const before = process.memoryUsage().rss;
  const figures = await fuzz(target, runs, seed, performance.now() + seconds * 1_000);
  const grownMiB = Math.round((process.memoryUsage().rss - before) / 2 ** 20);
  if (process.env['WXPAY_FUZZ_RUNS'] !== undefined)
    process.stdout.write(`${JSON.stringify({ seed, ...figures, grownMiB })}\n`);
  expect({ seed, failures: figures.failures }).toEqual({ seed, failures: [] });
  expect(figures.runs).toBeGreaterThan(0);
  expect(figures.slowestMs).toBeLessThan(5_000);
  expect(grownMiB).toBeLessThan(512);
}

describe(`R6, R13: seed ${seed}: damaged inputs are read rightly or refused by`, () => {
  test.each(targets)('$name', { timeout: (seconds + 30) * 1_000 }, expectSound);

  test.each([0, 1, 2])('files in place, %i', { timeout: (seconds + 30) * 1_000 }, async (index) => {
    await expectSound(files.targets[index] as Target);
  });
});

// Some judges damage what they are given by themselves, so this one is the same in every run.
test.each(targets)('an undamaged input is taken: $name', async (target) => {
  const figures = await fuzz({ ...target, dear: 1 }, target.seeds.length === 1 ? 100 : 12, 1);
  expect(figures.failures).toEqual([]);
  expect(figures.taken).toBeGreaterThan(0);
});

test('a judge that finds something is heard', async () => {
  const wrong: Target = {
    name: 'wrong',
    seeds: [Buffer.from('abc')],
    judge: (bytes) => {
      if (bytes.length > 3) throw new RangeError('longer');
      return true;
    },
  };
  expect((await fuzz(wrong, 200, 1)).failures[0]).toContain('RangeError: longer');
});
