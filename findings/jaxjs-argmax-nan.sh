#!/usr/bin/env bash
# @jax-js/jax 0.1.25: argmax of a row that holds a NaN is the length of the row, an index past its end; argmin as well, on the cpu and the wasm
# backend. NumPy and JAX give the place of the first NaN.
# A good guess fails because an argmax, whatever it does with NaN, is expected to be an index of the row: with it one looks up the best
# document's id or label, and gets undefined, or the first document of the next query where rows lie one behind the other.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @jax-js/jax@0.1.25 >/dev/null 2>&1
cat >find.mjs <<'JS'
import { init, defaultDevice, numpy as np } from '@jax-js/jax';
const found = {};
for (const device of ['cpu', 'wasm']) {
  await init(device);
  defaultDevice(device);
  const row = () => np.array([1, NaN, 3]);
  found[device] = [np.argmax(row()).js(), np.argmin(row()).js(), np.argmax(np.array([1, 3, 2])).js()];
}
const expected = { cpu: [3, 3, 1], wasm: [3, 3, 1] };
console.log(found);
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
