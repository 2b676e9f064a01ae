// The documents of a list with each word once: a similarity to a word is computed once however many documents hold it.
import type { Bag, BagList } from './bags.js';
import type { Places } from './products.js';

/** BM25's saturation and length normalisation, as Anserini has them. */
const K1 = 0.9;
const B = 0.4;
/** A document's words beyond these many first ones take no part. */
export const MAX_TOKENS = 96;

/** A document as the student matches it: its first words, and how much a match with each counts. */
export interface TokenDocument {
  words: Int32Array;
  /** BM25's factor of the word's count: count (k1 + 1) / (count + k1 (1 - b + b length)), from 0 to k1 + 1. */
  saturation: Float32Array;
}

/** @param most how many of the words, the first ones, take part */
export function tokensOf({ words, counts, length }: Bag, most = MAX_TOKENS): TokenDocument {
  const kept = Math.min(words.length, most);
  const norm = K1 * (1 - B + B * length);
  return {
    words: words.subarray(0, kept),
    saturation: counts.subarray(0, kept).map((count) => (count * (K1 + 1)) / (count + norm)),
  };
}

/** The weight of each word of a query before any learning: its share of the query's words, so that queries of all lengths score alike. */
export function queryWeights({ counts }: Bag): Float32Array {
  const sum = counts.reduce((total, count) => total + count, 0);
  return counts.map((count) => count / sum);
}

/** A list prepared for matching. */
export interface TokenList {
  query: Float32Array;
  /** Every word of the documents, once. */
  words: Int32Array;
  documents: readonly {
    /** Places in `words`. */
    places: Int32Array;
    saturation: Float32Array;
  }[];
}

/** Prepares lists, each once. */
export class TokenLists {
  private readonly known = new WeakMap<BagList, TokenList>();
  private readonly prepared = new WeakMap<readonly Bag[], Omit<TokenList, 'query'>>();
  private readonly flat = new WeakMap<readonly Bag[], Places>();
  private readonly tokens = new WeakMap<Bag, TokenDocument>();

  /**
   * @param most words of a document that take part
   * @param weigh how the words of a query weigh before any learning
   */
  constructor(
    private readonly most = MAX_TOKENS,
    private readonly weigh: (query: Bag) => Float32Array = queryWeights,
  ) {}

  of(list: BagList): TokenList {
    let found = this.known.get(list);
    if (!found) {
      found = { query: this.weigh(list.query), ...this.prepare(list.documents) };
      this.known.set(list, found);
    }
    return found;
  }

  /** Documents without a query. */
  prepare(bags: readonly Bag[]): Omit<TokenList, 'query'> {
    let found = this.prepared.get(bags);
    if (!found) this.prepared.set(bags, (found = this.number(bags)));
    return found;
  }

  /** The places and saturations of documents' words, one document after the other. */
  places(bags: readonly Bag[]): Places {
    let found = this.flat.get(bags);
    if (!found) this.flat.set(bags, (found = flatten(this.prepare(bags).documents)));
    return found;
  }

  private number(bags: readonly Bag[]): Omit<TokenList, 'query'> {
    const numbers = new Map<number, number>();
    const documents = bags.map((bag) => {
      let tokens = this.tokens.get(bag);
      if (!tokens) this.tokens.set(bag, (tokens = tokensOf(bag, this.most)));
      const places = tokens.words.map((word) => {
        let place = numbers.get(word);
        if (place === undefined) numbers.set(word, (place = numbers.size));
        return place;
      });
      return { places, saturation: tokens.saturation };
    });
    return { words: Int32Array.from(numbers.keys()), documents };
  }
}

function flatten(documents: TokenList['documents']): Places {
  let end = 0;
  const ends = Int32Array.from(documents, ({ places }) => (end += places.length));
  const places = new Int32Array(end);
  const factors = new Float32Array(end);
  documents.forEach((document, d) => {
    const at = ends[d] - document.places.length;
    places.set(document.places, at);
    factors.set(document.saturation, at);
  });
  return { places, factors, ends };
}
