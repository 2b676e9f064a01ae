#!/usr/bin/env bash
# @tensorflow/tfjs-backend-wasm 4.22.0: tf.log1p(1e-8) is 0, where the cpu backend gives 1e-8; of 1e-5 two digits are right. expm1, its inverse,
# is exact on both.
# A good guess fails because log1p exists for small arguments alone: it is what a hand-written softplus or pairwise loss uses so that a pair that
# is already in order still has a value. On wasm that value, and with it the loss of a model that is nearly right, is 0 or a step function.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
const found = {};
for (const backend of ['cpu', 'wasm']) {
  await tf.setBackend(backend);
  const values = (op) => [...op(tf.tensor1d([1e-8, 1e-5])).dataSync()].map((x) => x.toPrecision(4));
  found[backend] = [...values(tf.log1p), 'expm1', ...values(tf.expm1)];
}
const expected = {
  cpu: ['1.000e-8', '0.00001000', 'expm1', '1.000e-8', '0.00001000'],
  wasm: ['0.000', '0.00001001', 'expm1', '1.000e-8', '0.00001000'],
};
console.log(found);
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
