// Texts as bags of words, weighted by what a corpus tells of each word: how many documents hold it, and how long documents are.
import { PreparedDocument } from '../linear/document.js';
import { words } from './text.js';

/** The words of one text: each word's number once, in the order of first appearance, with its weight (1 + ln count) · idf. */
export interface Bag {
  words: Int32Array;
  weights: Float32Array;
  /** How often each of the words stands in the text. */
  counts: Float32Array;
  /** How long the text is, in words, over the mean length of the collection's documents. */
  length: number;
}

/** What is counted over a corpus. */
export interface Statistics {
  /** How many documents there are, at least 1. */
  documents: number;
  /** How many words all documents have together. */
  length: number;
  /** How many documents hold each word, by its number; 0 or nothing for a word that none holds. */
  frequency: ArrayLike<number>;
}

/** A text with its numbered words, in the order of first appearance, and how often each stands there. */
export interface Tally {
  counts: Map<number, number>;
  /** In words, those without a number included. */
  length: number;
}

/** Lucene's idf: ln(1 + (N - n + 1/2) / (n + 1/2)). */
export const idfOf = (documents: number, n: number): number =>
  Math.log(1 + (documents - n + 0.5) / (n + 0.5));

/** @param numberOf the number of a word; undefined for one that takes no part */
export function tallyDocument(
  title: string,
  text: string,
  numberOf: (word: string) => number | undefined,
): Tally {
  const document = new PreparedDocument(title, text);
  const counts = new Map<number, number>();
  for (const [word, positions] of document.positions) {
    const number = numberOf(word);
    if (number !== undefined) counts.set(number, positions.length);
  }
  return { counts, length: document.length };
}

/** Counts the documents of a corpus. */
export function countCorpus(tallies: readonly Tally[]): Statistics {
  const frequency: number[] = [];
  let length = 0;
  for (const tally of tallies) {
    length += tally.length;
    for (const number of tally.counts.keys()) frequency[number] = (frequency[number] ?? 0) + 1;
  }
  return { documents: tallies.length, length, frequency };
}

/** Makes bags of texts. */
export class Weighing {
  private readonly mean: number;

  constructor(private readonly statistics: Statistics) {
    const { length, documents } = statistics;
    this.mean = length / Math.max(1, documents) || 1;
  }

  bag({ counts, length }: Tally): Bag {
    const { documents, frequency } = this.statistics;
    return {
      words: Int32Array.from(counts.keys()),
      weights: Float32Array.from(
        counts,
        ([word, count]) => (1 + Math.log(count)) * idfOf(documents, frequency[word]),
      ),
      counts: Float32Array.from(counts.values()),
      length: length / this.mean,
    };
  }

  /** The bag of a document, without the words that no document of the corpus holds. */
  document(title: string, text: string, numbers: ReadonlyMap<string, number>): Bag {
    return this.bag(tallyDocument(title, text, (word) => this.known(numbers.get(word))));
  }

  /** The bag of a query; a word that no document holds can match nothing. */
  query(text: string, numbers: ReadonlyMap<string, number>): Bag {
    const counts = new Map<number, number>();
    const found = words(text);
    for (const word of found) {
      const number = this.known(numbers.get(word));
      if (number !== undefined) counts.set(number, (counts.get(number) ?? 0) + 1);
    }
    return this.bag({ counts, length: found.length });
  }

  private known(number: number | undefined): number | undefined {
    return number !== undefined && this.statistics.frequency[number] > 0 ? number : undefined;
  }
}
