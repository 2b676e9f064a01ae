// Texts as bags of words, weighted by corpus statistics: the number of documents with each word, and the
// lengths of documents.
import { TextCounter, type Counted } from './text-counter.js';
import type { WordRow } from './word-rows.js';

/** The words of one text: each word's number once, in the order of first appearance, with its weight (1 + ln count) · idf. */
export interface Bag {
  words: Int32Array;
  weights: Float32Array;
  /** The count of each word in the text. */
  counts: Float32Array;
  /** The length of the text, in words, relative to the mean length of the collection's documents. */
  length: number;
}

/** The counts over a corpus. */
export interface Statistics {
  /** The number of documents, at least 1. */
  documents: number;
  /** The total number of words in all documents. */
  length: number;
  /** The number of documents with each word, by word number; 0 or absent for a word that occurs in none. */
  frequency: ArrayLike<number>;
}

/** Lucene's idf: ln(1 + (N - n + 1/2) / (n + 1/2)). */
export const idfOf = (documents: number, n: number): number =>
  Math.log(1 + (documents - n + 0.5) / (n + 0.5));

/** Logarithms of counts that most words have. */
const LOGS = Float64Array.from({ length: 256 }, (_, count) => Math.log(count));

/** Makes bags of texts. */
export class Weighing {
  private readonly mean: number;
  /** By word; computed from the statistics once. */
  private readonly idfs: Float64Array;

  constructor(private readonly statistics: Statistics) {
    const { length, documents, frequency } = statistics;
    this.mean = length / Math.max(1, documents) || 1;
    this.idfs = Float64Array.from(frequency, (n) => idfOf(documents, n));
  }

  bag({ words, counts, length }: WordRow): Bag {
    const weights = new Float32Array(words.length);
    this.weigh(words, counts, weights, 0);
    return {
      words,
      weights,
      counts: Float32Array.from(counts),
      length: length / this.mean,
    };
  }

  /** Writes the weights of a row to `out`, from `at` on. */
  weigh(words: Int32Array, counts: WordRow['counts'], out: Float32Array, at: number): void {
    for (let i = 0; i < words.length; i++) {
      const count = counts[i];
      out[at + i] = (1 + (count < LOGS.length ? LOGS[count] : Math.log(count))) * this.idfs[words[i]];
    }
  }

  /** The bag of a document, without the words that no document of the corpus holds. */
  document(title: string, text: string, numbers: ReadonlyMap<string, number>): Bag {
    return this.bag(copyOf(this.counterOf(numbers).document(title, text)));
  }

  /** The bag of a query; a word that no document holds can match nothing. */
  query(text: string, numbers: ReadonlyMap<string, number>): Bag {
    return this.bag(copyOf(this.counterOf(numbers).query(text)));
  }

  private counter: { of: ReadonlyMap<string, number>; counter: TextCounter } | undefined;

  private counterOf(numbers: ReadonlyMap<string, number>): TextCounter {
    if (this.counter?.of !== numbers)
      this.counter = { of: numbers, counter: new TextCounter((word) => this.known(numbers.get(word))) };
    return this.counter.counter;
  }

  private known(number: number | undefined): number | undefined {
    return number !== undefined && this.statistics.frequency[number] > 0 ? number : undefined;
  }
}

const copyOf = ({ words, counts, size, length }: Counted): WordRow => ({
  words: words.slice(0, size),
  counts: Uint32Array.from(counts.subarray(0, size)),
  length,
});
