// On how many threads the units of an experiment run: as many as were asked for, and no more than there are units; one is the caller's own.
import { join } from 'node:path';
import { beforeEach, expect, it, vi } from 'vitest';
import type { Experiment } from '../../../../lib/lab/experiment/plan';
import { runExperiment } from '../../../../lib/lab/experiment/pool';
import type * as threads from '../../../../lib/lab/experiment/threads';

const runOnThreads = vi.hoisted(() => vi.fn<typeof threads.runOnThreads>());
vi.mock('../../../../lib/lab/experiment/threads', () => ({ runOnThreads }));

const sample = join(__dirname, '../../../../examples/sample');
const EXPERIMENT: Experiment = {
  ...{ data: sample, teacher: join(sample, 'teacher.trec'), zeroShot: [], folds: 3 },
  models: [{ model: 'multi', students: ['multi'] }],
  student: { width: 4 },
  recipes: [],
  conditions: [{ name: 'clean', wrongTeacher: 0, wrongLabels: 0 }],
  ...{ seed: 1, seeds: 1, learningRate: 0.003, rates: [1], epochs: 1, batch: 16, docs: 4 },
  ...{ loss: {}, observe: 'nothing' as const },
};

beforeEach(() => {
  runOnThreads.mockReset();
});

it.each([
  [2, 2],
  [3, 3],
  [8, 3],
])('%i jobs are %i threads', async (jobs, expected) => {
  const { results } = await runExperiment(EXPERIMENT, jobs, {});
  expect(runOnThreads.mock.calls.map(([experiment, count]) => [experiment, count])).toEqual([
    [EXPERIMENT, expected],
  ]);
  // The stand-in has done nothing.
  expect(results).toEqual([]);
});

it('one job, or one unit left, runs here', async () => {
  expect((await runExperiment(EXPERIMENT, 1, {})).results).toHaveLength(3);
  const share = { index: 1, of: 3 };
  expect((await runExperiment(EXPERIMENT, 4, { share })).results.map(({ unit }) => unit.fold)).toEqual([1]);
  expect(runOnThreads).not.toHaveBeenCalled();
});
