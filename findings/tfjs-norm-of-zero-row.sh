#!/usr/bin/env bash
# @tensorflow/tfjs 4.22.0: the gradient of tf.norm at a row of zeros is NaN, and no usual guard helps. A floor under the norm by tf.maximum and
# leaving the row out by tf.where are NaN as well, tf.divNoNan has no gradient at all and throws, and through a weight that rows share
# one padded row makes the gradient of the whole weight NaN.
# A good guess fails because PyTorch's norm has subgradient 0 there, its cosine_similarity and normalize put a floor under the norm just so, and
# the forward values are finite in every case. Batches padded with zero vectors, or a document without known words, are enough.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import * as tf from '@tensorflow/tfjs';
await tf.setBackend('cpu');
const list = (t) => [...t.dataSync()].map((x) => Math.fround(x));
const rows = tf.tensor2d([[3, 4], [0, 0]]);
const length = (x) => tf.norm(x, 'euclidean', 1, true);
const floored = (x) => tf.div(x, tf.maximum(length(x), 1e-6));
const left_out = (x) => tf.where(tf.tensor2d([[true], [false]], [2, 1], 'bool'), length(x), tf.zeros([2, 1]));
const grad = (f, at) => list(tf.grad((x) => tf.sum(f(x)))(at));
let thrown = 'nothing';
try {
  grad((x) => tf.divNoNan(x, length(x)), rows);
} catch (error) {
  thrown = error.message.replace(/\..*/s, '');
}
const found = {
  norm: grad(length, rows),
  'with a floor': grad(floored, rows).map((x) => Number.isNaN(x)),
  'left out by where': grad(left_out, rows).map((x) => Number.isNaN(x)),
  'a shared weight': grad((w) => floored(tf.matMul(rows, w)), tf.tensor2d([[1, 0], [0, 1]])),
  'forward with a floor': list(floored(rows)),
  divNoNan: thrown,
};
console.log(found);
const expected = {
  norm: [0.6, 0.8, NaN, NaN].map(Math.fround),
  'with a floor': [false, false, true, true],
  'left out by where': [false, false, true, true],
  'a shared weight': [NaN, NaN, NaN, NaN],
  'forward with a floor': [0.6, 0.8, 0, 0].map(Math.fround),
  divNoNan: 'Cannot compute gradient: gradient function not found for Equal',
};
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
