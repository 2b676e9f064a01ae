// Promises that hold for every batch, on random batches: agreement with double precision, and what must be equal to the last bit.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backends, combine, losses, type LossName } from '../../../lib/index';
import { reference, type Parameters } from '../reference/losses';
import {
  distributionLosses,
  expectClose,
  expectSameBits,
  expectSameResult,
  lossNames,
  lossOf,
  parametersOf,
  randomBatch,
  randomNumbers,
  rowOf,
  type TestBatch,
} from './helpers';

const { targets } = backends().cpu;
/** Fewer where a machine is emulated. */
const runs = { numRuns: Number(process.env.CKL_TEST_RUNS ?? 60) };

/** Batches of all sizes around the widths that the kernels treat differently. */
const shapes = fc.record({
  seed: fc.integer(),
  queries: fc.integer({ min: 1, max: 37 }),
  docs: fc.oneof(fc.integer({ min: 2, max: 40 }), fc.constantFrom(63, 64, 65, 127, 128, 129, 200)),
  scale: fc.constantFrom(0.1, 1, 5, 30),
  padding: fc.constantFrom(0, 0, 20, 70),
});

const optionsOf = (name: string, seed: number) => {
  const next = randomNumbers(seed + 17);
  const gamma = [1, 2, 3.5, 5, 8][Math.floor(next() * 5)];
  const all: Parameters = {
    gamma,
    alpha: next() * (gamma - 1),
    detachWeights: next() < 0.3,
    lambda: next(),
    negativeWeight: next() * 2,
    nllWeight: next() * 2,
    studentTemperature: next() < 0.5 ? 1 : 0.5 + next(),
    teacherTemperature: next() < 0.5 ? 1 : 0.5 + next(),
  };
  return parametersOf(name, all);
};

const part = (a: Float32Array, b: number, docs: number) => a.slice(b * docs, (b + 1) * docs);

/** The same batch with its queries in `rows`, in that order. */
function selectRows(batch: TestBatch, rows: number[]): TestBatch {
  const [, docs] = batch.shape;
  const pick = <T extends Float32Array | Uint8Array>(a: T): T => {
    const length = rows.length * docs;
    const made = (a instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length)) as T;
    rows.forEach((b, i) => made.set(a.subarray(b * docs, (b + 1) * docs), i * docs));
    return made;
  };
  return {
    student: pick(batch.student),
    teacher: pick(batch.teacher),
    labels: pick(batch.labels),
    shape: [rows.length, docs],
  };
}

describe.each(lossNames)('%s', (name) => {
  const loss = lossOf(name);
  const check = (property: (batch: TestBatch, options: Parameters, seed: number) => void) =>
    fc.assert(
      fc.property(shapes, (shape) => property(randomBatch(shape), optionsOf(name, shape.seed), shape.seed)),
      runs,
    );

  it('agrees with the double-precision reference within the stated tolerance', () => {
    check((batch, options) => {
      const [queries, docs] = batch.shape;
      const { perQuery, grad, counted } = loss(batch, { ...options, reduction: 'none' });
      const rows = Array.from({ length: queries }, (_, b) => reference(name, rowOf(batch, b), options));
      expect(counted).toBe(rows.filter((row) => row.counted).length);
      rows.forEach((row, b) => {
        expectClose([perQuery[b]], [row.loss], row.lossTolerance, `loss of query ${b}`);
        expectClose(part(grad, b, docs), row.grad, row.gradTolerance, `gradient of query ${b}`);
      });
    });
  });

  it('gives the same bits when run again', () => {
    check((batch, options) => expectSameResult(loss(batch, options), loss(batch, options)));
  });

  it('treats each query alone: split, reordered and repeated batches give the same bits', () => {
    check((batch, options, seed) => {
      const [queries, docs] = batch.shape;
      const next = randomNumbers(seed);
      const rows = Array.from({ length: queries + 3 }, () => Math.floor(next() * queries));
      const whole = loss(batch, { ...options, reduction: 'none' });
      const picked = loss(selectRows(batch, rows), { ...options, reduction: 'none' });
      rows.forEach((b, i) => {
        expectSameBits(part(picked.grad, i, docs), part(whole.grad, b, docs));
        expect(picked.perQuery[i]).toBe(whole.perQuery[b]);
      });
    });
  });

  it('gives the same bits for ragged lists as for padded rows of the same lengths', () => {
    check((batch, options) => {
      const [queries, docs] = batch.shape;
      const offsets = Int32Array.from({ length: queries + 1 }, (_, b) => b * docs);
      const { student, teacher, labels } = batch;
      expectSameResult(loss({ student, teacher, labels, offsets }, options), loss(batch, options));
    });
  });

  it('gives the same result whatever padding is added to a row', () => {
    check((batch, options, seed) => {
      const [queries, docs] = batch.shape;
      const extra = 1 + (Math.abs(seed) % 20);
      const wide = docs + extra;
      const next = randomNumbers(seed);
      const student = Float32Array.from(
        { length: queries * wide },
        () => [NaN, Infinity, 1e30, -3][Math.floor(next() * 4)],
      );
      const teacher = student.slice();
      const labels = new Uint8Array(queries * wide).fill(255);
      for (let b = 0; b < queries; b++) {
        student.set(part(batch.student, b, docs), b * wide);
        teacher.set(part(batch.teacher, b, docs), b * wide);
        labels.set(batch.labels.subarray(b * docs, (b + 1) * docs), b * wide);
      }
      const padded = loss(
        { student, teacher, labels, shape: [queries, wide] },
        { ...options, reduction: 'none' },
      );
      const plain = loss(batch, { ...options, reduction: 'none' });
      for (let b = 0; b < queries; b++) {
        const { gradTolerance, lossTolerance } = reference(name, rowOf(batch, b), options);
        expectClose(
          part(padded.grad, b, wide).subarray(0, docs),
          part(plain.grad, b, docs),
          gradTolerance.map((t) => 2 * t),
        );
        expectClose([padded.perQuery[b]], [plain.perQuery[b]], 2 * lossTolerance);
        expect(
          part(padded.grad, b, wide)
            .subarray(docs)
            .every((g) => g === 0),
        ).toBe(true);
      }
    });
  });

  it('moves with its documents when they are reordered', () => {
    check((batch, options, seed) => {
      const [queries, docs] = batch.shape;
      const next = randomNumbers(seed);
      const order = Array.from({ length: docs }, (_, i) => i);
      for (let i = docs - 1; i > 0; i--) {
        const j = Math.floor(next() * (i + 1));
        [order[i], order[j]] = [order[j], order[i]];
      }
      const shuffled = <T extends Float32Array | Uint8Array>(a: T) =>
        a.map((_, i) => a[i - (i % docs) + order[i % docs]]) as T;
      const moved = {
        ...batch,
        student: shuffled(batch.student),
        teacher: shuffled(batch.teacher),
        labels: shuffled(batch.labels),
      };
      const before = loss(batch, { ...options, reduction: 'none' });
      const after = loss(moved, { ...options, reduction: 'none' });
      for (let b = 0; b < queries; b++) {
        const { gradTolerance, lossTolerance } = reference(name, rowOf(moved, b), options);
        const expected = shuffled(before.grad).slice(b * docs, (b + 1) * docs);
        expectClose(
          part(after.grad, b, docs),
          expected,
          gradTolerance.map((t) => 2 * t),
        );
        expectClose([after.perQuery[b]], [before.perQuery[b]], 2 * lossTolerance);
      }
    });
  });

  it('does not change when a constant is added to all scores of a side', () => {
    check((batch, options) => {
      // Scores on a grid of 1/64 and an integer shift, so that the sums are exact in float32.
      const grid = (a: Float32Array) => a.map((s) => Math.round(s * 64) / 64);
      const student = grid(batch.student);
      const teacher = grid(batch.teacher);
      // Gains are powers of the teacher's scores themselves.
      const shift = name === 'lambdaNdcg' ? 0 : 16;
      const shifted = {
        ...batch,
        student: student.map((s) => s + 32),
        teacher: teacher.map((t) => t - shift),
      };
      const near = { ...batch, student, teacher };
      const before = loss(near, { ...options, reduction: 'none' });
      const after = loss(shifted, { ...options, reduction: 'none' });
      const [queries, docs] = batch.shape;
      for (let b = 0; b < queries; b++) {
        const a = reference(name, rowOf(near, b), options);
        const c = reference(name, rowOf(shifted, b), options);
        expectClose(
          part(after.grad, b, docs),
          part(before.grad, b, docs),
          a.gradTolerance.map((t, i) => t + c.gradTolerance[i]),
        );
        expectClose([after.perQuery[b]], [before.perQuery[b]], a.lossTolerance + c.lossTolerance);
      }
    });
  });

  it('writes a strided gradient between its gaps, with the bits of a dense one', () => {
    check((batch, options, seed) => {
      const [queries, docs] = batch.shape;
      const rowStride = docs + 1 + (Math.abs(seed) % 9);
      const spread = <T extends Float32Array | Uint8Array>(a: T, fill: number): T => {
        const made = (
          a instanceof Uint8Array
            ? new Uint8Array(queries * rowStride)
            : new Float32Array(queries * rowStride)
        ) as T;
        made.fill(fill);
        for (let b = 0; b < queries; b++) made.set(a.subarray(b * docs, (b + 1) * docs), b * rowStride);
        return made;
      };
      const grad = new Float32Array(queries * rowStride).fill(-77);
      const strided = loss(
        {
          student: spread(batch.student, NaN),
          teacher: spread(batch.teacher, NaN),
          labels: spread(batch.labels, 9),
          shape: batch.shape,
          rowStride,
          grad,
        },
        options,
      );
      const dense = loss(batch, options);
      expect(strided.loss).toBe(dense.loss);
      expect(strided.grad).toBe(grad);
      expectSameBits(grad, spread(dense.grad as Float32Array, -77));
    });
  });

  it('gives the same bits in place as apart', () => {
    check((batch, options) => {
      const apart = loss(batch, options);
      const student = batch.student.slice();
      const inPlace = loss({ ...batch, student, grad: student }, options);
      expect(inPlace.grad).toBe(student);
      expectSameResult(inPlace, apart);
    });
  });

  it('gives the same bits on one, two and three threads', () => {
    for (const [queries, docs, scale] of [
      [3000, 16, 2],
      [700, 200, 5],
      [40, 3000, 1],
    ]) {
      const batch = randomBatch({ seed: queries, queries, docs, scale, padding: 10 });
      const weights = Float32Array.from({ length: queries }, (_, b) => 1 + (b % 7) / 3);
      const one = loss({ ...batch, weights }, { threads: 1 });
      for (const threads of [2, 3]) expectSameResult(loss({ ...batch, weights }, { threads }), one);
    }
  });

  const wideTargets = targets.filter((target) => target !== 'baseline');
  it.runIf(wideTargets.length > 1)(
    'gives the same bits on every instruction set with fused multiply-add',
    () => {
      check((batch, options) => {
        const [first, ...others] = wideTargets.map((cpuTarget) => loss(batch, { ...options, cpuTarget }));
        for (const other of others) expectSameResult(other, first);
      });
    },
  );

  it('is within the tolerance on the baseline instruction set too', () => {
    const baseline = targets.includes('baseline') ? 'baseline' : targets[0];
    check((batch, options) => {
      const [queries, docs] = batch.shape;
      const { perQuery, grad } = loss(batch, { ...options, cpuTarget: baseline, reduction: 'none' });
      for (let b = 0; b < queries; b++) {
        const row = reference(name, rowOf(batch, b), options);
        expectClose([perQuery[b]], [row.loss], row.lossTolerance);
        expectClose(part(grad, b, docs), row.grad, row.gradTolerance);
      }
    });
  });
});

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

describe('the distribution losses', () => {
  it.each(distributionLosses)('%s: the gradient of every row sums to 0', (name) => {
    const batch = randomBatch({ seed: 12, queries: 20, docs: 50, padding: 20 });
    const { grad } = lossOf(name)(batch, { reduction: 'none' });
    for (let b = 0; b < 20; b++) {
      const row = part(grad, b, 50);
      const size = row.reduce((sum, g) => sum + Math.abs(g), 0);
      expect(Math.abs(row.reduce((sum, g) => sum + g, 0))).toBeLessThanOrEqual(1e-5 * size + 1e-12);
    }
  });
});
