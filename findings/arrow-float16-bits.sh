#!/usr/bin/env bash
# apache-arrow 21.2.0: a Float16 column gives numbers by get() and by iteration, and its raw bits by toArray(): a Uint16Array in which 1 is 15360.
# Float32 and Float64 columns give the same values all three ways.
# A good guess fails because toArray() is the documented way to hand a column to numerical code, and for the other float types it does just
# that; a Uint16Array of scores is taken by a softmax or a dot product without complaint.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund apache-arrow@21.2.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import { Float16, Float32, vectorFromArray } from 'apache-arrow';
const ways = (type) => {
  const column = vectorFromArray([1, 2.5, -0.5], type);
  return [column.toArray().constructor.name, ...column.toArray(), 'get', column.get(0), column.get(1), 'iterated', ...column];
};
const found = { float32: ways(new Float32()), float16: ways(new Float16()) };
const expected = {
  float32: ['Float32Array', 1, 2.5, -0.5, 'get', 1, 2.5, 'iterated', 1, 2.5, -0.5],
  float16: ['Uint16Array', 15360, 16640, 47104, 'get', 1, 2.5, 'iterated', 1, 2.5, -0.5],
};
console.log(found);
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
