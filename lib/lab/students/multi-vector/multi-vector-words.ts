// The documents of a list with shared words: a similarity to a word is computed once however many documents
// contain it.
import { tables as native } from '../../../native/tables.js';
import { integerRoom } from '../room.js';
import type { Bag, BagList } from '../words/bags.js';
import type { Sequence } from '../words/sequence.js';

/** BM25's saturation and length normalisation, as in Anserini. */
const K1 = 0.9;
const B = 0.4;
/** Maximum number of words per document: later ones are ignored. */
export const MAX_TOKENS = 96;

/** A document as input of a student. */
export interface TokenDocument {
  words: Int32Array;
  /** The weight of each. */
  worth: Float32Array;
}

/**
 * A document's words, worth BM25's factor of the word's count each: count (k1 + 1) / (count + k1 (1 - b + b length)), from 0 to k1 + 1.
 *
 * @param most maximum number of words, counted from the first
 */
export function tokensOf({ words, counts, length }: Bag, most = MAX_TOKENS): TokenDocument {
  const kept = Math.min(words.length, most);
  const norm = K1 * (1 - B + B * length);
  return {
    words: words.subarray(0, kept),
    worth: counts.subarray(0, kept).map((count) => (count * (K1 + 1)) / (count + norm)),
  };
}

/** The weight of each word of a query before any learning: its share of the query's words, so that queries of all lengths score alike. */
export function queryWeights({ counts }: Bag): Float32Array {
  const sum = counts.reduce((total, count) => total + count, 0);
  return counts.map((count) => count / sum);
}

/** The words of documents, concatenated. */
export interface Tokens {
  /** Every word of the documents, once. */
  words: Int32Array;
  /** Places in `words`. */
  places: Int32Array;
  /** As in {@link TokenDocument}, of each place. */
  worth: Float32Array;
  /** Where each document ends. */
  ends: Int32Array;
}

/** A list prepared for matching. */
export interface TokenList extends Tokens {
  query: Float32Array;
}

/** Prepares lists, each once. */
export class TokenLists {
  private readonly known = new WeakMap<BagList, TokenList>();
  private readonly prepared = new WeakMap<Sequence<Bag>, Tokens>();
  private readonly tokens = new WeakMap<Bag, TokenDocument>();
  /** 0 for each word. */
  private readonly seen: Int32Array;
  private readonly ids = integerRoom();
  private readonly distinct = integerRoom();

  /**
   * @param vocabulary number of words
   * @param tokensOfBag what of a document takes part, and what its words are worth
   * @param weigh the weights of a query's words before any learning
   */
  constructor(
    vocabulary: number,
    private readonly tokensOfBag: (bag: Bag) => TokenDocument = (bag) => tokensOf(bag),
    private readonly weigh: (query: Bag) => Float32Array = queryWeights,
  ) {
    this.seen = new Int32Array(vocabulary);
  }

  of(list: BagList): TokenList {
    let found = this.known.get(list);
    if (!found) {
      found = { query: this.weigh(list.query), ...this.prepare(list.documents) };
      this.known.set(list, found);
    }
    return found;
  }

  /** Documents without a query, which are remembered. */
  prepare(bags: Sequence<Bag>): Tokens {
    let found = this.prepared.get(bags);
    if (!found) this.prepared.set(bags, (found = this.number(bags)));
    return found;
  }

  /** The words of documents. */
  private number(bags: Sequence<Bag>): Tokens {
    const documents = Array.from(bags, (bag) => {
      let tokens = this.tokens.get(bag);
      if (!tokens) this.tokens.set(bag, (tokens = this.tokensOfBag(bag)));
      return tokens;
    });
    let end = 0;
    const ends = Int32Array.from(documents, ({ words }) => (end += words.length));
    const ids = this.ids.of(end);
    const worth = new Float32Array(end);
    documents.forEach((document, d) => {
      const first = ends[d] - document.words.length;
      ids.set(document.words, first);
      worth.set(document.worth, first);
    });
    const places = new Int32Array(end);
    const distinct = this.distinct.of(Math.min(end, this.seen.length));
    const count = native().number(ids, end, this.seen, places, distinct);
    return { words: distinct.slice(0, count), places, worth, ends };
  }
}
