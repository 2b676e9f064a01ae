#!/usr/bin/env bash
# @tensorflow/tfjs 4.22.0 has two conventions for the gradient where a maximum is reached twice, and neither is PyTorch's amax: tf.max hands
# the whole gradient to *every* element that ties (they add up to the number of ties), tf.maximum hands all of it to its first argument.
# A good guess fails because one would expect either the usual subgradients that add up to 1 (shared evenly, or one winner), or at least
# the same rule for max over an axis and for the maximum of two tensors. It matters for MaxSim: two equal tokens in a document (padding, or a
# repeated word) double the gradient of the query token through tf.max, and not through a fold with tf.maximum.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import * as tf from '@tensorflow/tfjs';
await tf.setBackend('cpu');
const list = (t) => [...t.dataSync()];
const query = tf.tensor2d([[1, 2]]);
const documents = tf.tensor2d([[0.5, 0.5], [0.5, 0.5], [0, 0]]); // the same token twice
const maxSim = (q) => tf.max(tf.matMul(documents, q, false, true), 0).sum();
const fold = (q) => {
  const rows = tf.unstack(tf.matMul(documents, q, false, true));
  return rows.reduce((a, b) => tf.maximum(a, b)).sum();
};
const found = {
  'tf.max': list(tf.grad((x) => tf.max(x))(tf.tensor1d([3, 3, 1]))),
  'tf.maximum': tf.grads((a, b) => tf.maximum(a, b).sum())([tf.tensor1d([3]), tf.tensor1d([3])]).flatMap(list),
  'MaxSim by tf.max': list(tf.grad(maxSim)(query)),
  'MaxSim by tf.maximum': list(tf.grad(fold)(query)),
};
console.log(found);
const expected = {
  'tf.max': [1, 1, 0],
  'tf.maximum': [1, 0],
  'MaxSim by tf.max': [1, 1],
  'MaxSim by tf.maximum': [0.5, 0.5],
};
for (const [name, values] of Object.entries(expected))
  if (String(values) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
