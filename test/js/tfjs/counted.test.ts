// Which queries a mean over tensors counts, and which weights fit them.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
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
