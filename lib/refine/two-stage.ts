// Two-stage search: a first stage brings its best documents of the whole corpus, a reranker puts them in order.
import type { Run } from '../metrics/index.js';
import { scoresOf } from '../train/rerank.js';
import type { Student } from '../train/student.js';
import type { Bag, BagList, Corpus } from './bags.js';
import { tokensOf } from './multi-vector-words.js';
import { keepBest } from './retrieve.js';

/** What searches a whole corpus. */
export interface Searcher {
  /** The best `depth` documents for each query (and those that tie with the last), with their scores. */
  search(corpus: Corpus, queries: ReadonlyMap<string, Bag>, depth: number): Run;
}

/** BM25 (k1 = 0.9, b = 0.4, Lucene's idf) over the corpus it searches; nothing in it is learned. */
export const bm25: Searcher = {
  search({ docids, bags }, queries, depth) {
    const postings = new Map<number, { document: number; factor: number }[]>();
    bags.forEach((bag, document) => {
      const { words, saturation } = tokensOf(bag, Infinity);
      words.forEach((word, i) => {
        const entry = { document, factor: saturation[i] };
        const found = postings.get(word);
        if (found) found.push(entry);
        else postings.set(word, [entry]);
      });
    });
    const run = new Map<string, Map<string, number>>();
    for (const [qid, { words, weights, counts }] of queries) {
      const scores = new Float32Array(docids.length);
      words.forEach((word, i) => {
        const idf = weights[i] / (1 + Math.log(counts[i]));
        for (const { document, factor } of postings.get(word) ?? [])
          scores[document] += counts[i] * idf * factor;
      });
      run.set(qid, keepBest(docids, scores, depth));
    }
    return run;
  },
};

/**
 * @param reranker scores what the first stage brings
 * @param candidates how many documents the first stage brings a query
 */
export function twoStage(first: Searcher, reranker: Student<BagList>, candidates: number): Searcher {
  return {
    search(corpus, queries, depth) {
      const place = new Map(corpus.docids.map((id, i) => [id, i]));
      const score = scoresOf(reranker);
      const run = new Map<string, Map<string, number>>();
      for (const [qid, found] of first.search(corpus, queries, candidates)) {
        const docids = [...found.keys()];
        const documents = docids.map((id) => corpus.bags[place.get(id)!]);
        const nothing = { teacher: new Float32Array(docids.length), labels: new Uint8Array(docids.length) };
        const scores = score({ qid, docids, documents, query: queries.get(qid)!, ...nothing });
        run.set(qid, keepBest(docids, scores, depth));
      }
      return run;
    },
  };
}
