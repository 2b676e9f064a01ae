// Training models of tfjs-layers, as docs/tfjs.md says: what registers gradients, and what model.fit can and cannot do.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { klLoss, nllLoss } from '../../../lib/tfjs/index';

const [queries, documents, features] = [8, 5, 4];
const inputs = tf.randomNormal([queries, documents, features], 0, 1, 'float32', 1);
const teacher = tf.randomNormal([queries, documents], 0, 1, 'float32', 2);
const labels = tf.oneHot(tf.argMax(teacher, 1), documents);

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** Fits a model that scores the documents of each query, and returns the loss of each epoch. */
async function fit(
  loss: (labels: tf.Tensor, scores: tf.Tensor) => tf.Scalar,
  targets: tf.Tensor,
): Promise<number[]> {
  const { layers, sequential } = await import('@tensorflow/tfjs-layers');
  const model = sequential({
    layers: [
      layers.dense({ units: 1, inputShape: [documents, features], kernelInitializer: 'zeros' }),
      layers.reshape({ targetShape: [documents] }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(0.1), loss });
  const { history } = await model.fit(inputs, targets, { epochs: 5, batchSize: queries / 2, verbose: 0 });
  return history.loss as number[];
}

it('tfjs-core alone has no gradients of its ops; tfjs-layers registers them', async () => {
  const weights = tf.variable(tf.zeros([features, 1]));
  const step = () =>
    tf.train
      .sgd(0.1)
      .minimize(() =>
        klLoss(
          labels,
          tf.reshape(tf.matMul(tf.reshape(inputs, [-1, features]), weights), [queries, documents]),
          teacher,
        ),
      );
  expect(step).toThrow('gradient function not found');
  await import('@tensorflow/tfjs-layers');
  step();
  expect(Math.max(...weights.dataSync())).toBeGreaterThan(0);
});

describe('model.fit', () => {
  it('trains with a loss that reads no teacher', async () => {
    const losses = await fit((labels, scores) => nllLoss(labels, scores), labels);
    expect(losses.at(-1)!).toBeLessThan(losses[0]);
  });

  it('cannot pass a teacher: that of all queries does not fit a batch, and stacked targets are refused', async () => {
    await expect(fit((labels, scores) => klLoss(labels, scores, teacher), labels)).rejects.toThrow(
      'teacher has shape [8, 5]; the logits have [4, 5]',
    );
    const stacked = tf.stack([tf.cast(labels, 'float32'), teacher], 2);
    const loss = (both: tf.Tensor, scores: tf.Tensor) => {
      const [own, theirs] = tf.unstack(both, 2);
      return klLoss(own, scores, theirs);
    };
    await expect(fit(loss, stacked)).rejects.toThrow('Error when checking target');
  });
});
