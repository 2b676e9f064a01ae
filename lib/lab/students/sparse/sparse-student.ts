// The sparse student: learned term weights, queries expanded by a learned map, the FLOPS regulariser; a small
// SPLADE.
import type { Run } from '../../../metrics/index.js';
import type { Bag, BagList, Corpus } from '../words/bags.js';
import { TokenLists, type TokenList, type Tokens } from '../multi-vector/multi-vector-words.js';
import { doubleRoom } from '../room.js';
import { searchInBlocks } from '../search-in-blocks.js';
import { Adam } from '../../training/adam.js';
import { QueryExpansion, type Expansion } from './query-expansion.js';
import {
  MeanTerms,
  postingsOf,
  termsOf,
  WordSums,
  type Postings,
  type WeightedWords,
} from './sparse-terms.js';
import { TermWeights } from '../words/term-weights.js';
import { TableStudent } from '../table-student.js';

export interface SparseOptions {
  /** Weight of the FLOPS of queries in the loss. */
  queryFlops: number;
  /** Weight of the FLOPS of documents in the loss. */
  documentFlops: number;
}

export const SPARSE_DEFAULTS: SparseOptions = { queryFlops: 1e-3, documentFlops: 1e-3 };

/** A single number that all texts share learns faster than the map. */
const SCALE_RATE = 10;
const KEPT_LISTS = 64;

const NO_DOCUMENTS = { places: new Int32Array(0), worth: new Float32Array(0), ends: new Int32Array(0) };

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
  private readonly vectors: Float32Array;
  private readonly logScale = new Float32Array(1);
  private readonly expansion: QueryExpansion;
  private readonly documentWords: TermWeights;
  protected readonly tables: Record<string, Adam>;
  private readonly lists: TokenLists;
  private forwards = new Map<BagList, Expansion>();
  /** Lists that received gradients since the last step, over which FLOPS are computed. */
  private learned = new Map<BagList, Expansion>();
  /** Numbers by place among the words of a list: 0 between two uses. */
  private readonly terms = doubleRoom();
  private readonly weights = doubleRoom();
  private readonly toTerms = doubleRoom();
  private readonly means: MeanTerms;

  /**
   * @param vectors words × width, of length 1 each, which must not change
   * @param width a multiple of four
   * @param idf of each word
   */
  constructor(
    vectors: Float32Array,
    readonly width: number,
    idf: Float32Array,
    private readonly options: SparseOptions = SPARSE_DEFAULTS,
  ) {
    super();
    this.vectors = vectors;
    this.lists = new TokenLists(idf.length, termsOf, ({ counts }) => counts);
    this.expansion = new QueryExpansion(this.vectors, width, idf);
    this.documentWords = new TermWeights(this.vectors, width, idf);
    this.means = new MeanTerms(idf.length);
    this.tables = {
      ...this.expansion.tables,
      ...this.documentWords.tables('document'),
      logScale: new Adam(this.logScale, 1, SCALE_RATE),
    };
  }

  /** The word vectors, words × width. */
  override get fixed(): { vectors: Float32Array } {
    return { vectors: this.vectors };
  }

  override forget(): void {
    this.forwards.clear();
    this.learned.clear();
    this.expansion.forget();
    this.documentWords.forget();
  }

  scale(factor: number): void {
    this.logScale[0] += Math.log(factor);
  }

  override step(learningRate: number): void {
    this.regularise();
    super.step(learningRate);
  }

  /** The FLOPS are those of all texts of a batch. */
  override get gradients(): undefined {
    return undefined;
  }

  protected override settle(): void {
    this.expansion.words.settle();
    this.documentWords.settle();
  }

  score(list: BagList, out: Float32Array, at: number): void {
    const prepared = this.lists.of(list);
    const { places, worth, ends } = prepared;
    const expansion = this.expandList(list, prepared);
    const scale = this.scaleOf(prepared);
    const { terms, weights } = this.byPlace(expansion, prepared);
    for (let d = 0, i = 0; d < ends.length; d++) {
      let score = 0;
      // Without asking which terms are 0: that takes longer. d_j is the place's worth times the importance of its word.
      for (; i < ends[d]; i++) score += terms[places[i]] * (worth[i] * weights[places[i]]);
      out[at + d] = scale * score;
    }
    this.clear(expansion);
  }

  /** q_j and β_j by place, 0 where q_j is 0; {@link clear} comes after their use. */
  private byPlace({ found, terms }: Expansion, { words }: Tokens) {
    const importances = this.documentWords.ofAll(words);
    const all = { terms: this.terms.of(words.length), weights: this.weights.of(words.length) };
    for (let i = 0; i < found.length; i++) {
      all.terms[found[i]] = terms[i];
      all.weights[found[i]] = importances[words[found[i]]];
    }
    return all;
  }

  private clear({ found }: Expansion): void {
    const [terms, weights] = [this.terms.of(0), this.weights.of(0)];
    for (const place of found) terms[place] = weights[place] = 0;
  }

  /** The terms of a query that are not 0, of the whole vocabulary: s / |q| · q_j. With those of a document, the score is Σ of their products. */
  queryTerms(query: Bag): WeightedWords {
    const words = Int32Array.from({ length: this.vectors.length / this.width }, (_, word) => word);
    const prepared = { query: query.counts, words, ...NO_DOCUMENTS };
    const { terms, found } = this.expansion.expand(query, prepared);
    const scale = this.scaleOf(prepared);
    return { words: found, weights: Float32Array.from(terms, (term) => scale * term) };
  }

  /** The terms of a document: d_j. */
  documentTerms(document: Bag): WeightedWords {
    const { words, worth } = termsOf(document);
    return { words, weights: worth.map((value, i) => value * this.documentWords.of(words[i])) };
  }

  backward(list: BagList, gradScores: Float32Array, at: number): void {
    const prepared = this.lists.of(list);
    const { words, places, worth, ends } = prepared;
    const expansion = this.expandList(list, prepared);
    const scale = this.scaleOf(prepared);
    const { terms, weights } = this.byPlace(expansion, prepared);
    const toTerms = this.toTerms.of(words.length);
    let toScale = 0;
    for (let d = 0, i = 0; d < ends.length; d++) {
      const g = scale * gradScores[at + d];
      for (; i < ends[d]; i++) {
        const place = places[i];
        const term = terms[place];
        // Only the query's own terms learn from it.
        if (term === 0) continue;
        const weight = worth[i] * weights[place];
        toTerms[place] += g * weight;
        toScale += g * term * weight;
        this.documentWords.add(words[place], g * term * weight);
      }
    }
    this.tables.logScale.touch(0);
    this.tables.logScale.gradient[0] += toScale;
    const own = Float64Array.from(expansion.found, (place) => toTerms[place]);
    for (const place of expansion.found) toTerms[place] = 0;
    this.clear(expansion);
    this.expansion.pull(list.query, prepared, expansion, own);
    this.learned.set(list, expansion);
  }

  /** The score's factor: s over the words of the query. */
  private scaleOf({ query }: TokenList): number {
    const words = query.reduce((sum, count) => sum + count, 0);
    return Math.exp(this.logScale[0]) / Math.max(1, words);
  }

  private expandList(list: BagList, prepared: TokenList): Expansion {
    let found = this.forwards.get(list);
    if (!found) {
      found = this.expansion.expand(list.query, prepared);
      if (this.forwards.size >= KEPT_LISTS) this.forwards.clear();
      this.forwards.set(list, found);
    }
    return found;
  }

  /** Adds the gradient of the FLOPS, Σ_j (mean weight of term j)², of the queries and of the documents that were learned from. */
  regularise(): void {
    const { queryFlops, documentFlops } = this.options;
    const { queries, documents } = this.meanWeights();
    const factor = (2 * queryFlops) / this.learned.size;
    for (const [list, expansion] of this.learned) {
      const prepared = this.lists.of(list);
      const toTerms = Float64Array.from(
        expansion.found,
        (place) => factor * queries.sums[prepared.words[place]],
      );
      this.expansion.pull(list.query, prepared, expansion, toTerms);
    }
    // d/dln β_j of mean² is 2 mean², as every document's weight of j is a multiple of β_j.
    for (const word of documents.words)
      this.documentWords.add(word, 2 * documentFlops * documents.sums[word] ** 2);
  }

  /** The FLOPS of the current batch, as {@link regularise} holds it down. */
  get flops(): { queries: number; documents: number } {
    const { queries, documents } = this.meanWeights();
    return { queries: queries.squares(), documents: documents.squares() };
  }

  private meanWeights(): { queries: WordSums; documents: WordSums } {
    const learned = [...this.learned].map(([list, expansion]) => ({
      tokens: this.lists.of(list),
      expansion,
    }));
    const means = this.means.of(learned);
    const { words, sums } = means.documents;
    for (const word of words) sums[word] *= this.documentWords.of(word);
    return means;
  }

  /**
   * Full retrieval, see {@link MultiVectorStudent.search}; visits only documents that contain a term of the
   * query.
   */
  search(
    corpus: Corpus,
    queries: ReadonlyMap<string, Bag>,
    depth: number,
    onShare?: (share: number) => void,
  ): Run {
    return searchInBlocks(corpus, queries, depth, {
      prepare: (bags) => {
        const prepared = this.lists.prepare(bags);
        return { ...postingsOf(prepared), words: prepared.words, count: bags.length };
      },
      score: (postings, some, take) => this.scoreBlock(postings, some, take),
      onShare,
    });
  }

  private scoreBlock(
    { words, starts, documents, worth, count }: Postings & { words: Int32Array; count: number },
    queries: readonly Bag[],
    take: (query: number, scores: Float32Array) => void,
  ): void {
    const edges = this.expansion.edges(queries, words);
    const sums = new WordSums(words.length);
    const scores = new Float32Array(count);
    queries.forEach((query, q) => {
      query.words.forEach((word, t) => {
        const strength = query.counts[t] * this.expansion.words.of(word);
        for (const { term, weight } of edges.get(word)!) sums.add(term, strength * weight);
      });
      scores.fill(0);
      for (const term of sums.words) {
        const weight = Math.log1p(sums.sums[term]) * this.documentWords.of(words[term]);
        for (let i = starts[term]; i < starts[term + 1]; i++) scores[documents[i]] += weight * worth[i];
      }
      sums.clear();
      take(q, scores);
    });
  }
}
