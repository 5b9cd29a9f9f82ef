import { defineConfig } from 'vitest/config';

/** Tests that want a real terminal, /proc, or another Node: `npm run test:system`. What cannot be tried here says so. */
export default defineConfig({
  test: {
    name: 'system',
    include: ['test/system/**/*.test.ts'],
    reporters: ['verbose'],
    // Else the page's style sheet would be read as an empty text.
    css: true,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Times are measured here; the files must not take the processor from each other.
    fileParallelism: false,
  },
});
