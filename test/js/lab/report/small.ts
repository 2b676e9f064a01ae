// A comparison small enough for tests: the bundled sample, two losses, one epoch.
import { join } from 'node:path';
import type { SavedComparison } from '../../../../lib/lab/compare/saved';
import { compareLosses } from '../../../../lib/lab/compare/compare';
import { allRecipes } from '../../../../lib/lab/experiment/recipes';
import type { CompareOptions } from '../../../../lib/lab/compare/options';

const sample = join(__dirname, '../../../../examples/sample');

export const OPTIONS: CompareOptions = {
  data: sample,
  teacher: join(sample, 'teacher.trec'),
  zeroShot: [sample],
  students: ['dense', 'multi'],
  recipes: allRecipes.filter(({ name }) => ['kl', 'ckl', 'kl+ckl'].includes(name)),
  seeds: 1,
  folds: 0,
  epochs: 2,
  warmup: 'marginMse',
  warmupEpochs: 1,
  rates: [1],
  batch: 32,
  docs: 8,
  wrongTeacher: 0.5,
  wrongLabels: 0.5,
  seed: 1,
};

/** Less still: what the page needs to show every kind of thing it can show. */
const FEWER: CompareOptions = {
  ...OPTIONS,
  recipes: OPTIONS.recipes.filter(({ name }) => name !== 'kl+ckl'),
  epochs: 1,
  wrongLabels: 0,
};

export const MADE = {
  date: '2026-01-31',
  commit: 'abc1234',
  machine: 'm',
  node: 'v20',
  seconds: 1,
  cpuSeconds: 1,
  peakMiB: 1,
};

/** A comparison as --json saves it. */
export const comparison = async (): Promise<SavedComparison> => ({
  ...(await compareLosses(FEWER)),
  made: MADE,
});
