// Dot products of the vectors of a query's words with those of many words: the inner loop of late interaction, of expansion and of search.
import { tables as native } from '../../../native/tables.js';
import { floatRoom } from '../room.js';

/** Products and their layout. */
export interface Products {
  /** Words × few vectors with their padding; valid until the next call. */
  values: Float32Array;
  /** The number of the few vectors including padding, a multiple of sixteen: the row stride of `values`. */
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
 * @param above if given, products up to it may have any value up to it, which takes half the time
 */
export function products(
  table: Float32Array,
  width: number,
  few: Float32Array,
  chosen: Int32Array,
  above?: number,
): Products {
  const count = few.length / width;
  const stride = Math.ceil(count / LANES) * LANES;
  const columns = transposed.of(stride * width);
  for (let t = 0; t < stride; t++)
    for (let k = 0; k < width; k++) columns[k * stride + t] = t < count ? few[t * width + k] : 0;
  const values = room.of(chosen.length * stride);
  const given = [table, width, chosen, chosen.length, columns, stride, values] as const;
  if (above === undefined) native().product(...given);
  else {
    const head = headOf(width);
    const columnRests = fewRests.of(stride);
    for (let t = 0; t < stride; t++) columnRests[t] = t < count ? restOf(few, t * width, width) : 0;
    native().productAbove(...given, head, restsOf(table, width), columnRests, above - ROUNDING);
  }
  return { values, stride };
}

/**
 * How many columns are multiplied before a bound of the rest is asked for. The columns of latent semantic analysis are in the order of their
 * singular values; on SciFact's words, 3 of 8 leave one tile in five, and half of them one in fifteen, where a cosine may still be above .9.
 */
const headOf = (width: number): number => 4 * Math.ceil((3 * width) / 32);

/** More than the rounding error of a product of vectors of length 1. */
const ROUNDING = 1e-4;

const fewRests = floatRoom();
/** The lengths after the head of each row, by table, which has to stay as it is. */
const rests = new WeakMap<Float32Array, Float32Array>();

function restsOf(table: Float32Array, width: number): Float32Array {
  let found = rests.get(table);
  if (!found) {
    found = Float32Array.from({ length: table.length / width }, (_, row) =>
      restOf(table, row * width, width),
    );
    rests.set(table, found);
  }
  return found;
}

/** The length of a vector without its head. */
function restOf(vectors: Float32Array, at: number, width: number): number {
  let square = 0;
  for (let k = headOf(width); k < width; k++) square += vectors[at + k] ** 2;
  return Math.sqrt(square);
}
