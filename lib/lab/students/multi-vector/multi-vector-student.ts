// The multi-vector student: late interaction (MaxSim) of word vectors, with exact gradients for its map and its importances.
import type { Run } from '../../../metrics/index.js';
import type { Bag, BagList, Corpus } from '../words/bags.js';
import { tables as native } from '../../../native/tables.js';
import { queryWeights, TokenLists, tokensOf, type TokenList, type Tokens } from './multi-vector-words.js';
import { floatRoom, integerRoom } from '../room.js';
import { searchInBlocks } from '../search-in-blocks.js';
import { Adam } from '../../training/adam.js';
import { TableStudent } from '../table-student.js';
import { TermWeights } from '../words/term-weights.js';
import { WordMap, type MappedRows } from '../words/word-map.js';
import { products } from '../words/word-products.js';

/**
 * A word's own weight learns ten times as fast as the map, a factor found by a search on SciFact's dev
 * queries.
 */
const OWN_WEIGHT_RATE = 10;
/** Maximum number of lists whose forward passes are kept: a batch, not a whole test set. */
const KEPT_LISTS = 64;
/** Number of query words matched with a corpus at a time: their matches take memory. */
const WORDS_AT_ONCE = 64;

/** The results of a list's forward pass that its backward pass needs. */
interface Forward {
  mapped: MappedRows;
  /** x_t α_t of each query word. */
  weights: Float64Array;
  /** The number of query words including padding: the row stride of the arrays below. */
  stride: number;
  /** max_u f_u β_u max(0, cosine)²: documents × query words. */
  values: Float32Array;
  /** The best match of each query word, as its index in the document, or -1: documents × query words. */
  best: Int32Array;
  /** The cosine with that word. */
  cosines: Float32Array;
}

/** Words of a text with the weight and the vector of each: words × width. */
export interface WeightedVectors {
  words: Int32Array;
  weights: Float32Array;
  vectors: Float32Array;
}

/**
 * score(q, d) = s Σ_t x_t α_t max_u f_u β_u max(0, cos(M v_t, v_u))² over the words t of the query and u of the document, with
 * x_t the share of the query's words that are t and f_u BM25's saturation of the document's.
 *
 * Learned: the map M of query words (width × width, at first the identity), the importances α (queries) and β (documents), which all start
 * at 1 (see {@link TermWeights}), ln s. It starts without idf, because a start as good as the teacher left
 * nothing to learn. Word vectors are fixed, so that an index of documents stays valid while queries learn.
 */
export class MultiVectorStudent extends TableStudent {
  private readonly vectors: Float32Array;
  private readonly map: WordMap;
  private readonly queryWords: TermWeights;
  private readonly documentWords: TermWeights;
  private readonly logScale = new Float32Array(1);
  protected readonly tables: Record<string, Adam>;
  private readonly lists: TokenLists;
  private forwards = new Map<BagList, Forward>();
  private readonly strengths = floatRoom();
  private readonly found = { values: floatRoom(), best: integerRoom() };

  /**
   * @param vectors words × width, of length 1 each, which must not change
   * @param width a multiple of four
   * @param idf of each word
   */
  constructor(
    vectors: Float32Array,
    readonly width: number,
    idf: Float32Array,
  ) {
    super();
    this.vectors = vectors;
    this.lists = new TokenLists(idf.length);
    this.map = new WordMap(width);
    this.queryWords = new TermWeights(this.vectors, width, idf, OWN_WEIGHT_RATE);
    this.documentWords = new TermWeights(this.vectors, width, idf, OWN_WEIGHT_RATE);
    this.tables = {
      map: this.map.table,
      ...this.queryWords.tables('query'),
      ...this.documentWords.tables('document'),
      logScale: new Adam(this.logScale, 1),
    };
  }

  /** The word vectors, words × width. */
  override get fixed(): { vectors: Float32Array } {
    return { vectors: this.vectors };
  }

  override forget(): void {
    this.forwards.clear();
    this.map.forget();
    this.queryWords.forget();
    this.documentWords.forget();
  }

  protected override settle(): void {
    this.queryWords.settle();
    this.documentWords.settle();
  }

  scale(factor: number): void {
    this.logScale[0] += Math.log(factor);
  }

  score(list: BagList, out: Float32Array, at: number): void {
    const { weights, values, stride } = this.forward(list, this.lists.of(list));
    const scale = Math.exp(this.logScale[0]);
    for (let d = 0; d < list.documents.length; d++) {
      let score = 0;
      for (let t = 0; t < weights.length; t++) score += weights[t] * values[d * stride + t];
      out[at + d] = scale * score;
    }
  }

  /**
   * Full retrieval: every document of a corpus scored for each query, a block of documents and of queries at
   * a time. A document's match with a word does not depend on the query, so each word of the queries is
   * matched once. A query's sums are in the order of its words' numbers, whatever other queries there are.
   *
   * @param queries query id -> bag
   * @param depth number of best documents to keep, plus those that tie with the last
   */
  search(
    corpus: Corpus,
    queries: ReadonlyMap<string, Bag>,
    depth: number,
    onShare?: (share: number) => void,
  ): Run {
    return searchInBlocks(corpus, queries, depth, {
      prepare: (bags) => this.lists.prepare(bags),
      score: (prepared, some, take) => this.scoreBlock(prepared, some, take),
      onShare,
    });
  }

  private scoreBlock(
    prepared: Tokens,
    queries: readonly Bag[],
    take: (query: number, scores: Float32Array) => void,
  ): void {
    const documents = prepared.ends.length;
    const asked = Int32Array.from(new Set(queries.flatMap(({ words }) => [...words]))).sort();
    const sums = queries.map(() => new Float64Array(documents));
    const ordered = queries.map((bag) => ({ start: queryWeights(bag), order: ascending(bag.words) }));
    for (let first = 0; first < asked.length; first += WORDS_AT_ONCE) {
      const some = asked.subarray(first, first + WORDS_AT_ONCE);
      const places = new Map([...some].map((word, t) => [word, t]));
      const { units } = this.map.applyToRows(this.vectors, some);
      const { values: cosines, stride } = products(this.vectors, this.width, units, prepared.words);
      const size = documents * stride;
      const [values, best] = [this.found.values.of(size), this.found.best.of(size)];
      this.match(prepared, cosines, stride, [values, best, null]);
      queries.forEach(({ words }, q) => {
        const sum = sums[q];
        const { start, order } = ordered[q];
        for (const i of order) {
          const t = places.get(words[i]);
          if (t === undefined) continue;
          const weight = start[i] * this.queryWords.of(words[i]);
          for (let d = 0; d < documents; d++) sum[d] += weight * values[d * stride + t];
        }
      });
    }
    const scale = Math.exp(this.logScale[0]);
    const scores = new Float32Array(documents);
    sums.forEach((sum, q) => {
      for (let d = 0; d < documents; d++) scores[d] = scale * sum[d];
      take(q, scores);
    });
  }

  /** The words of a query: M v / |M v| of each, and s x α. With those of a document, score = Σ_t weight_t max_u weight_u max(0, cos)². */
  queryTokens(query: Bag): WeightedVectors {
    const scale = Math.exp(this.logScale[0]);
    const { units: vectors } = this.map.applyToRows(this.vectors, query.words);
    const start = queryWeights(query);
    const weights = start.map((weight, t) => scale * weight * this.queryWords.of(query.words[t]));
    return { words: query.words, weights, vectors };
  }

  /** The first words of a document: v of each, and f β. */
  documentTokens(document: Bag): WeightedVectors {
    const { width, vectors: all } = this;
    const { words, worth } = tokensOf(document);
    const vectors = new Float32Array(words.length * width);
    words.forEach((word, u) => vectors.set(all.subarray(word * width, (word + 1) * width), u * width));
    return { words, weights: worth.map((value, u) => value * this.documentWords.of(words[u])), vectors };
  }

  backward(list: BagList, gradScores: Float32Array, at: number): void {
    const prepared = this.lists.of(list);
    const { mapped, weights, stride, cosines, best } = this.forward(list, prepared);
    const { words, places, worth, ends } = prepared;
    const { width, vectors, queryWords, documentWords, tables } = this;
    const scale = Math.exp(this.logScale[0]);
    const importances = documentWords.ofAll(words);
    tables.logScale.touch(0);
    // The words that each query word matches best, and what they add to dL/d unit of it.
    const matched = new Int32Array(weights.length * ends.length);
    const factors = new Float32Array(matched.length);
    const offsets = new Int32Array(weights.length + 1);
    let count = 0;
    for (let t = 0; t < weights.length; t++) {
      let toWeight = 0;
      for (let d = 0; d < ends.length; d++) {
        const i = best[d * stride + t];
        const g = gradScores[at + d];
        if (i < 0 || g === 0) continue;
        const place = (d === 0 ? 0 : ends[d - 1]) + i;
        const word = words[places[place]];
        const cosine = cosines[d * stride + t];
        const slope = g * scale * weights[t] * worth[place] * importances[word] * cosine;
        documentWords.add(word, slope * cosine);
        toWeight += slope * cosine;
        matched[count] = word;
        factors[count++] = 2 * slope;
      }
      tables.logScale.gradient[0] += toWeight;
      queryWords.add(list.query.words[t], toWeight);
      offsets[t + 1] = count;
    }
    const upstream = new Float32Array(weights.length * width);
    native().sum(vectors, width, matched, factors, null, offsets, upstream);
    this.map.pullRows(vectors, list.query.words, mapped, upstream);
  }

  private forward(list: BagList, prepared: TokenList): Forward {
    let forward = this.forwards.get(list);
    if (!forward) {
      forward = this.matchList(list.query, prepared);
      if (this.forwards.size >= KEPT_LISTS) this.forwards.clear();
      this.forwards.set(list, forward);
    }
    return forward;
  }

  /** Finds the word of each document that each word of the query matches best. */
  private matchList({ words }: Bag, prepared: TokenList): Forward {
    const { map, vectors, width, queryWords } = this;
    const mapped = map.applyToRows(vectors, words);
    const weights = Float64Array.from(words, (word, t) => prepared.query[t] * queryWords.of(word));
    const { values: products_, stride } = products(vectors, width, mapped.units, prepared.words);
    const size = prepared.ends.length * stride;
    const values = new Float32Array(size);
    const best = new Int32Array(size);
    const cosines = new Float32Array(size);
    if (stride > 0) this.match(prepared, products_, stride, [values, best, cosines]);
    return { mapped, weights, stride, values, best, cosines };
  }

  private match(
    { words, places, worth, ends }: Tokens,
    cosines: Float32Array,
    stride: number,
    out: [values: Float32Array, best: Int32Array, found: Float32Array | null],
  ): void {
    const strengths = this.documentWords.gather(words, this.strengths.of(words.length));
    native().match(cosines, stride, strengths, words.length, places, worth, ends, ...out);
  }
}

/** The places of numbers, the smallest first. */
const ascending = (numbers: Int32Array): number[] =>
  [...numbers.keys()].sort((i, j) => numbers[i] - numbers[j]);
