// Full retrieval by looking at every document, block by block: memory grows neither with the corpus nor with the number of queries.
import type { Run } from '../../metrics/index.js';
import { TopScores } from './top-scores.js';
import type { Bag, Corpus } from './words/bags.js';
import type { Sequence } from './words/sequence.js';

/** Number of documents per block. */
const DOCUMENTS_AT_ONCE = 16_384;
/** Number of queries scored against a block of documents at a time: their scores take memory. */
const QUERIES_AT_ONCE = 128;

export interface BlockSearch<P> {
  /**
   * Prepares a block's documents for all queries. If the corpus is a single block, the same array of
   * documents is passed again.
   */
  prepare: (bags: Sequence<Bag>) => P;
  /** Receives the scores of a block's documents for some queries, in order. */
  score: (prepared: P, queries: readonly Bag[], take: (query: number, scores: Float32Array) => void) => void;
  /** Called after each block with the fraction of the work that is done. */
  onShare?: (share: number) => void;
  documentsAtOnce?: number;
  queriesAtOnce?: number;
}

/** The best `depth` documents for each query, with those that tie with the last, in the order of the corpus. */
export function searchInBlocks<P>(
  { docids, bags }: Corpus,
  queries: ReadonlyMap<string, Bag>,
  depth: number,
  {
    prepare,
    score,
    onShare,
    documentsAtOnce = DOCUMENTS_AT_ONCE,
    queriesAtOnce = QUERIES_AT_ONCE,
  }: BlockSearch<P>,
): Run {
  const qids = [...queries.keys()];
  const asked = [...queries.values()];
  const best = qids.map(() => new TopScores(depth));
  for (let begin = 0; begin < bags.length; begin += documentsAtOnce) {
    const isWhole = bags.length <= documentsAtOnce;
    const prepared = prepare(isWhole ? bags : bags.slice(begin, begin + documentsAtOnce));
    for (let first = 0; first < asked.length; first += queriesAtOnce)
      score(prepared, asked.slice(first, first + queriesAtOnce), (q, scores) =>
        best[first + q].add(begin, scores),
      );
    onShare?.(Math.min(1, (begin + documentsAtOnce) / bags.length));
  }
  return new Map(
    qids.map((qid, q) => [
      qid,
      new Map(best[q].entries().map(([place, value]) => [docids.at(place)!, value])),
    ]),
  );
}
