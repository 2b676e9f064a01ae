// Latent semantic analysis: word vectors from which words share documents, by randomised subspace iteration.
import { norm } from './norm.js';
import type { Random } from '../../training/random.js';
import type { Bag } from './bags.js';
import type { Sequence } from './sequence.js';

const ITERATIONS = 2;
const PASSES = 2 * (ITERATIONS + 1);
/** Extra directions that make the wanted ones converge (Halko, Martinsson and Tropp 2011, section 4). */
const OVERSAMPLING = 8;

/** Told how much of the work is done, of how much. */
export type OnPass = (done: number, all: number) => void;

/**
 * An orthonormal basis of about the leading `width` right singular directions of the document × word matrix, whose rows are the bags
 * scaled to length 1.
 *
 * @param onPass told of each pass over the documents, how many are done of how many
 * @returns words × width, row after row; columns are orthonormal
 */
export function latentDirections(
  bags: Sequence<Bag>,
  vocabulary: number,
  width: number,
  random: Random,
  onPass?: OnPass,
): Float32Array {
  const inner = Math.min(width + OVERSAMPLING, bags.length, vocabulary);
  const lengths = Float64Array.from(bags, ({ weights }) => norm(weights) || 1);
  let right = Float64Array.from({ length: vocabulary * inner }, () => random.normal());
  for (let i = 0; i <= ITERATIONS; i++) {
    const left = new Float64Array(bags.length * inner);
    let d = 0;
    for (const bag of bags) addRows(left, d, right, bag, lengths[d++], inner, false);
    orthonormalise(left, inner);
    onPass?.(2 * i + 1, PASSES);
    right = new Float64Array(vocabulary * inner);
    d = 0;
    for (const bag of bags) addRows(left, d, right, bag, lengths[d++], inner, true);
    onPass?.(2 * i + 2, PASSES);
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
  const l = d * width;
  for (let i = 0; i < words.length; i++) {
    const x = weights[i] / length;
    const r = words[i] * width;
    if (transposed) for (let k = 0; k < width; k++) right[r + k] += x * left[l + k];
    else for (let k = 0; k < width; k++) left[l + k] += x * right[r + k];
  }
}

/**
 * Makes the columns orthonormal: Cholesky of the Gram matrix, twice, which is as exact as Gram–Schmidt and reads the matrix row by row
 * (CholeskyQR2, Fukaya et al. 2014). A column that depends on those before it becomes 0.
 */
export function orthonormalise(matrix: Float64Array, width: number): void {
  for (let pass = 0; pass < 2; pass++) {
    multiplyRows(matrix, inverseOf(cholesky(gram(matrix, width), width), width), width);
  }
}

/** L⁻¹ of a lower triangle L, with a row of 0 where L's pivot is 0: row · L⁻ᵀ is the product of the row with each of its rows. */
function inverseOf(lower: Float64Array, width: number): Float64Array {
  const inverse = new Float64Array(width * width);
  for (let j = 0; j < width; j++) {
    const pivot = lower[j * width + j];
    if (pivot === 0) continue;
    inverse[j * width + j] = 1 / pivot;
    for (let k = 0; k < j; k++) {
      const factor = lower[j * width + k] / pivot;
      if (factor === 0) continue;
      for (let i = 0; i <= k; i++) inverse[j * width + i] -= factor * inverse[k * width + i];
    }
  }
  return inverse;
}

/** Replaces each row x by (T_0 · x, T_1 · x, …) for a lower triangular T; four sums at a time, so that they need not wait for each other. */
function multiplyRows(matrix: Float64Array, triangle: Float64Array, width: number): void {
  const row = new Float64Array(width);
  for (let at = 0; at < matrix.length; at += width) {
    row.set(matrix.subarray(at, at + width));
    let j = 0;
    for (; j + 4 <= width; j += 4) {
      const [t0, t1, t2, t3] = [j * width, (j + 1) * width, (j + 2) * width, (j + 3) * width];
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      for (let k = 0; k < j + 4; k++) {
        const x = row[k];
        a += x * triangle[t0 + k];
        b += x * triangle[t1 + k];
        c += x * triangle[t2 + k];
        d += x * triangle[t3 + k];
      }
      matrix[at + j] = a;
      matrix[at + j + 1] = b;
      matrix[at + j + 2] = c;
      matrix[at + j + 3] = d;
    }
    for (; j < width; j++) {
      let a = 0;
      for (let k = 0; k <= j; k++) a += row[k] * triangle[j * width + k];
      matrix[at + j] = a;
    }
  }
}

/** The lower triangle of matrixᵀ · matrix; four rows at a time. */
function gram(matrix: Float64Array, width: number): Float64Array {
  const out = new Float64Array(width * width);
  const rows = matrix.length / width;
  for (let first = 0; first < rows; first += 4) {
    const at = first * width;
    const count = Math.min(4, rows - first);
    for (let j = 0; j < width; j++) {
      const a = matrix[at + j];
      const b = count > 1 ? matrix[at + width + j] : 0;
      const c = count > 2 ? matrix[at + 2 * width + j] : 0;
      const d = count > 3 ? matrix[at + 3 * width + j] : 0;
      if (count === 4) {
        for (let k = 0; k <= j; k++) {
          out[j * width + k] +=
            a * matrix[at + k] +
            b * matrix[at + width + k] +
            c * matrix[at + 2 * width + k] +
            d * matrix[at + 3 * width + k];
        }
      } else {
        for (let k = 0; k <= j; k++) {
          let sum = a * matrix[at + k];
          if (count > 1) sum += b * matrix[at + width + k];
          if (count > 2) sum += c * matrix[at + 2 * width + k];
          out[j * width + k] += sum;
        }
      }
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
