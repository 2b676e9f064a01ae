// A longer copy of a typed array. What is not written yet takes no memory of the machine, so that doubling costs little.

type Grows =
  | Uint8Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/**
 * @param least how many elements it must have
 * @returns the array itself where it is long enough
 */
export function grown<T extends Grows>(array: T, least: number): T {
  if (least <= array.length) return array;
  const longer = new (array.constructor as new (length: number) => T)(Math.max(least, 2 * array.length));
  longer.set(array);
  return longer;
}
