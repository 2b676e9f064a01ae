// The student's features of a query and a document: a few lexical signals, the first of which is its starting
// point.
import { largest as maximum } from '../../../extremes.js';
import type { PreparedDocument } from './document.js';
import type { Vocabulary } from '../words/vocabulary.js';

/** Names of the features, in their order. */
export const FEATURES = [
  'overlap',
  'bm25',
  'idfCoverage',
  'titleCoverage',
  'rarest',
  'missedRarest',
  'count',
  'density',
  'bigrams',
  'near',
  'first',
  'prefixes',
  'numbers',
  'length',
] as const;
export const FEATURE_COUNT = FEATURES.length;
/** The index of plain word overlap: the untrained student ranks by it alone. */
export const OVERLAP = FEATURES.indexOf('overlap');
/** The index of BM25: the reference line of the report. */
export const BM25 = FEATURES.indexOf('bm25');

/** BM25's saturation and length normalisation, as in Anserini. */
const K1 = 0.9;
const B = 0.4;
/** Two query words at most this many words apart count as near. */
const WINDOW = 8;
/** Words that share this many first letters count as related ("mutation", "mutant"). */
const PREFIX = 5;

interface Term {
  word: string;
  idf: number;
}

/** A query prepared for matching. */
export class PreparedQuery {
  readonly terms: readonly Term[];
  readonly pairs: readonly { left: string; right: string; idf: number }[];
  readonly totalIdf: number;
  readonly pairIdf: number;

  constructor(
    words: readonly string[],
    private readonly vocabulary: Vocabulary,
  ) {
    this.terms = [...new Set(words)].map((word) => ({ word, idf: vocabulary.idf(word) }));
    this.pairs = words.slice(1).map((right, i) => ({
      left: words[i],
      right,
      idf: vocabulary.idf(words[i]) + vocabulary.idf(right),
    }));
    this.totalIdf = sum(this.terms.map((term) => term.idf));
    this.pairIdf = sum(this.pairs.map((pair) => pair.idf));
  }

  /**
   * Writes the features of one document, all finite and most from 0 to 1, at `out[at …]`.
   */
  write(document: PreparedDocument, out: Float64Array, at: number): void {
    const { terms, pairs } = this;
    const matched = terms.filter((term) => document.positions.has(term.word));
    const missed = terms.filter((term) => !document.positions.has(term.word));
    const lengthRatio = document.length / this.vocabulary.averageLength;
    const count = sum(matched.map((term) => document.count(term.word)));
    const largest = maximum(
      terms.map((term) => term.idf),
      1e-9,
    );
    const numbers = terms.filter((term) => /\d/.test(term.word));
    const near = pairs.map((pair) => ({ idf: pair.idf, ...closeness(document, pair.left, pair.right) }));
    const values: Record<(typeof FEATURES)[number], number> = {
      overlap: matched.length / Math.max(1, terms.length),
      bm25: sum(matched.map((term) => term.idf * saturation(document.count(term.word), lengthRatio))),
      idfCoverage: share(matched, this.totalIdf),
      titleCoverage: share(
        matched.filter((term) => document.title.has(term.word)),
        this.totalIdf,
      ),
      rarest:
        maximum(
          matched.map((term) => term.idf),
          0,
        ) / largest,
      missedRarest:
        maximum(
          missed.map((term) => term.idf),
          0,
        ) / largest,
      count: Math.log1p(count),
      density: count / Math.max(1, document.length),
      bigrams: share(
        near.filter((pair) => pair.adjacent),
        this.pairIdf,
      ),
      near: share(
        near.filter((pair) => pair.near),
        this.pairIdf,
      ),
      first:
        1 /
        (1 +
          Math.log1p(
            -maximum(
              matched.map((term) => -document.positions.get(term.word)![0]),
              -document.length,
            ),
          )),
      prefixes: share(
        missed.filter((term) => hasKin(document, term.word)),
        this.totalIdf,
      ),
      numbers: share(
        numbers.filter((term) => document.positions.has(term.word)),
        sum(numbers.map((term) => term.idf)),
      ),
      length: Math.log(Math.max(lengthRatio, 0.01)),
    };
    FEATURES.forEach((name, i) => (out[at + i] = values[name]));
  }
}

const saturation = (count: number, lengthRatio: number) =>
  (count * (K1 + 1)) / (count + K1 * (1 - B + B * lengthRatio));

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const share = (parts: readonly { idf: number }[], total: number) =>
  total > 0 ? sum(parts.map((part) => part.idf)) / total : 0;

/** Whether two words are adjacent in this order, and whether they are near each other in any order. */
function closeness(
  document: PreparedDocument,
  left: string,
  right: string,
): { adjacent: boolean; near: boolean } {
  const lefts = document.positions.get(left);
  const rights = document.positions.get(right);
  let adjacent = false;
  let near = false;
  if (lefts && rights) {
    for (const a of lefts) {
      for (const b of rights) {
        adjacent ||= b - a === 1;
        near ||= a !== b && Math.abs(b - a) <= WINDOW;
      }
    }
  }
  return { adjacent, near };
}

function hasKin(document: PreparedDocument, word: string): boolean {
  if (word.length < PREFIX) return false;
  const prefix = word.slice(0, PREFIX);
  for (const other of document.positions.keys()) if (other.startsWith(prefix)) return true;
  return false;
}
