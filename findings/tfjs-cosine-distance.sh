#!/usr/bin/env bash
# @tensorflow/tfjs 4.22.0: tf.losses.cosineDistance is 1 minus the dot product and normalises nothing: the distance of [3, 4] to itself is
# -24, and it falls without end as vectors grow. tf.metrics.cosineProximity of the same vectors normalises, and is -1.
# A good guess fails because a distance is 0 at equality, because the two functions of one library share the word, and because with unit vectors,
# as examples have them, both agree. Minimised over embeddings that no layer normalises, it lengthens the vectors instead of turning them.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import * as tf from '@tensorflow/tfjs';
await tf.setBackend('cpu');
const [v, unit] = [tf.tensor2d([[3, 4]]), tf.tensor2d([[0.6, 0.8]])];
const number = (t) => Math.round(1000 * t.dataSync()[0]) / 1000 + 0;
const found = {
  'distance of unit vectors': number(tf.losses.cosineDistance(unit, unit, 1)),
  'distance of [3, 4] to itself': number(tf.losses.cosineDistance(v, v, 1)),
  'its gradient is the vector, reversed': [...tf.grad((x) => tf.losses.cosineDistance(v, x, 1))(v.clone().mul(1)).dataSync()],
  'proximity of [3, 4] to itself': number(tf.metrics.cosineProximity(v, v)),
};
console.log(found);
const expected = {
  'distance of unit vectors': 0,
  'distance of [3, 4] to itself': -24,
  'its gradient is the vector, reversed': [-3, -4],
  'proximity of [3, 4] to itself': -1,
};
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
