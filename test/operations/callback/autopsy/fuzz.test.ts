import { expect, test } from 'vitest';
import { chooseSeed } from '../../../faults/random.ts';
import { fuzzCallbacks } from './fuzz.ts';

test('R6: 4,000 near-valid callbacks: no false accept, no false proof, no crash, no hang', async () => {
  const seed = chooseSeed();
  const figures = await fuzzCallbacks(4_000, seed, 10);
  expect({ seed, ...figures }).toMatchObject({ falseAccepts: [], falseRefusals: [], falseProofs: [], crashes: [] });
  // The run would say nothing if all were accepted, or none.
  expect(figures.accepted).toBeGreaterThan(400);
  expect(figures.autopsies).toBeGreaterThan(100);
  expect(figures.proven).toBeGreaterThan(20);
  expect(figures.slowestMs).toBeLessThan(10_000);
});
