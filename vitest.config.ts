import { defineConfig } from 'vitest/config';

const timeouts = { testTimeout: 30_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/interop/**', 'test/system/**'],
          ...timeouts,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/*.test.ts'],
          globalSetup: 'test/interop/install-clients.ts',
          ...timeouts,
        },
      },
    ],
  },
});
