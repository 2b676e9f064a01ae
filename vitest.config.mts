// Forks, not threads: a crash in the addon is then one failed test, not a dead run.
// Tests that compile C++, and one over a million documents, are named *.slow.test.ts; `npm run test:slow` runs them, and `npm test` does not.
import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/js/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(process.env.CKL_SLOW ? [] : ['**/*.slow.test.ts'])],
    setupFiles: ['test/js/setup.ts'],
    testTimeout: process.env.CI ? 240_000 : 60_000,
    hookTimeout: 120_000,
  },
});
