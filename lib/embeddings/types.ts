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

/** Vectors one after the other, each of `dim` elements: float32, or bfloat16 and float16 as in the losses. */
export type Embeddings = Scores;

/**
 * `dot`: the dot product; `cosine`: that of the normalised vectors, 0 where one of them is all zeros. `maxSim` (late interaction): queries and
 * documents have one vector for each token, and a score adds up, over the query's tokens, the largest similarity with a token of the document.
 * `sparse`: the dot product of vectors of terms of which only some elements are held (compressed rows); `dim` is the size of the vocabulary.
 */
export type Similarity = TokenSimilarity | 'maxSim' | 'sparse';

/** How the scores of a whole batch are held: {@link EmbeddingOptions.inBatchScores}. */
export type InBatchScores = 'auto' | 'stored' | 'tiles';

/** How MaxSim compares two tokens. */
export type TokenSimilarity = 'dot' | 'cosine';

/**
 * Embeddings, and which pairs of them have a score. Without `inBatch` each query has a list of its own: `candidates`, or without them the
 * documents in order. No array may be detached, resizable or shared memory.
 */
export interface EmbeddingPairs<Q extends Embeddings = Embeddings, D extends Embeddings = Embeddings> {
  /** `[queries, dim]`; for `maxSim` `[tokens of all queries, dim]`; for `sparse` the elements that are held. */
  queries: Q;
  /** `[documents, dim]`; for `maxSim` `[tokens of all documents, dim]`; for `sparse` the elements that are held. */
  documents: D;
  /**
   * For `maxSim` and `sparse`, and only there: `queries + 1` ascending positions from 0 to the number of vectors (elements); the tokens of query
   * `b` are the vectors `[queryOffsets[b], queryOffsets[b + 1])`. A query without tokens or elements scores 0.
   */
  queryOffsets?: Int32Array;
  /**
   * The same for documents, `documents + 1` positions. For `maxSim`, a document without tokens scores -Infinity; for `sparse`, one without
   * elements 0.
   */
  documentOffsets?: Int32Array;
  /** For `maxSim`: a byte for each token of the queries; one of 0 is as if it were not there, and has gradient 0. */
  queryMask?: Uint8Array;
  /** The same for the tokens of the documents. */
  documentMask?: Uint8Array;
  /** For `sparse`: the term of each element of `queries`, 0 to `dim - 1`, ascending within a query. */
  queryIds?: Int32Array;
  /** The same for `documents`. */
  documentIds?: Int32Array;
  /** The number of a document for each place of the lists; -1 for none, whose score is -Infinity. A document may be in many lists. */
  candidates?: Int32Array;
  /** `[queries, documents]`: lists of one length. Default: the places, divided by the queries. */
  shape?: BatchShape;
  /** `queries + 1` ascending positions: the list of query `b` is `[offsets[b], offsets[b + 1])`. Instead of `shape`. */
  offsets?: Int32Array;
  /** Every document is a candidate of every query: scores are `[queries, documents]`. Default false. */
  inBatch?: boolean;
}

/** What the similarity of two embeddings is, and how it is computed. */
export interface SimilarityOptions {
  /** Elements of a vector, 1 to 2^20; for `sparse` the number of terms. */
  dim: number;
  /** Default `dot`. */
  similarity?: Similarity;
  /** For `maxSim`: how tokens are compared. Default `dot`. */
  tokenSimilarity?: TokenSimilarity;
  /** For `maxSim`: the mean over the query's tokens in place of their sum. Default false. */
  tokenMean?: boolean;
  /** Multiplies the similarity; finite. Default 1. */
  scale?: number;
  /** How `Uint16Array`s are read; needed when there are any. */
  dtype?: Dtype;
  /** Instruction set; default the best there is, or `CKL_CPU_TARGET`. avx2, avx512 and neon give the same bits. */
  cpuTarget?: CpuTarget;
  /** Threads, 0 = as many as the machine has; default 0, or `CKL_THREADS`. Results do not depend on it. */
  threads?: number;
}

/** Which gradients are wanted. */
export interface GradientOptions {
  /** dL/d(query embedding). Default true. */
  queryGrad?: boolean;
  /** dL/d(document embedding). Default true. */
  documentGrad?: boolean;
  /** dL/dscale, for a learned temperature. Default false. */
  scaleGrad?: boolean;
}

/** Where gradients go. Each may be the array of its own embeddings. */
export interface GradientOutputs<Q extends Embeddings = Embeddings, D extends Embeddings = Embeddings> {
  /** Where to write dL/d(query embedding), of any element type. Default: an array of the queries' type. */
  queryGrad?: Q;
  /** Where to write dL/d(document embedding), of any element type. Default: an array of the documents' type. */
  documentGrad?: D;
  /** Add to what these arrays hold, which must then be given. Default false. */
  accumulate?: boolean;
}

/** Input of {@link scores}. */
export interface ScoresInput extends EmbeddingPairs {
  /** `[documents]`: added to the scores of each document. -Infinity takes it out of every list. */
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
  /** `[queries, k]`: rows of `documents`; -1 where there are fewer than k. */
  ids: Int32Array;
  /** `[queries, k]`; -Infinity where there are fewer than k. */
  scores: Float32Array;
}

/** What a list says about its documents. */
export interface Judgements {
  /** Teacher scores, laid out like the scores. Not needed for `nll` and `lambdaMrr`. */
  teacher?: Scores;
  /** 1 positive, 0 negative, 255 padding, whose embeddings are never read for the gradients. */
  labels: Uint8Array;
  /** Graded relevance, finite. */
  relevance?: Float32Array;
  /** 0 leaves a pair out, as the label 255 does; false negatives, for example (`falseNegatives`). */
  mask?: Uint8Array;
}

/** How a teacher's embeddings are compared. Each text has one vector. */
export interface TeacherEmbeddings {
  /** Elements of a teacher's vector, 1 to 2^20; often not the student's. */
  dim: number;
  /** Default `dot`. */
  similarity?: TokenSimilarity;
  /** Multiplies the similarity; finite. Default 1. */
  scale?: number;
  /** How `Uint16Array`s are read. Default: the option `dtype`. */
  dtype?: Dtype;
}

/** One batch of embeddings with what a loss needs of its lists. */
export interface EmbeddingBatch<Q extends Embeddings = Embeddings, D extends Embeddings = Embeddings>
  extends EmbeddingPairs<Q, D>, GradientOutputs<Q, D>, Judgements {
  /**
   * With `inBatch`: the documents of each query's own list, `queries * n` rows of `documents` (-1: none). `teacher`, `labels`, `relevance` and
   * `mask` are then laid out like it; all other documents of the batch are negatives with teacher score -Infinity and relevance 0. Of a
   * document that is twice in a list the last place counts.
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
  /** In place of the option. */
  scale?: number;
  /**
   * In place of `teacher`, with the option `teacherEmbeddings`: `[queries, its dim]`, of any element type. The teacher then scores all pairs
   * that the student scores, with `own`, too.
   */
  teacherQueries?: Embeddings;
  /** With `teacherQueries`: `[documents, its dim]`, a vector for each document of the batch. */
  teacherDocuments?: Embeddings;
  /** Where to write the loss of each query. */
  perQuery?: Float32Array;
  /** Where to write the scores; implies the option `scores`. */
  scores?: Float32Array;
}

/** Options of a prepared loss of embeddings besides those of its loss. */
export interface EmbeddingOptions extends SimilarityOptions, GradientOptions {
  /** The size of the largest batch: `[queries, documents of a list]`, with `inBatch` `[queries, documents of the batch]`. */
  shape: BatchShape;
  /** Every document is a candidate of every query, unless a batch says otherwise. Default false. */
  inBatch?: boolean;
  /**
   * With `inBatch`: `stored` holds the scores as one matrix, `queries * documents * 4` bytes; `tiles` holds those of one block of queries at a
   * time (4 MiB, or 16 queries), and no other copy of the documents either. Both give the same bits. `auto`, the default, takes tiles where the
   * matrix would need more than 64 MiB and more than a quarter of the free memory. `maxSim`, `scores`, `teacherGrad`, `diagnostics`, `group` and
   * `runAsync` need `stored`.
   */
  inBatchScores?: InBatchScores;
  /**
   * The teacher of a batch is given as embeddings (`teacherQueries`, `teacherDocuments`), scored where the loss reads them: in tiles, no matrix of
   * its scores is held either. Not with `across`.
   */
  teacherEmbeddings?: TeacherEmbeddings;
  /** Ranks whose queries are in one mean, each with its own; their lists hold their own documents, or with `across` those of all. */
  group?: Communicator;
  /**
   * With `group`: the documents of all ranks, in the order of ranks, are negatives of each rank's queries; `shape` is
   * `[own queries, documents of all ranks]`, and `own` gives places among this rank's documents. `gather`: each rank holds all documents for
   * the length of a run. `ring`: those of one rank at a time come to all others, twice, so that a rank never holds more than two ranks'. Both have
   * the bits of one process but for `scaleGrad`. For `dot` and `cosine`, without `scores`, `teacherGrad`, `teacherEmbeddings`, `diagnostics`, `dims` and
   * `runAsync`.
   */
  across?: 'gather' | 'ring';
  /** Queries of a tile, at least 1, in place of as many as 4 MiB hold. Changes memory and speed, and no bit. */
  tileQueries?: number;
  /**
   * Matryoshka: the loss of each of these dimensions, different integers from 1 to `dim`, taken over the first so many elements of every
   * vector (which the cosine normalises by themselves), and their weighted sum. Gradients add up in float32.
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
  /** How many queries have what the loss needs. */
  counted: number;
  /** With `dims` and unless `reduction` is `'none'`: the loss of each dimension, without its weight. */
  perDim?: number[];
  /** Laid out by query and list, with `inBatch` `[queries, documents]`; when asked for. With `dims`: of the largest. */
  scores?: Float32Array;
  /** dL/d(teacher score), laid out like the scores; when asked for. */
  teacherGrad?: Scores;
  diagnostics?: Diagnostics;
}

/**
 * A loss of embeddings that is ready to run. **Each run overwrites the arrays of the run before**, unless the batch provides its own. It holds
 * the scores of the largest batch as float32 (with `inBatch` queries * documents of them), scratch space, and for `maxSim` 4 bytes for each
 * score and token of its query.
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
   * Loss and gradients of a batch no larger than the prepared shape.
   * @throws TypeError or RangeError with a `code`; then no array of the caller's was touched and the next run works.
   */
  run<Q extends Embeddings, D extends Embeddings>(batch: EmbeddingBatch<Q, D>): EmbeddingResult<R, Q, D>;
  /**
   * The same on other threads. The batch is copied before this returns, and cannot include outputs; runs may overlap. Every error rejects.
   * An abort rejects with the signal's reason, at the latest when the step that is running (scores, loss or gradients) has ended.
   */
  runAsync<Q extends Embeddings, D extends Embeddings>(
    batch: Omit<EmbeddingBatch<Q, D>, 'queryGrad' | 'documentGrad' | 'accumulate' | 'perQuery' | 'scores'>,
    options?: { signal?: AbortSignal },
  ): Promise<EmbeddingResult<R, Q, D>>;
  /** Frees the native memory and lets go of all arrays; `run` then throws ERR_CKL_DISPOSED. May be called twice. */
  dispose(): void;
}

/** The terms of a weighted sum and what they share. */
export type EmbeddingSum = { terms: readonly Term[] } & PairParameters;

export type ChunkSide = 'queries' | 'documents';

/** Embeddings of a chunk: one vector for each input, or for `maxSim` the vectors of all tokens and where those of each input begin and end. */
export type EncodedChunk = Embeddings | { vectors: Embeddings; offsets: Int32Array };

/** Encodes some inputs, without what a gradient needs. */
export type ChunkEncoder<I> = (inputs: readonly I[], side: ChunkSide) => EncodedChunk | Promise<EncodedChunk>;

/** Takes dL/d(embedding) of the same inputs, laid out like what was encoded: encodes them again, with gradient, and goes back from there. */
export type ChunkBackward<I> = (
  inputs: readonly I[],
  grad: Embeddings,
  side: ChunkSide,
) => void | Promise<void>;

/** A batch of which one side or both are inputs of a model; embeddings (a frozen side) are taken as they are. */
export type ChunkedBatch<Q, D> = Omit<
  EmbeddingBatch,
  'queries' | 'documents' | 'queryGrad' | 'documentGrad' | 'accumulate'
> & { queries: readonly Q[] | Embeddings; documents: readonly D[] | Embeddings };
