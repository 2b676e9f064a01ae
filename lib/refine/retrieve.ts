// Full retrieval with a dense student: the whole corpus as vectors, the nearest documents of each query.
import type { Run } from '../metrics/index.js';
import type { Bag, Collection } from './bags.js';

/** What encodes texts: length 1 each, or 0. */
interface Encoder {
  readonly width: number;
  encode(bag: Bag): Float64Array;
}

/**
 * The best `depth` documents of the corpus for each query, by cosine, found by looking at all of them.
 *
 * @param queries query id -> bag
 */
export function retrieve(
  encoder: Encoder,
  { docids, bags }: Pick<Collection, 'docids' | 'bags'>,
  queries: ReadonlyMap<string, Bag>,
  depth: number,
): Run {
  const { width } = encoder;
  const index = new Float32Array(bags.length * width);
  bags.forEach((bag, d) => index.set(encoder.encode(bag), d * width));
  const scores = new Float32Array(bags.length);
  const run = new Map<string, Map<string, number>>();
  for (const [qid, bag] of queries) {
    const query = encoder.encode(bag);
    for (let d = 0; d < bags.length; d++) {
      const row = d * width;
      let dot = 0;
      for (let k = 0; k < width; k++) dot += query[k] * index[row + k];
      scores[d] = dot;
    }
    run.set(qid, keepBest(docids, scores, depth));
  }
  return run;
}

/** The `depth` documents with the highest scores, and all that tie with the last of them, for the measure to order. */
export function keepBest(
  docids: readonly string[],
  scores: Float32Array,
  depth: number,
): Map<string, number> {
  const threshold = scores.slice().sort().at(-Math.min(depth, scores.length))!;
  const best = new Map<string, number>();
  scores.forEach((score, d) => {
    if (score >= threshold) best.set(docids[d], score);
  });
  return best;
}
