// Grows typed arrays by copying. Unwritten parts take no physical memory, so doubling costs little.

type Grows =
  | Uint8Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/**
 * @param least how many elements it must have
 * @returns the array itself if it is long enough
 */
export function grown<T extends Grows>(array: T, least: number): T {
  if (least <= array.length) return array;
  const longer = new (array.constructor as new (length: number) => T)(Math.max(least, 2 * array.length));
  longer.set(array);
  return longer;
}
