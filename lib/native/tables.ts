// The addon's tables of word vectors: types of their raw interface. Internal to lib/.
import { chooseCpuTarget } from './backends.js';
import { native } from './native.js';

/** The words of all texts, concatenated: the first parameters of calls about texts. */
export type TextArguments = [
  ids: Int32Array,
  factors: Float32Array,
  /** By id, times the factor; null: 1. */
  importances: Float32Array | null,
  /** Where each text begins, and where the last one ends. */
  offsets: Int32Array,
];

/** A product of rows of a table with columns, which have `stride` numbers per row. */
export type ProductArguments = [
  table: Float32Array,
  width: number,
  chosen: Int32Array | null,
  n: number,
  columns: Float32Array,
  stride: number,
  out: Float32Array,
];

/**
 * Arithmetic on tables of float32 rows, whose width is a multiple of four, on the calling thread. Each product and each sum is rounded in the order
 * of its terms, so that bits depend neither on the machine nor on what else a call computes. Outputs may be
 * longer than needed, and must not overlap inputs unless they are documented as both. A size or an id out of
 * range throws before anything is written.
 */
export interface NativeTables {
  /** out[i] = Σ factor · table[id] over the words of text i. */
  sum(table: Float32Array, width: number, ...rest: [...TextArguments, out: Float32Array]): void;
  /**
   * gradient[id] = Σ factor · from[i] over the texts i that contain the word, in order, for each word that
   * occurs.
   *
   * @returns the number of these words; `rows` lists them in ascending order
   */
  spread(
    from: Float32Array,
    width: number,
    ...rest: [...TextArguments, gradient: Float32Array, rows: Int32Array]
  ): number;
  /**
   * Like `spread`, but uses each gradient at once instead of storing it: slopes[i] = parameters[rows[i]] ·
   * gradient, and a step of Adam.
   *
   * @returns as `spread` does
   */
  learn(
    from: Float32Array,
    width: number,
    ...rest: [
      ...TextArguments,
      parameters: Float32Array,
      first: Float32Array,
      second: Float32Array,
      rate: number,
      correction: number,
      rows: Int32Array,
      slopes: Float32Array,
    ]
  ): number;
  /** out[i] = a[rows[i]] · b[rows[i]]. */
  dotPairs(
    a: Float32Array,
    width: number,
    b: Float32Array,
    rows: Int32Array,
    n: number,
    out: Float32Array,
  ): void;
  /** out[i] += vector · table[rows[i]] (table[i] without rows), in float64. */
  addDots(
    vector: Float32Array,
    table: Float32Array,
    width: number,
    rows: Int32Array | null,
    n: number,
    out: Float64Array,
  ): void;
  /** out[i · stride + t] = Σ_k table[chosen[i]][k] · columns[k · stride + t]; table[i] without chosen. */
  product(...product: ProductArguments): void;
  /**
   * `product` for results above `least`; smaller ones may be replaced by anything up to `least`. The elements
   * after the first `head` cannot add more than the product of their lengths.
   *
   * @param stride a multiple of sixteen
   * @param rests for each row of the table, the length of the vector after the first `head` elements, rounded
   * up
   * @param columnRests the same of each column
   */
  productAbove(
    ...rest: [
      ...product: ProductArguments,
      head: number,
      rests: Float32Array,
      columnRests: Float32Array,
      least: number,
    ]
  ): void;
  /** out[j · width of b + k] += Σ_i a[i][j] · b[i][k] over the first n rows. */
  addOuter(
    a: Float32Array,
    widthOfA: number,
    b: Float32Array,
    widthOfB: number,
    n: number,
    out: Float32Array,
  ): void;
  /**
   * For each document d, whose places in the words end where ends[d] says, and each column t: values[d][t] = max(0, max over its places of factor ·
   * strength · max(0, cosine)²), which[d][t] = the first place that attains it, counted from the document's
   * first (-1 if it is 0), found[d][t] = its cosine (0 if it is 0).
   *
   * @param stride columns, a multiple of sixteen
   */
  match(
    cosines: Float32Array,
    stride: number,
    strengths: Float32Array,
    words: number,
    places: Int32Array,
    factors: Float32Array,
    ends: Int32Array,
    values: Float32Array,
    which: Int32Array,
    found: Float32Array | null,
  ): void;
  /** out[j] = Σ_t strengths[t] · (max(0, cosines[j][t] - tau) · slope)². */
  expand(
    cosines: Float32Array,
    stride: number,
    n: number,
    strengths: Float32Array,
    tau: number,
    slope: number,
    out: Float32Array,
  ): void;
  /** Scales each row to length 1, in place; a row of zeros stays. `lengths` receives the original lengths. */
  normalise(rows: Float32Array, width: number, n: number, lengths: Float64Array): void;
  /** Converts dL/d unit to dL/d row, in place; 0 for a row of length 0. */
  pullUnits(
    units: Float32Array,
    width: number,
    lengths: Float64Array,
    n: number,
    upstream: Float32Array,
  ): void;
  /**
   * A step of Adam for some rows, which also clears their gradients. rate: the learning rate over the first
   * moment's bias correction; correction: 1 over the second moment's.
   */
  adam(
    parameters: Float32Array,
    width: number,
    gradient: Float32Array,
    first: Float32Array,
    second: Float32Array,
    rows: Int32Array,
    n: number,
    rate: number,
    correction: number,
  ): void;
  /**
   * Numbers words in the order of their first appearance: places[i] is the number of ids[i], and `distinct` lists them.
   *
   * @param seen all 0 before and after the call
   * @returns the number of distinct words
   */
  number(ids: Int32Array, n: number, seen: Int32Array, places: Int32Array, distinct: Int32Array): number;
}

let made: NativeTables | undefined;

/** @param target an instruction set; '' = the best this machine has */
export function newTables(target: string): NativeTables {
  return (native as unknown as { tables: (target: string) => NativeTables }).tables(target);
}

/** The tables of this thread, which hold only scratch space. */
export const tables = (): NativeTables => (made ??= newTables(chooseCpuTarget(undefined)));
