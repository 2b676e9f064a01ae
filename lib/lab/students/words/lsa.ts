// Latent semantic analysis: word vectors from which words share documents, by randomised subspace iteration.
import { backward, scores } from '../../../embeddings/index.js';
import type { Random } from '../../training/random.js';
import type { Bag } from './bags.js';
import { Bags } from './corpus.js';
import type { Sequence } from './sequence.js';

const ITERATIONS = 3;
/** A pass over the documents, and the orthonormalisation of its result. */
const PASSES = 2 * ITERATIONS;
/** Extra directions that make the wanted ones converge (Halko, Martinsson and Tropp 2011, section 4). */
const OVERSAMPLING = 8;
/** Documents per block, so that they take little memory compared with the word vectors. */
const [FEWEST_DOCUMENTS, MOST_DOCUMENTS] = [1 << 12, 1 << 17];
/** Rows whose products are added up in float32; sums of these are in float64. */
const ROWS_AT_ONCE = 256;
/** A column whose squared remainder after the previous ones is below this fraction is only rounding noise. */
const LEAST_PIVOT = 1e-6;

/** Called with the amount of work done and the total. */
export type OnPass = (done: number, all: number) => void;

/**
 * An orthonormal basis of about the leading `width` right singular directions of the document × word matrix A, whose rows are the bags
 * scaled to length 1: of (AᵀA)³ R, for a random R. Nothing is held per document; products are those of `ckl-loss/embeddings`, in float32.
 *
 * @param onPass called after each pass with the number done and the total
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
  let right = Float32Array.from({ length: vocabulary * inner }, () => random.normal());
  let done = 0;
  for (let i = 0; i < ITERATIONS; i++) {
    right = timesNormal(bags, right, inner);
    onPass?.(++done, PASSES);
    // Each pass loses digits if columns were nearly parallel; between products one is enough.
    orthonormalise(right, inner, i + 1 < ITERATIONS ? 1 : 2);
    onPass?.(++done, PASSES);
  }
  const out = new Float32Array(vocabulary * width);
  const kept = Math.min(width, inner);
  for (let t = 0; t < vocabulary; t++) out.set(right.subarray(t * inner, t * inner + kept), t * width);
  return out;
}

/** Aᵀ A right, a block of documents at a time. */
function timesNormal(bags: Sequence<Bag>, right: Float32Array, width: number): Float32Array<ArrayBuffer> {
  const documentGrad = new Float32Array(right.length);
  for (const { words: candidates, weights: grad, offsets } of blocksOf(bags, right.length / width)) {
    const queries = new Float32Array((offsets.length - 1) * width);
    const pairs = { documents: right, candidates, offsets, grad };
    // A is the matrix of dL/dscore: the gradient of a query is the sum of its documents, and that of a document of its queries.
    const { queryGrad } = backward({ ...pairs, queries }, { dim: width, documentGrad: false });
    backward(
      { ...pairs, queries: queryGrad!, documentGrad, accumulate: true },
      { dim: width, queryGrad: false },
    );
  }
  return documentGrad;
}

/** Rows of A as lists of words with their weights. */
interface Block {
  words: Int32Array;
  weights: Float32Array;
  offsets: Int32Array;
}

/** A in blocks, which are large if the vocabulary is, so that a pass over all words pays off. */
function* blocksOf(bags: Sequence<Bag>, vocabulary: number): Generator<Block> {
  const most = 4 * vocabulary + (1 << 18);
  let words = new Int32Array(1 << 12);
  let weights = new Float32Array(1 << 12);
  for (let place = 0; place < bags.length;) {
    const offsets = [0];
    let end = 0;
    for (; place < bags.length && offsets.length <= MOST_DOCUMENTS; place++) {
      if (end > most && offsets.length > FEWEST_DOCUMENTS) break;
      const size = sizeOf(bags, place);
      if (end + size > words.length) {
        [words, weights] = [
          longerOf(Int32Array, words, end + size),
          longerOf(Float32Array, weights, end + size),
        ];
      }
      write(bags, place, words, weights, end);
      toLengthOne(weights.subarray(end, end + size));
      offsets.push((end += size));
    }
    yield {
      words: words.subarray(0, end),
      weights: weights.subarray(0, end),
      offsets: Int32Array.from(offsets),
    };
  }
}

const sizeOf = (bags: Sequence<Bag>, place: number): number =>
  bags instanceof Bags ? bags.rows.elements(place) : bags.at(place)!.words.length;

function write(
  bags: Sequence<Bag>,
  place: number,
  words: Int32Array,
  weights: Float32Array,
  at: number,
): void {
  if (bags instanceof Bags) return bags.write(place, words, weights, at);
  const bag = bags.at(place)!;
  words.set(bag.words, at);
  weights.set(bag.weights, at);
}

function toLengthOne(weights: Float32Array): void {
  let square = 0;
  for (let i = 0; i < weights.length; i++) square += weights[i] * weights[i];
  const length = Math.sqrt(square) || 1;
  for (let i = 0; i < weights.length; i++) weights[i] /= length;
}

function longerOf<T extends Int32Array | Float32Array>(
  kind: new (length: number) => T,
  values: T,
  least: number,
): T {
  const out = new kind(Math.max(least, 2 * values.length));
  out.set(values);
  return out;
}

/**
 * Makes the columns orthonormal, to about float32's accuracy: Cholesky of the Gram matrix, twice, which is as exact as Gram–Schmidt and reads
 * the matrix row by row (CholeskyQR2, Fukaya et al. 2014). A column that depends on those before it becomes 0.
 *
 * @param passes number of passes; after only one, nearly parallel columns are not quite orthogonal
 */
export function orthonormalise(matrix: Float32Array, width: number, passes = 2): void {
  for (let pass = 0; pass < passes; pass++)
    multiplyRows(matrix, inverseOf(cholesky(gram(matrix, width), width), width), width);
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

/** Replaces each row x by (T_0 · x, T_1 · x, …). */
function multiplyRows(matrix: Float32Array, triangle: Float64Array, width: number): void {
  const documents = Float32Array.from(triangle);
  const out = new Float32Array(ROWS_AT_ONCE * width);
  for (const queries of rowsOf(matrix, width))
    queries.set(
      scores({ queries, documents, inBatch: true, scores: out.subarray(0, queries.length) }, { dim: width }),
    );
}

/** matrixᵀ · matrix. */
function gram(matrix: Float32Array, width: number): Float64Array {
  const out = new Float64Array(width * width);
  // Only their number counts.
  const documents = new Float32Array(width * width);
  const documentGrad = new Float32Array(width * width);
  for (const rows of rowsOf(matrix, width)) {
    backward(
      { queries: rows, documents, grad: rows, inBatch: true, documentGrad },
      { dim: width, queryGrad: false },
    );
    for (let i = 0; i < out.length; i++) out[i] += documentGrad[i];
  }
  return out;
}

function* rowsOf(matrix: Float32Array, width: number): Generator<Float32Array> {
  for (let at = 0; at < matrix.length; at += ROWS_AT_ONCE * width)
    yield matrix.subarray(at, at + ROWS_AT_ONCE * width);
}

/** L with L · Lᵀ = the matrix whose lower triangle is given; a pivot that vanishes is left 0, and its column with it. */
function cholesky(lower: Float64Array, width: number): Float64Array {
  const l = new Float64Array(width * width);
  for (let j = 0; j < width; j++) {
    let pivot = lower[j * width + j];
    for (let k = 0; k < j; k++) pivot -= l[j * width + k] ** 2;
    if (pivot <= LEAST_PIVOT * lower[j * width + j]) continue;
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
