#!/usr/bin/env bash
# @tensorflow/tfjs 4.22.0: logSumExp of a row whose scores are all -Infinity is NaN, and its gradient is NaN too, where logSumExp of a row with
# one finite score is right. A row with +Infinity is NaN as well.
# A good guess fails because ln(0) = -Infinity is the mathematical value, and what SciPy's and PyTorch's logsumexp and TensorFlow's
# reduce_logsumexp return. In ranking losses such rows are ordinary: a list whose documents are all masked by -Infinity, or the tails of a
# list-wise likelihood once only masked documents are left. Multiplying the result by a mask of 0 does not help, since 0 * NaN is NaN.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import * as tf from '@tensorflow/tfjs';
await tf.setBackend('cpu');
const value = (scores) => tf.logSumExp(tf.tensor1d(scores)).dataSync()[0];
const slope = (scores) => [...tf.grad((x) => tf.logSumExp(x))(tf.tensor1d(scores)).dataSync()];
const found = {
  'one masked': [value([-Infinity, 2]), ...slope([-Infinity, 2])],
  'all masked': [value([-Infinity, -Infinity]), ...slope([-Infinity, -Infinity])],
  'infinite': [value([Infinity, 0])],
  'all masked, times a mask of 0': [tf.logSumExp(tf.tensor1d([-Infinity])).mul(0).dataSync()[0]],
};
console.log(found);
const expected = {
  'one masked': [2, 0, 1],
  'all masked': [NaN, NaN, NaN],
  'infinite': [NaN],
  'all masked, times a mask of 0': [NaN],
};
for (const [name, values] of Object.entries(expected))
  if (values.some((x, i) => !Object.is(x, found[name][i]))) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
