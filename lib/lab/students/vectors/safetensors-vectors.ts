// Finds the vectors in a safetensors file: a tensor of real numbers, and where the tokens of each text begin.
import type { FileHandle } from 'node:fs/promises';
import { DataError } from '../../../data/index.js';
import * as p from '../../parse.js';
import { bytesOf, readBytes, type NumberType, type StoredMatrix } from './numbers.js';

const TYPES: Readonly<Record<string, NumberType>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
};

const LENGTH_BYTES = 8;
/** The format's own limit. */
const LONGEST_HEADER = 100_000_000;

const entryShape = p.object({ dtype: p.text, shape: p.array(p.count), data_offsets: p.array(p.count) });

/** @throws DataError for a file that is not safetensors, or has no such tensor, or several */
export async function safetensorsVectors(
  path: string,
  handle: FileHandle,
  size: number,
): Promise<{ matrix: StoredMatrix; offsets?: StoredMatrix }> {
  const fail = (expected: string, found: string, cause?: unknown) =>
    new DataError(path, 0, expected, found, { cause });
  const length =
    size < LENGTH_BYTES
      ? Infinity
      : Number((await readBytes(handle, Buffer.alloc(LENGTH_BYTES), 0)).readBigUInt64LE());
  if (length > Math.min(LONGEST_HEADER, size - LENGTH_BYTES))
    throw fail('vectors as NumPy (.npy), safetensors or Parquet', 'something else');
  const json = await readBytes(handle, Buffer.alloc(length), LENGTH_BYTES);
  const stored = new Map<string, StoredMatrix>();
  try {
    const entries = p.record(p.anything)(JSON.parse(json.toString('utf8')), 'its header');
    for (const [name, value] of Object.entries(entries)) {
      if (name === '__metadata__') continue;
      const { dtype, shape, data_offsets: range } = entryShape(value, `tensor ${JSON.stringify(name)}`);
      if (!Object.hasOwn(TYPES, dtype)) continue;
      const type = TYPES[dtype];
      const count = shape.reduce((product, side) => product * side, 1);
      if (range.length !== 2 || range[1] - range[0] !== count * bytesOf(type))
        throw new p.ShapeError(`tensor ${JSON.stringify(name)}.data_offsets`, `those of its shape`);
      stored.set(name, { shape, type, position: LENGTH_BYTES + length + range[0] });
    }
  } catch (error) {
    throw fail('the header of a safetensors file', (error as Error).message, error);
  }
  const isWhole = ({ type }: StoredMatrix) => type === 'int64' || type === 'int32';
  const real = [...stored].filter(([, one]) => !isWhole(one) && one.shape.length >= 2);
  const matrix = stored.get('embeddings') ?? (real.length === 1 ? real[0][1] : undefined);
  if (!matrix || isWhole(matrix))
    throw fail(
      'a tensor "embeddings" of real numbers, or a single one',
      real.map(([name]) => JSON.stringify(name)).join(', ') || 'none',
    );
  const offsets = stored.get('offsets');
  if (offsets && (!isWhole(offsets) || offsets.shape.length !== 1 || offsets.shape[0] < 2))
    throw fail('a tensor "offsets" of texts + 1 whole numbers', `shape ${offsets.shape.join(' × ')}`);
  return { matrix, ...(offsets && { offsets }) };
}
