#!/usr/bin/env bash
# apache-arrow 21.2.0: where a Float32 column has a null, toArray() has 0, while get() and iteration give null. A teacher score that is missing
# becomes a score of 0, which is the best one of a list of log-likelihoods, all of them negative.
# A good guess fails because pandas and Polars turn such a null into NaN when they hand out a float array, which every later check notices.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund apache-arrow@21.2.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import { Float32, vectorFromArray } from 'apache-arrow';
const scores = vectorFromArray([-3.5, null, -1.25], new Float32());
const found = { toArray: [...scores.toArray()], iterated: [...scores].map(String), best: scores.toArray().indexOf(Math.max(...scores.toArray())) };
const expected = { toArray: [-3.5, 0, -1.25], iterated: ['-3.5', 'null', '-1.25'], best: 1 };
console.log(found);
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
