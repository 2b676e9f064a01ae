// Counts over a whole corpus: the number of documents with each word, the lengths of documents, and the
// weights derived from them.
import type { Statistics } from './weighing.js';

/** Document frequencies of a corpus, gathered one document at a time. */
export class Vocabulary {
  documents = 0;
  /** The total number of words in all documents. */
  length = 0;
  /** Word -> number of documents with it. */
  readonly frequency = new Map<string, number>();

  /** A vocabulary from earlier counts. */
  static of(words: readonly string[], { documents, length, frequency }: Statistics): Vocabulary {
    const made = new Vocabulary();
    [made.documents, made.length] = [documents, length];
    words.forEach((word, i) => made.frequency.set(word, frequency[i]));
    return made;
  }

  /** @param words the words of one document */
  add(words: readonly string[]): void {
    this.documents++;
    this.length += words.length;
    for (const word of new Set(words)) this.frequency.set(word, (this.frequency.get(word) ?? 0) + 1);
  }

  /** Words per document, on average; at least 1. */
  get averageLength(): number {
    return Math.max(1, this.length / Math.max(1, this.documents));
  }

  /** Robertson and Spärck Jones' weight as in Lucene, always above 0: ln(1 + (N − n + ½) / (n + ½)). */
  idf(word: string): number {
    const n = this.frequency.get(word) ?? 0;
    return Math.log(1 + (this.documents - n + 0.5) / (n + 0.5));
  }
}
