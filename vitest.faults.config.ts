import { defineConfig } from 'vitest/config';

/**
 * Kills without end, or nearly, and hostile days: `npm run test:faults`. `WXPAY_FAULT_KILLS` says how many kills, `WXPAY_FAULT_SEED`
 * repeats a run. One file of it: `npm run test:faults -- test/faults/dns.test.ts`.
 */
export default defineConfig({
  test: {
    name: 'faults',
    include: ['test/faults/**/*.test.ts'],
    env: { WXPAY_FAULT_KILLS: process.env['WXPAY_FAULT_KILLS'] ?? '1000', WXPAY_FAULT_LONG: '1' },
    reporters: ['verbose'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
