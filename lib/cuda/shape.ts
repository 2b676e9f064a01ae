// Shapes of tensors.
import { describe } from '../describe.js';
import { CklTypeError } from '../errors.js';

export type TensorShape = number | readonly number[];

/** A shape as sizes, which are the caller's no more. Whatever the element type, its bytes can be counted. */
export function checkShape(shape: TensorShape): readonly number[] {
  const sizes = typeof shape === 'number' ? [shape] : shape;
  const good = Array.isArray(sizes) && sizes.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (good && sizes.reduce((a: number, b: number) => a * b, 8) <= Number.MAX_SAFE_INTEGER)
    return [...(sizes as number[])];
  throw new CklTypeError(
    'ERR_CKL_SHAPE',
    `shape is ${describe(shape)}; it must be a length, or an array of sizes such as [64, 32]`,
  );
}
