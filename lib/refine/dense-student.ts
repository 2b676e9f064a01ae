// The dense student: one vector a text, cosine as the score, and exact gradients for all of its parameters.
import type { Run } from '../metrics/index.js';
import type { Bag, BagList, Corpus } from './bags.js';
import { retrieve } from './retrieve.js';
import { SparseAdam } from './sparse-adam.js';
import { TableStudent } from './table-student.js';

/** Word weights learn faster than vectors: three times, as a search on SciFact had it. */
const WORD_WEIGHT_RATE = 3;

/** So many lists' encodings are kept at most: a batch, not a whole test set. */
const KEPT_LISTS = 64;

/** What the forward pass of one text leaves for its backward pass. */
interface Encoding {
  /** u: the weighted sum of word vectors. */
  sum: Float64Array;
  /** e: M u scaled to length 1. */
  unit: Float64Array;
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
  private readonly wordWeights: Float32Array;
  private readonly map: Float32Array;
  private readonly logScale = new Float32Array(1);
  protected readonly tables: Record<'vectors' | 'wordWeights' | 'map' | 'logScale', SparseAdam>;

  /**
   * @param vectors words × width; the student's from now on
   */
  constructor(
    private readonly vectors: Float32Array,
    readonly width: number,
  ) {
    super();
    this.wordWeights = new Float32Array(vectors.length / width);
    this.map = new Float32Array(width * width);
    for (let k = 0; k < width; k++) this.map[k * width + k] = 1;
    this.tables = {
      vectors: new SparseAdam(this.vectors, width),
      wordWeights: new SparseAdam(this.wordWeights, 1, WORD_WEIGHT_RATE),
      map: new SparseAdam(this.map, width),
      logScale: new SparseAdam(this.logScale, 1),
    };
  }

  /** Encodings of lists scored since the last step, so that the backward pass need not make them again. */
  private encodings = new Map<BagList, { query: Encoding; documents: Encoding[] }>();

  /** The vector of a text: length 1, or 0 for a text without words. */
  encode(bag: Bag): Float64Array {
    return this.forward(bag).unit;
  }

  private forward({ words, weights }: Bag): Encoding {
    const { width, vectors, map, wordWeights } = this;
    const sum = new Float64Array(width);
    for (let i = 0; i < words.length; i++) {
      const x = weights[i] * Math.exp(wordWeights[words[i]]);
      const row = words[i] * width;
      for (let k = 0; k < width; k++) sum[k] += x * vectors[row + k];
    }
    const unit = new Float64Array(width);
    let square = 0;
    for (let j = 0; j < width; j++) {
      const row = j * width;
      let z = 0;
      for (let k = 0; k < width; k++) z += map[row + k] * sum[k];
      unit[j] = z;
      square += z * z;
    }
    const length = Math.sqrt(square);
    if (length > 0) for (let j = 0; j < width; j++) unit[j] /= length;
    return { sum, unit, length };
  }

  private encodeList(list: BagList): { query: Encoding; documents: Encoding[] } {
    let encoded = this.encodings.get(list);
    if (!encoded) {
      encoded = {
        query: this.forward(list.query),
        documents: list.documents.map((document) => this.forward(document)),
      };
      if (this.encodings.size >= KEPT_LISTS) this.encodings.clear();
      this.encodings.set(list, encoded);
    }
    return encoded;
  }

  /** Carries dL/de back to word vectors, word weights and the map. */
  private pull({ words, weights }: Bag, { sum, unit, length }: Encoding, upstream: Float64Array): void {
    if (length === 0) return;
    const { width, vectors, map, wordWeights, tables } = this;
    const gradMap = tables.map.gradient;
    const gradVectors = tables.vectors.gradient;
    const along = dot(unit, upstream);
    const toSum = new Float64Array(width);
    for (let j = 0; j < width; j++) {
      // Through e = z / |z|.
      const toMapped = (upstream[j] - unit[j] * along) / length;
      const row = j * width;
      tables.map.touch(j);
      for (let k = 0; k < width; k++) {
        gradMap[row + k] += toMapped * sum[k];
        toSum[k] += toMapped * map[row + k];
      }
    }
    for (let i = 0; i < words.length; i++) {
      const word = words[i];
      const x = weights[i] * Math.exp(wordWeights[word]);
      const row = word * width;
      tables.vectors.touch(word);
      tables.wordWeights.touch(word);
      let slope = 0;
      for (let k = 0; k < width; k++) {
        gradVectors[row + k] += x * toSum[k];
        slope += vectors[row + k] * toSum[k];
      }
      tables.wordWeights.gradient[word] += x * slope;
    }
  }

  score(list: BagList, out: Float32Array, at: number): void {
    const { query, documents } = this.encodeList(list);
    const scale = Math.exp(this.logScale[0]);
    documents.forEach((document, d) => (out[at + d] = scale * dot(query.unit, document.unit)));
  }

  backward(list: BagList, gradScores: Float32Array, at: number): void {
    const { width, tables } = this;
    const { query, documents } = this.encodeList(list);
    const scale = Math.exp(this.logScale[0]);
    const toQuery = new Float64Array(width);
    const toDocument = new Float64Array(width);
    tables.logScale.touch(0);
    documents.forEach((document, d) => {
      const g = scale * gradScores[at + d];
      tables.logScale.gradient[0] += g * dot(query.unit, document.unit);
      for (let k = 0; k < width; k++) {
        toQuery[k] += g * document.unit[k];
        toDocument[k] = g * query.unit[k];
      }
      this.pull(list.documents[d], document, toDocument);
    });
    this.pull(list.query, query, toQuery);
  }

  scale(factor: number): void {
    this.logScale[0] += Math.log(factor);
  }

  forget(): void {
    this.encodings.clear();
  }

  /** Full retrieval, see {@link retrieve}. */
  search(corpus: Corpus, queries: ReadonlyMap<string, Bag>, depth: number): Run {
    return retrieve(this, corpus, queries, depth);
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}
