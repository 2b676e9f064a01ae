#!/usr/bin/env bash
# apache-arrow 21.2.0 writes numbers far below the range of Float16 as arbitrary other numbers: 1e-8 becomes -Infinity, -1e-8 as well, 1e-9
# becomes 4.2e-5 and 1e-20 becomes 1.9e-5, without an error. From about 2e-8 up values are right to a unit in the last place.
# A good guess fails because every conversion to a half rounds such numbers to 0, and because small columns of test data (0.5, 1, -2) come out
# right. Probabilities of a softmax and gradients hold such numbers all the time: one of them makes a stored column unusable.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund apache-arrow@21.2.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import { Float16, vectorFromArray } from 'apache-arrow';
const written = (x) => vectorFromArray([x], new Float16()).get(0);
const found = Object.fromEntries([0.5, 1e-5, 1e-8, -1e-8, 1e-9, 1e-20].map((x) => [x, written(x)]));
const expected = { 0.5: 0.5, '1e-8': -Infinity, '-1e-8': -Infinity, '1e-9': 0.000041961669921875, '1e-20': 0.00001919269561767578 };
console.log(found);
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
