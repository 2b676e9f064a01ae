// The experiment of the tests of units: four lists to train on, one query of dev, one of test, three rates, three seeds.
import type { Experiment, Recipe, Unit } from '../../../../lib/lab/experiment/plan';
import { listOf } from '../training/recording';

export const TRAIN = Array.from({ length: 4 }, (_, q) => listOf(`t${q}`, [0.3, 2, 1, 0.5 + q], [0, 1]));
for (const list of TRAIN) list.labels = Uint8Array.of(0, 1, 0, 0);
export const DEV = [listOf('dev', [3, 2, 1, 0.5, 0.2])];
export const TEST = [listOf('test', [3, 2, 1, 0.5, 0.2])];

export const EXPERIMENT: Experiment = {
  data: 'data',
  teacher: 'teacher',
  zeroShot: [],
  folds: 0,
  models: [{ model: 'linear', students: ['linear'] }],
  student: { width: 4 },
  recipes: [],
  conditions: [{ name: 'clean', wrongTeacher: 0, wrongLabels: 0 }],
  seed: 40,
  seeds: 3,
  learningRate: 0.01,
  rates: [3, 1, 0.3],
  epochs: 2,
  batch: 2,
  loss: {},
  teacherTemperature: 2,
  observe: 'dev',
};
export const recipe: Recipe = { name: 'kl', stages: ['kl'] };

export const unitOf = (experiment: Experiment, of?: Recipe): Unit => ({
  ...experiment.models[0],
  condition: experiment.conditions[0],
  fold: 0,
  recipe: of,
});
