// What a training minimises, by the names that the commands have for it: the gradient is that of the loss itself.
import { describe, expect, it } from 'vitest';
import { ckl, combine } from '../../../../lib/index';
import { TrainingBatch } from '../../../../lib/lab/training/batch';
import {
  termsOf,
  titleOfLoss,
  TRAINING_LOSSES,
  type TrainingLoss,
} from '../../../../lib/lab/training/loss-sum';
import { Objective } from '../../../../lib/lab/training/objective';
import type { FeatureList } from '../../../../lib/lab/students/linear/lists';
import { LinearStudent } from '../../../../lib/lab/students/linear/linear-student';
import { DATA, TRUTH } from './lists';

const lists = DATA.train.slice(0, 8);
const student = new LinearStudent(TRUTH.length, 1);

function gradOf(loss: TrainingLoss): number[] {
  const batch = new TrainingBatch<FeatureList>([lists.length, 16]);
  batch.fill(lists);
  batch.score(student);
  using objective = new Objective({ loss, teacherTemperature: 2, refreshRanks: 0 }, batch.shape, lists);
  return [...objective.run(batch, student, 0).grad.subarray(0, batch.offsets.at(-1))];
}

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
