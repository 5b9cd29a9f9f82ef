import { defineConfig } from 'vitest/config';

/** Kills without end, or nearly: `npm run test:faults`. `WXPAY_FAULT_KILLS` says how many, `WXPAY_FAULT_SEED` repeats a run. */
export default defineConfig({
  test: {
    name: 'faults',
    include: ['test/faults/**/*.test.ts'],
    env: { WXPAY_FAULT_KILLS: process.env['WXPAY_FAULT_KILLS'] ?? '1000' },
    reporters: ['verbose'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
