// Arrays of embeddings as the numbers that a communicator carries: their bits, eight bytes to a number.

type Carried = Float32Array | Uint16Array;

/** The bits of an array, with room for `length` elements. */
export function carried(array: Carried, length: number): Float64Array {
  const out = new Float64Array(Math.ceil((length * array.BYTES_PER_ELEMENT) / 8));
  new Uint8Array(out.buffer).set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return out;
}

/** The first elements of what was carried, of the type of another array: a view. */
export function uncarried<T extends Carried>(numbers: Float64Array, like: T, length: number): T {
  const Made = like.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => T;
  return new Made(numbers.buffer, numbers.byteOffset, length);
}

/** Some columns of a matrix, as rows. */
export function transposed(
  matrix: Float32Array,
  rows: number,
  width: number,
  first: number,
  columns: number,
): Float32Array {
  const out = new Float32Array(rows * columns);
  for (let b = 0; b < rows; b++) {
    for (let m = 0; m < columns; m++) out[m * rows + b] = matrix[b * width + first + m];
  }
  return out;
}
