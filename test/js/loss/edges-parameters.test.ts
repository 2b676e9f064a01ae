// The table "semantics at the edges" of the specification, line by line, each test named after its line: temperatures, hyper-parameters,
// ranks, names.
import { describe, expect, it } from 'vitest';
import { bkl, ckl, combine, kl, klLogL, lambdaMrr, marginMse, nll } from '../../../lib/index';
import {
  distributionLosses,
  expectClose,
  expectSameBits,
  lossOf,
  oneQuery,
  randomBatch,
  rowOf,
} from './helpers';
import { reference, softmax } from '../reference/losses';

const three = randomBatch({ seed: 11, queries: 3, docs: 12 });

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

describe('detachWeights: the weights as constants', () => {
  it.each([
    [1, 0],
    [5, 0],
    [5, 4],
    [2.5, 1.5],
  ])('gamma %f, alpha %f: the same value, and h = -w p', (gamma, alpha) => {
    const options = { gamma, alpha, diagnostics: true, teacherGrad: true, reduction: 'sum' } as const;
    const paper = ckl(three, options);
    const detached = ckl(three, { ...options, detachWeights: true });
    // On a GPU, weights that are constants take another way to the same value.
    if (process.env.CKL_BACKEND === 'cuda')
      expect(Math.abs(detached.loss - paper.loss)).toBeLessThan(2e-7 * Math.abs(paper.loss));
    else expect(detached.loss).toBe(paper.loss);
    expectSameBits(detached.teacherGrad!, paper.teacherGrad!);
    expectSameBits(detached.diagnostics!.weight, paper.diagnostics!.weight);
    // g = (dL/dq) / (dKL/dq) is the weight itself.
    expectClose(detached.diagnostics!.ratio, detached.diagnostics!.weight, 1e-6);
    for (let b = 0; b < 3; b++) {
      const row = rowOf(three, b);
      const [q, p] = [softmax(row.student).p, softmax(row.teacher).p];
      const wp = p.map((v, i) => v * detached.diagnostics!.weight[b * 12 + i]);
      const sum = wp.reduce((x, y) => x + y, 0);
      const expected = wp.map((v, i) => q[i] * sum - v);
      expectClose(detached.grad.slice(b * 12, b * 12 + 12), expected, 1e-6);
    }
  });

  it('in a weighted sum, term by term', () => {
    const [a, b] = [ckl(three, { gamma: 2, detachWeights: true }), ckl(three, { gamma: 2 })];
    const { grad } = combine(three, [
      { loss: 'ckl', gamma: 2, detachWeights: true, weight: 2 },
      { loss: 'ckl', gamma: 2 },
    ]);
    const sum = a.grad.map((g, i) => 2 * g + b.grad[i]);
    expectClose(grad, sum, 1e-6);
  });

  it('no ratio to KL is negative then, as some are in the paper', () => {
    // A positive that the student rates far above its teacher.
    const batch = oneQuery([3, 0], [-3, 0]);
    const ratios = (detachWeights: boolean) =>
      ckl(batch, { gamma: 5, alpha: 0, detachWeights, diagnostics: true }).diagnostics!.ratio;
    expect(Math.min(...ratios(false))).toBeLessThan(0);
    expect(Math.min(...ratios(true))).toBeGreaterThan(0);
  });
});

describe('negativeWeight: the L1 term over negatives', () => {
  const negatives = (b: number) => {
    const { p: q } = softmax(rowOf(three, b).student);
    return q.reduce((sum, v, i) => sum + (three.labels[b * 12 + i] === 0 ? v : 0), 0);
  };

  it('is 1 / ln 2 by default', () => {
    expectSameBits(bkl(three).grad, bkl(three, { negativeWeight: 1 / Math.LN2 }).grad);
  });

  it('adds lambda negativeWeight times the sum of q over the negatives', () => {
    const without = bkl(three, { lambda: 2, negativeWeight: 0, reduction: 'none' }).loss;
    const { loss } = bkl(three, { lambda: 2, negativeWeight: 1.5, reduction: 'none' });
    for (let b = 0; b < 3; b++) expect(loss[b] - without[b]).toBeCloseTo(3 * negatives(b), 5);
  });

  it('0 with lambda 0 is exactly kl', () => {
    expectSameBits(bkl(three, { lambda: 0, negativeWeight: 0 }).grad, kl(three).grad);
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

describe('what a batch may leave out', () => {
  it.each(['undefined', 'null'])('is absent where it is %s', (absent) => {
    const nothing = absent === 'null' ? null : undefined;
    const given = { ...three, relevance: nothing, ranks: nothing, beta: nothing, weights: nothing };
    const outputs = { grad: nothing, perQuery: nothing, teacherGrad: nothing };
    const expected = ckl(three);
    const actual = ckl({ ...given, ...outputs, offsets: nothing } as unknown as typeof three);
    expect(actual.loss).toBe(expected.loss);
    expectSameBits(actual.grad, expected.grad);
    expect(actual.teacherGrad).toBeUndefined();
  });
});

describe('outputs beside inputs', () => {
  it.each([
    ['before', 0, 36],
    ['behind', 36, 0],
  ])('a gradient right %s the student in one buffer shares nothing with it', (_, at, student) => {
    const memory = new Float32Array(72);
    memory.set(three.student, student);
    const inside = {
      ...three,
      student: memory.subarray(student, student + 36),
      grad: memory.subarray(at, at + 36),
    };
    expectSameBits(ckl(inside).grad, ckl(three).grad);
    expectSameBits(inside.student, three.student);
  });

  it('an empty array shares nothing with what lies around it', () => {
    const none = { student: new Float32Array(9), teacher: three.teacher, labels: three.labels };
    const empty = { ...none, offsets: Int32Array.of(0) };
    expect(kl({ ...empty, perQuery: empty.student.subarray(2, 2) }).loss).toBe(0);
    expect(kl({ ...empty, grad: empty.student.subarray(2, 2) }).loss).toBe(0);
    const grad = new Float32Array(9);
    expect(kl({ ...empty, grad, weights: grad.subarray(2, 2) }).loss).toBe(0);
  });
});
