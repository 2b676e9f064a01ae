// Promises that hold for every batch, on random batches: agreement with double precision, and what must be equal to the last bit.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backends } from '../../../lib/index';
import { reference, type Parameters } from '../reference/losses';
import {
  distributionLosses,
  expectClose,
  expectSameBits,
  expectSameResult,
  lossNames,
  lossOf,
  randomBatch,
  randomNumbers,
  rowOf,
  type TestBatch,
} from './helpers';
import { optionsOf, part, runs, shapes } from './random-calls';

const { targets } = backends().cpu;
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
