// A small tfjs model learns from a teacher through the op, as plain variables and as a layers model.
import * as layers from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../lib/lab/training/random';
import { tf, tfjs } from './helpers';

const QUERIES = 24;
const DOCS = 8;
const FEATURES = 5;

/** The teacher ranks by hidden weights; the document it likes best is the positive. */
function problem(seed: number) {
  const random = new Random(seed);
  const hidden = Array.from({ length: FEATURES }, () => random.normal());
  const features = Array.from({ length: QUERIES * DOCS * FEATURES }, () => random.normal());
  const teacher = Array.from({ length: QUERIES * DOCS }, (_, i) =>
    hidden.reduce((sum, weight, f) => sum + 2 * weight * features[i * FEATURES + f], 0),
  );
  const labels = teacher.map((score, i) => {
    const row = teacher.slice(i - (i % DOCS), i - (i % DOCS) + DOCS);
    return score === Math.max(...row) ? 1 : 0;
  });
  const shape: [number, number] = [QUERIES, DOCS];
  return {
    features: tf.tensor3d(features, [QUERIES, DOCS, FEATURES]),
    teacher: tf.tensor2d(teacher, shape),
    labels: tf.tensor2d(labels, shape),
  };
}

/** The share of queries whose positive scores highest. */
const accuracy = (scores: tf.Tensor, labels: tf.Tensor): number =>
  tf.tidy(() => tf.mean(tf.equal(tf.argMax(scores, 1), tf.argMax(labels, 1))).dataSync()[0]);

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('training through the op', () => {
  it.each([
    ['cklLoss', tfjs.cklLoss],
    ['klLoss', tfjs.klLoss],
    ['marginMseLoss', tfjs.marginMseLoss],
  ] as const)('%s: an optimizer finds weights that rank as the teacher does', (_, lossOf) => {
    const { features, teacher, labels } = problem(5);
    const weights = tf.variable(tf.zeros([FEATURES, 1]));
    const scores = () =>
      tf.reshape(tf.matMul(tf.reshape(features, [-1, FEATURES]), weights as tf.Tensor2D), [QUERIES, DOCS]);
    const optimizer = tf.train.adam(0.1);
    const step = () =>
      optimizer.minimize(() => lossOf(labels, scores(), teacher) as tf.Scalar, true)!.dataSync()[0];
    const first = step();
    expect(accuracy(scores(), labels)).toBeLessThan(1);
    let last = first;
    for (let i = 0; i < 80; i++) last = step();
    expect(last).toBeLessThan(first / 2);
    expect(accuracy(scores(), labels)).toBeGreaterThan(0.95);
  });

  it('a layers model learns with it, masks and all', () => {
    const { features, teacher, labels } = problem(9);
    const model = layers.sequential({
      layers: [layers.layers.dense({ units: 1, inputShape: [FEATURES], kernelInitializer: 'zeros' })],
    });
    // The last document of every query is padding.
    const masked = tf.tidy(() => {
      const kept = tf.slice(labels, [0, 0], [QUERIES, DOCS - 1]);
      return tf.concat([kept, tf.fill([QUERIES, 1], 255)], 1);
    });
    const logits = () =>
      tf.reshape(model.apply(tf.reshape(features, [-1, FEATURES])) as tf.Tensor, [QUERIES, DOCS]);
    const optimizer = tf.train.adam(0.1);
    const losses = Array.from(
      { length: 60 },
      () =>
        optimizer.minimize(() => tfjs.cklLoss(masked, logits(), teacher) as tf.Scalar, true)!.dataSync()[0],
    );
    expect(losses.at(-1)).toBeLessThan(losses[0] / 2);
    expect(accuracy(logits(), labels)).toBeGreaterThan(0.9);
  });
});
