/// <reference lib="esnext.disposable" preserve="true" />
// The public types of ckl-loss/embeddings: what goes in, with shapes and ranges, and what comes out.
import type { Communicator } from '../communicator.js';
import type { LossName } from '../losses.js';
import type {
  BatchShape,
  CpuTarget,
  Diagnostics,
  Dtype,
  PairParameters,
  Ranks,
  Reduction,
  Scores,
  Term,
} from '../types.js';

/** Consecutive vectors of `dim` elements each: float32, or bfloat16 and float16 in the same form as scores. */
export type Embeddings = Scores;

/**
 * `dot`: the dot product. `cosine`: that of the normalised vectors, or 0 if one of them is all zeros. `maxSim` (late interaction): queries and
 * documents have one vector for each token, and a score adds up, over the query's tokens, the largest similarity with a token of the document.
 * `sparse`: the dot product of vectors of terms of which only some elements are stored (compressed rows); `dim` is the size of the vocabulary.
 */
export type Similarity = TokenSimilarity | 'maxSim' | 'sparse';

/** How the scores of a whole batch are held: {@link EmbeddingOptions.inBatchScores}. */
export type InBatchScores = 'auto' | 'stored' | 'tiles';

/** How MaxSim compares two tokens. */
export type TokenSimilarity = 'dot' | 'cosine';

/**
 * Embeddings, and which pairs of them have a score. Without `inBatch` each query has its own list: `candidates` or, without them, the
 * documents in order. The memory of an array must not be detached, resizable or shared.
 */
export interface EmbeddingPairs<Q extends Embeddings = Embeddings, D extends Embeddings = Embeddings> {
  /** `[queries, dim]`; for `maxSim` `[tokens of all queries, dim]`; for `sparse` the stored elements. */
  queries: Q;
  /** `[documents, dim]`; for `maxSim` `[tokens of all documents, dim]`; for `sparse` the stored elements. */
  documents: D;
  /**
   * Only for `maxSim` and `sparse`: `queries + 1` ascending positions, from 0 to the number of vectors (for `sparse`, of elements). The tokens of
   * query `b` are the vectors `[queryOffsets[b], queryOffsets[b + 1])`. A query without tokens or elements scores 0.
   */
  queryOffsets?: Int32Array;
  /**
   * The same for documents, `documents + 1` positions. For `maxSim`, a document without tokens scores -Infinity; for `sparse`, one without
   * elements 0.
   */
  documentOffsets?: Int32Array;
  /** For `maxSim`: a byte for each token of the queries. A token whose byte is 0 is ignored, and has gradient 0. */
  queryMask?: Uint8Array;
  /** The same for the tokens of the documents. */
  documentMask?: Uint8Array;
  /** For `sparse`: the term of each element of `queries`, 0 to `dim - 1`, ascending within a query. */
  queryIds?: Int32Array;
  /** The same for `documents`. */
  documentIds?: Int32Array;
  /** The number of a document for each place in the lists, or -1 for none, whose score is -Infinity. A document may be in many lists. */
  candidates?: Int32Array;
  /** `[queries, documents]`, for lists of one length. By default, the places are divided equally among the queries. */
  shape?: BatchShape;
  /** `queries + 1` ascending positions: the list of query `b` is `[offsets[b], offsets[b + 1])`. Instead of `shape`. */
  offsets?: Int32Array;
  /** Every document is a candidate of every query: scores are `[queries, documents]`. Default false. */
  inBatch?: boolean;
}

/** The similarity of two embeddings, and how it is computed. */
export interface SimilarityOptions {
  /** Elements of a vector, 1 to 2^20; for `sparse` the number of terms. */
  dim: number;
  /** Default `dot`. */
  similarity?: Similarity;
  /** For `maxSim`: how tokens are compared. Default `dot`. */
  tokenSimilarity?: TokenSimilarity;
  /** For `maxSim`: the mean over the query's tokens instead of their sum. Default false. */
  tokenMean?: boolean;
  /** Multiplies the similarity; finite. Default 1. */
  scale?: number;
  /** The type of embeddings in a `Uint16Array`; needed if there are any. */
  dtype?: Dtype;
  /** Instruction set. Default: the variable `CKL_CPU_TARGET`, or the best available. avx2, avx512 and neon give the same bits. */
  cpuTarget?: CpuTarget;
  /** Number of threads; 0 means one per hardware thread. Default: the variable `CKL_THREADS`, or 0. Results do not depend on it. */
  threads?: number;
}

/** Which gradients to compute. */
export interface GradientOptions {
  /** dL/d(query embedding). Default true. */
  queryGrad?: boolean;
  /** dL/d(document embedding). Default true. */
  documentGrad?: boolean;
  /** dL/dscale, for a learned temperature. Default false. */
  scaleGrad?: boolean;
}

/** Where to write gradients. Each may be the array of the embeddings themselves. */
export interface GradientOutputs<Q extends Embeddings = Embeddings, D extends Embeddings = Embeddings> {
  /** Where to write dL/d(query embedding), of any element type. Default: an array of the queries' type. */
  queryGrad?: Q;
  /** Where to write dL/d(document embedding), of any element type. Default: an array of the documents' type. */
  documentGrad?: D;
  /** Add the gradients to the contents of these arrays, which are then required. Default false. */
  accumulate?: boolean;
}

/** Input of {@link scores}. */
export interface ScoresInput extends EmbeddingPairs {
  /** `[documents]`: added to the scores of each document. -Infinity removes a document from every list. */
  bias?: Float32Array;
  /** Where to write the scores. Default: a new array. */
  scores?: Float32Array;
}

/** Input of {@link backward}. */
export interface BackwardInput<Q extends Embeddings = Embeddings, D extends Embeddings = Embeddings>
  extends EmbeddingPairs<Q, D>, GradientOutputs<Q, D> {
  /** dL/d(score), laid out like the scores. A pair whose gradient is 0 is not read. */
  grad: Float32Array;
}

/** Gradients with respect to the embeddings; those that were switched off are missing. */
export interface Gradients<Q extends Embeddings = Embeddings, D extends Embeddings = Embeddings> {
  /** Laid out like `queries`. */
  queryGrad?: Q;
  /** Laid out like `documents`; 0 for a document that is in no list, and for a token that is no query token's best. */
  documentGrad?: D;
  scaleGrad?: number;
}

/** The best documents of each query, best first; equal scores in the order of the documents. */
export interface TopK {
  /** `[queries, k]`: rows of `documents`, and -1 if there are fewer than k. */
  ids: Int32Array;
  /** `[queries, k]`, and -Infinity if there are fewer than k. */
  scores: Float32Array;
}

/** Teacher scores, labels and relevance of the documents of the lists. */
export interface Judgements {
  /** Teacher scores, laid out like the scores. Not needed for `nll` and `lambdaMrr`. */
  teacher?: Scores;
  /** 1 positive, 0 negative, 255 padding, whose embeddings are never read for the gradients. */
  labels: Uint8Array;
  /** Graded relevance, finite. */
  relevance?: Float32Array;
  /** 0 leaves out a pair, as the label 255 does, for example a false negative (`falseNegatives`). */
  mask?: Uint8Array;
}

/** How a teacher's embeddings are compared. Each text has one vector. */
export interface TeacherEmbeddings {
  /** Elements of a teacher's vector, 1 to 2^20; may differ from the student's. */
  dim: number;
  /** Default `dot`. */
  similarity?: TokenSimilarity;
  /** Multiplies the similarity; finite. Default 1. */
  scale?: number;
  /** The type of embeddings in a `Uint16Array`. Default: the option `dtype`. */
  dtype?: Dtype;
}

/** One batch of embeddings, with the teacher, labels and weights of its lists. */
export interface EmbeddingBatch<Q extends Embeddings = Embeddings, D extends Embeddings = Embeddings>
  extends EmbeddingPairs<Q, D>, GradientOutputs<Q, D>, Judgements {
  /**
   * With `inBatch`: the documents of each query's own list, `queries * n` rows of `documents` (-1: none). `teacher`, `labels`, `relevance` and
   * `mask` then have this layout, and all other documents of the batch are negatives with teacher score -Infinity and relevance 0. If a document
   * is in a list twice, its last place counts.
   */
  own?: Int32Array;
  /** Rank of each document, laid out like the scores (also with `own`). */
  ranks?: Ranks;
  /** CKL's exponent bias, laid out like the scores (also with `own`). */
  beta?: Float32Array;
  /** Weight of each query, finite and >= 0. */
  weights?: Float32Array;
  /** `[documents]`: added to the scores of each document. */
  bias?: Float32Array;
  /** Overrides the option `scale`. */
  scale?: number;
  /**
   * Instead of `teacher`, with the option `teacherEmbeddings`: `[queries, dim of the teacher]`, of any element type. The teacher then scores all
   * pairs that the student scores, also with `own`.
   */
  teacherQueries?: Embeddings;
  /** With `teacherQueries`: `[documents, dim of the teacher]`, a vector for each document of the batch. */
  teacherDocuments?: Embeddings;
  /** Where to write the loss of each query. */
  perQuery?: Float32Array;
  /** Where to write the scores; implies the option `scores`. */
  scores?: Float32Array;
}

/** The options of a prepared loss of embeddings, in addition to those of its loss. */
export interface EmbeddingOptions extends SimilarityOptions, GradientOptions {
  /** The size of the largest batch: `[queries, documents of a list]`, or with `inBatch` `[queries, documents of the batch]`. */
  shape: BatchShape;
  /** Every document is a candidate of every query, unless a batch says otherwise. Default false. */
  inBatch?: boolean;
  /**
   * With `inBatch`: `stored` holds the scores as one matrix of `queries * documents * 4` bytes. `tiles` holds only the scores of one block of
   * queries at a time (5 MiB, or 16 queries), and no copy of the documents. Both give the same bits. `auto`, the default, uses tiles if the
   * matrix would need more than 64 MiB and more than a quarter of the free memory. `maxSim`, `scores`, `teacherGrad`, `diagnostics`, `group` and
   * `runAsync` need `stored`.
   */
  inBatchScores?: InBatchScores;
  /**
   * The teacher of a batch is given as embeddings (`teacherQueries`, `teacherDocuments`), which are scored when the loss reads them, so that with
   * `tiles` no matrix of the teacher's scores is held either. Not with `across`.
   */
  teacherEmbeddings?: TeacherEmbeddings;
  /** The queries of all ranks of this group share one mean. The lists of a rank have its own documents or, with `across`, those of all ranks. */
  group?: Communicator;
  /**
   * With `group`: the documents of all ranks, in the order of ranks, are negatives of each rank's queries. `shape` is then
   * `[own queries, documents of all ranks]`, and `own` refers to this rank's documents. With `gather`, each rank holds all documents during a
   * run. With `ring`, the documents of one rank at a time are sent to all others, twice, so a rank never holds those of more than two ranks. Both
   * have the bits of one process, except for `scaleGrad`. Only for `dot` and `cosine`, without `scores`, `teacherGrad`, `teacherEmbeddings`,
   * `diagnostics`, `dims` and `runAsync`.
   */
  across?: 'gather' | 'ring';
  /** The number of queries in a tile, at least 1. Default: as many as 4 MiB of scores hold. Changes memory and speed, but not the results. */
  tileQueries?: number;
  /**
   * Matryoshka: the weighted sum of the losses of these dimensions, which are different integers from 1 to `dim`. The loss of dimension d uses
   * the first d elements of every vector (which the cosine normalises separately). Gradients are summed in float32.
   */
  dims?: readonly number[];
  /** The weight of each of `dims`, finite and >= 0. Default 1 each. */
  dimWeights?: readonly number[];
  /** Also return the scores. Default false. */
  scores?: boolean;
}

export interface EmbeddingResult<
  R extends Reduction = Reduction,
  Q extends Embeddings = Embeddings,
  D extends Embeddings = Embeddings,
> extends Gradients<Q, D> {
  /** The reduced loss; with reduction `'none'` the same array as `perQuery`. */
  loss: R extends 'none' ? Float32Array : number;
  perQuery: Float32Array;
  /** The number of queries in the mean: those that have the documents the loss needs. */
  counted: number;
  /** With `dims` and unless `reduction` is `'none'`: the loss of each dimension, without its weight. */
  perDim?: number[];
  /** With the option `scores`: laid out by query and list, or with `inBatch` `[queries, documents]`. With `dims`, those of the largest dimension. */
  scores?: Float32Array;
  /** With the option `teacherGrad`: dL/d(teacher score), laid out like the scores. */
  teacherGrad?: Scores;
  diagnostics?: Diagnostics;
}

/**
 * A loss of embeddings that is ready to run. **Each run overwrites the arrays of the previous run**, unless the batch provides its own. The loss
 * holds the scores of the largest batch as float32 (with `inBatch` queries * documents of them), scratch memory, and for `maxSim` 4 bytes for
 * each score and token of its query.
 */
export interface PreparedEmbeddings<R extends Reduction = Reduction> extends Disposable {
  readonly loss: LossName | 'combine';
  /** The instruction set that is used. */
  readonly target: string;
  readonly threads: number;
  readonly shape: readonly [queries: number, documents: number];
  /** Elements of a vector in memory; for `sparse` 1. */
  readonly dim: number;
  /** The dimensions whose losses are added: `[dim]`, unless the option `dims` says otherwise. */
  readonly dims: readonly number[];
  /** Which gradients are computed. */
  readonly wanted: Readonly<Required<GradientOptions>>;
  /**
   * Computes loss and gradients of a batch no larger than the prepared shape.
   * @throws TypeError or RangeError with a `code`. No array of the caller has been written then, and the next run works.
   */
  run<Q extends Embeddings, D extends Embeddings>(batch: EmbeddingBatch<Q, D>): EmbeddingResult<R, Q, D>;
  /**
   * Computes the same on other threads. The batch is copied before this returns, and cannot include outputs; runs may overlap. Every error
   * rejects the promise. An abort rejects it with the signal's reason, at the latest when the current step (scores, loss or gradients) ends.
   */
  runAsync<Q extends Embeddings, D extends Embeddings>(
    batch: Omit<EmbeddingBatch<Q, D>, 'queryGrad' | 'documentGrad' | 'accumulate' | 'perQuery' | 'scores'>,
    options?: { signal?: AbortSignal },
  ): Promise<EmbeddingResult<R, Q, D>>;
  /** Frees the native memory and lets go of all arrays; `run` then throws ERR_CKL_DISPOSED. May be called twice. */
  dispose(): void;
}

/** The terms of a weighted sum and the options that they share. */
export type EmbeddingSum = { terms: readonly Term[] } & PairParameters;

export type ChunkSide = 'queries' | 'documents';

/** Embeddings of a chunk: one vector for each input; for `maxSim`, the vectors of all tokens, and the offsets at which each input begins and ends. */
export type EncodedChunk = Embeddings | { vectors: Embeddings; offsets: Int32Array };

/** Encodes some inputs, without keeping anything for a gradient. */
export type ChunkEncoder<I> = (inputs: readonly I[], side: ChunkSide) => EncodedChunk | Promise<EncodedChunk>;

/** Receives dL/d(embedding) of the same inputs, laid out like their embeddings. It encodes the inputs again and runs the backward pass. */
export type ChunkBackward<I> = (
  inputs: readonly I[],
  grad: Embeddings,
  side: ChunkSide,
) => void | Promise<void>;

/** A batch in which one side or both are inputs of a model. The other side, if it is frozen, is given as embeddings. */
export type ChunkedBatch<Q, D> = Omit<
  EmbeddingBatch,
  'queries' | 'documents' | 'queryGrad' | 'documentGrad' | 'accumulate'
> & { queries: readonly Q[] | Embeddings; documents: readonly D[] | Embeddings };
