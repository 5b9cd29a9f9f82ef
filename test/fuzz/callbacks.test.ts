/** THREATS R6: 10⁶ near-valid callbacks, judged by an oracle of plain node:crypto. `WXPAY_FUZZ_CALLBACKS` says how many. */
import { expect, test } from 'vitest';
import { fuzzCallbacks } from '../operations/callback/autopsy/fuzz.ts';
import { fuzzV2Callbacks } from '../operations/callback/autopsy/v2/fuzz.ts';
import { chooseSeed } from '../faults/random.ts';

const count = Number(process.env['WXPAY_FUZZ_CALLBACKS'] ?? 1_000_000);

test(`R6: ${count} near-valid callbacks: no false accept, no false proof, no crash, no hang, bounded memory`, async () => {
  const seed = chooseSeed();
  const started = performance.now();
  const figures = await fuzzCallbacks(count, seed, 10);
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${JSON.stringify({ seed, ...figures, seconds: Math.round(seconds) })}\n`);
  expect({ seed, ...figures }).toMatchObject({ falseAccepts: [], falseRefusals: [], falseProofs: [], crashes: [] });
  expect(figures.accepted).toBeGreaterThan(count / 10);
  expect(figures.proven).toBeGreaterThan(0);
  expect(figures.slowestMs).toBeLessThan(10_000);
  expect(figures.grownMiB).toBeLessThan(256);
}, 3_600_000);

test(`R6: ${count} near-valid callbacks of APIv2: no false accept, no false proof, no crash`, () => {
  const seed = chooseSeed();
  const started = performance.now();
  const figures = fuzzV2Callbacks(count, seed, 1_000);
  const seconds = (performance.now() - started) / 1000;
  process.stdout.write(`${JSON.stringify({ seed, ...figures, seconds: Math.round(seconds) })}\n`);
  expect({ seed, ...figures }).toMatchObject({ falseAccepts: [], falseRefusals: [], falseProofs: [], crashes: [] });
  expect(figures.accepted).toBeGreaterThan(count / 10);
}, 3_600_000);
