// Dot products of a few vectors with many rows of a table: the inner loop of late interaction.

/** Rows are taken four at a time: how many there are with the padding. */
export const paddedRows = (rows: number): number => (rows + 3) & ~3;

/**
 * The dot product of each of some vectors with each chosen row of a table. Blocks of four by two keep eight sums going at once, five times
 * as fast as one after the other; each sum is taken in the order of the columns, so it does not depend on its neighbours.
 *
 * @param few rows × width; rows a multiple of four, see {@link paddedRows}
 * @param table rows × width
 * @param chosen rows of the table
 * @returns chosen × rows of `few`
 */
export function products(
  few: Float32Array,
  table: Float32Array,
  chosen: Int32Array,
  width: number,
): Float32Array {
  const rows = few.length / width;
  const out = new Float32Array(chosen.length * rows);
  for (let i = 0; i < chosen.length; i += 2) {
    const left = chosen[i] * width;
    // An odd last one is done twice.
    const second = Math.min(i + 1, chosen.length - 1);
    const right = chosen[second] * width;
    for (let t = 0; t < rows; t += 4) {
      const p0 = t * width;
      const p1 = p0 + width;
      const p2 = p1 + width;
      const p3 = p2 + width;
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      let b0 = 0;
      let b1 = 0;
      let b2 = 0;
      let b3 = 0;
      for (let k = 0; k < width; k++) {
        const x = table[left + k];
        const y = table[right + k];
        const q0 = few[p0 + k];
        const q1 = few[p1 + k];
        const q2 = few[p2 + k];
        const q3 = few[p3 + k];
        a0 += x * q0;
        a1 += x * q1;
        a2 += x * q2;
        a3 += x * q3;
        b0 += y * q0;
        b1 += y * q1;
        b2 += y * q2;
        b3 += y * q3;
      }
      const at = i * rows + t;
      out[at] = a0;
      out[at + 1] = a1;
      out[at + 2] = a2;
      out[at + 3] = a3;
      const below = second * rows + t;
      out[below] = b0;
      out[below + 1] = b1;
      out[below + 2] = b2;
      out[below + 3] = b3;
    }
  }
  return out;
}
