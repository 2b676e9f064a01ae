#!/usr/bin/env bash
# hyparquet-writer 0.17.0 writes a column of vectors without a schema as JSON texts, not as lists: of arrays the text [1,2], and of Float32Arrays the
# text {"0":1,"1":2}, an object with a key per dimension.
# A good guess fails because other writers infer LIST of FLOAT from arrays of numbers (apache-arrow, pandas), a Float32Array has a type that could
# not be clearer, and hyparquet reads arrays back as they were, so that a round trip shows nothing. Other readers of such a file of embeddings find a
# column of strings several times as large, and what was in Float32Arrays comes back as an object without a length, even in hyparquet.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund hyparquet@1.33.0 hyparquet-writer@0.17.0 >/dev/null 2>&1
cat >find.mjs <<'JS'
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
const look = async (data) => {
  const file = parquetWriteBuffer({ columnData: [{ name: 'embedding', data }] });
  const [, column] = parquetMetadata(file).schema;
  const [{ embedding }] = await parquetReadObjects({ file });
  return `${column.type} ${column.converted_type}, read back as ${JSON.stringify(embedding)}`;
};
const found = { arrays: await look([[1, 2], [3, 4]]), Float32Arrays: await look([Float32Array.of(1, 2), Float32Array.of(3, 4)]) };
console.log(found);
const expected = { arrays: 'BYTE_ARRAY JSON, read back as [1,2]', Float32Arrays: 'BYTE_ARRAY JSON, read back as {"0":1,"1":2}' };
for (const [name, value] of Object.entries(expected)) if (found[name] !== value) throw new Error(`${name}: now ${found[name]}`);
JS
node find.mjs
