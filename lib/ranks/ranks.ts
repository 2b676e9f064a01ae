// Ranks of student scores, and CKL's rank bias computed from ranks.
import {
  allocate,
  checkMemory,
  halfType,
  isRanks,
  isUint8,
  nativeScores,
  scoreType,
  wrongArray,
} from '../loss/arrays.js';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { LayoutView } from '../loss/layout.js';
import { NativeStatus } from '../native/codes.js';
import { native } from '../native/native.js';
import { checkCallOptions, checkObject, checkOptionNames } from '../loss/options.js';
import { newScalars } from '../loss/run.js';
import { statusError } from '../native/status.js';
import type { Dtype, Layout, Ranks, Scores } from '../types.js';

export interface RankBatch extends Layout {
  /** Student scores, laid out as for a loss. */
  student: Scores;
  /** 255 marks padding; without labels every document counts. */
  labels?: Uint8Array;
}

export interface RankBiasBatch extends Layout {
  ranks: Ranks;
  /** 1 positive, 0 negative, 255 padding. */
  labels: Uint8Array;
}

/**
 * Competition ranks of the scores among the documents of each query: 1 + the number of documents with a higher score, so that ties share
 * a rank. Padding gets 0. Laid out like the student.
 * @param options.dtype how a `Uint16Array` is read.
 * @throws TypeError or RangeError with a `code`.
 */
export function ranks(batch: RankBatch, options: { dtype?: Dtype } = {}): Uint32Array {
  checkObject('batch', batch);
  checkObject('options', options);
  checkOptionNames('batch', batch, ['student', 'labels', 'shape', 'rowStride', 'offsets']);
  checkOptionNames('ranks', options, ['dtype']);
  // Each property once; no code of the caller runs after this.
  const { dtype } = options;
  const { student, labels = null } = batch;
  const layout = LayoutView.of(batch);
  checkCallOptions({ dtype }, 'ranks', false);
  const type = scoreType(student, halfType(dtype), 'student');
  checkMemory(student, 'student');
  layout.checkInput(student as Float32Array, 'student');
  if (labels !== null) checkLabels(labels, layout);
  const out = allocate(Uint32Array, layout.extent, 'ranks');
  // Rows without documents cost nothing, so their number is unlimited.
  if (layout.docs === 0 && layout.offsets === null) return out;
  const scalars = newScalars();
  const { queries, docs, stride, offsets } = layout;
  const status = native.ranks(
    nativeScores(student),
    type,
    labels,
    queries,
    docs,
    stride,
    offsets,
    out,
    scalars,
  );
  if (status !== NativeStatus.ok) throw statusError(status, scalars);
  return out;
}

/**
 * CKL's exponent bias (section 3.1): alpha (1/rank - mean over the query's positives of 1/rank) for negatives, 0 for positives, padding and
 * queries without a positive. Give it as `beta` to keep the bias fixed while the scores move.
 * @param options.alpha finite and at least 0; default 1.
 * @throws TypeError or RangeError with a `code`.
 */
export function rankBias(batch: RankBiasBatch, options: { alpha?: number } = {}): Float32Array {
  checkObject('batch', batch);
  checkObject('options', options);
  checkOptionNames('batch', batch, ['ranks', 'labels', 'shape', 'rowStride', 'offsets']);
  checkOptionNames('rankBias', options, ['alpha']);
  const { alpha: given } = options;
  const { ranks, labels } = batch;
  const layout = LayoutView.of(batch);
  const alpha = checkAlpha(given ?? 1);
  if (!isRanks(ranks)) {
    throw wrongArray('ranks', ranks, 'a Uint8Array, Uint16Array, Uint32Array, Int32Array or Float32Array');
  }
  checkMemory(ranks, 'ranks');
  layout.checkInput(ranks, 'ranks');
  checkLabels(labels, layout);
  const out = allocate(Float32Array, layout.extent, 'the bias');
  if (layout.docs === 0 && layout.offsets === null) return out;
  const scalars = newScalars();
  const { queries, docs, stride, offsets } = layout;
  const status = native.rankBias(ranks, labels, queries, docs, stride, offsets, alpha, out, scalars);
  if (status !== NativeStatus.ok) throw statusError(status, scalars);
  return out;
}

function checkLabels(labels: unknown, layout: LayoutView): void {
  if (!isUint8(labels))
    throw wrongArray('labels', labels, 'a Uint8Array of 1 (positive), 0 (negative), 255 (padding)');
  checkMemory(labels, 'labels');
  layout.checkInput(labels, 'labels');
}

function checkAlpha(alpha: unknown): number {
  if (typeof alpha !== 'number') {
    throw new CklTypeError('ERR_CKL_OPTION', `alpha is ${describe(alpha)}; it must be a number`);
  }
  if (alpha >= 0 && alpha < Infinity) return alpha;
  throw new CklRangeError('ERR_CKL_OPTION', `alpha is ${alpha}; it must be finite and at least 0`);
}
