// Latent semantic analysis: word vectors from which words share documents, by randomised subspace iteration.
import type { Random } from '../train/random.js';
import type { Bag } from './bags.js';

const ITERATIONS = 2;
/** Extra directions that make the wanted ones converge (Halko, Martinsson and Tropp 2011, section 4). */
const OVERSAMPLING = 8;

/**
 * An orthonormal basis of about the leading `width` right singular directions of the document × word matrix, whose rows are the bags
 * scaled to length 1.
 *
 * @returns words × width, row after row; columns are orthonormal
 */
export function latentDirections(
  bags: readonly Bag[],
  vocabulary: number,
  width: number,
  random: Random,
): Float32Array {
  const inner = Math.min(width + OVERSAMPLING, bags.length, vocabulary);
  const lengths = bags.map(({ weights }) => Math.hypot(...weights) || 1);
  let right = Float64Array.from({ length: vocabulary * inner }, () => random.normal());
  for (let i = 0; i <= ITERATIONS; i++) {
    const left = new Float64Array(bags.length * inner);
    bags.forEach((bag, d) => addRows(left, d, right, bag, lengths[d], inner, false));
    orthonormalise(left, inner);
    right = new Float64Array(vocabulary * inner);
    bags.forEach((bag, d) => addRows(left, d, right, bag, lengths[d], inner, true));
  }
  orthonormalise(right, inner);
  const out = new Float32Array(vocabulary * width);
  for (let t = 0; t < vocabulary; t++) {
    for (let k = 0; k < Math.min(width, inner); k++) out[t * width + k] = right[t * inner + k];
  }
  return out;
}

/** left[d] += Σ x_t right[t], or transposed: right[t] += x_t left[d]. */
function addRows(
  left: Float64Array,
  d: number,
  right: Float64Array,
  { words, weights }: Bag,
  length: number,
  width: number,
  transposed: boolean,
): void {
  words.forEach((word, i) => {
    const x = weights[i] / length;
    const l = d * width;
    const r = word * width;
    if (transposed) for (let k = 0; k < width; k++) right[r + k] += x * left[l + k];
    else for (let k = 0; k < width; k++) left[l + k] += x * right[r + k];
  });
}

/**
 * Makes the columns orthonormal: Cholesky of the Gram matrix, twice, which is as exact as Gram–Schmidt and reads the matrix row by row
 * (CholeskyQR2, Fukaya et al. 2014). A column that depends on those before it becomes 0.
 */
export function orthonormalise(matrix: Float64Array, width: number): void {
  for (let pass = 0; pass < 2; pass++) {
    const factor = cholesky(gram(matrix, width), width);
    // Solves row = x · Lᵀ for each row: x has orthonormal columns.
    for (let at = 0; at < matrix.length; at += width) {
      for (let j = 0; j < width; j++) {
        let value = matrix[at + j];
        for (let k = 0; k < j; k++) value -= factor[j * width + k] * matrix[at + k];
        const pivot = factor[j * width + j];
        matrix[at + j] = pivot > 0 ? value / pivot : 0;
      }
    }
  }
}

/** The lower triangle of matrixᵀ · matrix. */
function gram(matrix: Float64Array, width: number): Float64Array {
  const out = new Float64Array(width * width);
  for (let at = 0; at < matrix.length; at += width) {
    for (let j = 0; j < width; j++) {
      const value = matrix[at + j];
      for (let k = 0; k <= j; k++) out[j * width + k] += value * matrix[at + k];
    }
  }
  return out;
}

/** L with L · Lᵀ = the matrix whose lower triangle is given; a pivot that vanishes is left 0, and its column with it. */
function cholesky(lower: Float64Array, width: number): Float64Array {
  const l = new Float64Array(width * width);
  for (let j = 0; j < width; j++) {
    let pivot = lower[j * width + j];
    for (let k = 0; k < j; k++) pivot -= l[j * width + k] ** 2;
    if (pivot <= 1e-14 * lower[j * width + j]) continue;
    const root = Math.sqrt(pivot);
    l[j * width + j] = root;
    for (let i = j + 1; i < width; i++) {
      let value = lower[i * width + j];
      for (let k = 0; k < j; k++) value -= l[i * width + k] * l[j * width + k];
      l[i * width + j] = value / root;
    }
  }
  return l;
}
