// The initial word vectors of a multi-vector student: latent semantic analysis, scaled to length 1.
import { Random } from '../../training/random.js';
import type { Bag } from '../words/bags.js';
import type { Sequence } from '../words/sequence.js';
import { latentDirections, type OnPass } from '../words/lsa.js';

/** The length below which a latent vector counts as missing. */
const NOTHING = 1e-9;

/**
 * A word's vector is its latent direction scaled to length 1, so that words of the same documents are near each other. A word without one (of
 * another collection, or in no document) gets a random direction, so that it still matches itself.
 *
 * @param bags the documents from which the meaning of words is learned
 * @param known number of words in these documents; their vectors do not depend on the number of further words
 * @param vocabulary total number of words
 * @returns words × width
 */
export function multiVectorStart(
  bags: Sequence<Bag>,
  known: number,
  vocabulary: number,
  width: number,
  seed: number,
  onPass?: OnPass,
): Float32Array {
  const random = new Random(seed);
  const out = new Float32Array(vocabulary * width);
  out.set(latentDirections(bags, known, width, random, onPass));
  for (let word = 0; word < vocabulary; word++) {
    const vector = out.subarray(word * width, (word + 1) * width);
    if (lengthOf(vector) < NOTHING) for (let k = 0; k < width; k++) vector[k] = random.normal();
    const length = lengthOf(vector);
    for (let k = 0; k < width; k++) vector[k] /= length;
  }
  return out;
}

function lengthOf(vector: Float32Array): number {
  let square = 0;
  for (let k = 0; k < vector.length; k++) square += vector[k] * vector[k];
  return Math.sqrt(square);
}
