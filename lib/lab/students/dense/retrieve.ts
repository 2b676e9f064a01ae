// Full retrieval with a dense student: the whole corpus as vectors, the nearest documents of each query.
import type { Run } from '../../../metrics/index.js';
import type { Bag, Collection } from '../words/bags.js';
import type { Heap } from '../kernels/heap.js';
import { products } from '../kernels/products.js';

/** What encodes texts: length 1 each, or 0. */
interface Encoder {
  readonly width: number;
  readonly heap: Heap;
  encode(bag: Bag): Float32Array;
}

/** So many queries are compared with the corpus at a time: their scores take memory. */
const QUERIES_AT_ONCE = 64;

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
  const { width, heap } = encoder;
  const encodeAll = (texts: readonly Bag[]) => {
    const out = new Float32Array(texts.length * width);
    texts.forEach((bag, i) => out.set(encoder.encode(bag), i * width));
    return out;
  };
  const few = encodeAll([...queries.values()]);
  const vectors = encodeAll(bags);
  const scratch = heap.scratch();
  const index = scratch.floats(vectors.length);
  index.set(vectors);
  const all = Int32Array.from(bags.keys());
  const qids = [...queries.keys()];
  const run = new Map<string, Map<string, number>>();
  for (let first = 0; first < qids.length; first += QUERIES_AT_ONCE) {
    const some = qids.slice(first, first + QUERIES_AT_ONCE);
    const asked = few.subarray(first * width, (first + some.length) * width);
    const { values, stride } = products(heap, index, width, asked, all, scratch.rest());
    const scores = new Float32Array(bags.length);
    some.forEach((qid, t) => {
      for (let d = 0; d < bags.length; d++) scores[d] = values[d * stride + t];
      run.set(qid, keepBest(docids, scores, depth));
    });
  }
  return run;
}

/** The `depth` documents with the highest scores, and all that tie with the last of them, for the measure to order. */
export function keepBest(
  docids: readonly string[],
  scores: Float32Array,
  depth: number,
): Map<string, number> {
  const threshold = highest(scores, depth);
  const best = new Map<string, number>();
  for (let d = 0; d < scores.length; d++) if (scores[d] >= threshold) best.set(docids[d], scores[d]);
  return best;
}

/** The `depth`-th highest of some numbers, or the lowest where there are fewer. */
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
