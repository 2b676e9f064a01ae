// Two-stage search: a first stage retrieves its best documents of the whole corpus, and a reranker orders them.
import type { Run } from '../../metrics/index.js';
import { scoresOf } from '../training/rerank.js';
import type { Student } from '../training/student.js';
import type { Bag, BagList, Corpus } from './words/bags.js';
import { placesOf, type Sequence } from './words/sequence.js';
import { tokensOf } from './multi-vector/multi-vector-words.js';
import { keepBest } from './dense/retrieve.js';

/** A searcher of a whole corpus. */
export interface Searcher {
  /**
   * The best `depth` documents for each query (and those that tie with the last), with their scores.
   *
   * @param onShare called with the fraction of the work that is done, by searchers that go through the corpus
   * in blocks
   */
  search(
    corpus: Corpus,
    queries: ReadonlyMap<string, Bag>,
    depth: number,
    onShare?: (share: number) => void,
  ): Run;
}

/** Cached runs, by queries and corpus: BM25 learns nothing, so they stay valid. */
const found = new WeakMap<ReadonlyMap<string, Bag>, { bags: Sequence<Bag>; depth: number; run: Run }>();

/**
 * BM25 (k1 = 0.9, b = 0.4, Lucene's idf) over the corpus it searches. The run for the same queries, corpus
 * and depth is computed once.
 */
export const bm25: Searcher = {
  search(corpus, queries, depth) {
    const known = found.get(queries);
    if (known?.bags === corpus.bags && known.depth === depth) return known.run;
    const run = rankByBm25(corpus, queries, depth);
    found.set(queries, { bags: corpus.bags, depth, run });
    return run;
  },
};

function rankByBm25({ docids, bags }: Corpus, queries: ReadonlyMap<string, Bag>, depth: number): Run {
  // Only for words of queries.
  const postings = new Map<number, { document: number; factor: number }[]>();
  for (const { words } of queries.values()) for (const word of words) postings.set(word, []);
  let document = 0;
  for (const bag of bags) {
    const place = document++;
    const { words, worth } = tokensOf(bag, Infinity);
    for (let i = 0; i < words.length; i++)
      postings.get(words[i])?.push({ document: place, factor: worth[i] });
  }
  const run = new Map<string, Map<string, number>>();
  for (const [qid, { words, weights, counts }] of queries) {
    const scores = new Float32Array(docids.length);
    words.forEach((word, i) => {
      const idf = weights[i] / (1 + Math.log(counts[i]));
      for (const { document, factor } of postings.get(word)!) scores[document] += counts[i] * idf * factor;
    });
    run.set(qid, keepBest(docids, scores, depth));
  }
  return run;
}

/**
 * @param reranker scores what the first stage retrieves
 * @param candidates number of documents that the first stage retrieves per query
 */
export function twoStage(first: Searcher, reranker: Student<BagList>, candidates: number): Searcher {
  // If the first stage returns the same run again, its lists are reused.
  const made = new WeakMap<Run, BagList[]>();
  return {
    search(corpus, queries, depth) {
      const brought = first.search(corpus, queries, candidates);
      let lists = made.get(brought);
      if (!lists) made.set(brought, (lists = listsOf(brought, corpus, queries)));
      const score = scoresOf(reranker);
      return new Map(lists.map((list) => [list.qid, keepBest(list.docids, score(list), depth)]));
    },
  };
}

/** What a first stage retrieved, as lists without judgements. */
function listsOf(run: Run, { docids, bags }: Corpus, queries: ReadonlyMap<string, Bag>): BagList[] {
  const placeOf = placesOf(docids);
  return [...run].map(([qid, found]) => {
    const ids = [...found.keys()];
    return {
      qid,
      docids: ids,
      documents: ids.map((id) => bags.at(placeOf(id))!),
      query: queries.get(qid)!,
      teacher: new Float32Array(ids.length),
      labels: new Uint8Array(ids.length),
    };
  });
}
