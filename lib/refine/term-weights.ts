// How much each term matters to a student: a weight of its own, and what its vector and its rarity tell of it.
import { SparseAdam } from './sparse-adam.js';

/** How fast each part learns, over the student's map: few numbers that all words share fast, many that few texts teach slowly. */
const RATES = { own: 3, head: 0.3, rarity: 10 };

/**
 * The importance of word j is exp(a_j + h · v_j + r i_j): a_j its own, learned where it was seen; h a head over the vectors v_j and r the
 * weight of the standardised ln idf i_j, shared by all words, so that words that training never saw have a learned importance too. All are 0
 * at first.
 */
export class TermWeights {
  private readonly own: SparseAdam;
  private readonly head: SparseAdam;
  private readonly rarity: SparseAdam;
  private readonly rarities: Float32Array;
  /** Importances already computed; NaN for those that are not. */
  private readonly known: Float64Array;
  /** dL/dln importance of words, not yet carried on to a and h. */
  private readonly pending = new Map<number, number>();

  /**
   * @param vectors words × width, read only
   * @param idf of each word, above 0
   * @param ownRate how fast a word's own weight learns, over the map
   */
  constructor(
    private readonly vectors: Float32Array,
    private readonly width: number,
    idf: Float32Array,
    ownRate = RATES.own,
  ) {
    this.own = new SparseAdam(new Float32Array(idf.length), 1, ownRate);
    this.head = new SparseAdam(new Float32Array(width), width, RATES.head);
    this.rarity = new SparseAdam(new Float32Array(1), 1, RATES.rarity);
    this.rarities = standardised(idf);
    this.known = new Float64Array(idf.length).fill(NaN);
  }

  /** The parameters, under names that begin alike. */
  tables(prefix: string): Record<string, SparseAdam> {
    return {
      [`${prefix}Words`]: this.own,
      [`${prefix}Head`]: this.head,
      [`${prefix}Rarity`]: this.rarity,
    };
  }

  /** The importance of a word. */
  of(word: number): number {
    const known = this.known[word];
    return Number.isNaN(known) ? (this.known[word] = this.compute(word)) : known;
  }

  /** The parameters have changed. */
  forget(): void {
    this.known.fill(NaN);
    this.pending.clear();
  }

  /** Adds dL/dln importance of a word. */
  add(word: number, gradient: number): void {
    this.pending.set(word, (this.pending.get(word) ?? 0) + gradient);
  }

  /** Carries what was added on to the gradients of the parameters. */
  settle(): void {
    const { own, head, rarity, vectors, width, rarities } = this;
    for (const [word, gradient] of this.pending) {
      own.touch(word);
      own.gradient[word] += gradient;
      head.touch(0);
      for (let k = 0; k < width; k++) head.gradient[k] += gradient * vectors[word * width + k];
      rarity.touch(0);
      rarity.gradient[0] += gradient * rarities[word];
    }
    this.pending.clear();
  }

  private compute(word: number): number {
    const { vectors, width } = this;
    const head = this.head.parameters;
    let sum = this.own.parameters[word] + this.rarity.parameters[0] * this.rarities[word];
    for (let k = 0, at = word * width; k < width; k++) sum += head[k] * vectors[at + k];
    return Math.exp(sum);
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
