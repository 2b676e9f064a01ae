#!/usr/bin/env bash
# npyjs 1.2.0 reads a .npy file in Fortran order with its numbers as they lie in the file, column after column, beside the shape of the
# array: data[row * width + column] is another vector's number. The result says fortranOrder: true; nothing else shows it.
# A good guess fails because the format stores the order so that readers can hide it, as NumPy's own load does, and because such files are
# common: numpy.save writes one for the transpose of a matrix of embeddings, and for what many BLAS and LAPACK routines return.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund npyjs@1.2.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import Npyjs from 'npyjs';
/** A .npy file, version 1.0, of little-endian float32. */
function file(fortran, shape, values) {
  const dict = `{'descr': '<f4', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape.join(', ')}), }`;
  const head = dict.padEnd(Math.ceil((dict.length + 11) / 64) * 64 - 11) + '\n';
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, head.length & 255, head.length >> 8]);
  const all = Buffer.concat([start, Buffer.from(head, 'latin1'), Buffer.from(Float32Array.from(values).buffer)]);
  return all.buffer.slice(all.byteOffset, all.byteOffset + all.length);
}
const reader = new Npyjs();
// The vectors [1, 2, 3] and [4, 5, 6], in both orders.
const rows = reader.parse(file(false, [2, 3], [1, 2, 3, 4, 5, 6]));
const columns = reader.parse(file(true, [2, 3], [1, 4, 2, 5, 3, 6]));
const found = { 'C order': [...rows.data], shape: rows.shape, 'Fortran order': [...columns.data], 'its shape': columns.shape };
const expected = { 'C order': [1, 2, 3, 4, 5, 6], shape: [2, 3], 'Fortran order': [1, 4, 2, 5, 3, 6], 'its shape': [2, 3] };
console.log(found);
for (const [name, value] of Object.entries(expected))
  if (String(value) !== String(found[name])) throw new Error(`${name} is now ${found[name]}`);
JS
node find.mjs 2>/dev/null
