// Forks, not threads: a crash in the addon is then one failed test, not a dead run.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/js/**/*.test.ts'],
    setupFiles: ['test/js/setup.ts'],
    testTimeout: process.env.CI ? 240_000 : 60_000,
    hookTimeout: 120_000,
  },
});
