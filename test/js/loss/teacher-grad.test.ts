// The gradient with respect to the teacher, on random batches: that of the reference, in the array that the caller gives.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { losses } from '../../../lib/index';
import { reference } from '../reference/losses';
import {
  expectClose,
  expectSameBits,
  expectSameResult,
  lossNames,
  lossOf,
  randomBatch,
  rowOf,
} from './helpers';
import { optionsOf, part, runs, shapes } from './random-calls';

describe('teacherGrad', () => {
  const withTeacher = lossNames.filter((name) => losses[name].teacher === true);

  it.each(withTeacher)('%s has the gradient that the reference has', (name) => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const batch = randomBatch(shape);
        const options = optionsOf(name, shape.seed);
        const result = lossOf(name)(batch, { ...options, reduction: 'none', teacherGrad: true });
        expectSameResult(result, lossOf(name)(batch, { ...options, reduction: 'none' }));
        for (let b = 0; b < shape.queries; b++) {
          const row = reference(name, rowOf(batch, b), options);
          expectClose(
            part(result.teacherGrad as Float32Array, b, shape.docs),
            row.teacherGrad,
            row.teacherGradTolerance,
            `query ${b}`,
          );
        }
      }),
      runs,
    );
  });

  it('goes into the array that the options or the batch bring', () => {
    const batch = randomBatch({ seed: 4, queries: 3, docs: 7 });
    const expected = lossOf('ckl')(batch, { teacherGrad: true }).teacherGrad as Float32Array;
    const own = new Float32Array(21);
    expect(lossOf('ckl')(batch, { teacherGrad: own }).teacherGrad).toBe(own);
    expectSameBits(own, expected);
    const other = new Float32Array(21);
    expect(lossOf('ckl')({ ...batch, teacherGrad: other }).teacherGrad).toBe(other);
    expectSameBits(other, expected);
    expect(lossOf('ckl')(batch).teacherGrad).toBeUndefined();
  });
});
