// The table "semantics at the edges" of the specification, line by line, each test named after its line: which queries count, and
// what is made of them.
import { describe, expect, it } from 'vitest';
import { kl } from '../../../lib/index';
import { copyOf, expectClose, expectSameBits, lossNames, lossOf, oneQuery, randomBatch } from './helpers';

const three = randomBatch({ seed: 11, queries: 3, docs: 12 });

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
    reverseKl: [[255, 255, 255]],
    jsd: [[255, 255, 255]],
    rankNet: [
      [255, 255, 255],
      [0, 255, 255],
    ],
    listMle: [[255, 255, 255]],
    adrMse: [[255, 255, 255]],
    lambdaNdcg: [
      [255, 255, 255],
      [255, 1, 255],
    ],
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

  it.each(['lambdaMrr', 'rankNet', 'lambdaNdcg'])('%s with one level of relevance', (name) => {
    const batch = { ...oneQuery([1, 2, 3], [0, 1, 2]), relevance: Float32Array.of(0.5, 0.5, 0.5) };
    expect(lossOf(name)(batch)).toMatchObject({ loss: 0, counted: 0 });
  });

  it.each([
    ['no gain above 0', [-1, 0, -2]],
    ['gains that add up to less than 0', [0.1, -5, -5]],
  ])('lambdaNdcg with %s', (_, relevance) => {
    const batch = { ...oneQuery([1, 2, 3], [0, 1, 2]), relevance: Float32Array.from(relevance) };
    expect(lossOf('lambdaNdcg')(batch)).toMatchObject({ loss: 0, counted: 0 });
    // At k = 1 the best document alone is the ideal.
    expect(lossOf('lambdaNdcg')(batch, { k: 1 }).counted).toBe(relevance[0] > 0 ? 1 : 0);
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
