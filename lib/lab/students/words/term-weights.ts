// How much each term matters to a student: a weight of its own, and what its vector and its rarity tell of it.
import { endOf, type Heap } from '../kernels/heap.js';
import { Adam } from '../../training/adam.js';

/** How fast each part learns, over the student's map: few numbers that all words share fast, many that few texts teach slowly. */
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

  /**
   * @param vectors words × width, of the heap; read only
   * @param idf of each word, above 0
   * @param ownRate how fast a word's own weight learns, over the map
   */
  constructor(
    private readonly heap: Heap,
    private readonly vectors: Float32Array,
    private readonly width: number,
    idf: Float32Array,
    ownRate = RATES.own,
  ) {
    this.own = new Adam(new Float32Array(idf.length), 1, ownRate);
    this.head = new Adam(heap.floats(width), width, RATES.head, heap);
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
    return Number.isNaN(known) ? (this.known[word] = this.compute(word)) : known;
  }

  /** The importances of words. */
  ofAll(words: Int32Array): Float32Array {
    const out = new Float32Array(words.length);
    for (let i = 0; i < words.length; i++) out[i] = this.of(words[i]);
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
    const { own, head, rarity, heap, vectors, width, rarities } = this;
    const scratch = heap.scratch();
    const rows = scratch.integers(own.rows.length);
    const factors = scratch.floats(rows.length);
    rows.set(own.rows);
    let toRarity = 0;
    rows.forEach((word, i) => {
      factors[i] = own.gradient[word];
      toRarity += own.gradient[word] * rarities[word];
    });
    head.gradient.fill(0);
    const [from, to] = [vectors.byteOffset, head.gradient.byteOffset];
    heap.kernels.sumRows(from, rows.byteOffset, endOf(rows), factors.byteOffset, to, 4 * width);
    rarity.gradient[0] = toRarity;
    if (rows.length > 0) {
      head.touch(0);
      rarity.touch(0);
    }
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
