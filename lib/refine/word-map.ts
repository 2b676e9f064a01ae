// A learned linear map of word vectors, as the students with late interaction or expansion put in front of a query's words.
import { paddedRows } from './products.js';
import { SparseAdam } from './sparse-adam.js';

export interface MappedWords {
  /** M v of each word scaled to length 1: words × width, padded with rows of 0 to a multiple of four. */
  units: Float32Array;
  /** |M v| of each word. */
  lengths: Float64Array;
}

/** M, width × width, at first the identity. */
export class WordMap {
  readonly table: SparseAdam;

  /** @param vectors words × width, read only */
  constructor(
    private readonly vectors: Float32Array,
    private readonly width: number,
  ) {
    this.table = new SparseAdam(new Float32Array(width * width), width);
    for (let k = 0; k < width; k++) this.table.parameters[k * width + k] = 1;
  }

  apply(words: Int32Array): MappedWords {
    const { width, vectors } = this;
    const map = this.table.parameters;
    const units = new Float32Array(paddedRows(words.length) * width);
    const lengths = new Float64Array(words.length);
    for (let t = 0; t < words.length; t++) {
      const row = words[t] * width;
      let square = 0;
      for (let j = 0; j < width; j++) {
        let z = 0;
        for (let k = 0; k < width; k++) z += map[j * width + k] * vectors[row + k];
        units[t * width + j] = z;
        square += z * z;
      }
      lengths[t] = Math.sqrt(square);
      if (square > 0) for (let j = 0; j < width; j++) units[t * width + j] /= lengths[t];
    }
    return { units, lengths };
  }

  /**
   * Carries the gradient with respect to the units back to the map.
   *
   * @param upstream dL/d unit of each word: words × width
   */
  pull(words: Int32Array, { units, lengths }: MappedWords, upstream: Float64Array): void {
    const { width, vectors, table } = this;
    for (let t = 0; t < words.length; t++) {
      if (lengths[t] === 0) continue;
      const row = words[t] * width;
      const at = t * width;
      let along = 0;
      for (let k = 0; k < width; k++) along += units[at + k] * upstream[at + k];
      for (let j = 0; j < width; j++) {
        // Through unit = z / |z|.
        const toMapped = (upstream[at + j] - units[at + j] * along) / lengths[t];
        table.touch(j);
        for (let k = 0; k < width; k++) table.gradient[j * width + k] += toMapped * vectors[row + k];
      }
    }
  }
}
