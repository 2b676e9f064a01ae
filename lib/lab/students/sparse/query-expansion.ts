// The sparse student's query expansion and its learning: each word expands to terms whose vectors are near
// its own mapped vector.
import { tables as native } from '../../../native/tables.js';
import { Adam } from '../../training/adam.js';
import type { TokenList } from '../multi-vector/multi-vector-words.js';
import { floatRoom } from '../room.js';
import type { Bag } from '../words/bags.js';
import { TermWeights } from '../words/term-weights.js';
import { WordMap, type MappedRows } from '../words/word-map.js';
import { products } from '../words/word-products.js';
import { edgesOf, type Edge } from './sparse-terms.js';

/** The initial threshold: a word expands to terms whose cosine with it is above this. */
const START_THRESHOLD = 0.9;
/** A single number that all texts share learns faster than the map. */
const THRESHOLD_RATE = 10;
/** Number of query words expanded at a time: their cosines take memory. */
const WORDS_AT_ONCE = 64;

/** The results of a query's forward pass over some terms that its backward pass needs. */
export interface Expansion {
  mapped: MappedRows;
  /** count · weight of each query word. */
  strengths: Float32Array;
  /** The terms that are not 0, as their places among the given. */
  found: Int32Array;
  /** q_j = ln(1 + y_j) of each of those. */
  terms: Float64Array;
  /** y_j of each, before saturation. */
  sums: Float32Array;
  /** Cosines of each of those with the query's words: found × query words. */
  cosines: Float32Array;
}

/** y_j = Σ_u n_u α_u e_uj², e_uj = max(0, cos(M v_u, v_j) - τ) / (1 - τ), over the query's words u. Learned: M, τ and α. */
export class QueryExpansion {
  private readonly map: WordMap;
  private readonly threshold: Adam;
  /** α: the importance of each word. */
  readonly words: TermWeights;
  private readonly sums = floatRoom();

  /**
   * @param vectors words × width, of length 1 each, which must not change
   * @param idf of each word
   */
  constructor(
    private readonly vectors: Float32Array,
    private readonly width: number,
    idf: Float32Array,
  ) {
    this.map = new WordMap(width);
    const logit = Math.log(START_THRESHOLD / (1 - START_THRESHOLD));
    this.threshold = new Adam(Float32Array.of(logit), 1, THRESHOLD_RATE);
    this.words = new TermWeights(vectors, width, idf);
  }

  /** The parameters. */
  get tables(): Record<string, Adam> {
    return { map: this.map.table, threshold: this.threshold, ...this.words.tables('query') };
  }

  /** The parameters have changed. */
  forget(): void {
    this.map.forget();
    this.words.forget();
  }

  private get tau(): number {
    return 1 / (1 + Math.exp(-this.threshold.parameters[0]));
  }

  /** The query's weight of each of some terms. */
  expand({ words }: Bag, { query: counts, words: vocabulary }: TokenList): Expansion {
    const { tau, map, vectors, width } = this;
    const mapped = map.applyToRows(vectors, words);
    const { values, stride } = products(vectors, width, mapped.units, vocabulary, tau);
    const strengths = new Float32Array(stride);
    for (let t = 0; t < words.length; t++) strengths[t] = counts[t] * this.words.of(words[t]);
    const count = vocabulary.length;
    const all = this.sums.of(count);
    if (stride > 0) native().expand(values, stride, count, strengths, tau, 1 / (1 - tau), all);
    else all.fill(0, 0, count);
    let n = 0;
    for (let j = 0; j < count; j++) if (all[j] > 0) n++;
    const found = new Int32Array(n);
    const sums = new Float32Array(n);
    const terms = new Float64Array(n);
    const cosines = new Float32Array(n * words.length);
    for (let j = 0, at = 0; j < count; j++) {
      if (!(all[j] > 0)) continue;
      found[at] = j;
      sums[at] = all[j];
      terms[at] = Math.log1p(all[j]);
      cosines.set(values.subarray(j * stride, j * stride + words.length), at * words.length);
      at++;
    }
    return { mapped, strengths, terms, found, sums, cosines };
  }

  /** Carries dL/dq_j of the terms that were found back to the importances of the query's words, the threshold and the map. */
  pull({ words }: Bag, prepared: TokenList, expansion: Expansion, toTerms: Float64Array): void {
    const { width, vectors, threshold, tau } = this;
    const { mapped, strengths, found, cosines, sums } = expansion;
    const upstream = new Float32Array(words.length * width);
    let toTau = 0;
    for (let i = 0; i < found.length; i++) {
      if (toTerms[i] === 0) continue;
      const toSum = toTerms[i] / (1 + sums[i]);
      const row = prepared.words[found[i]] * width;
      for (let t = 0; t < words.length; t++) {
        const cosine = cosines[i * words.length + t];
        if (cosine <= tau) continue;
        const edge = (cosine - tau) / (1 - tau);
        this.words.add(words[t], toSum * strengths[t] * edge * edge);
        const toEdge = (2 * toSum * strengths[t] * edge) / (1 - tau);
        toTau += (toEdge * (cosine - 1)) / (1 - tau);
        for (let k = 0; k < width; k++) upstream[t * width + k] += toEdge * vectors[row + k];
      }
    }
    threshold.touch(0);
    threshold.gradient[0] += toTau * tau * (1 - tau);
    this.map.pullRows(vectors, words, mapped, upstream);
  }

  /** The terms, among some words, to which each word of queries expands. */
  edges(queries: readonly Bag[], words: Int32Array): Map<number, Edge[]> {
    const { tau, map, vectors, width } = this;
    const asked = Int32Array.from(new Set(queries.flatMap((bag) => [...bag.words])));
    const edges = new Map<number, Edge[]>();
    for (let first = 0; first < asked.length; first += WORDS_AT_ONCE) {
      const some = asked.subarray(first, first + WORDS_AT_ONCE);
      const { units } = map.applyToRows(vectors, some);
      const { values, stride } = products(vectors, width, units, words, tau);
      const found = edgesOf(values, stride, words.length, some.length, tau);
      some.forEach((word, t) => edges.set(word, found[t]));
    }
    return edges;
  }
}
