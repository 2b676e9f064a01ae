#!/usr/bin/env bash
# @tensorflow/tfjs-core 4.22.0 with a backend computes every operation in Node and differentiates few: the gradient of tf.mean or of a product throws
# "gradient function not found". The file that registers all gradients is in the package, dist/register_all_gradients.js, and cannot be loaded:
# its own imports lack extensions. Importing @tensorflow/tfjs-layers registers them, as a side effect of a package for something else.
# A good guess fails because core exports tf.grad, optimizers and losses, and its README installs core with a backend as the small way to use it; the
# error names a missing gradient of an operation that has one. A loss of one's own, trained without layers, is the case that meets it.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0 @tensorflow/tfjs-layers@4.22.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-core');
require('@tensorflow/tfjs-backend-cpu');
await tf.setBackend('cpu');
const x = tf.tensor2d([[1, 2], [3, 4]]);
const gradient = (f) => {
  try {
    return String([...tf.grad(f)(x).dataSync()]);
  } catch (error) {
    return error.message.replace(/\..*/s, '');
  }
};
const found = { 'mean of x': [...tf.mean(x).dataSync()][0], 'its gradient': gradient((a) => tf.mean(a)) };
found['of a product'] = gradient((a) => tf.sum(tf.matMul(a, x)));
found['the file that registers'] = await import('@tensorflow/tfjs-core/dist/register_all_gradients.js').then(
  () => 'loads',
  (error) => error.code,
);
require('@tensorflow/tfjs-layers');
found['with tfjs-layers imported'] = gradient((a) => tf.mean(a));
console.log(found);
const expected = {
  'mean of x': 2.5,
  'its gradient': /^Cannot compute gradient: gradient function not found for/,
  'of a product': /^Cannot compute gradient: gradient function not found for/,
  'the file that registers': /^ERR_/,
  'with tfjs-layers imported': '0.25,0.25,0.25,0.25',
};
for (const [name, value] of Object.entries(expected))
  if (value instanceof RegExp ? !value.test(found[name]) : value !== found[name]) throw new Error(`${name}: now ${found[name]}`);
JS
node find.mjs 2>/dev/null
