// The dense student: one vector per text, cosine as the score, and exact gradients for all parameters.
import type { Run } from '../../../metrics/index.js';
import type { Bag, BagList, Corpus } from '../words/bags.js';
import { tables as native } from '../../../native/tables.js';
import { doubleRoom, floatRoom } from '../room.js';
import { retrieve } from './retrieve.js';
import { Adam, type RowGradient } from '../../training/adam.js';
import { TableStudent } from '../table-student.js';
import { TextList } from '../words/text-list.js';
import type { Sequence } from '../words/sequence.js';
import { WordMap, type MappedRows } from '../words/word-map.js';

/** Word weights learn three times as fast as vectors, a factor found by a search on SciFact. */
const WORD_WEIGHT_RATE = 3;

/** Maximum number of encodings kept, of the texts of lists. */
const KEPT_TEXTS = 20_000;
/** Maximum number of texts encoded together. */
const TEXTS_AT_ONCE = 1024;

/**
 * A text's vector is e = M u / |M u| with u = Σ x_t exp(a_t) v_t over its words t, x_t the bag's weight; queries and documents share it.
 * score = s · e_query · e_document.
 *
 * Learned: word vectors v (words × width), word weights a, the map M (width × width, initially the identity),
 * ln s.
 */
export class DenseStudent extends TableStudent {
  private readonly map: WordMap;
  private readonly logScale = new Float32Array(1);
  protected readonly tables: Record<'vectors' | 'wordWeights' | 'map' | 'logScale', Adam>;

  /** exp(a) of each word, NaN if not yet computed. */
  private readonly importances: Float32Array;
  /**
   * The place of a text's encoding, computed since the last step; used by the backward pass and by all lists
   * with the text.
   */
  private readonly known = new Map<Bag, number>();
  /** u of each encoded text, and e and |M u|. */
  private readonly sums = floatRoom();
  private readonly units = floatRoom();
  private readonly lengths = doubleRoom();
  /** The texts that are being encoded. */
  private readonly texts = new TextList();
  /** Texts that have received gradients since the last step, and dL/du of each. */
  private readonly pulled = new TextList();
  private readonly toSums = floatRoom();
  /** Of the texts of one list. */
  private readonly own = {
    sums: floatRoom(),
    units: floatRoom(),
    lengths: doubleRoom(),
    upstream: floatRoom(),
  };
  private readonly dots = doubleRoom();
  private readonly slopes = floatRoom();
  private readonly rows: Int32Array;

  /**
   * @param vectors words × width, copied
   * @param width a multiple of four
   */
  constructor(
    vectors: Float32Array,
    readonly width: number,
  ) {
    super();
    const words = vectors.length / width;
    this.map = new WordMap(width);
    this.tables = {
      vectors: new Adam(vectors.slice(), width, 1, 'native'),
      wordWeights: new Adam(new Float32Array(words), 1, WORD_WEIGHT_RATE),
      map: this.map.table,
      logScale: new Adam(this.logScale, 1),
    };
    this.importances = new Float32Array(words).fill(NaN);
    this.rows = new Int32Array(words);
  }

  /** The vector of a text: length 1, or 0 for a text without words. Valid until other texts take its place. */
  encode(bag: Bag): Float32Array {
    return this.unit(this.places([bag])[0]);
  }

  /** The vectors of texts, texts × width; they are not kept. */
  encodeAll(bags: Sequence<Bag>): Float32Array {
    const { width, texts } = this;
    const units = new Float32Array(bags.length * width);
    for (let first = 0; first < bags.length; first += TEXTS_AT_ONCE) {
      texts.clear();
      for (const bag of bags.slice(first, first + TEXTS_AT_ONCE)) texts.add(bag);
      const sums = this.own.sums.of(texts.count * width);
      const own = units.subarray(first * width, (first + texts.count) * width);
      this.forward(sums, { units: own, lengths: this.own.lengths.of(texts.count) });
    }
    return units;
  }

  private unit(place: number): Float32Array {
    const { width } = this;
    return this.units.of(0).subarray(place * width, (place + 1) * width);
  }

  /** The places of texts' encodings; valid until other texts take them. */
  private places(bags: readonly Bag[]): Int32Array {
    const { known, texts } = this;
    if (known.size + bags.length > KEPT_TEXTS) known.clear();
    const first = known.size;
    texts.clear();
    const places = new Int32Array(bags.length);
    for (let i = 0; i < bags.length; i++) {
      const bag = bags[i];
      let place = known.get(bag);
      if (place === undefined) {
        known.set(bag, (place = known.size));
        texts.add(bag);
      }
      places[i] = place;
    }
    if (texts.count > 0) this.remember(first);
    return places;
  }

  /** Encodes the gathered texts into places from `first` on. */
  private remember(first: number): void {
    const { width } = this;
    const { count } = this.texts;
    const from = first * width;
    const end = from + count * width;
    const units = this.units.grown(end).subarray(from, end);
    const lengths = this.lengths.grown(first + count).subarray(first);
    this.forward(this.sums.grown(end).subarray(from, end), { units, lengths });
  }

  /** Encodes the gathered texts. */
  private forward(sums: Float32Array, mapped: MappedRows): void {
    const { width, texts, tables } = this;
    const { ids, factors, offsets, count } = texts;
    const importances = this.importancesOf(texts);
    native().sum(tables.vectors.parameters, width, ids, factors, importances, offsets, sums);
    this.map.apply(sums, null, count, mapped);
  }

  /** exp(a) by word, made for the words of some texts. */
  private importancesOf({ ids, size }: TextList): Float32Array {
    const { importances } = this;
    const weights = this.tables.wordWeights.parameters;
    for (let i = 0; i < size; i++) {
      const word = ids[i];
      if (Number.isNaN(importances[word])) importances[word] = Math.exp(weights[word]);
    }
    return importances;
  }

  /** e_query · e_document of each document. */
  private dotsOf(places: Int32Array): Float64Array {
    const { width, units } = this;
    const n = places.length - 1;
    const dots = this.dots.of(n).fill(0, 0, n);
    native().addDots(this.unit(places[n]), units.of(0), width, places, n, dots);
    return dots;
  }

  score(list: BagList, out: Float32Array, at: number): void {
    const dots = this.dotsOf(this.places([...list.documents, list.query]));
    const scale = Math.exp(this.logScale[0]);
    for (let d = 0; d < list.documents.length; d++) out[at + d] = scale * dots[d];
  }

  backward(list: BagList, gradScores: Float32Array, at: number): void {
    const { width, tables } = this;
    const texts = [...list.documents, list.query];
    const places = this.places(texts);
    const dots = this.dotsOf(places);
    const scale = Math.exp(this.logScale[0]);
    const query = this.unit(places[texts.length - 1]);
    const toQuery = new Float32Array(width);
    const upstream = this.own.upstream.of(texts.length * width);
    tables.logScale.touch(0);
    for (let d = 0; d < list.documents.length; d++) {
      const g = scale * gradScores[at + d];
      const document = this.unit(places[d]);
      tables.logScale.gradient[0] += g * dots[d];
      for (let k = 0; k < width; k++) {
        toQuery[k] += g * document[k];
        upstream[d * width + k] = g * query[k];
      }
    }
    upstream.set(toQuery, list.documents.length * width);
    this.pull(texts, places, upstream);
  }

  /** Carries dL/de of texts back to the map, and to their sums, which {@link settle} takes on to the words. */
  private pull(texts: readonly Bag[], places: Int32Array, upstream: Float32Array): void {
    const { width, own, pulled } = this;
    const size = texts.length * width;
    const [sums, units, lengths] = [own.sums.of(size), own.units.of(size), own.lengths.of(texts.length)];
    const [allSums, allLengths] = [this.sums.of(0), this.lengths.of(0)];
    const before = pulled.count;
    let n = 0;
    for (let i = 0; i < texts.length; i++) {
      const place = places[i];
      // A text without words has no direction.
      if (allLengths[place] === 0) continue;
      sums.set(allSums.subarray(place * width, (place + 1) * width), n * width);
      units.set(this.unit(place), n * width);
      lengths[n] = allLengths[place];
      if (n < i) upstream.copyWithin(n * width, i * width, (i + 1) * width);
      pulled.add(texts[i]);
      n++;
    }
    if (n === 0) return;
    this.map.pull(sums, { units, lengths }, n, upstream);
    const [from, end] = [before * width, (before + n) * width];
    this.map.pullBack(upstream, n, this.toSums.grown(end).subarray(from, end));
  }

  /**
   * Gradients of word vectors and weights: since u contains exp(a) v, dL/da = v · dL/dv, computed once per
   * word however many texts contain it.
   */
  protected override settle(): void {
    const { width, pulled, rows, toSums } = this;
    const { vectors } = this.tables;
    const { gradient, parameters } = vectors;
    if (pulled.count > 0) {
      const texts = [pulled.ids, pulled.factors, this.importancesOf(pulled), pulled.offsets] as const;
      const n = native().spread(toSums.of(0), width, ...texts, gradient, rows);
      for (let i = 0; i < n; i++) vectors.touch(rows[i]);
    }
    const touched = vectors.rows;
    const slopes = this.slopes.of(touched.length);
    native().dotPairs(parameters, width, gradient, touched, touched.length, slopes);
    this.takeSlopes(touched, slopes);
  }

  override takeGradients(): RowGradient[] {
    const taken = super.takeGradients();
    this.pulled.clear();
    return taken;
  }

  override step(learningRate: number): void {
    const { vectors, ...others } = this.tables;
    if (vectors.rows.length === 0) {
      this.learn(learningRate);
    } else {
      this.settle();
      vectors.step(learningRate);
    }
    for (const table of Object.values(others)) table.step(learningRate);
    this.pulled.clear();
    this.forget();
  }

  /**
   * A step of the word vectors with the gradient that {@link settle} computes, which is not stored: that of a
   * batch exceeds the caches.
   */
  private learn(learningRate: number): void {
    const { width, pulled, rows } = this;
    const { vectors } = this.tables;
    const { ids, size, factors, offsets } = pulled;
    vectors.stepBy(learningRate, (rate, correction) => {
      if (size === 0) return;
      const { parameters, first, second } = vectors;
      const texts = [ids, factors, this.importancesOf(pulled), offsets] as const;
      const slopes = this.slopes.of(Math.min(size, rows.length));
      const adam = [parameters, first, second, rate, correction, rows, slopes] as const;
      const n = native().learn(this.toSums.of(0), width, ...texts, ...adam);
      this.takeSlopes(rows.subarray(0, n), slopes);
    });
  }

  /** Takes the gradient of the weights of some words. */
  private takeSlopes(words: Int32Array, slopes: Float32Array): void {
    const { wordWeights } = this.tables;
    for (let i = 0; i < words.length; i++) {
      wordWeights.touch(words[i]);
      wordWeights.gradient[words[i]] = slopes[i];
    }
  }

  scale(factor: number): void {
    this.logScale[0] += Math.log(factor);
  }

  override forget(): void {
    this.known.clear();
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
