// The multi-vector student: late interaction (MaxSim) of word vectors, with exact gradients for its map and its importances.
import type { Run } from '../metrics/index.js';
import type { Bag, BagList, Corpus } from './bags.js';
import { queryWeights, TokenLists, type TokenList } from './multi-vector-words.js';
import { keepBest } from './retrieve.js';
import { SparseAdam } from './sparse-adam.js';
import { paddedRows, ProductTable } from './products.js';
import { TableStudent } from './table-student.js';
import { TermWeights } from './term-weights.js';
import { WordMap, type MappedWords } from './word-map.js';

/** A word's own weight learns ten times as fast as the map, as a search on SciFact's dev queries had it. */
const OWN_WEIGHT_RATE = 10;
/** So many lists' forward passes are kept at most: a batch, not a whole test set. */
const KEPT_LISTS = 64;

/** The words of a query as the documents meet them. */
interface MappedQuery extends MappedWords {
  /** x_t exp(a_t) of each query word. */
  weights: Float64Array;
}

/** What the forward pass of a list leaves for its backward pass. */
interface Forward {
  query: MappedQuery;
  /** Cosines: words of the list's documents × padded query words. */
  cosines: Float32Array;
  /** The word that each query word matches best, as its index in the document, -1 for none: documents × query words. */
  best: Int16Array;
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
  private readonly similarities: ProductTable;
  private readonly map: WordMap;
  private readonly queryWords: TermWeights;
  private readonly documentWords: TermWeights;
  private readonly logScale = new Float32Array(1);
  protected readonly tables: Record<string, SparseAdam>;
  private readonly lists = new TokenLists();
  private forwards = new Map<BagList, Forward>();

  /**
   * @param vectors words × width, of length 1 each; they are read only
   * @param idf of each word
   */
  constructor(
    private readonly vectors: Float32Array,
    readonly width: number,
    idf: Float32Array,
  ) {
    super();
    this.similarities = new ProductTable(vectors, width);
    this.map = new WordMap(vectors, width);
    this.queryWords = new TermWeights(vectors, width, idf, OWN_WEIGHT_RATE);
    this.documentWords = new TermWeights(vectors, width, idf, OWN_WEIGHT_RATE);
    this.tables = {
      map: this.map.table,
      ...this.queryWords.tables('query'),
      ...this.documentWords.tables('document'),
      logScale: new SparseAdam(this.logScale, 1),
    };
  }

  forget(): void {
    this.forwards.clear();
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
    const prepared = this.lists.of(list);
    this.scoreFrom(this.forward(list, prepared), prepared, out, at);
  }

  private scoreFrom(
    { query, cosines, best }: Forward,
    { words, documents }: TokenList,
    out: Float32Array,
    at: number,
  ): void {
    const { documentWords } = this;
    const scale = Math.exp(this.logScale[0]);
    const tokens = query.weights.length;
    const stride = paddedRows(tokens);
    documents.forEach(({ places, saturation }, d) => {
      let score = 0;
      for (let t = 0; t < tokens; t++) {
        const i = best[d * tokens + t];
        if (i < 0) continue;
        const cosine = cosines[places[i] * stride + t];
        const factor = saturation[i] * documentWords.of(words[places[i]]);
        score += query.weights[t] * factor * cosine * cosine;
      }
      out[at + d] = scale * score;
    });
  }

  /**
   * Full retrieval: every document of a corpus scored for each query.
   *
   * @param queries query id -> bag
   * @param depth how many of the best are kept, with those that tie with the last
   */
  search({ docids, bags }: Corpus, queries: ReadonlyMap<string, Bag>, depth: number): Run {
    const { words } = this.lists.prepare(bags);
    const places = this.lists.places(bags);
    const scale = Math.exp(this.logScale[0]);
    const importances = Float64Array.from(words, (word) => this.documentWords.of(word));
    const scores = new Float32Array(bags.length);
    const run = new Map<string, Map<string, number>>();
    for (const [qid, bag] of queries) {
      const { units, weights } = this.mapQuery(bag, queryWeights(bag));
      const matches = this.similarities.matches(units, words, importances, places);
      const stride = paddedRows(weights.length);
      for (let d = 0; d < scores.length; d++) {
        let score = 0;
        for (let t = 0; t < weights.length; t++) score += weights[t] * matches[d * stride + t];
        scores[d] = scale * score;
      }
      run.set(qid, keepBest(docids, scores, depth));
    }
    return run;
  }

  backward(list: BagList, gradScores: Float32Array, at: number): void {
    const prepared = this.lists.of(list);
    const { query, cosines, best } = this.forward(list, prepared);
    const { width, vectors, queryWords, documentWords, tables } = this;
    const scale = Math.exp(this.logScale[0]);
    const tokens = query.weights.length;
    const stride = paddedRows(tokens);
    tables.logScale.touch(0);
    // dL/d unit of each query word, gathered over the documents.
    const upstream = new Float64Array(tokens * width);
    for (let t = 0; t < tokens; t++) {
      const own = t * width;
      let toWeight = 0;
      prepared.documents.forEach(({ places, saturation }, d) => {
        const i = best[d * tokens + t];
        const g = gradScores[at + d];
        if (i < 0 || g === 0) return;
        const word = prepared.words[places[i]];
        const cosine = cosines[places[i] * stride + t];
        const slope = g * scale * query.weights[t] * saturation[i] * documentWords.of(word) * cosine;
        documentWords.add(word, slope * cosine);
        toWeight += slope * cosine;
        const row = word * width;
        for (let k = 0; k < width; k++) upstream[own + k] += 2 * slope * vectors[row + k];
      });
      tables.logScale.gradient[0] += toWeight;
      queryWords.add(list.query.words[t], toWeight);
    }
    this.map.pull(list.query.words, query, upstream);
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
  private match(bag: Bag, prepared: TokenList): Forward {
    const query = this.mapQuery(bag, prepared.query);
    const tokens = query.weights.length;
    const stride = paddedRows(tokens);
    const cosines = this.similarities.products(query.units, prepared.words);
    const strength = Float32Array.from(prepared.words, (word) => this.documentWords.of(word));
    const best = new Int16Array(prepared.documents.length * tokens);
    const highest = new Float64Array(tokens);
    prepared.documents.forEach(({ places, saturation }, d) => {
      highest.fill(0);
      best.fill(-1, d * tokens, (d + 1) * tokens);
      for (let i = 0; i < places.length; i++) {
        const factor = saturation[i] * strength[places[i]];
        const at = places[i] * stride;
        for (let t = 0; t < tokens; t++) {
          const cosine = cosines[at + t];
          const value = factor * cosine * cosine;
          if (value > highest[t] && cosine > 0) {
            highest[t] = value;
            best[d * tokens + t] = i;
          }
        }
      }
    });
    return { query, cosines, best };
  }

  private mapQuery({ words }: Bag, start: Float32Array): MappedQuery {
    const weights = Float64Array.from(words, (word, t) => start[t] * this.queryWords.of(word));
    return { ...this.map.apply(words), weights };
  }
}
