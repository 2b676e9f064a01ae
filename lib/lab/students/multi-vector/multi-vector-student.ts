// The multi-vector student: late interaction (MaxSim) of word vectors, with exact gradients for its map and its importances.
import type { Run } from '../../../metrics/index.js';
import type { Bag, BagList, Corpus } from '../words/bags.js';
import { endOf, Heap, type Scratch } from '../kernels/heap.js';
import { queryWeights, TokenLists, tokensOf, type TokenList, type Tokens } from './multi-vector-words.js';
import { keepBest } from '../dense/retrieve.js';
import { Adam } from '../../training/adam.js';
import { products } from '../kernels/products.js';
import { TableStudent } from '../table-student.js';
import { TermWeights } from '../words/term-weights.js';
import { WordMap, type MappedRows } from '../words/word-map.js';

/** A word's own weight learns ten times as fast as the map, as a search on SciFact's dev queries had it. */
const OWN_WEIGHT_RATE = 10;
/** So many lists' forward passes are kept at most: a batch, not a whole test set. */
const KEPT_LISTS = 64;
/** So many words of queries are matched with a corpus at a time: their matches take memory. */
const WORDS_AT_ONCE = 64;

/** What the forward pass of a list leaves for its backward pass. */
interface Forward {
  mapped: MappedRows;
  /** x_t α_t of each query word. */
  weights: Float64Array;
  /** How many query words there are with padding: the distance of rows in the arrays below. */
  stride: number;
  /** Words of the list's documents × query words. */
  cosines: Float32Array;
  /** max_u f_u β_u max(0, cosine)²: documents × query words. */
  values: Float32Array;
  /** The word that each query word matches best, as its index in the document, -1 for none: documents × query words. */
  best: Int32Array;
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
 * at 1 (see {@link TermWeights}), ln s. It starts without idf: from a start that is as good as the teacher, there was nothing to learn. Word
 * vectors stay, so that an index of documents stays good while queries learn.
 */
export class MultiVectorStudent extends TableStudent {
  private readonly heap = new Heap();
  private readonly vectors: Float32Array;
  private readonly map: WordMap;
  private readonly queryWords: TermWeights;
  private readonly documentWords: TermWeights;
  private readonly logScale = new Float32Array(1);
  protected readonly tables: Record<string, Adam>;
  private readonly lists: TokenLists;
  private forwards = new Map<BagList, Forward>();

  /**
   * @param vectors words × width, of length 1 each, copied
   * @param width a multiple of four
   * @param idf of each word
   */
  constructor(
    vectors: Float32Array,
    readonly width: number,
    idf: Float32Array,
  ) {
    super();
    const { heap } = this;
    this.vectors = heap.copy(vectors);
    this.lists = new TokenLists(idf.length);
    this.map = new WordMap(heap, width);
    this.queryWords = new TermWeights(heap, this.vectors, width, idf, OWN_WEIGHT_RATE);
    this.documentWords = new TermWeights(heap, this.vectors, width, idf, OWN_WEIGHT_RATE);
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
   * Full retrieval: every document of a corpus scored for each query. How well a document matches a word does not depend on the query, so
   * each word of the queries is matched once. The order of a query's sums is that of its words' numbers, whatever other queries there are.
   *
   * @param queries query id -> bag
   * @param depth how many of the best are kept, with those that tie with the last
   */
  search({ docids, bags }: Corpus, queries: ReadonlyMap<string, Bag>, depth: number): Run {
    const prepared = this.lists.prepare(bags);
    const asked = Int32Array.from(new Set([...queries.values()].flatMap(({ words }) => [...words]))).sort();
    const sums = new Map([...queries.keys()].map((qid) => [qid, new Float64Array(bags.length)]));
    const strengths = this.documentWords.ofAll(prepared.words);
    for (let first = 0; first < asked.length; first += WORDS_AT_ONCE) {
      const some = asked.subarray(first, first + WORDS_AT_ONCE);
      const places = new Map([...some].map((word, t) => [word, t]));
      const { units } = this.map.applyToRows(this.vectors, some);
      const {
        values: worth,
        stride,
        scratch,
      } = products(this.heap, this.vectors, this.width, units, prepared.words);
      this.weigh(worth, stride, strengths, scratch);
      const values = scratch.floats(bags.length * stride);
      this.heap.kernels.matches(...this.tokensIn(scratch, prepared, worth, stride), values.byteOffset);
      for (const [qid, bag] of queries) {
        const sum = sums.get(qid)!;
        const start = queryWeights(bag);
        ascending(bag.words).forEach((i) => {
          const word = bag.words[i];
          const t = places.get(word);
          if (t === undefined) return;
          const weight = start[i] * this.queryWords.of(word);
          for (let d = 0; d < sum.length; d++) sum[d] += weight * values[d * stride + t];
        });
      }
    }
    const scale = Math.exp(this.logScale[0]);
    const scores = new Float32Array(bags.length);
    const run = new Map<string, Map<string, number>>();
    for (const [qid, sum] of sums) {
      for (let d = 0; d < sum.length; d++) scores[d] = scale * sum[d];
      run.set(qid, keepBest(docids, scores, depth));
    }
    return run;
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
    const { width, vectors, queryWords, documentWords, tables, heap } = this;
    const scale = Math.exp(this.logScale[0]);
    tables.logScale.touch(0);
    // dL/d unit of each query word, gathered over the documents.
    const upstream = new Float32Array(weights.length * width);
    const scratch = heap.scratch();
    const [rows, factors] = [scratch.integers(ends.length), scratch.floats(ends.length)];
    const sum = scratch.floats(width);
    for (let t = 0; t < weights.length; t++) {
      let toWeight = 0;
      let count = 0;
      for (let d = 0; d < ends.length; d++) {
        const i = best[d * stride + t];
        const g = gradScores[at + d];
        if (i < 0 || g === 0) continue;
        const place = (d === 0 ? 0 : ends[d - 1]) + i;
        const word = words[places[place]];
        const cosine = cosines[places[place] * stride + t];
        const slope = g * scale * weights[t] * worth[place] * documentWords.of(word) * cosine;
        documentWords.add(word, slope * cosine);
        toWeight += slope * cosine;
        rows[count] = word;
        factors[count++] = 2 * slope;
      }
      tables.logScale.gradient[0] += toWeight;
      queryWords.add(list.query.words[t], toWeight);
      sum.fill(0);
      const [from, to] = [rows.byteOffset, rows.byteOffset + 4 * count];
      heap.kernels.sumRows(vectors.byteOffset, from, to, factors.byteOffset, sum.byteOffset, 4 * width);
      upstream.set(sum, t * width);
    }
    this.map.pullRows(vectors, list.query.words, mapped, upstream);
  }

  private forward(list: BagList, prepared: TokenList): Forward {
    let forward = this.forwards.get(list);
    if (!forward) {
      forward = this.match(list.query, prepared);
      if (this.forwards.size >= KEPT_LISTS) this.forwards.clear();
      this.forwards.set(list, forward);
    }
    return forward;
  }

  /** Finds the word of each document that each word of the query matches best. */
  private match({ words }: Bag, prepared: TokenList): Forward {
    const { map, vectors, heap, width, queryWords } = this;
    const mapped = map.applyToRows(vectors, words);
    const weights = Float64Array.from(words, (word, t) => prepared.query[t] * queryWords.of(word));
    const { values: worth, stride, scratch } = products(heap, vectors, width, mapped.units, prepared.words);
    const cosines = worth.slice();
    this.weigh(worth, stride, this.documentWords.ofAll(prepared.words), scratch);
    const values = scratch.floats(prepared.ends.length * stride);
    const best = scratch.integers(values.length);
    if (stride > 0) {
      const tokens = this.tokensIn(scratch, prepared, worth, stride);
      heap.kernels.bestMatches(...tokens, values.byteOffset, best.byteOffset);
    }
    return { mapped, weights, stride, cosines, values: values.slice(), best: best.slice() };
  }

  /** Makes β max(0, cosine)² of cosines. */
  private weigh(cosines: Float32Array, stride: number, strengths: Float32Array, scratch: Scratch): void {
    if (cosines.length === 0) return;
    const own = scratch.floats(cosines.length / stride);
    own.set(strengths);
    own.fill(0, strengths.length);
    this.heap.kernels.worth(cosines.byteOffset, endOf(cosines), own.byteOffset, 4 * stride);
  }

  /** The first parameters of the kernels that match documents. */
  private tokensIn(scratch: Scratch, { places, worth, ends }: Tokens, cosines: Float32Array, stride: number) {
    const copies = [
      scratch.integers(places.length),
      scratch.floats(places.length),
      scratch.integers(ends.length),
    ];
    [places, worth, ends].forEach((values, i) => copies[i].set(values));
    const [from, factors, endsAt] = copies.map(({ byteOffset }) => byteOffset);
    return [cosines.byteOffset, from, factors, endsAt, endOf(copies[2]), 4 * stride] as const;
  }
}

/** The places of numbers, the smallest first. */
const ascending = (numbers: Int32Array): number[] =>
  [...numbers.keys()].sort((i, j) => numbers[i] - numbers[j]);
