#!/usr/bin/env bash
# hyparquet 1.33.0 reads INT64 columns as BigInt, so that ids beyond 2^53 keep their last digits, but DECIMAL columns as numbers, also those
# of scale 0: the id 9007199254740993 comes out as 9007199254740992, and two neighbouring ids become one. Nothing is reported.
# SQL engines export NUMERIC(18, 0) keys as such columns, and pandas those of Decimal objects.
# A good guess fails because scale 0 means whole numbers, the file holds the same eight bytes as the INT64 column, and that one is exact.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund hyparquet@1.33.0 hyparquet-writer@0.17.0 >/dev/null
cat >find.mjs <<'JS'
import { parquetReadObjects } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';

const ids = [9007199254740992n, 9007199254740993n];
const required = { type: 'INT64', repetition_type: 'REQUIRED' };
const decimal = { converted_type: 'DECIMAL', logical_type: { type: 'DECIMAL', precision: 18, scale: 0 }, precision: 18, scale: 0 };
const file = parquetWriteBuffer({
  schema: [
    { name: 'root', num_children: 2 },
    { name: 'int64', ...required },
    { name: 'decimal', ...required, ...decimal },
  ],
  columnData: [
    { name: 'int64', data: ids },
    { name: 'decimal', data: ids },
  ],
});
const rows = await parquetReadObjects({ file });
console.log(rows);
if (!rows.every((row, i) => row.int64 === ids[i])) throw new Error('INT64 is no longer read exactly as BigInt');
if (typeof rows[1].decimal !== 'number' || rows[0].decimal !== rows[1].decimal)
  throw new Error('DECIMAL of scale 0 is now exact');
JS
node find.mjs
