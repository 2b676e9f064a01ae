// Reads the vectors that an encoder wrote: NumPy, safetensors or Parquet, recognised by content; with ids in
// the file, next to it, or in a given order.
import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { parse, join } from 'node:path';
import { NPY_MAGIC, parseNpyHeader } from '../../../data/npy.js';
import { DataError } from '../../../data/index.js';
import { isSharded } from '../../../data/parquet/shards.js';
import { isParquet } from '../../../data/parquet/rows.js';
import { bytesOf, readBytes, readNumbers, type StoredMatrix } from './numbers.js';
import { readParquetVectors } from './parquet-vectors.js';
import { safetensorsVectors } from './safetensors-vectors.js';
import { textsOf, type Vectors, type VectorSet } from './vector-set.js';

export interface VectorOptions {
  /** A file with the id of each text, one per line. Default: `vectors.ids.txt` next to `vectors.npy`, if it is there. */
  ids?: string;
  /** The ids if neither the file nor a file of ids has any, in the order of the vectors. */
  order?: { ids: readonly string[]; of: string };
}

/**
 * Reads a file of vectors.
 *
 * NumPy: texts × dim, or texts × tokens × dim, where a token of zeros is padding. Safetensors: such a tensor, `embeddings` or the only one of
 * real numbers; with a whole-numbered tensor `offsets` (texts + 1) its rows are tokens. Parquet: an id and a list of numbers per row, or a
 * list of lists.
 *
 * @throws DataError for another format, vectors that are not finite, or ids that do not fit
 */
export async function loadVectors(path: string, options: VectorOptions = {}): Promise<VectorSet> {
  const read = await readAny(path);
  const { ids: own, ...vectors } = read;
  const place = vectors.values.findIndex((value) => !Number.isFinite(value));
  if (place >= 0) {
    const row = Math.floor(place / vectors.dim);
    throw new DataError(path, 0, `finite numbers`, `${vectors.values[place]} in vector ${row}`);
  }
  const ids = own ?? (await idsBeside(path, options));
  const texts = textsOf(vectors);
  if (ids.list.length !== texts)
    throw new DataError(path, 0, `a vector for each of the ${ids.list.length} ids of ${ids.of}`, `${texts}`);
  const met = new Set<string>();
  for (const id of ids.list) {
    if (met.has(id)) throw new DataError(ids.of, 0, 'each id once', `${JSON.stringify(id)} again`);
    met.add(id);
  }
  return { ids: ids.list, ...vectors };
}

/** Ids, and the file that contains them. */
interface Ids {
  list: readonly string[];
  of: string;
}

async function readAny(path: string): Promise<Vectors & { ids?: Ids }> {
  const fail = (error: Error) => new DataError(path, 0, 'a readable file', error.message, { cause: error });
  if (await isSharded(path)) return readParquetVectors(path);
  const handle = await open(path).catch((error: Error) => {
    throw fail(error);
  });
  try {
    const { size } = await handle.stat();
    const head = await readBytes(handle, Buffer.alloc(Math.min(size, 8)), 0).catch((error: Error) => {
      throw fail(error);
    });
    if (isParquet(head)) return await readParquetVectors(path);
    return head.subarray(0, NPY_MAGIC.length).equals(NPY_MAGIC)
      ? await readMatrix(path, handle, size, await npyMatrix(path, handle, size))
      : await readStored(path, handle, size);
  } finally {
    await handle.close();
  }
}

async function npyMatrix(path: string, handle: FileHandle, size: number): Promise<StoredMatrix> {
  // A header is padded to 64 bytes; one that is longer than this has a type of many fields.
  const head = await readBytes(handle, Buffer.alloc(Math.min(size, 4096)), 0);
  const header = parseNpyHeader(head);
  if (typeof header === 'string') throw new DataError(path, 0, header, 'another header');
  return header;
}

async function readStored(path: string, handle: FileHandle, size: number) {
  const found = await safetensorsVectors(path, handle, size);
  if (!found.offsets) return readMatrix(path, handle, size, found.matrix);
  const { shape, type, position } = found.offsets;
  const places = await readNumbers(handle, position, type, new Float64Array(shape[0]));
  const vectors = await readMatrix(path, handle, size, found.matrix);
  const rows = vectors.values.length / vectors.dim;
  const fits = places.every((place, i) => (i === 0 ? place === 0 : place >= places[i - 1]));
  if (found.matrix.shape.length !== 2 || !fits || places.at(-1) !== rows)
    throw new DataError(path, 0, `ascending offsets from 0 to ${rows}, the number of vectors`, 'others');
  return { ...vectors, offsets: Int32Array.from(places) };
}

async function readMatrix(
  path: string,
  handle: FileHandle,
  size: number,
  { shape, type, position }: StoredMatrix,
): Promise<Vectors> {
  if (shape.length < 2 || shape.length > 3)
    throw new DataError(
      path,
      0,
      'texts × numbers, or texts × tokens × numbers',
      `shape ${shape.join(' × ')}`,
    );
  const count = shape.reduce((product, side) => product * side, 1);
  if (count === 0) throw new DataError(path, 0, 'vectors', 'none');
  if (position + count * bytesOf(type) > size)
    throw new DataError(path, 0, `${count} numbers of ${bytesOf(type)} bytes`, `a file of ${size} bytes`);
  const values = await readNumbers(handle, position, type, new Float32Array(count));
  const dim = shape.at(-1)!;
  return shape.length === 2 ? { dim, values } : withoutPadding(values, shape[1], dim);
}

/** Tokens of zeros are left out. */
function withoutPadding(values: Float32Array, tokens: number, dim: number): Vectors {
  const texts = values.length / (tokens * dim);
  const offsets = new Int32Array(texts + 1);
  let kept = 0;
  for (let row = 0; row < texts * tokens; row++) {
    const vector = values.subarray(row * dim, (row + 1) * dim);
    if (vector.some((value) => value !== 0)) {
      values.copyWithin(kept * dim, row * dim, (row + 1) * dim);
      kept++;
    }
    offsets[Math.floor(row / tokens) + 1] = kept;
  }
  return { dim, values: values.slice(0, kept * dim), offsets };
}

async function idsBeside(path: string, { ids: asked, order }: VectorOptions): Promise<Ids> {
  const { dir, name } = parse(path);
  const beside = join(dir, `${name}.ids.txt`);
  const file = asked ?? ((await stat(beside).catch(() => undefined))?.isFile() ? beside : undefined);
  if (file === undefined) {
    if (order) return { list: order.ids, of: order.of };
    throw new DataError(path, 0, `ids: a file of them, one per line, for example ${beside}`, 'none');
  }
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new DataError(file, 0, 'a readable file', error.message, { cause: error });
  });
  const list = text.split('\n').map((line) => line.replace(/\r$/, ''));
  if (list.at(-1) === '') list.pop();
  return { list, of: file };
}
