// Full retrieval with a dense student (the nearest documents of each query), and the best of some scored
// documents.
import { scores } from '../../../embeddings/index.js';
import type { Run } from '../../../metrics/index.js';
import { searchInBlocks, type BlockSearch } from '../search-in-blocks.js';
import type { Bag, Corpus } from '../words/bags.js';
import type { Sequence } from '../words/sequence.js';

/** An encoder of texts: vectors of length 1, or 0. */
interface Encoder {
  readonly width: number;
  /** Texts × width. */
  encodeAll(bags: Sequence<Bag>): Float32Array;
}

/**
 * The best `depth` documents of the corpus for each query, by cosine, found by looking at all of them, block by block.
 *
 * @param queries query id -> bag
 */
export function retrieve(
  encoder: Encoder,
  corpus: Corpus,
  queries: ReadonlyMap<string, Bag>,
  depth: number,
  options?: Pick<BlockSearch<Float32Array>, 'documentsAtOnce' | 'onShare'>,
): Run {
  const { width: dim } = encoder;
  return searchInBlocks(corpus, queries, depth, {
    ...options,
    prepare: (bags) => encoder.encodeAll(bags),
    score: (documents, some, take) => {
      const size = documents.length / dim;
      const found = scores(
        { queries: encoder.encodeAll(some), documents, inBatch: true },
        { dim, similarity: 'dot' },
      );
      for (let q = 0; q < some.length; q++) take(q, found.subarray(q * size, (q + 1) * size));
    },
  });
}

/** The `depth` documents with the highest scores, and all that tie with the last of them, for the measure to order. */
export function keepBest(docids: Sequence<string>, scores: Float32Array, depth: number): Map<string, number> {
  const threshold = highest(scores, depth);
  const best = new Map<string, number>();
  for (let d = 0; d < scores.length; d++) if (scores[d] >= threshold) best.set(docids.at(d)!, scores[d]);
  return best;
}

/** The `depth`-th highest of some numbers, or the lowest if there are fewer. */
function highest(scores: Float32Array, depth: number): number {
  // The highest so far, in ascending order whenever it is full and has been cut down to `depth`.
  const kept = new Float32Array(2 * depth);
  let count = 0;
  let threshold = -Infinity;
  for (let d = 0; d < scores.length; d++) {
    if (scores[d] <= threshold) continue;
    kept[count++] = scores[d];
    if (count === kept.length) {
      kept.sort();
      kept.copyWithin(0, depth);
      count = depth;
      threshold = kept[0];
    }
  }
  return kept.subarray(0, count).sort()[Math.max(0, count - depth)];
}
