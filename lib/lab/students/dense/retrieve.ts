// Full retrieval with a dense student: the whole corpus as vectors, the nearest documents of each query.
import type { Run } from '../../../metrics/index.js';
import type { Bag, Corpus } from '../words/bags.js';
import type { Sequence } from '../words/sequence.js';
import type { Heap } from '../kernels/heap.js';
import { products } from '../kernels/products.js';
import { TopScores } from '../top-scores.js';

/** What encodes texts: length 1 each, or 0. */
interface Encoder {
  readonly width: number;
  readonly heap: Heap;
  encode(bag: Bag): Float32Array;
}

/** So many queries are compared with a block of documents at a time: their scores take memory. */
const QUERIES_AT_ONCE = 64;
/** So many documents are encoded at a time, so that memory does not grow with their vectors. */
const DOCUMENTS_AT_ONCE = 16_384;

export interface RetrieveOptions {
  documentsAtOnce?: number;
  /** Told after each block which share of the work is done. */
  onShare?: (share: number) => void;
}

/**
 * The best `depth` documents of the corpus for each query, by cosine, found by looking at all of them, block by block.
 *
 * @param queries query id -> bag
 */
export function retrieve(
  encoder: Encoder,
  { docids, bags }: Corpus,
  queries: ReadonlyMap<string, Bag>,
  depth: number,
  { documentsAtOnce = DOCUMENTS_AT_ONCE, onShare }: RetrieveOptions = {},
): Run {
  const { width, heap } = encoder;
  const encodeAll = (texts: readonly Bag[]) => {
    const out = new Float32Array(texts.length * width);
    texts.forEach((bag, i) => out.set(encoder.encode(bag), i * width));
    return out;
  };
  const qids = [...queries.keys()];
  const few = encodeAll([...queries.values()]);
  const best = qids.map(() => new TopScores(depth));
  for (let begin = 0; begin < bags.length; begin += documentsAtOnce) {
    const block = bags.slice(begin, begin + documentsAtOnce);
    const vectors = encodeAll(block);
    const scratch = heap.scratch();
    const index = scratch.floats(vectors.length);
    index.set(vectors);
    const all = Int32Array.from(block.keys());
    const scores = new Float32Array(block.length);
    for (let first = 0; first < qids.length; first += QUERIES_AT_ONCE) {
      const some = Math.min(QUERIES_AT_ONCE, qids.length - first);
      const asked = few.subarray(first * width, (first + some) * width);
      const { values, stride } = products(heap, index, width, asked, all, scratch.rest());
      for (let t = 0; t < some; t++) {
        for (let d = 0; d < block.length; d++) scores[d] = values[d * stride + t];
        best[first + t].add(begin, scores);
      }
    }
    onShare?.(Math.min(1, (begin + block.length) / bags.length));
  }
  return new Map(
    qids.map((qid, q) => [
      qid,
      new Map(best[q].entries().map(([place, score]) => [docids.at(place)!, score])),
    ]),
  );
}

/** The `depth` documents with the highest scores, and all that tie with the last of them, for the measure to order. */
export function keepBest(docids: Sequence<string>, scores: Float32Array, depth: number): Map<string, number> {
  const threshold = highest(scores, depth);
  const best = new Map<string, number>();
  for (let d = 0; d < scores.length; d++) if (scores[d] >= threshold) best.set(docids.at(d)!, scores[d]);
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
