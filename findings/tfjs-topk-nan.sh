#!/usr/bin/env bash
# @tensorflow/tfjs 4.22.0: tf.topk and tf.argMax pass over NaN, as if it were the smallest score, while tf.max and tf.min of the same row are NaN.
# A good guess fails because PyTorch, NumPy and JAX all treat NaN as the largest in topk, argmax and sorting, so that a ranking made of it shows it
# at once. Here a model whose scores have partly become NaN still has a plausible ranking and an ordinary nDCG; only its loss tells.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
await tf.setBackend('cpu');
const scores = tf.tensor1d([1, NaN, 2, 0]);
const found = {
  'topk indices': [...tf.topk(scores, 3).indices.dataSync()],
  argMax: [...tf.argMax(scores).dataSync()],
  max: [...tf.max(scores).dataSync()],
  min: [...tf.min(scores).dataSync()],
};
const expected = { 'topk indices': [2, 0, 3], argMax: [2], max: [NaN], min: [NaN] };
console.log(found);
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
