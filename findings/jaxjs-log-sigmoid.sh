#!/usr/bin/env bash
# @jax-js/jax 0.1.25: nn.logSigmoid(-100) is -Infinity and nn.softplus(100) is Infinity; from about 89 on, where exp overflows float32. The values
# are -100 and 100, which JAX, PyTorch and TensorFlow.js give.
# A good guess fails because both functions exist to be safe there, and because logSigmoid and logSoftmax of the same library differ: logSoftmax of
# [0, -200] is right. A pairwise loss by them is infinite as soon as one pair lies 89 in the wrong order, as raw logits of a cross-encoder do.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @jax-js/jax@0.1.25 >/dev/null 2>&1
cat >find.mjs <<'JS'
import { init, defaultDevice, nn, numpy as np } from '@jax-js/jax';
await init('wasm');
defaultDevice('wasm');
const rounded = (values) => values.map((x) => Math.round(x));
const found = {
  logSigmoid: rounded(nn.logSigmoid(np.array([-50, -88, -100])).js()),
  softplus: rounded(nn.softplus(np.array([50, 88, 100])).js()),
  logSoftmax: rounded(nn.logSoftmax(np.array([0, -200])).js()),
};
const expected = { logSigmoid: [-50, -88, -Infinity], softplus: [50, 88, Infinity], logSoftmax: [0, -200] };
console.log(found);
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
