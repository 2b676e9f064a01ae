#!/usr/bin/env bash
# hyparquet 1.33.0 reads INT64 columns as BigInt and compares filter values strictly. Judgements on dataset hubs often store query ids as
# INT64, so the filter { 'query-id': { $eq: 3 } } matches nothing: no error, no warning, an empty result, where 3n matches. $in behaves the
# same, while $gt and $lt with a plain number do match, because JavaScript orders a number and a BigInt by value.
# A good guess fails because ids print as 3 and the same ids in a DOUBLE or INT32 column match the number.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund hyparquet@1.33.0 hyparquet-writer@0.17.0 >/dev/null
cat >find.mjs <<'JS'
import { parquetReadObjects } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';

const file = parquetWriteBuffer({
  columnData: [
    { name: 'query-id', data: [1n, 3n, 3n], type: 'INT64' },
    { name: 'number', data: [1, 3, 3], type: 'DOUBLE' },
    { name: 'corpus-id', data: ['a', 'b', 'c'], type: 'STRING' },
  ],
});
const matches = async (filter) => (await parquetReadObjects({ file, filter })).length;
const found = {
  'INT64 $eq 3': await matches({ 'query-id': { $eq: 3 } }),
  'INT64 $eq 3n': await matches({ 'query-id': { $eq: 3n } }),
  'INT64 $in [3]': await matches({ 'query-id': { $in: [3] } }),
  'INT64 $gt 2': await matches({ 'query-id': { $gt: 2 } }),
  'DOUBLE $eq 3': await matches({ number: { $eq: 3 } }),
};
console.log(found);
const expected = { 'INT64 $eq 3': 0, 'INT64 $eq 3n': 2, 'INT64 $in [3]': 0, 'INT64 $gt 2': 2, 'DOUBLE $eq 3': 2 };
for (const [name, rows] of Object.entries(expected))
  if (found[name] !== rows) throw new Error(`${name} now matches ${found[name]} rows, not ${rows}`);
JS
node find.mjs
