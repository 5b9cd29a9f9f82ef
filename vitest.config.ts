import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * `testTimeout`, `poll`: far more than anything takes; a slow machine is no fault. `css`: else the page's style sheet would be read as an
 * empty text.
 */
const common = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 60_000 } }, css: true };

export default defineConfig({
  test: {
    // Most tests wait for processes that they have started, so two at once do not disturb each other on two processors.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/interop/**', 'test/system/**', 'test/fuzz/callbacks.test.ts'],
          ...common,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/*.test.ts'],
          globalSetup: 'test/interop/install-clients.ts',
          ...common,
        },
      },
    ],
  },
});
