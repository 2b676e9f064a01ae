// Reads vectors with their ids from Parquet: a list of numbers per row, or for late interaction a list of
// lists.
import { BadLine } from '../../../data/errors.js';
import { DataError } from '../../../data/index.js';
import { rowsOf } from '../../../data/parquet/rows.js';
import { asId } from '../../../data/values.js';
import type { Vectors } from './vector-set.js';

const IDS = ['_id', 'id', 'query_id', 'query-id', 'qid', 'document_id', 'doc_id', 'docid', 'docno', 'pid'];
const VECTORS = ['embedding', 'embeddings', 'vector', 'vectors', 'emb'];

type Ids = { list: string[]; of: string };

/** @throws DataError naming the row */
export async function readParquetVectors(path: string): Promise<Vectors & { ids?: Ids }> {
  let idColumn: string | undefined;
  let column = '';
  const choose = (columns: readonly string[]): string[] => {
    idColumn = IDS.find((name) => columns.includes(name));
    column = VECTORS.find((name) => columns.includes(name)) ?? 'embedding';
    return [...(idColumn === undefined ? [] : [idColumn]), column];
  };
  const ids: string[] = [];
  const parts: Float32Array[] = [];
  const offsets = [0];
  let dim: number | undefined;
  let tokens: boolean | undefined;
  for await (const block of rowsOf(path, choose)) {
    for (const { file, row, fields } of block) {
      const fail = (expected: string, found: string) =>
        new DataError(file, row, expected, found, { unit: 'row' });
      const value = fields[column];
      const lists = isNested(value);
      tokens ??= lists;
      if (lists !== tokens) throw fail('one vector in every row, or a list of them in every row', 'both');
      const vectors = lists ? value : [value];
      for (const vector of vectors) {
        const read = numbersOf(vector);
        if (!read) throw fail(`a list of numbers in "${column}"`, typeof vector);
        dim ??= read.length;
        if (read.length !== dim || dim === 0) throw fail(`vectors of ${dim} numbers`, `${read.length}`);
        parts.push(read);
      }
      offsets.push(parts.length);
      if (idColumn === undefined) continue;
      try {
        ids.push(asId(fields[idColumn], `"${idColumn}"`));
      } catch (error) {
        throw error instanceof BadLine ? fail(error.expected, error.found) : error;
      }
    }
  }
  if (dim === undefined) throw new DataError(path, 0, 'vectors', 'none');
  const values = new Float32Array(parts.length * dim);
  parts.forEach((part, i) => values.set(part, i * dim!));
  return {
    dim,
    values,
    ...(tokens && { offsets: Int32Array.from(offsets) }),
    ...(idColumn !== undefined && { ids: { list: ids, of: path } }),
  };
}

/** The error for an empty list, which has no tokens. */
const isNested = (value: unknown): value is readonly unknown[] =>
  Array.isArray(value) && (value.length === 0 || typeof value[0] === 'object');

function numbersOf(value: unknown): Float32Array | undefined {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return undefined;
  const read = Float32Array.from(value as unknown as ArrayLike<unknown>, (one) =>
    typeof one === 'number' ? one : NaN,
  );
  return read;
}
