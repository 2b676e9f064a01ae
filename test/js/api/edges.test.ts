// The table "semantics at the edges" of the specification, line by line; each test is named after its line.
import { describe, expect, it } from 'vitest';
import { ckl, kl, klLogL, lambdaMrr, marginMse, nll } from '../../../lib/index';
import {
  distributionLosses,
  expectClose,
  expectSameBits,
  lossNames,
  lossOf,
  randomBatch,
  rowOf,
  type TestBatch,
} from './helpers';
import { reference } from '../reference/losses';

const three = randomBatch({ seed: 11, queries: 3, docs: 12 });

const copyOf = (batch: TestBatch): TestBatch => ({
  ...batch,
  student: batch.student.slice(),
  teacher: batch.teacher.slice(),
  labels: batch.labels.slice(),
});

/** One query of `docs` documents with document 0 positive. */
function oneQuery(student: number[], teacher: number[], labels?: number[]): TestBatch {
  return {
    student: Float32Array.from(student),
    teacher: Float32Array.from(teacher),
    labels: Uint8Array.from(labels ?? student.map((_, i) => (i === 0 ? 1 : 0))),
    shape: [1, student.length],
  };
}

describe('a masked document is never read, whatever its scores hold; its gradient is 0', () => {
  it.each(lossNames)('%s', (name) => {
    for (const garbage of [NaN, Infinity, -Infinity, 1e30, 0]) {
      const batch = randomBatch({ seed: 5, queries: 4, docs: 20, padding: 30 });
      const other = copyOf(batch);
      batch.labels.forEach((y, i) => {
        if (y === 255) other.student[i] = other.teacher[i] = garbage;
      });
      const clean = lossOf(name)(batch);
      const dirty = lossOf(name)(other);
      expect(dirty.loss).toBe(clean.loss);
      expectSameBits(dirty.grad, clean.grad);
      batch.labels.forEach((y, i) => {
        if (y === 255) expect(dirty.grad[i]).toBe(0);
      });
    }
  });

  it.each(lossNames)('%s: masking equals removing', (name) => {
    const batch = randomBatch({ seed: 6, queries: 1, docs: 24, padding: 40 });
    const keep = [...batch.labels].flatMap((y, i) => (y === 255 ? [] : [i]));
    const removed = {
      student: Float32Array.from(keep, (i) => batch.student[i]),
      teacher: Float32Array.from(keep, (i) => batch.teacher[i]),
      labels: Uint8Array.from(keep, (i) => batch.labels[i]),
      shape: [1, keep.length] as [number, number],
    };
    const masked = lossOf(name)(batch);
    const short = lossOf(name)(removed);
    const { gradTolerance, lossTolerance } = reference(name, rowOf(removed, 0));
    expectClose(
      keep.map((i) => masked.grad[i]),
      short.grad,
      gradTolerance.map((t) => 2 * t),
    );
    expect(Math.abs(masked.loss - short.loss)).toBeLessThanOrEqual(2 * lossTolerance);
  });
});

describe('p = 0 (teacher -Infinity): its term and its h are 0', () => {
  it.each(distributionLosses)('%s', (name) => {
    const batch = oneQuery([0.5, -1, 2, 0.1], [1, -Infinity, 0, -Infinity]);
    const { loss, grad } = lossOf(name)(batch);
    const expected = reference(name, rowOf(batch, 0));
    expect(Math.abs(loss - expected.loss)).toBeLessThanOrEqual(expected.lossTolerance);
    expectClose(grad, expected.grad, expected.gradTolerance);
    if (name === 'kl')
      expect(grad[1]).toBeCloseTo(Math.exp(-1) / [0.5, -1, 2, 0.1].reduce((z, s) => z + Math.exp(s), 0), 6);
  });
});

describe('q = 0 with p > 0 (student -Infinity): loss Infinity, gradient finite with h = -p', () => {
  it.each(['kl', 'bkl', 'klLogL', 'ckl'])('%s, a positive', (name) => {
    const batch = oneQuery([-Infinity, 0, 1], [0.3, 0.2, 0.1]);
    const { loss, grad } = lossOf(name)(batch);
    expect(loss).toBe(Infinity);
    const expected = reference(name, rowOf(batch, 0));
    expectClose(grad, expected.grad, expected.gradTolerance);
    expect([...grad].every(Number.isFinite)).toBe(true);
  });

  it('nll of a positive', () => {
    const { loss, grad } = nll(oneQuery([-Infinity, 0, 0], [0, 0, 0]));
    expect(loss).toBe(Infinity);
    expectClose(grad, [-1, 0.5, 0.5], 1e-6);
  });

  it('in ckl a negative adds 0', () => {
    const batch = oneQuery([1, -Infinity, 0.5], [0.3, 0.2, 0.1]);
    const { loss, grad } = ckl(batch);
    const expected = reference('ckl', rowOf(batch, 0));
    expect(loss).toBeCloseTo(expected.loss, 6);
    expect(grad[1]).toBe(0);
  });
});

describe('range of a row > FLT_MAX: the gradient stays finite', () => {
  it.each(distributionLosses)('%s', (name) => {
    const { grad } = lossOf(name)(oneQuery([3e38, -3e38, 0, 1], [-3e38, 3e38, 0, 1]));
    expect([...grad].every(Number.isFinite)).toBe(true);
    const swapped = lossOf(name)(oneQuery([-3e38, 3e38, 0, 1], [3e38, -3e38, 0, 1]));
    expect([...swapped.grad].every(Number.isFinite)).toBe(true);
  });
});

describe('NaN or Infinity in a valid document: that whole query is NaN, the others are bit-identical to before', () => {
  const poisons = [
    ['student', NaN],
    ['student', Infinity],
    ['teacher', NaN],
    ['teacher', Infinity],
  ] as const;
  const readsTeacher = (name: string) => !['nll', 'lambdaMrr'].includes(name);
  const cases = lossNames.flatMap((name) =>
    poisons
      .filter(([side]) => side === 'student' || readsTeacher(name))
      .map(([side, value]) => [name, side, value] as const),
  );
  it.each(cases)('%s, %s %s', (name, side, value) => {
    const before = lossOf(name)(three, { reduction: 'none' });
    const batch = copyOf(three);
    batch[side][12 + 4] = value;
    const after = lossOf(name)(batch, { reduction: 'none' });
    expect(after.perQuery[1]).toBeNaN();
    expect([...after.grad.slice(12, 24)].every(Number.isNaN)).toBe(true);
    for (const b of [0, 2]) {
      expectSameBits(after.perQuery.slice(b, b + 1), before.perQuery.slice(b, b + 1));
      expectSameBits(after.grad.slice(b * 12, b * 12 + 12), before.grad.slice(b * 12, b * 12 + 12));
    }
  });

  it('a padded document of a NaN query keeps gradient 0', () => {
    const { grad } = kl(oneQuery([NaN, 1, 2], [0, 0, 0], [1, 0, 255]));
    expect([...grad]).toEqual([NaN, NaN, 0]);
  });

  it.each(['nll', 'lambdaMrr'])('%s does not read the teacher, not even its NaN', (name) => {
    const batch = { ...three, teacher: new Float32Array(36).fill(NaN) };
    expect(lossOf(name)(batch).loss).toBe(lossOf(name)(three).loss);
  });
});

describe('a query that is not counted: loss 0, gradient 0, left out of the mean', () => {
  const uncounted: Record<string, number[][]> = {
    kl: [[255, 255, 255]],
    bkl: [[255, 255, 255]],
    ckl: [
      [255, 255, 255],
      [0, 0, 0],
      [0, 255, 0],
    ],
    nll: [[0, 0, 0]],
    klLogL: [[0, 0, 255]],
    marginMse: [
      [1, 1, 1],
      [0, 0, 255],
    ],
    lambdaMrr: [
      [1, 1, 1],
      [0, 0, 255],
    ],
  };
  it.each(lossNames.flatMap((name) => uncounted[name].map((labels) => [name, labels] as const)))(
    '%s, labels %j',
    (name, labels) => {
      const batch = randomBatch({ seed: 3, queries: 2, docs: 3 });
      batch.labels.set([1, 0, 0, ...labels]);
      const both = lossOf(name)(batch);
      const first = lossOf(name)({
        student: batch.student.slice(0, 3),
        teacher: batch.teacher.slice(0, 3),
        labels: batch.labels.slice(0, 3),
        shape: [1, 3],
      });
      expect(both.counted).toBe(1);
      expect(both.perQuery[1]).toBe(0);
      expect([...both.grad.slice(3)]).toEqual([0, 0, 0]);
      expect(both.loss).toBe(first.loss);
      expectSameBits(both.grad.slice(0, 3), first.grad);
    },
  );

  it('lambdaMrr with one level of relevance', () => {
    const batch = { ...oneQuery([1, 2, 3], [0, 0, 0]), relevance: Float32Array.of(0.5, 0.5, 0.5) };
    expect(lambdaMrr(batch)).toMatchObject({ loss: 0, counted: 0 });
  });

  it('a query without documents, in a ragged batch', () => {
    const { student, teacher, labels } = three;
    for (const name of lossNames) {
      const offsets = Int32Array.of(0, 12, 12, 24);
      const result = lossOf(name)({ student, teacher, labels, offsets }, { reduction: 'sum' });
      expect(result.counted, name).toBe(2);
      expect(result.perQuery[1]).toBe(0);
    }
  });
});

describe('no query counted, or no queries: mean 0', () => {
  it.each(lossNames)('%s', (name) => {
    const loss = lossOf(name);
    const masked = { ...three, labels: new Uint8Array(36).fill(255) };
    for (const reduction of ['mean', 'sum']) {
      expect(loss(masked, { reduction })).toMatchObject({ loss: 0, counted: 0 });
      const empty = { student: new Float32Array(0), teacher: new Float32Array(0), labels: new Uint8Array(0) };
      for (const layout of [
        { shape: [0, 5] },
        { shape: [0, 0] },
        { shape: [3, 0] },
        { offsets: Int32Array.of(0) },
      ]) {
        const result = loss({ ...empty, ...layout }, { reduction });
        expect(result).toMatchObject({ loss: 0, counted: 0 });
        expect(result.grad.length).toBe(0);
      }
    }
    expect([...loss(masked).grad].every((g) => g === 0)).toBe(true);
  });
});

describe('one document: 0 and 0 for the distribution losses', () => {
  it.each(['kl', 'ckl', 'nll', 'klLogL'])('%s', (name) => {
    const result = lossOf(name)(oneQuery([3.7], [-2]));
    expect(result.counted).toBe(1);
    expect(result.loss).toBeCloseTo(0, 30);
    expect(result.grad[0]).toBeCloseTo(0, 30);
  });

  it('bkl: the entropy of one positive is 0', () => {
    const result = lossOf('bkl')(oneQuery([3.7], [-2]));
    expect(result.loss).toBeCloseTo(0, 30);
    expect(result.grad[0]).toBeCloseTo(0, 30);
  });
});

describe('reduction', () => {
  const weights = Float32Array.of(0.5, 2, 0);

  it.each(lossNames)('%s: mean = sum of w L / sum of w over counted queries, sum, none', (name) => {
    const loss = lossOf(name);
    const batch = { ...copyOf(three), weights };
    batch.labels.fill(255, 24); // the last query is counted by none
    const { perQuery, grad: bare } = loss({ ...batch, weights: undefined }, { reduction: 'none' });
    const mean = loss(batch, { reduction: 'mean' });
    const sum = loss(batch, { reduction: 'sum' });
    const none = loss(batch, { reduction: 'none' });
    expect(mean.loss).toBeCloseTo((0.5 * perQuery[0] + 2 * perQuery[1]) / 2.5, 6);
    expect(sum.loss).toBeCloseTo(0.5 * perQuery[0] + 2 * perQuery[1], 5);
    expect(none.loss).toBe(none.perQuery);
    expectSameBits(none.perQuery, perQuery);
    expectSameBits(mean.perQuery, perQuery);
    for (let b = 0; b < 3; b++) {
      const row = bare.slice(b * 12, b * 12 + 12);
      const part = (g: Float32Array) => g.slice(b * 12, b * 12 + 12);
      const size = Math.max(...row.map(Math.abs));
      expectClose(
        part(sum.grad),
        row.map((g: number) => g * weights[b]),
        1e-6 * size,
        'sum',
      );
      expectClose(
        part(none.grad),
        row.map((g: number) => g * weights[b]),
        1e-6 * size,
        'none',
      );
      expectClose(
        part(mean.grad),
        row.map((g: number) => (g * weights[b]) / 2.5),
        1e-6 * size,
        'mean',
      );
    }
  });

  it('weights of 0 everywhere give mean 0 and gradient 0', () => {
    const result = kl({ ...three, weights: new Float32Array(3) });
    expect(result.loss).toBe(0);
    expect([...result.grad].every((g) => g === 0)).toBe(true);
  });

  it.each(lossNames)('%s: gradScale multiplies the gradient and nothing else', (name) => {
    const once = lossOf(name)(three);
    const scaled = lossOf(name)(three, { gradScale: -4 });
    expect(scaled.loss).toBe(once.loss);
    expectSameBits(
      scaled.grad,
      once.grad.map((g: number) => -4 * g),
    );
  });
});

describe('temperature: the gradient carries 1 / studentTemperature, and no hidden square', () => {
  it.each(distributionLosses)('%s of scores divided beforehand, by a power of two', (name) => {
    const divided = {
      ...three,
      student: three.student.map((s) => s / 2),
      teacher: three.teacher.map((t) => t / 4),
    };
    const inside = lossOf(name)(three, { studentTemperature: 2, teacherTemperature: 4 });
    const outside = lossOf(name)(divided);
    expect(inside.loss).toBe(outside.loss);
    expectSameBits(
      inside.grad,
      outside.grad.map((g: number) => g / 2),
    );
  });

  it.each(['marginMse', 'lambdaMrr'])('%s', (name) => {
    const divided = {
      ...three,
      student: three.student.map((s) => s / 2),
      teacher: three.teacher.map((t) => t / 4),
    };
    const inside = lossOf(name)(three, { studentTemperature: 2, teacherTemperature: 4 });
    const outside = lossOf(name)(divided);
    expect(inside.loss).toBeCloseTo(outside.loss, 6);
    expectClose(
      inside.grad,
      outside.grad.map((g: number) => g / 2),
      1e-6,
    );
  });
});

describe('hyper-parameters at their limits', () => {
  it.each([
    [1, 0],
    [2.3, 1.3], // 2.3 - 1 is a little less than 1.3 in binary
    [1.1, 0.1],
    [5, 4],
    [64, 63],
    [70.5, 69.5],
  ])('gamma %f with alpha %f', (gamma, alpha) => {
    const { loss, grad } = ckl(three, { gamma, alpha, reduction: 'none' });
    for (let b = 0; b < 3; b++) {
      const row = reference('ckl', rowOf(three, b), { gamma, alpha });
      expectClose([loss[b]], [row.loss], row.lossTolerance);
      expectClose(grad.slice(b * 12, b * 12 + 12), row.grad, row.gradTolerance);
    }
  });

  it('alpha is 1 by default, or gamma - 1 where that is less', () => {
    expectSameBits(ckl(three).grad, ckl(three, { gamma: 5, alpha: 1 }).grad);
    expectSameBits(ckl(three, { gamma: 1 }).grad, ckl(three, { gamma: 1, alpha: 0 }).grad);
    expectSameBits(ckl(three, { gamma: 1.5 }).grad, ckl(three, { gamma: 1.5, alpha: 0.5 }).grad);
  });
});

describe('where the ranks come from: beta given, ranks given, else the scores of this batch', () => {
  const ranks = Uint8Array.from({ length: 36 }, (_, i) => 1 + ((i * 7) % 12));

  it('given ranks of the scores themselves change nothing', () => {
    const { student } = three;
    const own = Float32Array.from({ length: 36 }, (_, i) => {
      const row = student.subarray(Math.floor(i / 12) * 12, Math.floor(i / 12) * 12 + 12);
      return 1 + row.filter((s) => s > student[i]).length;
    });
    expectSameBits(ckl({ ...three, ranks: own }, { alpha: 4 }).grad, ckl(three, { alpha: 4 }).grad);
    expectSameBits(lambdaMrr({ ...three, ranks: own }).grad, lambdaMrr(three).grad);
  });

  it('beta wins over ranks', () => {
    const beta = new Float32Array(36).fill(0.25);
    expectSameBits(ckl({ ...three, beta, ranks }).grad, ckl({ ...three, beta }).grad);
    expect(ckl({ ...three, beta }).loss).not.toBe(ckl({ ...three, ranks }).loss);
  });

  it('every kind of array of ranks gives the same', () => {
    const expected = ckl({ ...three, ranks });
    for (const Kind of [Uint16Array, Uint32Array, Int32Array, Float32Array]) {
      expectSameBits(ckl({ ...three, ranks: Kind.from(ranks) }).grad, expected.grad, Kind.name);
    }
  });

  it('1 / Infinity = 0', () => {
    const far = Float32Array.from(ranks);
    far[3] = far[20] = Infinity;
    const huge = far.map((r) => (r === Infinity ? 3e38 : r));
    expectClose(ckl({ ...three, ranks: far }).grad, ckl({ ...three, ranks: huge }).grad, 1e-9);
    expect(Number.isFinite(lambdaMrr({ ...three, ranks: far }).loss)).toBe(true);
  });

  it('ties share a rank, so the order of documents does not matter', () => {
    const tied = oneQuery([1, 2, 2, 0], [0.5, 0.1, 0.1, 0], [1, 0, 0, 0]);
    const { grad } = ckl(tied, { alpha: 4 });
    expect(grad[1]).toBe(grad[2]);
  });
});

describe('names that agree with other implementations', () => {
  it('marginMse with one positive and one negative is (student margin - teacher margin)^2', () => {
    const { loss, grad } = marginMse(oneQuery([3, 1], [2, 1.5]));
    expect(loss).toBeCloseTo(1.5 ** 2, 6);
    expectClose(grad, [3, -3], 1e-6);
  });

  it('klLogL = kl + nllWeight nll', () => {
    const sum = kl(three).loss + 0.5 * nll(three).loss;
    expect(klLogL(three, { nllWeight: 0.5 }).loss).toBeCloseTo(sum, 5);
  });

  it('ckl may be negative', () => {
    // A positive that the teacher rates lower than the student does, among many negatives that hardly weigh.
    const rest = new Array<number>(10).fill(0);
    expect(ckl(oneQuery([2.3, ...rest], [0.9, ...rest]), { alpha: 0 }).loss).toBeLessThan(-0.005);
  });
});
