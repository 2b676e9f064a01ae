// The reference itself against the golden cases, far below float32's error, and its teacher gradient against differences.
import { describe, expect, it } from 'vitest';
import { fault } from '../../../lib/lab/cli/doctor/golden';
import { losses, type LossName } from '../../../lib/index';
import { goldenCases } from '../loss/golden';
import { reference } from './losses';

describe('the double-precision reference', () => {
  it('agrees with 60 digits in every golden case', () => {
    expect(goldenCases.length).toBe(1549);
    const faults = goldenCases.map((c) => {
      const result = reference(c.loss, c, c.options);
      const sharper = {
        ...c.expected,
        lossTolerance: 1e-4 * c.expected.lossTolerance + 1e-14 * Math.abs(c.expected.loss),
        gradTolerance: c.expected.grad.map(
          (g, i) => 1e-4 * c.expected.gradTolerance[i] + 1e-14 * Math.abs(g),
        ),
      };
      return [c.id, fault(result, sharper)];
    });
    expect(faults.filter(([, text]) => text !== '')).toEqual([]);
  });

  it('states the same tolerances as the cases carry', () => {
    for (const c of goldenCases) {
      const result = reference(c.loss, c, c.options);
      if (Number.isFinite(c.expected.lossTolerance)) {
        expect(result.lossTolerance).toBeLessThanOrEqual(c.expected.lossTolerance * 1.001 + 1e-32);
      }
      c.expected.gradTolerance.forEach((t, i) => {
        if (result.gradTolerance[i] > t * 1.001 + 1e-32) expect.fail(`${c.id}: gradTolerance[${i}]`);
      });
    }
  });

  it('has the teacher gradient that central differences have', () => {
    const step = 1e-5;
    for (const c of goldenCases.filter(
      (c) => c.student.length < 40 && c.student.every((s, i) => spreadIsSmall(c, i, s)),
    )) {
      const result = reference(c.loss, c, c.options);
      if (losses[c.loss as LossName].teacher !== true) continue;
      for (let k = 0; k < c.teacher.length; k++) {
        if (c.labels[k] === 255) continue;
        const at = (delta: number) =>
          reference(c.loss, { ...c, teacher: c.teacher.map((t, i) => (i === k ? t + delta : t)) }, c.options)
            .loss;
        const difference = (at(step) - at(-step)) / (2 * step);
        if (!(Math.abs(difference - result.teacherGrad[k]) <= 1e-6 * (1 + Math.abs(difference)))) {
          expect.fail(`${c.id}: teacherGrad[${k}] is ${result.teacherGrad[k]}, difference ${difference}`);
        }
      }
    }
  });
});

/** Finite and near zero, so that differences are exact enough. */
function spreadIsSmall(c: (typeof goldenCases)[number], i: number, s: number): boolean {
  return c.labels[i] === 255 || (Math.abs(s) < 12 && Math.abs(c.teacher[i]) < 12);
}
