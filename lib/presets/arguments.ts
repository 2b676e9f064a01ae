// Checks the arguments of presets that are not options of a loss.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { checkMemory, isFloat32, isUint8, wrongArray } from '../loss/arrays.js';
import { lengthOf } from '../loss/intrinsics.js';
import { LayoutView } from '../loss/layout.js';
import { checkObject } from '../loss/options.js';
import type { Layout } from '../types.js';

/** A finite number greater than 0, such as a temperature or a value that becomes one. */
export function positive(name: string, value: number): number {
  return checkNumber(name, value, (x) => x > 0 && x < Infinity, 'finite and greater than 0');
}

/** A finite number of 0 or more. */
export function nonNegative(name: string, value: number): number {
  return checkNumber(name, value, (x) => x >= 0 && x < Infinity, 'finite and at least 0');
}

/** One of some words. */
export function oneOf<T extends string>(name: string, value: T, words: readonly T[]): T {
  if (words.includes(value)) return value;
  throw new (typeof value === 'string' ? CklRangeError : CklTypeError)(
    'ERR_CKL_OPTION',
    `${name} is ${describe(value)}; it must be ${words.map((word) => `'${word}'`).join(' or ')}`,
  );
}

/** `[queries, documents]`, both at least 1. */
export function checkShape(shape: unknown): readonly [queries: number, documents: number] {
  const [queries, documents] = Array.isArray(shape) ? (shape as unknown[]) : [];
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 1;
  if (isCount(queries) && isCount(documents) && (shape as unknown[]).length === 2)
    return [queries, documents];
  const message = `shape is ${describe(shape)}; it must be [queries, documents], two integers of 1 or more`;
  throw Array.isArray(shape)
    ? new CklRangeError('ERR_CKL_SHAPE', message)
    : new CklTypeError('ERR_CKL_SHAPE', message);
}

function checkNumber(
  name: string,
  value: unknown,
  allowed: (value: number) => boolean,
  rule: string,
): number {
  if (typeof value === 'number' && allowed(value)) return value;
  const message = `${name} is ${describe(value)}; it must be ${rule}`;
  throw typeof value === 'number'
    ? new CklRangeError('ERR_CKL_OPTION', message)
    : new CklTypeError('ERR_CKL_OPTION', message);
}

/** A number of queries or documents. */
export function checkCount(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new CklRangeError(
    'ERR_CKL_SHAPE',
    `${name} is ${describe(value)}; it must be an integer of 0 or more`,
  );
}

export function checkFloats(name: string, array: Float32Array, length: number): void {
  if (!isFloat32(array)) throw wrongArray(name, array, 'a Float32Array');
  checkMemory(array, name);
  if (lengthOf(array) === length) return;
  throw new CklRangeError('ERR_CKL_SHAPE', `${name} has ${lengthOf(array)} elements; it needs ${length}`);
}

/** The layout and the labels of lists of scores, each property read once; all of them fit the scores. */
export function readLists(
  name: string,
  scores: Float32Array,
  layout: Layout & { labels?: Uint8Array },
): { view: LayoutView; labels: Uint8Array | undefined } {
  checkObject('layout', layout);
  const { labels, shape, rowStride, offsets } = layout;
  const view = LayoutView.of({ shape, rowStride, offsets });
  view.checkOffsets();
  if (!isFloat32(scores)) throw wrongArray(name, scores, 'a Float32Array');
  checkMemory(scores, name);
  view.checkInput(scores, name);
  if (labels !== undefined) {
    if (!isUint8(labels)) throw wrongArray('labels', labels, 'a Uint8Array');
    checkMemory(labels, 'labels');
    view.checkInput(labels, 'labels');
  }
  return { view, labels };
}
