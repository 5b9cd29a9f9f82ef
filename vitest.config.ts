import { defineConfig } from 'vitest/config';

/** `css`: else the page's style sheet would be read as an empty text. */
const common = { testTimeout: 30_000, hookTimeout: 60_000, css: true };

export default defineConfig({
  test: {
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
