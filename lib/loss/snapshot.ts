// The caller's batch object, read once. Error paths are separate functions here and in batch.ts: V8 inlines
// by size, and inlining saves a third of a small call.
import { describe, didYouMean, oneOf, shorten } from '../describe.js';
import { CklTypeError } from '../errors.js';
import { isObject } from './intrinsics.js';
import { readShape } from './layout.js';
import type { Batch } from '../types.js';

const batchKeys = [
  'student',
  'teacher',
  'labels',
  'shape',
  'rowStride',
  'offsets',
  'ranks',
  'beta',
  'relevance',
  'weights',
  'grad',
  'perQuery',
  'teacherGrad',
] as const;
/** Uses a switch because looking names up in a set takes a tenth of a small batch. */
function isBatchKey(key: string): key is (typeof batchKeys)[number] {
  switch (key as (typeof batchKeys)[number]) {
    case 'student':
    case 'teacher':
    case 'labels':
    case 'shape':
    case 'rowStride':
    case 'offsets':
    case 'ranks':
    case 'beta':
    case 'relevance':
    case 'weights':
    case 'grad':
    case 'perQuery':
    case 'teacherGrad':
      return true;
    default:
      return false;
  }
}

/**
 * Rejects values that are not batches, and unknown names: a misspelt `ranks` would otherwise silently change
 * the result.
 */
function checkBatchKeys(batch: unknown): asserts batch is Batch {
  if (!isObject(batch)) throw noBatch(batch);
  for (const key in batch) if (!isBatchKey(key)) throw unknownKey(key);
}

function noBatch(batch: unknown): Error {
  return new CklTypeError(
    'ERR_CKL_TYPE',
    `batch is ${describe(batch)}; it must be an object with student, teacher and labels`,
  );
}

function unknownKey(key: string): Error {
  return new CklTypeError(
    'ERR_CKL_TYPE',
    `batch.${shorten(key)} is unknown${didYouMean(key, batchKeys)}; a batch has ${oneOf(batchKeys, 'and')}`,
  );
}

/**
 * The caller's object, read: each property once. None of the caller's code runs after this, so the values
 * that are checked are the values that are used: a getter may return something else each time, transfer an
 * array that was returned before, or call a loss itself.
 */
export function snapshotOf(batch: unknown): Batch {
  checkBatchKeys(batch);
  const { shape, rowStride, offsets, student, teacher, labels, ranks, beta, relevance, weights } = batch;
  const { grad, perQuery, teacherGrad } = batch;
  const ragged = offsets !== undefined && offsets !== null;
  const size = ragged || shape === undefined || shape === null ? shape : readShape(shape);
  // One literal, because spreading objects takes several microseconds here.
  return {
    shape: size,
    rowStride,
    offsets,
    student,
    teacher,
    labels,
    ranks,
    beta,
    relevance,
    weights,
    grad,
    perQuery,
    teacherGrad,
  };
}
