#!/usr/bin/env bash
# The WebAssembly backends of @tensorflow/tfjs 4.22.0 and of @jax-js/jax 0.1.25 add float32 numbers one behind the other: the mean of twenty million
# ones is .8389 on both, for the sum stays at 2^24. Their cpu backends, in plain JavaScript, give 1.
# A good guess fails because NumPy, PyTorch and JAX add pairwise or in blocks, which loses nothing here, and because the slower backend of the same
# library is the exact one. Long before that, a mean over a corpus of scores loses digits: it moves when its rows are sorted.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 @jax-js/jax@0.1.25 >/dev/null 2>&1
cat >find.mjs <<'JS'
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { init, defaultDevice, numpy as np } from '@jax-js/jax';
const many = 20_000_000;
const found = {};
for (const backend of ['cpu', 'wasm']) {
  await tf.setBackend(backend);
  found[`tfjs ${backend}`] = tf.mean(tf.ones([many])).dataSync()[0].toFixed(4);
  await init(backend);
  defaultDevice(backend);
  found[`jax-js ${backend}`] = np.mean(np.ones([many])).js().toFixed(4);
}
const expected = { 'tfjs cpu': '1.0000', 'jax-js cpu': '1.0000', 'tfjs wasm': '0.8389', 'jax-js wasm': '0.8389' };
console.log(found);
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
