// Arrays of embeddings as the numbers that a communicator carries: their bits, eight bytes to a number.

type Carried = Float32Array | Uint16Array;

/** How many numbers carry `length` elements of the type of an array. */
export const numbersOf = (like: Carried, length: number): number =>
  Math.ceil((length * like.BYTES_PER_ELEMENT) / 8);

/** Writes the bits of an array into numbers. */
export function carry(array: Carried, into: Float64Array): void {
  const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
  bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
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
