// Which queries a mean over tensors counts, and which weights fit them.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { countedQueries } from '../../../lib/tfjs/counted';
import * as tfjs from '../../../lib/tfjs/index';

const value = (loss: tf.Tensor) => loss.dataSync()[0];

describe('the mean leaves out', () => {
  it('a query of padding alone', () => {
    const both = tfjs.klLoss(
      [
        [1, 0],
        [255, 255],
      ],
      [
        [0.5, 1],
        [3, 4],
      ],
      [
        [2, 1],
        [5, 6],
      ],
    );
    expect(value(both)).toBeCloseTo(value(tfjs.klLoss([[1, 0]], [[0.5, 1]], [[2, 1]])), 6);
    expect(value(both)).toBeGreaterThan(0.1);
  });

  it('of lambdaMrr, queries whose relevance does not differ, whatever their labels', () => {
    const labels = [
      [1, 0],
      [1, 1],
    ];
    const logits = [
      [0, 1],
      [1, 2],
    ];
    const relevance = [
      [1, 1],
      [2, 1],
    ];
    const second = tfjs.lambdaMrrLoss([[1, 1]], [[1, 2]], null, { relevance: [[2, 1]] });
    expect(value(tfjs.lambdaMrrLoss(labels, logits, null, { relevance }))).toBeCloseTo(value(second), 6);
    expect(value(second)).toBeGreaterThan(0.1);
  });

  it('of lambdaNdcg, queries without a gain', () => {
    const labels = [
      [1, 0],
      [1, 0],
    ];
    const logits = [
      [0, 1],
      [1, 2],
    ];
    const teacher = [
      [-1, -2],
      [2, 1],
    ];
    const second = tfjs.lambdaNdcgLoss([[1, 0]], [[1, 2]], [[2, 1]]);
    expect(value(tfjs.lambdaNdcgLoss(labels, logits, teacher))).toBeCloseTo(value(second), 6);
    expect(value(second)).toBeGreaterThan(0.01);
  });
});

it('a sum of losses counts a query that one of them counts', () => {
  const [labels, logits, teacher] = [[[0, 0]], [[0.5, 1]], [[2, 1]]];
  const terms = [
    { loss: 'kl', weight: 1 },
    { loss: 'nll', weight: 1 },
  ] as const;
  const expected = value(tfjs.klLoss(labels, logits, teacher));
  expect(value(tfjs.combineLoss(labels, logits, teacher, terms))).toBeCloseTo(expected, 6);
  expect(expected).toBeGreaterThan(0.1);
});

it('weights broadcast from the last axis of the queries on', () => {
  const shape: [number, number, number] = [2, 3, 2];
  const labels = tf.tensor([1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0], shape);
  const logits = tf.tensor([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6], shape);
  const of = (weights: tfjs.Input) => tfjs.nllLoss(labels, logits, weights, {}, tf.Reduction.NONE);
  const each = of(1).dataSync();
  const times = (weights: number[]) => weights.map((weight, query) => weight * each[query]);
  expect([...of([1, 2, 3]).dataSync()]).toEqual(times([1, 2, 3, 1, 2, 3]).map(Math.fround));
  expect([...of([[2], [4]]).dataSync()]).toEqual(times([2, 2, 2, 4, 4, 4]).map(Math.fround));
  expect(() => of([1, 2])).toThrow(/weights has shape \[2\]/);
});

describe('counted queries', () => {
  const of = (loss: 'lambdaNdcg' | 'rankNet' | 'adrMse' | 'lambdaMrr', relevance: number[], k?: number) =>
    countedQueries([{ loss, k }], {
      labels: Uint8Array.from(relevance, () => 0),
      docs: relevance.length,
      relevance: Float32Array.from(relevance),
    })[0];

  it('of lambdaNdcg have a positive best gain among the first k', () => {
    const levels = [1, -9, -9, -9, -9, -9, -9];
    expect(of('lambdaNdcg', levels, 1)).toBe(1);
    expect(of('lambdaNdcg', levels, 3)).toBe(0);
    expect(of('lambdaNdcg', levels)).toBe(0);
    expect(of('lambdaNdcg', [-9, 1, -9, -9, -9, -9, -9], 1)).toBe(1);
    // Eleven documents: the last of them is beyond the ten that count by default.
    expect(of('lambdaNdcg', [2, ...Array<number>(9).fill(0), -1])).toBe(1);
    for (const below of [
      [0, -1],
      [-1, -2],
      [-2000, -2001],
    ])
      expect(of('lambdaNdcg', below)).toBe(0);
  });

  it('have more than one level, or one that is no number', () => {
    expect(of('lambdaNdcg', [2, 2])).toBe(0);
    expect(of('lambdaNdcg', [2])).toBe(0);
    expect(of('lambdaNdcg', [2, NaN])).toBe(1);
    expect(of('rankNet', [2, 2])).toBe(0);
    expect(of('rankNet', [NaN])).toBe(0);
    expect(of('rankNet', [2, 1])).toBe(1);
  });

  it('of no documents are none', () => {
    const batch = { labels: new Uint8Array(0), docs: 0 };
    expect(countedQueries([{ loss: 'kl' }], batch)).toHaveLength(0);
  });

  it('divide the teacher by its temperature, and leave padding out', () => {
    const batch = {
      labels: Uint8Array.of(0, 0, 255, 0, 0, 255),
      docs: 3,
      teacher: Float32Array.of(2, 2, 5, 2, 1, 5),
      teacherTemperature: 2,
    };
    expect([...countedQueries([{ loss: 'rankNet' }], batch)]).toEqual([0, 1]);
    // A level of 1 is 1/2 then: more documents that lose together outweigh it.
    const many = {
      labels: new Uint8Array(3),
      docs: 3,
      teacher: Float32Array.of(1, -0.9, -0.9),
      k: 10,
    };
    const counts = [1, 1e9].map(
      (teacherTemperature) => countedQueries([{ loss: 'lambdaNdcg' }], { ...many, teacherTemperature })[0],
    );
    expect(counts).toEqual([1, 0]);
  });
});
