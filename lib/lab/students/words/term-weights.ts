// The importance of each term to a student: its own weight, and parts that depend on its vector and its
// rarity.
import { tables as native } from '../../../native/tables.js';
import { Adam } from '../../training/adam.js';
import { doubleRoom, floatRoom, integerRoom } from '../room.js';

/**
 * The learning rate of each part, relative to the student's map: fast for the few numbers shared by all
 * words, slow for the many that learn from few texts.
 */
const RATES = { own: 3, head: 0.3, rarity: 10 };

/**
 * The importance of word j is exp(a_j + h · v_j + r i_j): a_j its own, learned where it was seen; h a head over the vectors v_j and r the
 * weight of the standardised ln idf i_j, shared by all words, so that words that training never saw have a learned importance too. All are 0
 * at first.
 */
export class TermWeights {
  private readonly own: Adam;
  private readonly head: Adam;
  private readonly rarity: Adam;
  private readonly rarities: Float32Array;
  /** Importances already computed; NaN for those that are not. */
  private readonly known: Float64Array;
  private readonly asked = integerRoom();
  private readonly logs = doubleRoom();
  private readonly factors = floatRoom();

  /**
   * @param vectors words × width; read only
   * @param idf of each word, above 0
   * @param ownRate learning rate of a word's own weight, relative to the map
   */
  constructor(
    private readonly vectors: Float32Array,
    private readonly width: number,
    idf: Float32Array,
    ownRate = RATES.own,
  ) {
    this.own = new Adam(new Float32Array(idf.length), 1, ownRate);
    this.head = new Adam(new Float32Array(width), width, RATES.head, 'native');
    this.rarity = new Adam(new Float32Array(1), 1, RATES.rarity);
    this.rarities = standardised(idf);
    this.known = new Float64Array(idf.length).fill(NaN);
  }

  /** The parameters, under names that begin alike. */
  tables(prefix: string): Record<string, Adam> {
    return {
      [`${prefix}Words`]: this.own,
      [`${prefix}Head`]: this.head,
      [`${prefix}Rarity`]: this.rarity,
    };
  }

  /** The importance of a word. */
  of(word: number): number {
    const known = this.known[word];
    if (!Number.isNaN(known)) return known;
    this.compute(Int32Array.of(word));
    return this.known[word];
  }

  /** The importances of all words, by word; those of some words are up to date. */
  ofAll(words: Int32Array): Float64Array {
    this.compute(words);
    return this.known;
  }

  /** The importances of words, in order. */
  gather(words: Int32Array, out = new Float32Array(words.length)): Float32Array {
    const known = this.ofAll(words);
    for (let i = 0; i < words.length; i++) out[i] = known[words[i]];
    return out;
  }

  /** The parameters have changed. */
  forget(): void {
    this.known.fill(NaN);
  }

  /** Adds dL/dln importance of a word, which is dL/da as well. */
  add(word: number, gradient: number): void {
    this.own.touch(word);
    this.own.gradient[word] += gradient;
  }

  /** Makes the gradients of the head and of the rarity's weight of what was added. */
  settle(): void {
    const { own, head, rarity, vectors, width, rarities } = this;
    const { rows } = own;
    const factors = this.factors.of(rows.length);
    let toRarity = 0;
    rows.forEach((word, i) => {
      factors[i] = own.gradient[word];
      toRarity += own.gradient[word] * rarities[word];
    });
    native().sum(vectors, width, rows, factors, null, Int32Array.of(0, rows.length), head.gradient);
    rarity.gradient[0] = toRarity;
    if (rows.length > 0) {
      head.touch(0);
      rarity.touch(0);
    }
  }

  /** Computes those of some words. */
  private compute(words: Int32Array): void {
    const { known, vectors, width, rarities } = this;
    let n = 0;
    const asked = this.asked.of(words.length);
    for (let i = 0; i < words.length; i++) if (Number.isNaN(known[words[i]])) asked[n++] = words[i];
    if (n === 0) return;
    const logs = this.logs.of(n);
    const own = this.own.parameters;
    const rarity = this.rarity.parameters[0];
    for (let i = 0; i < n; i++) logs[i] = own[asked[i]] + rarity * rarities[asked[i]];
    native().addDots(this.head.parameters, vectors, width, asked, n, logs);
    for (let i = 0; i < n; i++) known[asked[i]] = Math.exp(logs[i]);
  }
}

/** Mean 0 and deviation 1 over the words as they occur in documents: a word counts by exp(-idf), about its share of the documents. */
function standardised(idf: Float32Array): Float32Array {
  let [total, sum, squares] = [0, 0, 0];
  for (const value of idf) {
    const weight = Math.exp(-value);
    total += weight;
    sum += weight * Math.log(value);
    squares += weight * Math.log(value) ** 2;
  }
  const mean = sum / (total || 1);
  const deviation = Math.sqrt(Math.max(0, squares / (total || 1) - mean * mean)) || 1;
  return idf.map((value) => (Math.log(value) - mean) / deviation);
}
