// The public types: what goes into a loss and what comes out, with shapes, ranges and sources.
import type { LossName } from './losses.js';

/** A `Float16Array`, where the engine has one. Written structurally so that older TypeScript libraries compile. */
export interface Float16Scores {
  readonly [Symbol.toStringTag]: 'Float16Array';
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly length: number;
  [index: number]: number;
}

/**
 * Scores, one number per document. A `Uint16Array` holds bfloat16 or float16 bit patterns, as the option `dtype` says.
 * Arithmetic is in float32 whatever the storage.
 */
export type Scores = Float32Array | Uint16Array | Float16Scores;

/** Ranks, 1 = best; `Infinity` (float32 only) for a document that is not in the ranking. */
export type Ranks = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array;

export type Reduction = 'mean' | 'sum' | 'none';
export type Dtype = 'float32' | 'bfloat16' | 'float16';
export type BackendName = 'cpu' | 'cuda';
export type CpuTarget = 'baseline' | 'avx2' | 'avx512' | 'neon';

/** `[queries, documents]`. The types also allow an array of unknown length, whose length is checked when it is read. */
export type BatchShape = readonly [queries: number, documents: number] | readonly number[];

/** Where the lists of a batch lie: `shape`, or `offsets` for lists of different lengths. */
export interface Layout {
  /** `[queries, documents]`: row `b` starts at `b * rowStride`. */
  shape?: BatchShape;
  /** Elements from the start of a row to the start of the next, at least `documents` (the default). Only with `shape`. */
  rowStride?: number;
  /** Instead of `shape`: `queries + 1` ascending positions. The list of query `b` is `[offsets[b], offsets[b + 1])`. */
  offsets?: Int32Array;
}

/**
 * One batch of queries. The arrays over documents (all except `weights`, `perQuery` and `offsets`) have the same layout. With `shape` they have
 * `queries * documents` elements (with `rowStride` at least `(queries - 1) * rowStride + documents`), and with `offsets` at least
 * `offsets[queries]`. The memory of an array must not be detached, resizable or shared.
 */
export interface Batch<S extends Scores = Scores, G extends Scores = S> extends Layout {
  /** Student scores: logits of any range. `-Infinity` means probability 0; a NaN makes the results of this query NaN, and of no other. */
  student: S;
  /** Teacher scores, whose element type may differ from the student's. Not needed for `nll` and `lambdaMrr`. */
  teacher?: Scores;
  /** 1 positive, 0 negative, 255 padding (never read, gradient 0). */
  labels: Uint8Array;
  /**
   * Rank of each document, at least 1, for the bias of CKL and the pair weights of lambdaMrr. Default: competition ranks of the student
   * scores of this batch (ties share a rank).
   */
  ranks?: Ranks;
  /** CKL's exponent bias itself, instead of `ranks` and `alpha`; `gamma - beta >= 1`. Read for negatives only. */
  beta?: Float32Array;
  /** Graded relevance for lambdaMrr, finite; default: the labels. */
  relevance?: Float32Array;
  /** Weight of each query in the reduction, finite and >= 0; default 1. */
  weights?: Float32Array;
  /** Where to write the gradient; may be the student array itself. Default: a new array of the student's type. */
  grad?: G;
  /** Where to write the loss of each query: `queries` elements. */
  perQuery?: Float32Array;
  /** Where to write dL/d(teacher score); same element type as the teacher. Implies the option `teacherGrad`. */
  teacherGrad?: Scores;
}

/** The quantities that the paper plots (Figures 1 to 3). Arrays over documents are laid out like the student, with 0 for padding. */
export interface Diagnostics {
  /** Weight of each document's divergence term: (1 - q)^gamma for positives, q^(gamma - beta) for negatives; 1 under `kl`. */
  weight: Float32Array;
  /** g: dL(i)/dq_i of this loss divided by that of KL, per document (Figure 2). */
  ratio: Float32Array;
  /** Shannon entropy of the student's probabilities of the positives, in nats, per query: -sum q ln q. */
  entropy: Float32Array;
  /** Lowest positive minus highest negative probability, per query. */
  separation: Float32Array;
  /** The same among the ten documents that the student ranks highest (Figure 3). */
  separationTop10: Float32Array;
}

export interface LossResult<R extends Reduction = Reduction, G = Scores> {
  /** The reduced loss; with reduction `'none'` the same array as `perQuery`. */
  loss: R extends 'none' ? Float32Array : number;
  /** d(reduced loss)/d(student score), times `gradScale`. */
  grad: G;
  /** The loss of each query, before weights; 0 for a query that is not counted. */
  perQuery: Float32Array;
  /** The number of queries in the mean: those that have the documents the loss needs (for most losses, a positive). */
  counted: number;
  /** d(reduced loss)/d(teacher score), times `gradScale`, with the option `teacherGrad`. */
  teacherGrad?: Scores;
  /** With the option `diagnostics`. */
  diagnostics?: Diagnostics;
}

/** The options of every loss. */
export interface CommonOptions<R extends Reduction = Reduction> {
  /** Divides the student's scores before the softmax; > 0. The gradient carries 1 / temperature. Default 1. */
  studentTemperature?: number;
  /** Divides the teacher's scores before the softmax; > 0. Default 1. */
  teacherTemperature?: number;
  /** `mean`: sum of w_b L_b / sum of w_b over the counted queries; `sum`: sum of w_b L_b; `none`: no reduction. Default `mean`. */
  reduction?: R;
  /** Multiplies the gradients (loss scaling, accumulation); finite. Default 1. */
  gradScale?: number;
  /**
   * Default `auto`, or the variable `CKL_BACKEND`. `auto` uses the CPU, except if a loss is prepared for 65536 documents or more on a machine
   * with a GPU: then both are timed, and the GPU is used if it is 1.5 times as fast, copies included. The backends agree within the stated
   * accuracy, but not to the bit, so name one if runs must be reproducible.
   */
  backend?: 'auto' | BackendName;
  /** Also return {@link Diagnostics}. Default false. */
  diagnostics?: boolean;
  /** Also return dL/d(teacher score), into a new array or the one given. Default false. */
  teacherGrad?: boolean | Scores;
  /** Instruction set. Default: the variable `CKL_CPU_TARGET`, or the best available. avx2, avx512 and neon give the same bits. */
  cpuTarget?: CpuTarget;
  /** Number of threads; 0 means one per hardware thread. Default: the variable `CKL_THREADS`, or 0. Results do not depend on it. */
  threads?: number;
  /** The type of scores in a `Uint16Array`; needed if there are any. */
  dtype?: Dtype;
}

/** CKL's own parameters (section 3.1 of the paper). */
export interface CklParameters {
  /** Exponent of the weights, >= 1. Default 5 (the paper's two-stage setting; it uses 1 for SimLM). */
  gamma?: number;
  /** Scale of the rank bias, 0 <= alpha <= gamma - 1. Default: the smaller of 1 and gamma - 1. */
  alpha?: number;
  /** Whether the gradient treats the weights as constants, dL/dq = -w p / q; the loss is the same. Default false, as in the paper. */
  detachWeights?: boolean;
}

export interface BklParameters {
  /** Weight of the entropy and L1 terms, >= 0. Default 0.1. */
  lambda?: number;
  /** Weight of the L1 term (over negatives) relative to the entropy, >= 0. Default 1/ln 2. */
  negativeWeight?: number;
}

export interface KlLogLParameters {
  /** Weight of the log-likelihood, >= 0. Default 1. */
  nllWeight?: number;
}

export interface JsdParameters {
  /**
   * The teacher's share of the mixture, between 0 and 1. Default 0.5. Not to be confused with the array `beta` of a batch, which is CKL's
   * exponent bias.
   */
  beta?: number;
}

export interface LambdaNdcgParameters extends PairParameters {
  /** The cut-off of NDCG@k, a whole number >= 1. A pair has weight 0 if neither document is among the student's first k. Default 10. */
  k?: number;
  /** Weight of NDCG-Loss2 relative to LambdaRank, >= 0. Default 10. */
  mu?: number;
}

export interface AdrMseParameters {
  /** How steep the sigmoids of the approximate ranks are, > 0. Default 1. */
  steepness?: number;
}

export interface PairParameters {
  /**
   * `query` (default): the mean over the pairs of each query, then over queries. `batch`: the mean over all pairs of the batch, as in the code
   * of CL-DRD; only with reduction `mean`.
   */
  pairMean?: 'query' | 'batch';
}

/** One loss of a weighted sum, with that loss's own hyper-parameters. */
export interface Term
  extends
    CklParameters,
    BklParameters,
    KlLogLParameters,
    JsdParameters,
    AdrMseParameters,
    Omit<LambdaNdcgParameters, keyof PairParameters> {
  loss: LossName;
  /** Factor of this term; finite. Default 1. */
  weight?: number;
}

/** The options of an `...Async` function. Such a function owns its outputs, so `teacherGrad` is a boolean. */
export interface AsyncOptions<R extends Reduction = Reduction> extends CommonOptions<R> {
  teacherGrad?: boolean;
  /** An abort rejects the promise with the signal's reason and stops the computation. */
  signal?: AbortSignal;
}
