// The dense student: one vector a text, cosine as the score, and exact gradients for all of its parameters.
import type { Run } from '../metrics/index.js';
import type { Bag, BagList, Corpus } from './bags.js';
import { retrieve } from './retrieve.js';
import { SparseAdam } from './sparse-adam.js';
import { TableStudent } from './table-student.js';

/** Word weights learn faster than vectors: three times, as a search on SciFact had it. */
const WORD_WEIGHT_RATE = 3;

/** So many encodings are kept at most: a corpus that fits here is encoded once for reranking and for search. */
const KEPT_TEXTS = 20_000;

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

  /** Encodings made since the last step: the backward pass reads them, and a text of several lists is encoded once. */
  private readonly encodings = new Map<Bag, Encoding>();
  /** dL/dz and u of texts, z = M u, whose outer products are still to be added to the gradient of M. */
  private readonly outer: { toMapped: Float64Array; sum: Float64Array }[] = [];

  /** The vector of a text: length 1, or 0 for a text without words. */
  encode(bag: Bag): Float64Array {
    return this.encoding(bag).unit;
  }

  private encoding(bag: Bag): Encoding {
    let known = this.encodings.get(bag);
    if (!known) {
      known = this.forward(bag);
      if (this.encodings.size >= KEPT_TEXTS) this.encodings.clear();
      this.encodings.set(bag, known);
    }
    return known;
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
    // Two rows at a time, whose sums need not wait for each other: the width is even.
    for (let j = 0; j < width; j += 2) {
      const row = j * width;
      const next = row + width;
      let z0 = 0;
      let z1 = 0;
      for (let k = 0; k < width; k++) {
        z0 += map[row + k] * sum[k];
        z1 += map[next + k] * sum[k];
      }
      unit[j] = z0;
      unit[j + 1] = z1;
      square += z0 * z0 + z1 * z1;
    }
    const length = Math.sqrt(square);
    if (length > 0) for (let j = 0; j < width; j++) unit[j] /= length;
    return { sum, unit, length };
  }

  /** Carries dL/de back to word vectors, word weights and the map. */
  private pull({ words, weights }: Bag, { sum, unit, length }: Encoding, upstream: Float64Array): void {
    if (length === 0) return;
    const { width, vectors, map, wordWeights, tables } = this;
    const gradVectors = tables.vectors.gradient;
    const along = dot(unit, upstream);
    // Through e = z / |z|.
    const toMapped = unit.map((value, j) => (upstream[j] - value * along) / length);
    this.outer.push({ toMapped, sum });
    const toSum = new Float64Array(width);
    for (let j = 0; j < width; j += 2) {
      const row = j * width;
      const next = row + width;
      const g0 = toMapped[j];
      const g1 = toMapped[j + 1];
      for (let k = 0; k < width; k++) toSum[k] += g0 * map[row + k] + g1 * map[next + k];
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
    const query = this.encode(list.query);
    const scale = Math.exp(this.logScale[0]);
    list.documents.forEach((bag, d) => (out[at + d] = scale * dot(query, this.encode(bag))));
  }

  backward(list: BagList, gradScores: Float32Array, at: number): void {
    const { width, tables } = this;
    const query = this.encoding(list.query);
    const scale = Math.exp(this.logScale[0]);
    const toQuery = new Float64Array(width);
    const toDocument = new Float64Array(width);
    tables.logScale.touch(0);
    list.documents.forEach((bag, d) => {
      const document = this.encoding(bag);
      const g = scale * gradScores[at + d];
      tables.logScale.gradient[0] += g * dot(query.unit, document.unit);
      for (let k = 0; k < width; k++) {
        toQuery[k] += g * document.unit[k];
        toDocument[k] = g * query.unit[k];
      }
      this.pull(bag, document, toDocument);
    });
    this.pull(list.query, query, toQuery);
  }

  scale(factor: number): void {
    this.logScale[0] += Math.log(factor);
  }

  forget(): void {
    this.encodings.clear();
    this.outer.length = 0;
  }

  /** Adds the outer products to the gradient of M, four at a time, so that it is read and written a quarter as often. */
  protected override settle(): void {
    const { outer, width } = this;
    const { map } = this.tables;
    const nothing = { toMapped: new Float64Array(width), sum: new Float64Array(width) };
    for (let i = 0; i < outer.length; i += 4) {
      const [a, b, c, d] = [
        outer[i],
        outer[i + 1] ?? nothing,
        outer[i + 2] ?? nothing,
        outer[i + 3] ?? nothing,
      ];
      for (let j = 0; j < width; j++) {
        const [ga, gb, gc, gd] = [a.toMapped[j], b.toMapped[j], c.toMapped[j], d.toMapped[j]];
        map.touch(j);
        for (let k = 0, at = j * width; k < width; k++)
          map.gradient[at + k] += ga * a.sum[k] + gb * b.sum[k] + gc * c.sum[k] + gd * d.sum[k];
      }
    }
    outer.length = 0;
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
