// The initial word vectors of a dense student: one half encodes the meaning of a word, the other its
// identity.
import { norm } from '../words/norm.js';
import { Random } from '../../training/random.js';
import type { Bag } from '../words/bags.js';
import type { Sequence } from '../words/sequence.js';
import { latentDirections, type OnPass } from '../words/lsa.js';

/**
 * The first half of each vector comes from latent semantic analysis, so that words of the same documents are near each other; the second is
 * a random direction per word, so that an exact match counts even for a rare word. Both halves have length 1;
 * a word without a latent direction has only the second half.
 *
 * @param width even
 * @returns words × width
 */
export function startVectors(
  bags: Sequence<Bag>,
  vocabulary: number,
  width: number,
  seed: number,
  onPass?: OnPass,
): Float32Array {
  const random = new Random(seed);
  const half = width / 2;
  const latent = latentDirections(bags, vocabulary, half, random, onPass);
  const out = new Float32Array(vocabulary * width);
  const write = (at: number, values: Float64Array | Float32Array) => {
    const length = norm(values);
    if (length > 0) values.forEach((value, k) => (out[at + k] = value / length));
  };
  for (let word = 0; word < vocabulary; word++) {
    write(word * width, latent.subarray(word * half, (word + 1) * half));
    write(
      word * width + half,
      Float64Array.from({ length: half }, () => random.normal()),
    );
  }
  return out;
}
