// Weighted sums of losses, on random batches: values and gradients are the sums of their parts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combine, type LossName } from '../../../lib/index';
import { reference } from '../reference/losses';
import {
  expectClose,
  expectSameResult,
  lossNames,
  lossOf,
  randomBatch,
  randomNumbers,
  rowOf,
} from './helpers';
import { part, runs, shapes } from './random-calls';

describe('combine', () => {
  const terms = (seed: number) => {
    const next = randomNumbers(seed);
    const names = [...lossNames].filter(() => next() < 0.4).slice(0, 8);
    return (names.length ? names : lossNames.slice(0, 2)).map((loss) => ({
      loss,
      weight: Math.round((next() * 4 - 1) * 100) / 100,
      ...(loss === 'ckl' ? { gamma: 3, alpha: 1.5 } : {}),
      ...(loss === 'bkl' ? { lambda: 0.3 } : {}),
    }));
  };

  it.each(['mean', 'sum', 'none'] as const)('is the weighted sum of its parts, reduction %s', (reduction) => {
    fc.assert(
      fc.property(shapes, (shape) => {
        // Rows without positives: the terms then count different queries.
        const batch = randomBatch({ ...shape, scale: Math.min(5, shape.scale), separable: false });
        const weights = Float32Array.from({ length: shape.queries }, (_, b) => 0.5 + (b % 3));
        const list = terms(shape.seed);
        const whole = combine({ ...batch, weights }, list, { reduction });
        const parts = list.map(({ loss, weight, ...options }) => ({
          weight,
          ...lossOf(loss)({ ...batch, weights }, { ...options, reduction }),
        }));
        const sumOf = (value: (p: (typeof parts)[number]) => number) =>
          parts.reduce((sum, p) => sum + p.weight * value(p), 0);
        const [queries, docs] = batch.shape;
        for (let b = 0; b < queries; b++) {
          const rows = list.map(({ loss, weight, ...options }) => {
            const row = reference(loss, rowOf(batch, b), options);
            return { row, factor: 2 * Math.abs(weight) };
          });
          const lossTolerance = rows.reduce((sum, { row, factor }) => sum + factor * row.lossTolerance, 0);
          expectClose([whole.perQuery[b]], [sumOf((p) => p.perQuery[b])], lossTolerance, `perQuery ${b}`);
          const expected = part(whole.grad, b, docs).map((_, i) => sumOf((p) => p.grad[b * docs + i]));
          // The mean divides by the weights of the counted queries, of at least 0.5.
          const gradFactor = reduction === 'mean' ? weights[b] / 0.5 : weights[b];
          const tolerances = Array.from(expected, (_, i) =>
            rows.reduce((sum, { row, factor }) => sum + gradFactor * factor * row.gradTolerance[i], 0),
          );
          expectClose(part(whole.grad, b, docs), expected, tolerances, `gradient of query ${b}`);
        }
        if (reduction !== 'none') {
          const size = parts.reduce((sum, p) => sum + Math.abs(p.weight * p.loss), 0);
          expectClose([whole.loss as number], [sumOf((p) => p.loss)], 4e-6 * size + 1e-30, 'loss');
        }
        const counted = Array.from({ length: queries }, (_, b) =>
          list.some(
            ({ loss, weight: _weight, ...options }) => reference(loss, rowOf(batch, b), options).counted,
          ),
        );
        expect(whole.counted).toBe(counted.filter((one) => one).length);
      }),
      runs,
    );
  });

  it('gives student and teacher their gradients, each by its own temperature', () => {
    const batch = randomBatch({ seed: 12, queries: 5, docs: 21, scale: 3 });
    const options = {
      studentTemperature: 0.5,
      teacherTemperature: 3,
      teacherGrad: true,
      reduction: 'sum',
    } as const;
    const whole = combine(batch, [{ loss: 'kl' }, { loss: 'ckl', weight: 0.5 }], options);
    const [kl, ckl] = (['kl', 'ckl'] as const).map((name) => lossOf(name)(batch, options));
    for (const side of ['grad', 'teacherGrad'] as const) {
      const [a, b, sum] = [kl, ckl, whole].map((result) => result[side] as Float32Array);
      const expected = Array.from(a, (value, i) => value + 0.5 * b[i]);
      expectClose(sum, expected, 1e-5, side);
      expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.01);
    }
  });

  it('of one term with weight 1 has the bits of the loss itself', () => {
    const batch = randomBatch({ seed: 8, queries: 9, docs: 33 });
    for (const name of lossNames) {
      expectSameResult(combine(batch, [{ loss: name as LossName }]), lossOf(name)(batch));
    }
  });
});
