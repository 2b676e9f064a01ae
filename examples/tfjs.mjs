// A tfjs model learns to rank from a teacher through ckl-loss/tfjs: node examples/tfjs.mjs
// In your own project: npm install ckl-loss @tensorflow/tfjs, and import from there.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import { cklLoss } from 'ckl-loss/tfjs';

const [queries, documents, features] = [32, 10, 6];
await tf.setBackend('cpu');

// What a document is like, what the teacher says of it, and which one is relevant: the teacher's favourite.
const inputs = tf.randomNormal([queries * documents, features], 0, 1, 'float32', 1);
const taste = tf.tensor2d([1.5, -2, 0.5, 0, 1, -1], [features, 1]);
const teacher = tf.reshape(tf.matMul(inputs, taste), [queries, documents]);
const labels = tf.oneHot(tf.argMax(teacher, 1), documents);

// The student: one weight a feature. Any model whose outputs are scores will do.
const model = sequential({
  layers: [layers.dense({ units: 1, inputShape: [features], kernelInitializer: 'zeros' })],
});
const scores = () => tf.reshape(model.apply(inputs), [queries, documents]);
const found = () =>
  tf.tidy(() => tf.mean(tf.equal(tf.argMax(scores(), 1), tf.argMax(labels, 1))).dataSync()[0]);

const optimizer = tf.train.adam(0.1);
for (let step = 0; step <= 60; step++) {
  const loss = optimizer.minimize(
    () => cklLoss(labels, scores(), teacher, null, { gamma: 5, alpha: 1 }),
    true,
  );
  if (step % 20 === 0)
    console.log(
      `step ${step}  loss ${loss.dataSync()[0].toFixed(4)}  positives found ${Math.round(100 * found())} %`,
    );
  loss.dispose();
}
