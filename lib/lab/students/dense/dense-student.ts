// The dense student: one vector a text, cosine as the score, and exact gradients for all of its parameters.
import type { Run } from '../../../metrics/index.js';
import type { Bag, BagList, Corpus } from '../words/bags.js';
import { endOf, Heap } from '../kernels/heap.js';
import { retrieve } from './retrieve.js';
import { Adam } from '../../training/adam.js';
import { TableStudent } from '../table-student.js';
import { WordMap } from '../words/word-map.js';

/** Word weights learn faster than vectors: three times, as a search on SciFact had it. */
const WORD_WEIGHT_RATE = 3;

/** So many encodings are kept at most: a corpus that fits here is encoded once for reranking and for search. */
const KEPT_TEXTS = 20_000;
/** So many words are summed at a time. */
const WORDS_AT_ONCE = 1024;

/** What the forward pass of one text leaves for its backward pass; valid until other texts take its place. */
interface Encoding {
  /** u: the weighted sum of word vectors. */
  sum: Float32Array;
  /** e: M u scaled to length 1. */
  unit: Float32Array;
  /** |M u|. */
  length: number;
}

/**
 * A text's vector is e = M u / |M u| with u = Σ x_t exp(a_t) v_t over its words t, x_t the bag's weight; queries and documents share it.
 * score = s · e_query · e_document.
 *
 * Learned: word vectors v (words × width), word weights a, the map M (width × width, at first the identity), ln s.
 */
export class DenseStudent extends TableStudent {
  readonly heap = new Heap();
  private readonly map: WordMap;
  private readonly logScale = new Float32Array(1);
  protected readonly tables: Record<'vectors' | 'wordWeights' | 'map' | 'logScale', Adam>;

  /** exp(a) of each word, NaN where it is not known. */
  private readonly importances: Float32Array;
  /** The words of a text and the factors of their vectors, for the kernels. */
  private readonly rows: Int32Array;
  private readonly factors: Float32Array;
  /** Gradients on their way back through a text. */
  private readonly toUnit: Float32Array;
  private readonly toSum: Float32Array;
  /** Encodings made since the last step: the backward pass reads them, and a text of several lists is encoded once. */
  private readonly encodings = new Map<Bag, Encoding>();
  private readonly places: Encoding[] = [];

  /**
   * @param vectors words × width, copied
   * @param width a multiple of four
   */
  constructor(
    vectors: Float32Array,
    readonly width: number,
  ) {
    super();
    const { heap } = this;
    const words = vectors.length / width;
    this.map = new WordMap(heap, width);
    this.tables = {
      vectors: new Adam(heap.copy(vectors), width, 1, heap),
      wordWeights: new Adam(new Float32Array(words), 1, WORD_WEIGHT_RATE),
      map: this.map.table,
      logScale: new Adam(this.logScale, 1),
    };
    this.importances = new Float32Array(words).fill(NaN);
    this.rows = heap.integers(new Int32Array(WORDS_AT_ONCE));
    this.factors = heap.floats(WORDS_AT_ONCE);
    this.toUnit = heap.floats(width);
    this.toSum = heap.floats(width);
  }

  /** The vector of a text: length 1, or 0 for a text without words. Valid until other texts take its place. */
  encode(bag: Bag): Float32Array {
    return this.encoding(bag).unit;
  }

  private encoding(bag: Bag): Encoding {
    let known = this.encodings.get(bag);
    if (!known) {
      if (this.encodings.size >= KEPT_TEXTS) this.encodings.clear();
      known = this.forward(bag, this.encodings.size);
      this.encodings.set(bag, known);
    }
    return known;
  }

  private forward(bag: Bag, place: number): Encoding {
    const { width, heap, places, tables } = this;
    places[place] ??= { sum: heap.floats(width), unit: heap.floats(width), length: 0 };
    const encoding = places[place];
    const { sum, unit } = encoding;
    sum.fill(0);
    const table = tables.vectors.parameters.byteOffset;
    this.withWords(bag, (rows, end, factors) =>
      heap.kernels.sumRows(table, rows, end, factors, sum.byteOffset, 4 * width),
    );
    encoding.length = this.map.apply(sum, unit);
    return encoding;
  }

  /** Carries dL/de, which is in `toUnit`, back to word vectors and the map. What word weights get, {@link settle} finds. */
  private pull(bag: Bag, { sum, unit, length }: Encoding): void {
    if (length === 0) return;
    const { width, heap, tables, toUnit, toSum } = this;
    this.map.pull(sum, unit, length, toUnit);
    toSum.fill(0);
    this.map.pullBack(toUnit, toSum);
    for (const word of bag.words) tables.vectors.touch(word);
    const table = tables.vectors.gradient.byteOffset;
    this.withWords(bag, (rows, end, factors) =>
      heap.kernels.addToRows(table, rows, end, factors, toSum.byteOffset, 4 * width),
    );
  }

  /** Hands a text's words and x exp(a) of each to a kernel, as addresses; part by part, where there are many. */
  private withWords(
    { words, weights }: Bag,
    use: (rows: number, end: number, factors: number) => void,
  ): void {
    const { rows, factors } = this;
    for (let first = 0; first < words.length; first += WORDS_AT_ONCE) {
      const count = Math.min(WORDS_AT_ONCE, words.length - first);
      for (let i = 0; i < count; i++) {
        const word = words[first + i];
        rows[i] = word;
        factors[i] = weights[first + i] * this.importance(word);
      }
      use(rows.byteOffset, rows.byteOffset + 4 * count, factors.byteOffset);
    }
  }

  private importance(word: number): number {
    const { importances } = this;
    if (Number.isNaN(importances[word]))
      importances[word] = Math.exp(this.tables.wordWeights.parameters[word]);
    // As it is kept, rounded: the first reader gets what the others get.
    return importances[word];
  }

  score(list: BagList, out: Float32Array, at: number): void {
    const query = this.encode(list.query).slice();
    const scale = Math.exp(this.logScale[0]);
    list.documents.forEach((bag, d) => (out[at + d] = scale * dot(query, this.encode(bag))));
  }

  backward(list: BagList, gradScores: Float32Array, at: number): void {
    const { width, tables, toUnit } = this;
    const query = this.encode(list.query).slice();
    const scale = Math.exp(this.logScale[0]);
    const toQuery = new Float32Array(width);
    tables.logScale.touch(0);
    list.documents.forEach((bag, d) => {
      const document = this.encoding(bag);
      const g = scale * gradScores[at + d];
      tables.logScale.gradient[0] += g * dot(query, document.unit);
      for (let k = 0; k < width; k++) {
        toQuery[k] += g * document.unit[k];
        toUnit[k] = g * query[k];
      }
      this.pull(bag, document);
    });
    toUnit.set(toQuery);
    this.pull(list.query, this.encoding(list.query));
  }

  /** Words' weights: as u holds exp(a) v, dL/da = v · dL/dv, once a word however many texts hold it. */
  protected override settle(): void {
    const { heap, width } = this;
    const { vectors, wordWeights } = this.tables;
    const scratch = heap.scratch();
    const rows = scratch.integers(vectors.rows.length);
    const slopes = scratch.floats(vectors.rows.length);
    rows.set(vectors.rows);
    const [a, b] = [vectors.parameters.byteOffset, vectors.gradient.byteOffset];
    heap.kernels.dotRows(a, b, rows.byteOffset, endOf(rows), slopes.byteOffset, 4 * width);
    rows.forEach((word, i) => {
      wordWeights.touch(word);
      wordWeights.gradient[word] = slopes[i];
    });
  }

  scale(factor: number): void {
    this.logScale[0] += Math.log(factor);
  }

  override forget(): void {
    this.encodings.clear();
    this.importances.fill(NaN);
    this.map.forget();
  }

  /** Full retrieval, see {@link retrieve}. */
  search(
    corpus: Corpus,
    queries: ReadonlyMap<string, Bag>,
    depth: number,
    onShare?: (share: number) => void,
  ): Run {
    return retrieve(this, corpus, queries, depth, { onShare });
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}
