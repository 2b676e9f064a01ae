// What Stryker runs: the suites of one part of lib/, named by CKL_MUTANTS_TESTS (globs with commas), without those that start programs in dist/.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: (process.env.CKL_MUTANTS_TESTS ?? 'test/js/metrics/**/*.test.ts').split(','),
    exclude: ['**/*.slow.test.ts', ...(process.env.CKL_MUTANTS_WITHOUT ?? '').split(',').filter(Boolean)],
    setupFiles: ['test/js/setup.ts'],
    testTimeout: 0, // Stryker has its own limit; a busy machine is no failure,
  },
});
