// embeddingLoss: value and gradients of the prepared loss, through tfjs' tape, for both sides or one.
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { prepare } from '../../../lib/embeddings/index';
import { embeddingLoss } from '../../../lib/tfjs/index';
import { floats, numbers } from '../embeddings/helpers';

const [queries, docs, dim] = [3, 4, 5];
const next = numbers(91);
const q = floats(queries * dim, next);
const d = floats(queries * docs * dim, next);
const teacher = floats(queries * docs, next);
const labels = Uint8Array.from({ length: queries * docs }, (_, i) => (i % docs === 1 ? 1 : 0));
const options = { dim, shape: [queries, docs], similarity: 'cosine', scale: 6 } as const;
const tensors = () => [tf.tensor(q, [queries, dim]), tf.tensor(d, [queries, docs, dim])] as const;
const list = (tensor: tf.Tensor) => [...tensor.dataSync<'float32'>()];

it('is the prepared loss, with its gradients times what comes after, and leaves no tensor behind', () => {
  using op = prepare('ckl', { ...options, alpha: 1 });
  const right = op.run({ queries: q, documents: d, teacher, labels });
  const expected = [right.queryGrad!, right.documentGrad!].map((grad) => [...grad.map((g) => 3 * g)]);
  const { loss } = right;
  const [a, b] = tensors();
  const before = tf.memory().numTensors;
  const { value, grads } = tf.valueAndGrads((x, y) =>
    tf.mul(
      3,
      embeddingLoss(op, x, y, { teacher: tf.tensor(teacher, [queries, docs]), labels: tf.tensor(labels) }),
    ),
  )([a, b]);
  expect(value.dataSync()[0]).toBe(Math.fround(3 * Math.fround(loss)));
  expect(grads.map((grad) => grad.shape)).toEqual([a.shape, b.shape]);
  expect(grads.map(list)).toEqual(expected);
  tf.dispose([value, ...grads]);
  expect(tf.memory().numTensors).toBe(before);
});

it('hands arrays on as they are: candidates stay whole numbers', () => {
  using op = prepare('ckl', options);
  const candidates = Int32Array.from({ length: queries * docs }, (_, i) => (5 * i) % 7);
  const documents = d.slice(0, 7 * dim);
  const right = op.run({ queries: q, documents, candidates, teacher, labels });
  const loss = embeddingLoss(op, tf.tensor(q, [queries, dim]), tf.tensor(documents, [7, dim]), {
    ...{ candidates, teacher, labels },
  });
  expect(loss.dataSync()[0]).toBe(Math.fround(right.loss));
});

it('gradients of two losses in one step, each with its own', () => {
  using op = prepare('kl', options);
  const first = { teacher, labels };
  const second = { teacher: teacher.slice().reverse(), labels };
  const grad = (...batches: (typeof first)[]) => {
    const { grads } = tf.valueAndGrads((x, y) =>
      batches.map((batch) => embeddingLoss(op, x, y, batch)).reduce((sum, one) => tf.add(sum, one)),
    )([...tensors()]);
    return list(grads[1]);
  };
  const both = grad(first, second);
  const [one, two] = [grad(first), grad(second)];
  both.forEach((g, i) => expect(g).toBeCloseTo(one[i] + two[i], 6));
});

it('a side that is switched off is a constant', () => {
  using op = prepare('kl', { ...options, documentGrad: false });
  const [a, b] = tensors();
  const grad = tf.grad((x) => embeddingLoss(op, x, b, { teacher, labels }))(a);
  expect(list(grad)).toEqual([...op.run({ queries: q, documents: d, teacher, labels }).queryGrad!]);
});

it('trains', () => {
  using op = prepare('kl', options);
  const weights = tf.variable(tf.eye(dim));
  const [a, b] = tensors();
  const lossOf = () =>
    embeddingLoss(op, tf.matMul(a, weights), tf.matMul(tf.reshape(b, [-1, dim]), weights), {
      teacher,
      labels,
    });
  const start = lossOf().dataSync()[0];
  const optimizer = tf.train.adam(0.05);
  for (let step = 0; step < 30; step++) optimizer.minimize(lossOf);
  expect(lossOf().dataSync()[0]).toBeLessThan(0.7 * start);
});

describe('errors', () => {
  it.each([
    [{ labels: labels.slice(1), teacher }, {}, /labels has 11 elements/],
    [{ labels: tf.tensor([0, 2]), teacher }, {}, /labels holds 2; 1, 0 and 255/],
    [{ labels, teacher }, { reduction: 'none' }, /prepare it with reduction 'mean' or 'sum'/],
    [{ labels, teacher }, { queryGrad: false, documentGrad: false }, /both false; an op needs one of them/],
  ] as [object, object, RegExp][])('%#', (inputs, changed, message) => {
    using op = prepare('kl', { ...options, ...changed });
    expect(() => embeddingLoss(op as never, ...tensors(), inputs as never)).toThrow(message);
    expect(() => embeddingLoss(op as never, 'x' as never, d, { labels, teacher })).toThrow(/queries is 'x'/);
  });
});
