import { defineConfig } from 'vitest/config';

/** How much of the core its own tests and those of the operations reach: `npm run coverage`. */
export default defineConfig({
  test: {
    name: 'coverage',
    include: ['test/core/**/*.test.ts', 'test/operations/**/*.test.ts', 'test/fuzz/parsers.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Else the style sheet of the emulator's page would be read as an empty text.
    css: true,
    coverage: {
      provider: 'v8',
      include: ['src/core/**'],
      exclude: ['src/core/ports.ts'],
      reporter: ['text'],
      // A test that timed out on a busy machine is no reason to have looked for nothing.
      reportOnFailure: true,
      thresholds: { branches: 95, functions: 97, lines: 97, statements: 97 },
    },
  },
});
