// The experiment that a refinement is: each option in its place, and what holds where it was not given.
import { expect, it } from 'vitest';
import { stagesOf, type Recipe } from '../../../../lib/lab/experiment/plan';
import { lossesIn } from '../../../../lib/lab/experiment/recipes';
import { experimentOf, refine, type RefineOptions } from '../../../../lib/lab/refine/job';

const OPTIONS: RefineOptions = {
  ...{ data: 'data', teacher: 'teacher', losses: ['ckl', 'kl+ckl', { kl: 0.5, ckl: 1 }] },
  ...{ docs: 20, width: 64, epochs: 3, patience: 2, batch: 16, learningRate: 0.003, seed: 7 },
};

it('has one model, condition, seed and rate, and a recipe per loss', () => {
  const experiment = experimentOf(OPTIONS);
  expect(experiment).toMatchObject({
    ...{ data: 'data', teacher: 'teacher', zeroShot: [], folds: 0 },
    models: [{ model: 'dense', students: ['dense'] }],
    conditions: [{ name: 'given', wrongTeacher: 0, wrongLabels: 0 }],
    ...{ seed: 7, seeds: 1, learningRate: 0.003, rates: [1], epochs: 3, patience: 2, batch: 16, docs: 20 },
    observe: 'dev',
  });
  expect(experiment.recipes).toEqual([
    { name: 'ckl', stages: ['ckl'] },
    { name: 'kl+ckl', stages: ['kl', 'ckl'] },
    { name: 'kl:0.5+ckl:1', stages: [{ loss: { kl: 0.5, ckl: 1 } }] },
  ]);
  expect(experiment.student.width).toBe(64);
  const given = [
    'warmup',
    'teacherTemperature',
    'refreshRanks',
    'refreshDepth',
    'inBatchWeight',
    'rise',
    'level',
  ];
  for (const name of given) expect(experiment[name as keyof typeof experiment]).toBeUndefined();
});

it('passes on what is given', () => {
  const given: Partial<RefineOptions> = {
    ...{
      zeroShot: ['a', 'b'],
      skipBad: true,
      level: 2,
      identicalIds: 'keep',
      folds: 4,
      microbatches: 3,
      rise: 0.1,
    },
    ...{
      negatives: 'drawn' as const,
      teacherTemperature: 2,
      refreshRanks: 9,
      refreshDepth: 30,
      inBatchWeight: 0.25,
    },
  };
  const hyperparameters = {
    ...{ gamma: 4, alpha: 2, lambda: 0.3, negativeWeight: 0.2, nllWeight: 0.1 },
    ...{ beta: 1.5, steepness: 3, k: 5, mu: 8 },
  };
  const experiment = experimentOf({
    ...{ ...OPTIONS, ...given, ...hyperparameters, curriculum: 'grades' as never },
    ...{ student: 'multi', wrongTeacher: 0.25, wrongLabels: 0.5 },
  });
  expect(experiment).toMatchObject(given);
  expect(experiment.loss).toEqual({ ...hyperparameters, curriculum: 'grades' });
  expect(experiment.models).toEqual([{ model: 'multi', students: ['multi'] }]);
  expect(experiment.conditions).toEqual([{ name: 'given', wrongTeacher: 0.25, wrongLabels: 0.5 }]);
});

it('warms up for as many epochs and at the rate of the losses, unless told otherwise', () => {
  const warmup = { marginMse: 1 };
  expect(experimentOf({ ...OPTIONS, warmup }).warmup).toEqual({
    loss: warmup,
    epochs: 3,
    learningRate: 0.003,
  });
  expect(experimentOf({ ...OPTIONS, warmup, warmupEpochs: 5, warmupRate: 0.1 }).warmup).toEqual({
    ...{ loss: warmup, epochs: 5, learningRate: 0.1 },
  });
});

it('needs vectors for an adapter', async () => {
  const problem = 'an adapter needs the vectors of an encoder: options.adapter';
  await expect(refine({ ...OPTIONS, student: 'adapter' })).rejects.toThrow(new RangeError(problem));
});

it('names the losses of a recipe, of all stages and terms', () => {
  expect(lossesIn('ckl')).toEqual(['ckl']);
  expect(lossesIn('kl+ckl')).toEqual(['kl', 'ckl']);
  expect(lossesIn({ marginMse: 0.5, nll: 1 })).toEqual(['marginMse', 'nll']);
});

it('shares the epochs among the stages that have none of their own, an epoch each at least', () => {
  const epochsOf = (stages: Recipe['stages'], epochs: number) =>
    stagesOf({ name: 'any', stages }, epochs).map((stage) => stage.epochs);
  expect(epochsOf(['kl', 'ckl'], 5)).toEqual([2, 3]);
  expect(epochsOf(['kl', { loss: 'nll', epochs: 7 }, 'ckl'], 4)).toEqual([2, 7, 2]);
  expect(epochsOf(['kl', 'ckl', 'nll'], 1)).toEqual([1, 1, 1]);
  expect(stagesOf({ name: 'any', stages: [{ loss: 'kl', learningRate: 2 }] }, 3)).toEqual([
    { loss: 'kl', learningRate: 2, epochs: 3 },
  ]);
});
