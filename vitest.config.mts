// Forks, not threads: a crash in the addon then fails the tests of one process, and the rest of the run goes on.
// Tests that compile C++, and one over a million documents, are named *.slow.test.ts; `npm run test:slow` runs them, and `npm test` does not.
import { configDefaults, defineConfig } from 'vitest/config';

// Files of these folders share processes, because starting one takes as long as most of them run.
const folders = 'data|docs|embeddings|lab|metrics|presets|reference';
// Not these, which replace or reset modules, or share a folder that is removed at the end of a file.
const apart = [
  'data/parquet',
  'presets/teacher-scale',
  'lab/experiment/{checkpoint*,jobs,lock,teacher-scale}',
].map((name) => `test/js/${name}.test.ts`);

// vitest's --exclude does not reach projects, so CKL_WITHOUT names what a run leaves out: globs with commas.
const without = (process.env.CKL_WITHOUT ?? '').split(',').filter(Boolean);

export default defineConfig({
  test: {
    pool: 'forks',
    exclude: [...configDefaults.exclude, ...(process.env.CKL_SLOW ? [] : ['**/*.slow.test.ts']), ...without],
    setupFiles: ['test/js/setup.ts'],
    testTimeout: process.env.CI ? 240_000 : 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: [`test/js/@(${folders})/**/*.test.ts`],
          exclude: apart,
          isolate: false,
        },
      },
      { extends: true, test: { name: 'apart', include: [`test/js/!(${folders})/**/*.test.ts`, ...apart] } },
    ],
  },
});
