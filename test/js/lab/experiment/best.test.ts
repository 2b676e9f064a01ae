// Which training `--save` keeps: the one that dev found best, whatever the order in which threads finish.
import { expect, it } from 'vitest';
import { BestTrainings, type MeasuredTraining } from '../../../../lib/lab/experiment/best';

const training = (
  place: number,
  seed: number,
  dev: number,
  condition = 'clean',
  recipe = true,
): MeasuredTraining => ({
  unit: {
    model: 'dense',
    students: ['dense'],
    condition: { name: condition, wrongTeacher: 0, wrongLabels: 0 },
    fold: 0,
    ...(recipe && { recipe: { name: `recipe ${place}`, stages: ['kl'] } }),
  },
  place,
  rate: 1,
  run: {
    seed,
    test: {},
    trainings: [
      {
        part: 'dense',
        observed: [],
        training: {
          stopped: 'finished',
          bestEpoch: 1,
          history: [
            { epoch: 0, dev: 0 },
            { epoch: 1, loss: 1, dev },
          ],
        },
      },
    ],
  },
});

const all = [
  training(0, 1, 0.9, 'clean', false),
  training(1, 1, 0.5),
  training(2, 2, 0.7),
  training(2, 1, 0.7),
  training(3, 1, 0.7),
  training(4, 1, 0.8, 'wrongTeacher'),
];

it.each([[all], [[...all].reverse()]])('is the same in both orders', (trainings) => {
  const best = new BestTrainings('clean');
  for (const one of trainings)
    best.offer(one, () => ({ dense: { map: Float32Array.of(one.place, one.run.seed) } }));
  expect(best.all).toHaveLength(1);
  const [{ dev, place, parameters }] = best.all;
  expect([dev, place, [...parameters.dense.map]]).toEqual([0.7, 2, [2, 1]]);
});

it('is none of a run that was interrupted before its first training', () => {
  const best = new BestTrainings('clean');
  const { run, ...rest } = training(1, 1, 0.5);
  expect(best.offer({ ...rest, run: { ...run, trainings: [] } }, () => ({}))).toBeUndefined();
  expect(best.all).toEqual([]);
});
