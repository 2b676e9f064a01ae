#!/usr/bin/env bash
# @jax-js/jax 0.1.25: the gradient of nn.relu at exactly 0 is 1, and that of abs is 1; JAX, PyTorch and TensorFlow give 0 for both. maximum hands a
# tie to its first argument, where JAX shares it, while max over an axis does share: [0, 1/2, 1/2].
# A good guess fails because the library takes its names and behaviour from JAX, whose relu has a gradient of its own for this point. Exact zeros are
# no rare case: padding, sparse term weights (SPLADE is a relu), and layers that start at 0 all sit on it, and all of them get a gradient here.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @jax-js/jax@0.1.25 >/dev/null 2>&1
cat >find.mjs <<'JS'
import { grad, init, defaultDevice, nn, numpy as np } from '@jax-js/jax';
await init('wasm');
defaultDevice('wasm');
const found = {
  relu: grad((x) => np.sum(nn.relu(x)))(np.array([-1, 0, 1])).js(),
  abs: grad((x) => np.sum(np.abs(x)))(np.array([-1, 0, 1])).js(),
  maximum: grad((x) => np.sum(np.maximum(x, np.array([1, 1]))))(np.array([1, 2])).js(),
  max: grad((x) => np.max(x))(np.array([1, 3, 3])).js(),
};
const expected = { relu: [0, 1, 1], abs: [-1, 1, 1], maximum: [1, 1], max: [0, 0.5, 0.5] };
console.log(found);
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
