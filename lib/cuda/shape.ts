// Shapes of tensors, and parts of them.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { isObject } from '../loss/intrinsics.js';

export type TensorShape = number | readonly number[];

/** A shape as sizes, which are the caller's no more; at most 64. Whatever the element type, its bytes can be counted. */
export function checkShape(shape: TensorShape): readonly number[] {
  const sizes = typeof shape === 'number' ? [shape] : copyOf(shape);
  const good = sizes?.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (good && sizes!.reduce((a, b) => a * b, 8) <= Number.MAX_SAFE_INTEGER) return sizes!;
  throw new CklTypeError(
    'ERR_CKL_SHAPE',
    `shape is ${describe(shape)}; it must be a length, or an array of sizes such as [64, 32]`,
  );
}

/** Refuses what is no part of a tensor. */
export function checkRange(begin: number, end: number, length: number): void {
  if (Number.isInteger(begin) && Number.isInteger(end) && begin >= 0 && begin <= end && end <= length) return;
  throw new CklRangeError(
    'ERR_CKL_SHAPE',
    `the range is ${describe(begin)} to ${describe(end)}; this tensor has ${length} elements`,
  );
}

/** Each element read once: the list may be anything that is an array. */
function copyOf(list: unknown): number[] | null {
  if (!isObject(list) || !Array.isArray(list)) return null;
  const { length } = list;
  return length <= 64 ? Array.from({ length }, (_, k) => list[k] as number) : null;
}
