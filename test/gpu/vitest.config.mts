// The suites that want a GPU to themselves: one file after the other, with time for large batches.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    fileParallelism: false,
    include: ['test/gpu/**/*.test.ts'],
    setupFiles: ['test/js/setup.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
