// Dot products of a few vectors with many rows of a table: the inner loop of late interaction, of expansion and of search.
import { endOf, type Heap, type Scratch } from './heap.js';

/** Rows are taken four at a time: how many there are with the padding. */
export const paddedRows = (rows: number): number => (rows + 3) & ~3;

/** Products where the kernels leave them. */
export interface Products {
  /** Chosen rows × few vectors, both padded to a multiple of four; valid until the heap's next scratch. */
  values: Float32Array;
  /** How many of the few vectors, with padding: the distance of rows in `values`. */
  stride: number;
  /** Room behind them. */
  scratch: Scratch;
}

/**
 * The dot product of each of some vectors with each chosen row of the table, each sum in the order of the columns and in float32, so that
 * it does not depend on its neighbours.
 *
 * @param table rows × width, of the heap
 * @param few vectors of the width, one after the other
 * @param chosen rows of the table
 * @param scratch where the table is in scratch itself, what is behind it
 */
export function products(
  heap: Heap,
  table: Float32Array,
  width: number,
  few: Float32Array,
  chosen: Int32Array,
  scratch = heap.scratch(),
): Products {
  const count = few.length / width;
  const stride = paddedRows(count);
  const columns = scratch.floats(stride * width);
  const places = scratch.integers(paddedRows(chosen.length));
  const values = scratch.floats(places.length * stride);
  for (let t = 0; t < stride; t++)
    for (let k = 0; k < width; k++) columns[k * stride + t] = t < count ? few[t * width + k] : 0;
  places.set(chosen);
  // What fills up the last four is thrown away.
  places.fill(0, chosen.length);
  if (stride > 0) {
    const [from, to] = [places.byteOffset, endOf(places)];
    const [a, b] = [table.byteOffset, columns.byteOffset];
    heap.kernels.products(a, b, from, to, values.byteOffset, 4 * stride, 4 * width);
  }
  return { values, stride, scratch };
}
