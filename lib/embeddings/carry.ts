// Packs arrays of embeddings into the numbers that a communicator transfers: their bits, eight bytes per
// number.

type Carried = Float32Array | Uint16Array;

/** The number of numbers needed for `length` elements of an array's type. */
export const numbersOf = (like: Carried, length: number): number =>
  Math.ceil((length * like.BYTES_PER_ELEMENT) / 8);

/** Writes the bits of an array into numbers. */
export function carry(array: Carried, into: Float64Array): void {
  const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
  bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
}

/** A view of the first transferred elements, with the type of another array. */
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
