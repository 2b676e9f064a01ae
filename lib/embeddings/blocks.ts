// In-batch negatives without the matrix of scores: one block of queries at a time, whose scores overwrite
// those of the block before.
import { freemem } from 'node:os';
import { allocate, viewOf } from '../loss/arrays.js';
import type { BlockedLoss } from '../loss/blocked.js';
import { checkScoring, type NativeScoring, ScoringNumber } from '../native/scoring.js';
import { argumentsOf, layoutOf, type Pairs } from './pairs.js';
import type { Call } from './judged.js';
import { gradientArguments, type Outputs } from './outputs.js';
import type { TeacherScorer } from './teacher.js';
import type { Space, Vectors } from './vectors.js';

/** Matrices below this many bytes are stored without looking at the free memory. */
const smallMatrix = 64 << 20;
/**
 * Bytes of scores per block; and the minimum number of queries per block, since each block reads all
 * documents.
 */
const blockBytes = 5 << 20;
const fewestQueries = 16;

/**
 * Whether a matrix of scores is so large that blocks are the default: more than a quarter of the free memory.
 */
export function isTooLarge(scores: number): boolean {
  const bytes = scores * 4;
  return bytes > smallMatrix && bytes > freemem() / 4;
}

/** The number of queries per block: as few blocks as possible, of equal size. */
export function blockSize(queries: number, documents: number): number {
  const fitting = Math.max(fewestQueries, Math.floor(blockBytes / 4 / Math.max(1, documents)));
  const blocks = Math.max(1, Math.ceil(queries / fitting));
  return Math.max(1, Math.ceil(queries / blocks));
}

/**
 * Loss and gradients, with the same bits as one matrix: a row of scores and its loss depend on the query
 * alone, and the sum of a document's gradient continues from block to block in the order of the queries.
 * Nothing is written before all blocks are checked.
 * @param size queries per block
 * @param numbers of the native calls; holds dL/dscale afterwards
 */
export function runBlocks(
  loss: BlockedLoss,
  scorer: NativeScoring,
  { pairs, judged, scale, bias, perQuery: given, teacher }: Call,
  teacherScorer: TeacherScorer | null,
  outputs: Outputs,
  space: Space,
  size: number,
  numbers: Float64Array,
): { perQuery: Float32Array; loss: number; counted: number } {
  const { queries, docs } = pairs.layout;
  const perQuery = given ?? allocate(Float32Array, queries, 'perQuery');
  const scores = allocate(Float32Array, size * docs, 'scores');
  let ofTeacher: Float32Array | null = null;
  const batchOf = (first: number, last: number) => {
    const student = viewOf(scores, 0, (last - first) * docs);
    const own = viewOf(perQuery, first, last - first);
    const batch = { ...judged.batch(first, last), student, grad: student, perQuery: own };
    if (teacher === null) return batch;
    // Scored again when the block runs, since only one block's scores are kept. A single block of all queries
    // is scored once.
    const whole = last - first === queries;
    if (!whole || ofTeacher === null)
      ofTeacher = teacherScorer!.scores(blockOf(teacher, first, last, teacherScorer!.dim), true);
    return { ...batch, teacher: ofTeacher };
  };
  loss.begin(queries);
  each(queries, size, (first, last) => loss.count(batchOf(first, last), first));
  let scaleGrad = 0;
  each(queries, size, (first, last) => {
    const block = blockOf(pairs, first, last, space.dim);
    const batch = batchOf(first, last);
    const args = argumentsOf(block, space, scale, numbers);
    numbers[ScoringNumber.compact] = 1;
    checkScoring(scorer.scores(...args, bias, batch.student), numbers);
    loss.runBlock(batch, first);
    const own = outputs.query && viewsOf(outputs.query, first, last, space.dim);
    const gradients = gradientArguments({ ...outputs, query: own }, numbers);
    numbers[ScoringNumber.samePairs] = 1;
    numbers[ScoringNumber.goesOn] = Number(first > 0);
    numbers[ScoringNumber.notLast] = Number(last < queries);
    numbers[ScoringNumber.scaleGrad] = scaleGrad;
    checkScoring(scorer.backward(...args, batch.student, ...gradients), numbers);
    scaleGrad = numbers[ScoringNumber.scaleGrad];
  });
  return { ...loss.end(), perQuery };
}

/** Calls body(first, last) for each block; without queries there is one empty block. */
function each(queries: number, size: number, body: (first: number, last: number) => void): void {
  let first = 0;
  do {
    body(first, Math.min(first + size, queries));
    first += size;
  } while (first < queries);
}

function blockOf(pairs: Pairs, first: number, last: number, dim: number): Pairs {
  const layout = layoutOf(last - first, pairs.layout.docs);
  return { ...pairs, queries: viewsOf(pairs.queries, first, last, dim), layout };
}

function viewsOf(vectors: Vectors, first: number, last: number, dim: number): Vectors {
  const rows = last - first;
  return { ...vectors, native: viewOf(vectors.native, first * dim, rows * dim), rows, count: rows };
}
