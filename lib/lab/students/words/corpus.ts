// A corpus for students: ids and counted words in compact memory, and bags of documents created on demand.
import { BadLine } from '../../../data/errors.js';
import { IdList, type SharedIds } from '../../../data/id-list.js';
import type { Sequence } from './sequence.js';
import { longer, TextCounter } from './text-counter.js';
import { Weighing, type Bag, type Statistics } from './weighing.js';
import { WordRows, type SharedRows } from './word-rows.js';

/** The bags of a corpus of up to this many documents are kept once they are made; of a larger one only those of candidate lists. */
const KEPT_BAGS = 1 << 15;
/** Maximum number of entries in V8's Map. */
const MOST_WORDS = 2 ** 24;

/** The documents of a corpus, by place: their ids and bags. */
export interface Corpus {
  docids: Sequence<string>;
  bags: Sequence<Bag>;
}

/** The memory of a counted corpus, which threads can share. */
export interface SharedCorpus {
  ids: SharedIds;
  rows: SharedRows;
  /** Bags that exist already, by place. */
  kept: ReadonlyMap<number, Bag>;
  statistics: Statistics;
}

/** The bags of documents whose words are counted. */
export class Bags implements Sequence<Bag> {
  /** By place. */
  readonly kept: Map<number, Bag>;

  constructor(
    readonly rows: WordRows,
    private readonly weighing: Weighing,
    kept: ReadonlyMap<number, Bag> = new Map(),
  ) {
    this.kept = new Map(kept);
  }

  get length(): number {
    return this.rows.length;
  }

  at(place: number): Bag | undefined {
    if (place < 0 || place >= this.length) return undefined;
    if (this.length <= KEPT_BAGS) return this.keep(place);
    return this.kept.get(place) ?? this.make(place);
  }

  /** The bag of a document that is read repeatedly, always the same object. */
  keep(place: number): Bag {
    let bag = this.kept.get(place);
    if (!bag) this.kept.set(place, (bag = this.make(place)));
    return bag;
  }

  slice(first = 0, end = this.length): Bag[] {
    const out: Bag[] = [];
    for (let place = first; place < Math.min(end, this.length); place++) out.push(this.at(place)!);
    return out;
  }

  *[Symbol.iterator](): Iterator<Bag> {
    for (let place = 0; place < this.length; place++) yield this.at(place)!;
  }

  /** Writes a document's words and their weights from `at` on, without making its bag. */
  write(place: number, words: Int32Array, weights: Float32Array, at: number): void {
    const row = this.rows.row(place);
    words.set(row.words, at);
    this.weighing.weigh(row.words, row.counts, weights, at);
  }

  private make(place: number): Bag {
    return this.weighing.bag(this.rows.row(place));
  }
}

/** A corpus whose words are counted. */
export interface CountedCorpus {
  docids: IdList;
  bags: Bags;
  weighing: Weighing;
  statistics: Statistics;
}

/**
 * @param statistics of the corpus itself, or of another one
 */
export function corpusOf(
  { docids, rows }: { docids: IdList; rows: WordRows },
  statistics: Statistics,
  kept?: ReadonlyMap<number, Bag>,
): CountedCorpus {
  const weighing = new Weighing(statistics);
  return { docids, bags: new Bags(rows, weighing, kept), weighing, statistics };
}

/** The memory of a corpus, for another thread. */
export const shareCorpus = ({ docids, bags, statistics }: Omit<CountedCorpus, 'weighing'>): SharedCorpus => ({
  ids: docids.shared,
  rows: bags.rows.shared,
  kept: bags.kept,
  statistics,
});

/** The corpus of another thread's memory. */
export const sharedCorpus = ({ ids, rows, kept, statistics }: SharedCorpus): CountedCorpus =>
  corpusOf({ docids: IdList.of(ids), rows: WordRows.of(rows) }, statistics, kept);

/** Counts the words of a corpus, document by document. */
export class CorpusCounter {
  private readonly docids = new IdList();
  private readonly rows = new WordRows();
  private readonly counter: TextCounter;
  private frequency: Int32Array = new Int32Array(1 << 12);
  private vocabulary = 0;
  private length = 0;

  /** @param numberOf the number of a word; undefined for an ignored one */
  constructor(numberOf: (word: string) => number | undefined) {
    this.counter = new TextCounter(numberOf);
  }

  get size(): number {
    return this.docids.length;
  }

  /** @returns whether the id is new; otherwise nothing is counted */
  add(id: string, title: string, text: string): boolean {
    if (!this.docids.add(id)) return false;
    const { words, counts, size, length } = this.counter.document(title, text);
    this.rows.add(words, counts, size, length);
    this.length += length;
    for (let i = 0; i < size; i++) {
      const word = words[i];
      if (word >= this.frequency.length) this.frequency = longer(this.frequency, word + 1);
      if (word >= this.vocabulary) this.vocabulary = word + 1;
      this.frequency[word]++;
    }
    return true;
  }

  /** @param statistics for the weights of words. Default: the corpus's own */
  end(statistics?: Statistics): CountedCorpus {
    const { docids, rows, vocabulary, length } = this;
    const frequency = new Int32Array(new SharedArrayBuffer(4 * vocabulary));
    frequency.set(this.frequency.subarray(0, vocabulary));
    const own = { documents: docids.length, length, frequency };
    return corpusOf({ docids, rows: rows.end() }, statistics ?? own);
  }
}

/**
 * Numbers words in the order in which they come.
 *
 * @param numbers word -> number; words that it lacks are added with the next numbers
 * @returns the number of a word
 * @throws BadLine (from what is returned) for a word more than a Map holds
 */
export const numbering =
  (numbers: Map<string, number>) =>
  (word: string): number => {
    const known = numbers.get(word);
    if (known !== undefined) return known;
    if (numbers.size >= MOST_WORDS)
      throw new BadLine(
        `at most ${MOST_WORDS} different words in all corpora together (leave out fields of codes and numbers)`,
        'more',
      );
    numbers.set(word, numbers.size);
    return numbers.size - 1;
  };
