// What a training minimises, by the names that the commands have for it: the gradient is that of the loss itself.
import { describe, expect, it } from 'vitest';
import {
  adrMse,
  bkl,
  ckl,
  combine,
  jsd,
  lambdaNdcg,
  listMle,
  rankNet,
  reverseKl,
} from '../../../../lib/index';
import { TrainingBatch } from '../../../../lib/lab/training/batch';
import {
  termsOf,
  titleOfLoss,
  TRAINING_LOSSES,
  type TrainingLoss,
} from '../../../../lib/lab/training/loss-sum';
import { Objective, type Hyperparameters } from '../../../../lib/lab/training/objective';
import type { FeatureList } from '../../../../lib/lab/students/linear/lists';
import { LinearStudent } from '../../../../lib/lab/students/linear/linear-student';
import { DATA, TRUTH } from './lists';

const lists = DATA.train.slice(0, 8);
const student = new LinearStudent(TRUTH.length, 1);

function gradOf(loss: TrainingLoss, parameters: Hyperparameters = {}): number[] {
  const batch = new TrainingBatch<FeatureList>([lists.length, 16]);
  batch.fill(lists);
  batch.score(student);
  const options = { ...parameters, loss, teacherTemperature: 2, refreshRanks: 0 };
  using objective = new Objective(options, batch.shape, lists);
  return [...objective.run(batch, student, 0).grad.subarray(0, batch.offsets.at(-1))];
}

it('a disposed objective computes nothing more', () => {
  const filled = new TrainingBatch<FeatureList>([lists.length, 16]);
  filled.fill(lists);
  filled.score(student);
  const objective = new Objective(
    { loss: 'kl', teacherTemperature: 2, refreshRanks: 0 },
    filled.shape,
    lists,
  );
  objective.run(filled, student, 0);
  objective[Symbol.dispose]();
  expect(() => objective.run(filled, student, 0)).toThrow(/disposed/);
});

/** The same batch for a loss's own function. */
const batch = (() => {
  const filled = new TrainingBatch<FeatureList>([lists.length, 16]);
  filled.fill(lists);
  filled.score(student);
  const length = filled.offsets.at(-1)!;
  return {
    student: filled.student.slice(0, length),
    teacher: filled.teacher.slice(0, length),
    labels: filled.labels.slice(0, length),
    offsets: filled.offsets.slice(),
  };
})();

describe('ckl-detached', () => {
  const options = { teacherTemperature: 2, detachWeights: true };

  it('is ckl with constant weights, alone and in a sum', () => {
    const detached = [...ckl(batch, options).grad];
    expect(gradOf('ckl-detached')).toEqual(detached);
    expect(gradOf('ckl')).toEqual([...ckl(batch, { teacherTemperature: 2 }).grad]);
    expect(gradOf('ckl')).not.toEqual(detached);
    const terms = [{ loss: 'ckl', detachWeights: true, weight: 2 }, { loss: 'ckl' }] as const;
    expect(gradOf({ 'ckl-detached': 2, ckl: 1 })).toEqual([
      ...combine(batch, terms, { teacherTemperature: 2 }).grad,
    ]);
  });

  it('has a name and terms', () => {
    expect(TRAINING_LOSSES).toContain('ckl-detached');
    expect(titleOfLoss({ 'ckl-detached': 1, nll: 0.5 })).toBe('ckl-detached:1+nll:0.5');
    expect(termsOf('ckl-detached')).toEqual([{ loss: 'ckl', detachWeights: true, weight: 1 }]);
    expect(termsOf('ckl')).toEqual([{ loss: 'ckl', weight: 1 }]);
  });
});

describe('losses with parameters of their own', () => {
  const teacherTemperature = 2;
  /** The teacher's scores over their temperature, counted from the least of their list. */
  const relevance = Float32Array.from(
    lists.flatMap(({ teacher }) =>
      Array.from(teacher, (t) => (t - Math.min(...teacher)) / teacherTemperature),
    ),
  );
  const graded = { student: batch.student, labels: batch.labels, offsets: batch.offsets, relevance };

  it.each([
    ['bkl', { negativeWeight: 1 }, () => bkl(batch, { teacherTemperature, negativeWeight: 1 })],
    ['reverseKl', {}, () => reverseKl(batch, { teacherTemperature })],
    ['jsd', { beta: 0.3 }, () => jsd(batch, { teacherTemperature, beta: 0.3 })],
    ['rankNet', {}, () => rankNet(batch)],
    ['listMle', {}, () => listMle(batch)],
    ['adrMse', { steepness: 2 }, () => adrMse(batch, { steepness: 2 })],
    ['lambdaNdcg', { k: 2, mu: 3 }, () => lambdaNdcg(graded, { k: 2, mu: 3 })],
  ] as const)('%s has %o', (loss, parameters, own) => {
    const grad = gradOf(loss, parameters);
    expect(grad).toEqual([...own().grad]);
    if (Object.keys(parameters).length > 0) expect(gradOf(loss)).not.toEqual(grad);
    // In a sum a loss has the same parameters.
    const sum = gradOf({ [loss]: 1, nll: 0 }, { gamma: 3, ...parameters });
    sum.forEach((g, i) => expect(g).toBeCloseTo(grad[i], 5));
  });

  it("lambdaNdcg does not depend on what the teacher's scores are counted from", () => {
    const moved = lists.map((list) => ({ ...list, teacher: list.teacher.map((t) => t - 64) }));
    const of = (some: typeof lists) => {
      const filled = new TrainingBatch<FeatureList>([some.length, 16]);
      filled.fill(some);
      filled.score(student);
      const options = { loss: 'lambdaNdcg', teacherTemperature, refreshRanks: 0 } as const;
      using objective = new Objective(options, filled.shape, some);
      return [...objective.run(filled, student, 0).grad.subarray(0, filled.offsets.at(-1))];
    };
    const grad = of(lists);
    expect(grad.some((g) => g !== 0)).toBe(true);
    of(moved).forEach((g, i) => expect(g).toBeCloseTo(grad[i], 4));
  });
});
