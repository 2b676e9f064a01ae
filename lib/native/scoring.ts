// The addon's Scoring object: types of its raw interface, and its errors in words. Internal to lib/.
import { CklRangeError, CklTypeError } from '../errors.js';
import { native, type ScoreArray } from './native.js';

/** The result of a call: 0, or why nothing was computed. Mirrors src/scoring/scoring.h. */
export const enum ScoringStatus {
  ok = 0,
  type = 1,
  size = 2,
  candidate = 3,
  offset = 4,
  memory = 5,
  shape = 6,
  term = 7,
}

/** Indexed by the argument an error is about. Mirrors src/scoring/scoring.h. */
const argumentNames = [
  'the batch',
  'queries',
  'documents',
  'candidates',
  'offsets',
  'bias',
  'scores',
  'grad',
  'queryGrad',
  'documentGrad',
  'ids',
  'queryOffsets',
  'documentOffsets',
  'queryMask',
  'documentMask',
  'queryIds',
  'documentIds',
];

/** The numbers of a call, a Float64Array. Mirrors src/addon/scoring.cc. */
export const enum ScoringNumber {
  /** Out, on an error: the argument, the element, the value, and what is allowed or needed. */
  argument = 0,
  index = 1,
  value = 2,
  required = 3,
  /** Out: dL/dscale. */
  scaleGrad = 4,
  /** In. */
  dim = 8,
  queries = 9,
  documents = 10,
  /** Per list, without offsets. */
  docs = 11,
  stride = 12,
  /** 1: normalise both sides. */
  cosine = 13,
  /** 1: all pairs instead of lists. */
  all = 14,
  scale = 15,
  /** NativeTypes. */
  queryType = 16,
  documentType = 17,
  queryGradType = 18,
  documentGradType = 19,
  accumulate = 20,
  /** 1: the last call of this object was `scores` of the same pairs, which are unchanged since. */
  samePairs = 21,
  k = 22,
  wantsScaleGrad = 23,
  /** MaxSim: 1: divide by the number of query tokens. */
  mean = 24,
  /**
   * 1: `backward` of the same pairs will follow on the same object (jobs then use it, too), so MaxSim keeps
   * the winners.
   */
  keepWinners = 25,
  /** Elements per vector in memory, of which the first `dim` are read. */
  width = 26,
  /** 1: documents of all pairs are widened and normalised as they are read, and not held as a whole. */
  compact = 27,
  /**
   * backward of all pairs: 1: continues the sums of preceding blocks of queries (and scaleGrad, which is then
   * also read).
   */
  goesOn = 28,
  /**
   * backward of all pairs: 1: more blocks of queries follow; documentGrad holds intermediate sums until then.
   */
  notLast = 29,
  /** Sparse: the size of the vocabulary. */
  terms = 30,
  size = 31,
}

/**
 * The arguments that all calls begin with; the last six are null unless queries and documents have token
 * vectors or terms.
 */
export type PairArguments = [
  numbers: Float64Array,
  queries: ScoreArray,
  documents: ScoreArray,
  candidates: Int32Array | null,
  offsets: Int32Array | null,
  queryOffsets: Int32Array | null,
  documentOffsets: Int32Array | null,
  queryMask: Uint8Array | null,
  documentMask: Uint8Array | null,
  queryIds: Int32Array | null,
  documentIds: Int32Array | null,
];
export type ScoresArguments = [...PairArguments, bias: Float32Array | null, scores: Float32Array];
export type BackwardArguments = [
  ...PairArguments,
  grad: Float32Array,
  queryGrad: ScoreArray | null,
  documentGrad: ScoreArray | null,
];
export type TopArguments = [...PairArguments, ids: Int32Array, scores: Float32Array];

/** Scores of embeddings and their gradients, on the CPU. Nothing is written unless a call returns 0. */
export interface NativeScoring {
  scores(...args: ScoresArguments): ScoringStatus;
  backward(...args: BackwardArguments): ScoringStatus;
  top(...args: TopArguments): ScoringStatus;
  /**
   * The same on a thread of libuv's pool. It works on the arrays themselves, which must be owned by the
   * library.
   */
  scoresAsync(...args: ScoresArguments): Promise<ScoringStatus>;
  backwardAsync(...args: BackwardArguments): Promise<ScoringStatus>;
  topAsync(...args: TopArguments): Promise<ScoringStatus>;
  /** Frees the scratch space; the next call allocates it again. */
  dispose(): void;
  readonly target: string;
  readonly threads: number;
}

/** @param target '' = the best this machine has; @param threads 0 = as many as the machine has */
export function newScoring(target: string, threads: number): NativeScoring {
  const { Scoring } = native as unknown as {
    Scoring: new (target: string, threads: number) => NativeScoring;
  };
  return new Scoring(target, threads);
}

/** Throws the error for a status other than ok, from the numbers of the call. */
export function checkScoring(status: ScoringStatus, numbers: Float64Array): void {
  if (status === ScoringStatus.ok) return;
  const name = argumentNames[numbers[ScoringNumber.argument]];
  const index = numbers[ScoringNumber.index];
  const value = numbers[ScoringNumber.value];
  const required = numbers[ScoringNumber.required];
  switch (status) {
    case ScoringStatus.type:
      throw new CklTypeError(
        'ERR_CKL_TYPE',
        `${name} is not the typed array that is needed, or its memory is detached`,
      );
    case ScoringStatus.size:
      throw new CklRangeError(
        'ERR_CKL_SHAPE',
        `${name} has ${value} elements; at least ${required} are needed`,
      );
    case ScoringStatus.candidate:
      throw badCandidate(name, index, value, required);
    case ScoringStatus.offset:
      throw new CklRangeError(
        'ERR_CKL_OFFSETS',
        `${name}[${index}] is ${value}; offsets are positions in the ${name === 'offsets' ? 'scores' : 'tokens'}: 0 or more, none less than the one before`,
      );
    case ScoringStatus.term:
      throw new CklRangeError(
        'ERR_CKL_TERM',
        `${name}[${index}] is ${value}; ids are terms of the vocabulary, 0 to ${required - 1}, ascending within a vector`,
      );
    case ScoringStatus.memory:
      throw new CklRangeError(
        'ERR_CKL_MEMORY',
        'could not allocate scratch memory for the embeddings; use smaller batches or fewer threads',
      );
    default:
      throw new CklRangeError(
        'ERR_CKL_SHAPE',
        `the batch is too large to be addressed (${name}: ${value}, at most ${required}); split it into several calls`,
      );
  }
}

/** The error for a number that is not a row of the documents. */
export function badCandidate(name: string, index: number, value: number, documents: number): Error {
  return new CklRangeError(
    'ERR_CKL_CANDIDATE',
    `${name}[${index}] is ${value}; it must be a row of documents, 0 to ${documents - 1}, or -1 for none`,
  );
}
