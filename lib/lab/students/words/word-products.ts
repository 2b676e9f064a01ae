// Dot products of the vectors of a query's words with those of many words: the inner loop of late interaction, of expansion and of search.
import { tables as native } from '../../../native/tables.js';
import { floatRoom } from '../room.js';

/** Products where they are left. */
export interface Products {
  /** Words × few vectors with their padding; valid until the next call. */
  values: Float32Array;
  /** How many of the few vectors, with padding, a multiple of sixteen: the distance of rows in `values`. */
  stride: number;
}

/** Maximum number of floats in a vector register: few vectors are padded to a multiple. */
const LANES = 16;

const transposed = floatRoom();
const room = floatRoom();

/**
 * The dot product of each of some vectors with each chosen row of a table, each sum in the order of the columns and in float32, so that it does
 * not depend on its neighbours.
 *
 * @param table rows × width
 * @param few vectors of the width, one after the other
 * @param chosen rows of the table
 */
export function products(
  table: Float32Array,
  width: number,
  few: Float32Array,
  chosen: Int32Array,
): Products {
  const count = few.length / width;
  const stride = Math.ceil(count / LANES) * LANES;
  const columns = transposed.of(stride * width);
  for (let t = 0; t < stride; t++)
    for (let k = 0; k < width; k++) columns[k * stride + t] = t < count ? few[t * width + k] : 0;
  const values = room.of(chosen.length * stride);
  native().product(table, width, chosen, chosen.length, columns, stride, values);
  return { values, stride };
}
