#!/usr/bin/env bash
# hyparquet 1.33.0 finds decimals by ConvertedType alone, which the Parquet format has deprecated in favour of LogicalType. A column that is
# marked by LogicalType only is read unscaled: the score 1.50 comes out as 150n, a BigInt a hundred times as large. Nothing is reported.
# A good guess fails because hyparquet does parse LogicalType: parquetMetadata shows type DECIMAL with its scale for the same column.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund hyparquet@1.33.0 hyparquet-writer@0.17.0 >/dev/null
cat >find.mjs <<'JS'
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';

const required = { type: 'INT64', repetition_type: 'REQUIRED' };
const logical_type = { type: 'DECIMAL', precision: 18, scale: 2 };
const file = parquetWriteBuffer({
  schema: [
    { name: 'root', num_children: 2 },
    { name: 'both', ...required, logical_type, converted_type: 'DECIMAL', precision: 18, scale: 2 },
    { name: 'logical', ...required, logical_type },
  ],
  columnData: [
    { name: 'both', data: [1.5] },
    { name: 'logical', data: [150n] },
  ],
});
const [row] = await parquetReadObjects({ file });
const { scale } = parquetMetadata(file).schema[2].logical_type;
console.log(row, 'scale', scale);
if (row.both !== 1.5 || scale !== 2) throw new Error('this is no longer how decimals are read');
if (row.logical !== 150n) throw new Error(`LogicalType alone is now read as ${row.logical}`);
JS
node find.mjs
