// Counts the words of texts by number, reusing the same arrays for each text, so that it is fast enough for a
// whole corpus.
import { RunTable } from './run-table.js';
import { isAscii, runs, wordOf, words } from './text.js';

/** Maximum number of remembered runs with non-ASCII characters; beyond it, the table is cleared. */
const KEPT_RUNS = 1 << 18;
/** Parts of a text that are shorter are copies already. */
const SHORT = 13;
/** What stands for a run without a number: a function word, which is no word of a text, and a word that takes no part. */
const [FUNCTION_WORD, UNKNOWN] = [-1, -2];

/** The words of one text; valid until the next one is counted. */
export interface Counted {
  /** Numbers of words, each once, in the order of first appearance: the first `size`. */
  words: Int32Array;
  /** The count of each in the text. */
  counts: Int32Array;
  size: number;
  /** In words, those without a number included. */
  length: number;
}

export class TextCounter implements Counted {
  words: Int32Array = new Int32Array(64);
  counts: Int32Array = new Int32Array(64);
  size = 0;
  length = 0;
  private readonly table = new RunTable();
  private readonly known = new Map<string, number>();
  /** By a word's number, its place among the words of the text + 1; 0 between two texts. */
  private places: Int32Array = new Int32Array(1 << 12);

  /** @param numberOf the number of a word; undefined for one that takes no part */
  constructor(private readonly numberOf: (word: string) => number | undefined) {}

  /** Title and text as one, as a document has them; a title with which the text begins counts once, or short texts would be favoured. */
  document(title: string, text: string): Counted {
    this.clear();
    if (title !== '' && !beginsWith(text, title)) this.add(title);
    this.add(text);
    return this;
  }

  query(text: string): Counted {
    this.clear();
    this.add(text);
    return this;
  }

  private clear(): void {
    for (let i = 0; i < this.size; i++) this.places[this.words[i]] = 0;
    this.size = this.length = 0;
  }

  private add(text: string): void {
    if (isAscii(text)) this.table.scan(text, this.take, this.find);
    else for (const run of runs(text)) this.take(this.known.get(run) ?? this.remember(run));
  }

  private readonly take = (number: number): void => {
    if (number === FUNCTION_WORD) return;
    this.length++;
    if (number === UNKNOWN) return;
    if (number >= this.places.length) this.places = longer(this.places, number + 1);
    const place = this.places[number];
    if (place > 0) {
      this.counts[place - 1]++;
      return;
    }
    if (this.size === this.words.length) {
      this.words = longer(this.words, this.size + 1);
      this.counts = longer(this.counts, this.size + 1);
    }
    this.words[this.size] = number;
    this.counts[this.size] = 1;
    this.places[number] = ++this.size;
  };

  private readonly find = (run: string): number => {
    const word = wordOf(run);
    return word === undefined ? FUNCTION_WORD : (this.numberOf(word) ?? UNKNOWN);
  };

  private remember(part: string): number {
    // V8 keeps the whole text alive for a substring of this length.
    const run = part.length < SHORT ? part : Buffer.from(part, 'utf16le').toString('utf16le');
    const number = this.find(run);
    if (this.known.size >= KEPT_RUNS) this.known.clear();
    this.known.set(run, number);
    return number;
  }
}

/** Whether a text's words begin with all of a title's, of which there is at least one. */
function beginsWith(text: string, title: string): boolean {
  const wanted = words(title);
  if (wanted.length === 0) return false;
  const first = firstWord(text);
  if (first !== undefined && first !== wanted[0]) return false;
  const found = words(text);
  return wanted.every((word, i) => found[i] === word);
}

/** The first word of a text that begins in ASCII; undefined where that is not plain to see. */
function firstWord(text: string): string | undefined {
  for (const { 0: run, index } of text.matchAll(/[A-Za-z0-9]+/g)) {
    // A character after it may change it, and those before it be words.
    if (!isAscii(text.slice(0, index + run.length + 1))) return undefined;
    const word = wordOf(run.toLowerCase());
    if (word !== undefined) return word;
  }
  return undefined;
}

export function longer(values: Int32Array, least: number): Int32Array {
  const out = new Int32Array(Math.max(least, 2 * values.length));
  out.set(values);
  return out;
}
