// Scores, their backward pass and exact search for users with their own loss: plain and asynchronous
// functions.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { allocate, copy } from '../loss/arrays.js';
import { isCount } from '../loss/layout.js';
import { checkScoring, type NativeScoring, ScoringNumber, type ScoringStatus } from '../native/scoring.js';
import {
  checkOptions,
  gradientNames,
  readSimilarity,
  readWanted,
  type ReadSimilarity,
  scorerOf,
  similarityNames,
} from './options.js';
import { apartOf, gradientArguments, ownOutputs, readOutputs, resultOf } from './outputs.js';
import {
  argumentsOf,
  checkApart,
  checkNames,
  copyOf,
  newNumbers,
  pairNames,
  type Pairs,
  readFloats,
  readPairs,
} from './pairs.js';
import type {
  BackwardInput,
  Embeddings,
  GradientOptions,
  Gradients,
  ScoresInput,
  SimilarityOptions,
  TopK,
} from './types.js';
import { newVectors } from './vectors.js';

/** A call that was read and checked: the same for the plain and the asynchronous form. */
interface ScoresCall {
  read: ReadSimilarity;
  pairs: Pairs;
  bias: Float32Array | null;
  out: Float32Array | null;
}

/**
 * Scores of embeddings: `scale` times the dot product or the cosine, plus the document's bias; laid out by query and list, or with `inBatch`
 * `[queries, documents]`. A score is one chain of fused multiply-adds over the elements: its bits depend on the two vectors alone.
 * @returns the scores: a new array, or `input.scores`.
 * @throws TypeError or RangeError with a `code` (docs/errors.md); then no array was touched.
 */
export function scores(input: ScoresInput, options: SimilarityOptions): Float32Array {
  const { read, pairs, bias, out } = readScores(input, options);
  const made = out ?? allocate(Float32Array, pairs.layout.extent, 'scores');
  const numbers = newNumbers();
  const status = scorerOf(read).scores(...argumentsOf(pairs, read.space, read.scale, numbers), bias, made);
  checkScoring(status, numbers);
  return made;
}

/** The same on another thread. The input is copied before the function returns and cannot include `scores`. Every error rejects the promise. */
export async function scoresAsync(
  input: Omit<ScoresInput, 'scores'>,
  options: SimilarityOptions,
): Promise<Float32Array> {
  const { read, pairs, bias, out } = readScores(input, options);
  if (out !== null) throw ownOutputs('scoresAsync', 'scores');
  const made = allocate(Float32Array, pairs.layout.extent, 'scores');
  const numbers = newNumbers();
  const ownBias = bias && copy(bias, bias.length, 'bias');
  const args = argumentsOf(copyOf(pairs), read.space, read.scale, numbers);
  checkScoring(await scorerOf(read).scoresAsync(...args, ownBias, made), numbers);
  return made;
}

function readScores(input: unknown, options: unknown): ScoresCall {
  checkNames(input, 'input', [...pairNames, 'bias', 'scores']);
  checkOptions('scores', options, similarityNames);
  const given = { ...input } as Record<string, unknown>;
  const read = readSimilarity({ ...options });
  const pairs = readPairs(given as unknown as Parameters<typeof readPairs>[0], read.space);
  const bias = readFloats(given.bias, 'bias', pairs.documents.count, true);
  const out = readFloats(given.scores, 'scores', pairs.layout.extent, false);
  checkApart([['scores', out]], [...inputsOf(pairs), ['bias', bias]]);
  return { read, pairs, bias, out };
}

/** The arrays of pairs, by name. */
export function inputsOf({ queries, documents, candidates, layout }: Pairs) {
  return [
    ['queries', queries.native],
    ['documents', documents.native],
    ['candidates', candidates],
    ['offsets', layout.offsets],
    ['queryOffsets', queries.offsets],
    ['documentOffsets', documents.offsets],
    ['queryMask', queries.mask],
    ['documentMask', documents.mask],
    ['queryIds', queries.ids],
    ['documentIds', documents.ids],
  ] as const;
}

/**
 * Gradients with respect to embeddings, from the gradient of a loss with respect to their scores. A query's gradient sums its documents in the
 * order of the list, a document's its places in the order of the queries.
 * @throws TypeError or RangeError with a `code` (docs/errors.md); then no array was touched.
 */
export function backward<Q extends Embeddings, D extends Embeddings>(
  input: BackwardInput<Q, D>,
  options: SimilarityOptions & GradientOptions,
): Gradients<Q, D> {
  const { read, pairs, grad, outputs } = readBackward(input, options);
  const numbers = newNumbers();
  const args = argumentsOf(pairs, read.space, read.scale, numbers);
  const status = scorerOf(read).backward(...args, grad, ...gradientArguments(outputs, numbers));
  checkScoring(status, numbers);
  return resultOf(outputs, numbers) as Gradients<Q, D>;
}

/** The same on another thread. The input is copied before the function returns and cannot include outputs. Every error rejects the promise. */
export async function backwardAsync<Q extends Embeddings, D extends Embeddings>(
  input: Omit<BackwardInput<Q, D>, 'queryGrad' | 'documentGrad' | 'accumulate'>,
  options: SimilarityOptions & GradientOptions,
): Promise<Gradients<Q, D>> {
  const { read, pairs, grad, outputs, given } = readBackward(input as BackwardInput<Q, D>, options);
  if (given) throw ownOutputs('backwardAsync', 'queryGrad, documentGrad and accumulate');
  const numbers = newNumbers();
  const ownGrad = copy(grad, pairs.layout.extent, 'grad');
  const args = argumentsOf(copyOf(pairs), read.space, read.scale, numbers);
  const status = await scorerOf(read).backwardAsync(...args, ownGrad, ...gradientArguments(outputs, numbers));
  checkScoring(status, numbers);
  return resultOf(outputs, numbers) as Gradients<Q, D>;
}

function readBackward(input: unknown, options: unknown) {
  checkNames(input, 'input', [...pairNames, 'grad', 'queryGrad', 'documentGrad', 'accumulate']);
  checkOptions('backward', options, [...similarityNames, ...gradientNames]);
  const given = { ...input } as Record<string, unknown>;
  const all = { ...options } as Partial<SimilarityOptions & GradientOptions>;
  const read = readSimilarity(all);
  const wanted = readWanted(all);
  const pairs = readPairs(given as unknown as Parameters<typeof readPairs>[0], read.space);
  const { layout } = pairs;
  const grad = readFloats(given.grad, 'grad', layout.extent, layout.exact);
  if (grad === null) throw new CklTypeError('ERR_CKL_TYPE', 'grad is missing; it must be a Float32Array');
  const outputs = readOutputs(given, wanted, pairs, read.space, newVectors);
  checkApart(apartOf(outputs, pairs), [...inputsOf(pairs), ['grad', grad]]);
  const own = given.queryGrad !== undefined || given.documentGrad !== undefined || outputs.accumulate;
  return { read, pairs, grad, outputs, given: own };
}

/**
 * The `k` documents of the largest scores for each query: an exact search over all of them. NaN is never found. Documents are taken in blocks:
 * memory does not grow with their number.
 * @throws TypeError or RangeError with a `code` (docs/errors.md).
 */
export function topK(
  queries: Embeddings,
  documents: Embeddings,
  k: number,
  options: SimilarityOptions,
): TopK {
  const call = readTop(queries, documents, k, options);
  checkScoring(
    search(call, (scorer, args) => scorer.top(...args)),
    call.numbers,
  );
  return call.found;
}

/** The same on another thread. The embeddings are copied before the function returns. Every error rejects the promise. */
export async function topKAsync(
  queries: Embeddings,
  documents: Embeddings,
  k: number,
  options: SimilarityOptions,
): Promise<TopK> {
  const call = readTop(queries, documents, k, options);
  call.pairs = copyOf(call.pairs);
  checkScoring(await search(call, (scorer, args) => scorer.topAsync(...args)), call.numbers);
  return call.found;
}

interface TopCall {
  read: ReadSimilarity;
  pairs: Pairs;
  k: number;
  numbers: Float64Array;
  found: TopK;
}

function readTop(queries: unknown, documents: unknown, k: unknown, options: unknown): TopCall {
  checkOptions('topK', options, similarityNames);
  const read = readSimilarity({ ...options });
  const { similarity } = read.space;
  if (similarity === 'maxSim' || similarity === 'sparse') {
    throw new CklRangeError(
      'ERR_CKL_OPTION',
      `similarity is '${similarity}'; topK searches by 'dot' or 'cosine': for this one, call scores with inBatch`,
    );
  }
  const given = {
    queries,
    documents,
    candidates: undefined,
    shape: undefined,
    offsets: undefined,
    inBatch: true,
  };
  const pairs = readPairs(given, read.space);
  if (!isCount(k)) {
    const Thrown = typeof k === 'number' ? CklRangeError : CklTypeError;
    throw new Thrown('ERR_CKL_OPTION', `k is ${describe(k)}; it must be an integer of 0 or more`);
  }
  const length = pairs.queries.count * k;
  const found = {
    ids: allocate(Int32Array, length, 'ids'),
    scores: allocate(Float32Array, length, 'scores'),
  };
  return { read, pairs, k, numbers: newNumbers(), found };
}

function search<T extends ScoringStatus | Promise<ScoringStatus>>(
  { read, pairs, k, numbers, found }: TopCall,
  run: (scorer: NativeScoring, args: Parameters<NativeScoring['top']>) => T,
): T {
  const args = argumentsOf(pairs, read.space, read.scale, numbers);
  numbers[ScoringNumber.k] = k;
  return run(scorerOf(read), [...args, found.ids, found.scores]);
}
