// The sparse student: learned term weights, queries expanded by a learned map, the FLOPS regulariser; a SPLADE in small.
import type { Run } from '../metrics/index.js';
import type { Bag, BagList, Corpus } from './bags.js';
import { TokenLists, type TokenList } from './multi-vector-words.js';
import { paddedRows, ProductTable } from './products.js';
import { keepBest } from './retrieve.js';
import { SparseAdam } from './sparse-adam.js';
import { TermWeights } from './term-weights.js';
import { TableStudent } from './table-student.js';
import { WordMap, type MappedWords } from './word-map.js';

export interface SparseOptions {
  /** Weight of the FLOPS of queries in the loss. */
  queryFlops: number;
  /** Weight of the FLOPS of documents in the loss. */
  documentFlops: number;
}

export const SPARSE_DEFAULTS: SparseOptions = { queryFlops: 1e-3, documentFlops: 1e-3 };

/** At first a word expands to those whose cosine with it is above this. */
const START_THRESHOLD = 0.9;
/** Single numbers that all texts share learn faster than the map. */
const SHARED_RATE = 10;
const KEPT_LISTS = 64;

/** What the forward pass of a query over some terms leaves for its backward pass. */
interface Expansion {
  mapped: MappedWords;
  /** count · weight of each query word. */
  strengths: Float64Array;
  /** Cosines: terms × padded query words. */
  cosines: Float32Array;
  /** y_j before saturation, of each term. */
  sums: Float64Array;
  /** q_j = ln(1 + y_j). */
  terms: Float64Array;
}

/**
 * score(q, d) = s / |q| · Σ_j q_j d_j over the terms j of the vocabulary, with
 * q_j = ln(1 + Σ_u n_u α_u e_uj²), e_uj = max(0, cos(M v_u, v_j) - τ) / (1 - τ), over the query's words u: the expansion;
 * d_j = ln(1 + f_j) β_j, f_j BM25's saturation of the document's own words, so that an index stays as small as that of BM25.
 *
 * The importances α and β are exp of a weight of the word's own plus a linear head over its vector and its ln idf, see {@link TermWeights};
 * all start at 1: the student starts as word overlap with neighbours and has to learn which words matter. Learned: M (at first the
 * identity), τ, both importances, ln s. The FLOPS regulariser (Paria et al. 2020) holds the mean weight of every term down.
 */
export class SparseStudent extends TableStudent {
  private readonly similarities: ProductTable;
  private readonly map: WordMap;
  private readonly threshold = Float32Array.of(Math.log(START_THRESHOLD / (1 - START_THRESHOLD)));
  private readonly logScale = new Float32Array(1);
  private readonly queryWords: TermWeights;
  private readonly documentWords: TermWeights;
  protected readonly tables: Record<string, SparseAdam>;
  private readonly lists = new TokenLists(Infinity, ({ counts }) => counts);
  private forwards = new Map<BagList, Expansion>();
  /** Lists whose gradient came in since the last step: what FLOPS is taken over. */
  private learned = new Map<BagList, Expansion>();

  /**
   * @param vectors words × width, of length 1 each; read only
   * @param idf of each word
   */
  constructor(
    private readonly vectors: Float32Array,
    readonly width: number,
    idf: Float32Array,
    private readonly options: SparseOptions = SPARSE_DEFAULTS,
  ) {
    super();
    this.similarities = new ProductTable(vectors, width);
    this.map = new WordMap(vectors, width);
    this.queryWords = new TermWeights(vectors, width, idf);
    this.documentWords = new TermWeights(vectors, width, idf);
    this.tables = {
      map: this.map.table,
      threshold: new SparseAdam(this.threshold, 1, SHARED_RATE),
      ...this.queryWords.tables('query'),
      ...this.documentWords.tables('document'),
      logScale: new SparseAdam(this.logScale, 1, SHARED_RATE),
    };
  }

  forget(): void {
    this.forwards.clear();
    this.learned.clear();
    this.queryWords.forget();
    this.documentWords.forget();
  }

  scale(factor: number): void {
    this.logScale[0] += Math.log(factor);
  }

  override step(learningRate: number): void {
    this.regularise();
    super.step(learningRate);
  }

  protected override settle(): void {
    this.queryWords.settle();
    this.documentWords.settle();
  }

  score(list: BagList, out: Float32Array, at: number): void {
    const prepared = this.lists.of(list);
    const { terms } = this.expandList(list, prepared);
    const scale = this.scaleOf(prepared);
    prepared.documents.forEach(({ places, saturation }, d) => {
      let score = 0;
      for (let i = 0; i < places.length; i++) {
        const q = terms[places[i]];
        if (q > 0) score += q * Math.log1p(saturation[i]) * this.documentWords.of(prepared.words[places[i]]);
      }
      out[at + d] = scale * score;
    });
  }

  backward(list: BagList, gradScores: Float32Array, at: number): void {
    const prepared = this.lists.of(list);
    const expansion = this.expandList(list, prepared);
    const { terms } = expansion;
    const scale = this.scaleOf(prepared);
    const toTerms = new Float64Array(terms.length);
    let toScale = 0;
    prepared.documents.forEach(({ places, saturation }, d) => {
      const g = scale * gradScores[at + d];
      for (let i = 0; i < places.length; i++) {
        const place = places[i];
        const word = prepared.words[place];
        const weight = Math.log1p(saturation[i]) * this.documentWords.of(word);
        toTerms[place] += g * weight;
        toScale += g * terms[place] * weight;
        if (terms[place] > 0) this.documentWords.add(word, g * terms[place] * weight);
      }
    });
    this.tables.logScale.touch(0);
    this.tables.logScale.gradient[0] += toScale;
    this.pull(list.query, prepared, expansion, toTerms);
    this.learned.set(list, expansion);
  }

  /** The score's factor: s over the words of the query. */
  private scaleOf({ query }: TokenList): number {
    return (
      Math.exp(this.logScale[0]) /
      Math.max(
        1,
        query.reduce((sum, count) => sum + count, 0),
      )
    );
  }

  private get tau(): number {
    return 1 / (1 + Math.exp(-this.threshold[0]));
  }

  private expandList(list: BagList, prepared: TokenList): Expansion {
    let found = this.forwards.get(list);
    if (!found) {
      found = this.expand(list.query, prepared.query, prepared.words);
      if (this.forwards.size >= KEPT_LISTS) this.forwards.clear();
      this.forwards.set(list, found);
    }
    return found;
  }

  /** The query's weight of each of some terms. */
  private expand({ words }: Bag, counts: Float32Array, vocabulary: Int32Array): Expansion {
    const { tau } = this;
    const stride = paddedRows(words.length);
    const mapped = this.map.apply(words);
    const strengths = Float64Array.from(words, (word, t) => counts[t] * this.queryWords.of(word));
    const cosines = this.similarities.products(mapped.units, vocabulary);
    const sums = new Float64Array(vocabulary.length);
    const terms = new Float64Array(vocabulary.length);
    for (let j = 0; j < vocabulary.length; j++) {
      let y = 0;
      for (let t = 0; t < words.length; t++) {
        const over = cosines[j * stride + t] - tau;
        if (over > 0) y += strengths[t] * (over / (1 - tau)) ** 2;
      }
      sums[j] = y;
      terms[j] = Math.log1p(y);
    }
    return { mapped, strengths, cosines, sums, terms };
  }

  /** Carries dL/dq_j back to the importances of the query's words, the threshold and the map. */
  private pull({ words }: Bag, prepared: TokenList, expansion: Expansion, toTerms: Float64Array): void {
    const { width, vectors, tables, tau, queryWords } = this;
    const { mapped, strengths, cosines, sums } = expansion;
    const stride = paddedRows(words.length);
    const upstream = new Float64Array(words.length * width);
    let toTau = 0;
    for (let j = 0; j < sums.length; j++) {
      if (sums[j] === 0 || toTerms[j] === 0) continue;
      const toSum = toTerms[j] / (1 + sums[j]);
      const row = prepared.words[j] * width;
      for (let t = 0; t < words.length; t++) {
        const cosine = cosines[j * stride + t];
        if (cosine <= tau) continue;
        const edge = (cosine - tau) / (1 - tau);
        queryWords.add(words[t], toSum * strengths[t] * edge * edge);
        const toEdge = (2 * toSum * strengths[t] * edge) / (1 - tau);
        toTau += (toEdge * (cosine - 1)) / (1 - tau);
        for (let k = 0; k < width; k++) upstream[t * width + k] += toEdge * vectors[row + k];
      }
    }
    tables.threshold.touch(0);
    tables.threshold.gradient[0] += toTau * tau * (1 - tau);
    this.map.pull(words, mapped, upstream);
  }

  /** Adds the gradient of the FLOPS, Σ_j (mean weight of term j)², of the queries and of the documents that were learned from. */
  regularise(): void {
    const { queryFlops, documentFlops } = this.options;
    const { means, documents } = this.meanWeights();
    const queries = this.learned.size;
    for (const [list, expansion] of this.learned) {
      const prepared = this.lists.of(list);
      const toTerms = Float64Array.from(
        prepared.words,
        (word) => (2 * queryFlops * means.get(word)!) / queries,
      );
      this.pull(list.query, prepared, expansion, toTerms);
    }
    // d/dln β_j of mean² is 2 mean², as every document's weight of j is a multiple of β_j.
    for (const [word, mean] of documents) this.documentWords.add(word, 2 * documentFlops * mean * mean);
  }

  /** The FLOPS of the batch at hand, as {@link regularise} holds it down. */
  get flops(): { queries: number; documents: number } {
    const squares = (means: Map<number, number>) => {
      let sum = 0;
      for (const mean of means.values()) sum += mean * mean;
      return sum;
    };
    const { means, documents } = this.meanWeights();
    return { queries: squares(means), documents: squares(documents) };
  }

  private meanWeights(): { means: Map<number, number>; documents: Map<number, number> } {
    const means = new Map<number, number>();
    const documents = new Map<number, number>();
    const queries = this.learned.size;
    let count = 0;
    for (const list of this.learned.keys()) count += list.documents.length;
    for (const [list, { terms }] of this.learned) {
      const prepared = this.lists.of(list);
      prepared.words.forEach((word, j) => means.set(word, (means.get(word) ?? 0) + terms[j] / queries));
      for (const { places, saturation } of prepared.documents) {
        for (let i = 0; i < places.length; i++) {
          const word = prepared.words[places[i]];
          const weight = Math.log1p(saturation[i]) * this.documentWords.of(word);
          documents.set(word, (documents.get(word) ?? 0) + weight / count);
        }
      }
    }
    return { means, documents };
  }

  /** Full retrieval, see {@link MultiVectorStudent.search}. */
  search({ docids, bags }: Corpus, queries: ReadonlyMap<string, Bag>, depth: number): Run {
    const { words, documents } = this.lists.prepare(bags);
    const weights = documents.map(({ places, saturation }) =>
      saturation.map((f, i) => Math.log1p(f) * this.documentWords.of(words[places[i]])),
    );
    const scores = new Float32Array(bags.length);
    const run = new Map<string, Map<string, number>>();
    for (const [qid, query] of queries) {
      const { terms } = this.expand(query, query.counts, words);
      documents.forEach(({ places }, d) => {
        let score = 0;
        for (let i = 0; i < places.length; i++) score += terms[places[i]] * weights[d][i];
        scores[d] = score;
      });
      run.set(qid, keepBest(docids, scores, depth));
    }
    return run;
  }

  /** How many terms a query has after expansion, on average, among the words of a corpus. */
  meanTerms({ bags }: Pick<Corpus, 'bags'>, queries: ReadonlyMap<string, Bag>): number {
    const { words } = this.lists.prepare(bags);
    let total = 0;
    for (const query of queries.values())
      total += this.expand(query, query.counts, words).terms.reduce((sum, q) => sum + (q > 0 ? 1 : 0), 0);
    return total / Math.max(1, queries.size);
  }
}
