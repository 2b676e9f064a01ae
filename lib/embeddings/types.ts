// The public types of ckl-loss/embeddings: what goes in, with shapes and ranges, and what comes out.
import type { CpuTarget, Dtype, Scores } from '../types.js';

/** Vectors one after the other, each of `dim` elements: float32, or bfloat16 and float16 as in the losses. */
export type Embeddings = Scores;

/** `dot`: the dot product; `cosine`: that of the normalised vectors, 0 where one of them is all zeros. */
export type Similarity = 'dot' | 'cosine';

/**
 * Embeddings, and which pairs of them have a score. Without `inBatch` each query has a list of its own: `candidates`, or without them the
 * documents in order. No array may be detached, resizable or shared memory.
 */
export interface EmbeddingPairs<Q extends Embeddings = Embeddings, D extends Embeddings = Embeddings> {
  /** `[queries, dim]`. */
  queries: Q;
  /** `[documents, dim]`. */
  documents: D;
  /** A row of `documents` for each place of the lists; -1 for none, whose score is -Infinity. A document may be in many lists. */
  candidates?: Int32Array;
  /** `[queries, documents]`: lists of one length. Default: the places, divided by the queries. */
  shape?: readonly [queries: number, documents: number];
  /** `queries + 1` ascending positions: the list of query `b` is `[offsets[b], offsets[b + 1])`. Instead of `shape`. */
  offsets?: Int32Array;
  /** Every document is a candidate of every query: scores are `[queries, documents]`. Default false. */
  inBatch?: boolean;
}

/** What the similarity of two embeddings is, and how it is computed. */
export interface SimilarityOptions {
  /** Elements of an embedding, at least 1. */
  dim: number;
  /** Default `dot`. */
  similarity?: Similarity;
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
  /** `[queries, dim]`. */
  queryGrad?: Q;
  /** `[documents, dim]`; 0 for a document that is in no list. */
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
