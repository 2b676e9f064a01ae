// Data structures of the sparse student: a document's terms, the expansions of words, sums per word, and
// postings.
import type { Bag } from '../words/bags.js';
import { tokensOf, type TokenDocument, type Tokens } from '../multi-vector/multi-vector-words.js';

/** A document's terms before the importance of each: ln(1 + f). */
export function termsOf(bag: Bag): TokenDocument {
  const { words, worth } = tokensOf(bag, Infinity);
  return { words, worth: worth.map(Math.log1p) };
}

/** Terms with the weight of each. */
export interface WeightedWords {
  words: Int32Array;
  weights: Float32Array;
}

/** A term that a word expands to. */
export interface Edge {
  /** Its place among the candidate words. */
  term: number;
  /** e², see the student's formula. */
  weight: number;
}

/** The edges of each word, from cosines with a row for each term and a column for each word. Row by row: a column strides through memory. */
export function edgesOf(
  cosines: Float32Array,
  stride: number,
  terms: number,
  words: number,
  tau: number,
): Edge[][] {
  const edges = Array.from({ length: words }, (): Edge[] => []);
  for (let term = 0; term < terms; term++) {
    const row = term * stride;
    for (let t = 0; t < words; t++) {
      const over = cosines[row + t] - tau;
      if (over > 0) edges[t].push({ term, weight: (over / (1 - tau)) ** 2 });
    }
  }
  return edges;
}

/** A sum per word, and the words that have one. */
export class WordSums {
  readonly sums: Float64Array;
  private readonly list: Int32Array;
  private count = 0;
  private readonly met: Uint8Array;

  constructor(vocabulary: number) {
    this.sums = new Float64Array(vocabulary);
    this.met = new Uint8Array(vocabulary);
    this.list = new Int32Array(vocabulary);
  }

  /** The words that have a sum, in the order in which they were met; valid until the next is. */
  get words(): Int32Array {
    return this.list.subarray(0, this.count);
  }

  add(word: number, value: number): void {
    if (this.met[word] === 0) {
      this.met[word] = 1;
      this.list[this.count++] = word;
    }
    this.sums[word] += value;
  }

  squares(): number {
    return this.words.reduce((sum, word) => sum + this.sums[word] ** 2, 0);
  }

  clear(): void {
    for (const word of this.words) this.sums[word] = this.met[word] = 0;
    this.count = 0;
  }
}

/** The mean weights of terms over queries, and over their lists' documents, before the importance of each. */
export class MeanTerms {
  private readonly queries: WordSums;
  private readonly documents: WordSums;

  constructor(vocabulary: number) {
    this.queries = new WordSums(vocabulary);
    this.documents = new WordSums(vocabulary);
  }

  /** Valid until the next call. */
  of(lists: readonly { tokens: Tokens; expansion: { terms: Float64Array; found: Int32Array } }[]): {
    queries: WordSums;
    documents: WordSums;
  } {
    const { queries, documents } = this;
    queries.clear();
    documents.clear();
    const count = lists.reduce((sum, { tokens }) => sum + tokens.ends.length, 0);
    for (const { tokens, expansion } of lists) {
      const { words, places, worth } = tokens;
      expansion.found.forEach((place, i) => queries.add(words[place], expansion.terms[i] / lists.length));
      for (let i = 0; i < places.length; i++) documents.add(words[places[i]], worth[i] / count);
    }
    return { queries, documents };
  }
}

/** For each word, from `starts[place]` on, the documents that contain it and its weight in each. */
export interface Postings {
  starts: Int32Array;
  documents: Int32Array;
  worth: Float32Array;
}

/** The postings of the words of documents. */
export function postingsOf({ words, places, worth, ends }: Tokens): Postings {
  const starts = new Int32Array(words.length + 1);
  for (const place of places) starts[place + 1]++;
  for (let place = 0; place < words.length; place++) starts[place + 1] += starts[place];
  const next = starts.slice();
  const documents = new Int32Array(places.length);
  const sorted = new Float32Array(places.length);
  for (let d = 0, i = 0; d < ends.length; d++) {
    for (; i < ends[d]; i++) {
      const at = next[places[i]]++;
      documents[at] = d;
      sorted[at] = worth[i];
    }
  }
  return { starts, documents, worth: sorted };
}
