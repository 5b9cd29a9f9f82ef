import { defineConfig } from 'vitest/config';

/**
 * Damaged inputs for every parser, and 10⁶ near-valid callbacks: `npm run fuzz`. `WXPAY_FUZZ_RUNS` and `WXPAY_FUZZ_CALLBACKS` say
 * how many, `WXPAY_FUZZ_SECONDS` how long a parser may take, `WXPAY_FAULT_SEED` repeats a run.
 */
export default defineConfig({
  test: {
    name: 'fuzz',
    include: ['test/fuzz/**/*.test.ts'],
    env: {
      WXPAY_FUZZ_RUNS: process.env['WXPAY_FUZZ_RUNS'] ?? '100000',
      WXPAY_FUZZ_SECONDS: process.env['WXPAY_FUZZ_SECONDS'] ?? '60',
    },
    testTimeout: 300_000,
    hookTimeout: 60_000,
    // Else the style sheet of the emulator's page would be read as an empty text.
    css: true,
    fileParallelism: false,
  },
});
