// The multi-vector student: late interaction (MaxSim) of word vectors, with exact gradients for its map and its word weights.
import type { Run } from '../metrics/index.js';
import type { Bag, BagList, Corpus } from './bags.js';
import { queryWeights, TokenLists, type TokenList } from './multi-vector-words.js';
import { keepBest } from './retrieve.js';
import { SparseAdam } from './sparse-adam.js';
import { paddedRows, ProductTable } from './products.js';
import { TableStudent } from './table-student.js';
import { WordMap, type MappedWords } from './word-map.js';

/** Word weights learn ten times as fast as the map, as a search on SciFact's dev queries had it. */
const WORD_WEIGHT_RATE = 10;
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
 * score(q, d) = s Σ_t x_t exp(a_t) max_u f_u exp(b_u) max(0, cos(M v_t, v_u))² over the words t of the query and u of the document, with
 * x_t the idf weight of the query's word and f_u BM25's saturation of the document's.
 *
 * Learned: the map M of query words (width × width, at first the identity), word weights a (queries) and b (documents), ln s. Word vectors
 * stay, so that an index of documents stays good while queries learn.
 */
export class MultiVectorStudent extends TableStudent {
  private readonly similarities: ProductTable;
  private readonly map: WordMap;
  private readonly queryWeights: Float32Array;
  private readonly documentWeights: Float32Array;
  private readonly logScale = new Float32Array(1);
  protected readonly tables: Record<'map' | 'queryWeights' | 'documentWeights' | 'logScale', SparseAdam>;
  private readonly lists = new TokenLists();
  private forwards = new Map<BagList, Forward>();

  /** @param vectors words × width, of length 1 each; they are read only */
  constructor(
    private readonly vectors: Float32Array,
    readonly width: number,
  ) {
    super();
    const words = vectors.length / width;
    this.similarities = new ProductTable(vectors, width);
    this.map = new WordMap(vectors, width);
    this.queryWeights = new Float32Array(words);
    this.documentWeights = new Float32Array(words);
    this.tables = {
      map: this.map.table,
      queryWeights: new SparseAdam(this.queryWeights, 1, WORD_WEIGHT_RATE),
      documentWeights: new SparseAdam(this.documentWeights, 1, WORD_WEIGHT_RATE),
      logScale: new SparseAdam(this.logScale, 1),
    };
  }

  forget(): void {
    this.forwards.clear();
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
    const { documentWeights } = this;
    const scale = Math.exp(this.logScale[0]);
    const tokens = query.weights.length;
    const stride = paddedRows(tokens);
    documents.forEach(({ places, saturation }, d) => {
      let score = 0;
      for (let t = 0; t < tokens; t++) {
        const i = best[d * tokens + t];
        if (i < 0) continue;
        const cosine = cosines[places[i] * stride + t];
        const factor = saturation[i] * Math.exp(documentWeights[words[places[i]]]);
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
    const { words, documents } = this.lists.prepare(bags);
    const scores = new Float32Array(bags.length);
    const run = new Map<string, Map<string, number>>();
    for (const [qid, query] of queries) {
      const prepared = { query: queryWeights(query), words, documents };
      this.scoreFrom(this.match(query, prepared), prepared, scores, 0);
      run.set(qid, keepBest(docids, scores, depth));
    }
    return run;
  }

  backward(list: BagList, gradScores: Float32Array, at: number): void {
    const prepared = this.lists.of(list);
    const { query, cosines, best } = this.forward(list, prepared);
    const { width, vectors, documentWeights, tables } = this;
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
        const slope = g * scale * query.weights[t] * saturation[i] * Math.exp(documentWeights[word]) * cosine;
        tables.documentWeights.touch(word);
        tables.documentWeights.gradient[word] += slope * cosine;
        toWeight += slope * cosine;
        const row = word * width;
        for (let k = 0; k < width; k++) upstream[own + k] += 2 * slope * vectors[row + k];
      });
      tables.logScale.gradient[0] += toWeight;
      tables.queryWeights.touch(list.query.words[t]);
      tables.queryWeights.gradient[list.query.words[t]] += toWeight;
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
    const strength = Float32Array.from(prepared.words, (word) => Math.exp(this.documentWeights[word]));
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
    const weights = Float64Array.from(words, (word, t) => start[t] * Math.exp(this.queryWeights[word]));
    return { ...this.map.apply(words), weights };
  }
}
