import { expect, test } from 'vitest';
import { chooseSeed } from '../../../../faults/random.ts';
import { fuzzV2Callbacks } from './fuzz.ts';

test('R6 of APIv2: 6,000 near-valid callbacks: no false accept, no false proof, no crash', () => {
  const seed = chooseSeed();
  const figures = fuzzV2Callbacks(6_000, seed, 50);
  expect({ seed, ...figures }).toMatchObject({ falseAccepts: [], falseRefusals: [], falseProofs: [], crashes: [] });
  // The run would say nothing if all were accepted, or none.
  expect(figures.accepted).toBeGreaterThan(600);
  expect(figures.autopsies).toBeGreaterThan(40);
  expect(figures.proven).toBeGreaterThan(8);
});
