// Identifies typed arrays, checks whether their memory can be lent to the addon, and whether two of them
// share memory.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import {
  bufferOf,
  byteLengthOf,
  byteOffsetOf,
  copyInto,
  isDetached,
  isResizable,
  lengthOf,
  tagOf,
} from './intrinsics.js';
import { NativeType } from '../native/codes.js';
import { type RankArray, type ScoreArray } from '../native/native.js';
import type { Dtype, Float16Scores, Scores } from '../types.js';

/** Any of the arrays that a batch holds. */
export type BatchArray = ScoreArray | RankArray | Float16Scores;

export function isFloat32(value: unknown): value is Float32Array {
  return tagOf(value) === 'Float32Array';
}

export function isUint8(value: unknown): value is Uint8Array {
  return tagOf(value) === 'Uint8Array';
}

export function isInt32(value: unknown): value is Int32Array {
  return tagOf(value) === 'Int32Array';
}

export function isFloat16(value: unknown): value is Float16Scores {
  return tagOf(value) === 'Float16Array';
}

export function isRanks(value: unknown): value is RankArray {
  const tag = tagOf(value);
  return (
    tag === 'Float32Array' ||
    tag === 'Uint32Array' ||
    tag === 'Int32Array' ||
    tag === 'Uint16Array' ||
    tag === 'Uint8Array'
  );
}

/** The element type of scores. `half` is how to read a Uint16Array, or -1 if the caller has not said. */
export function scoreType(value: unknown, half: HalfType, name: string): NativeType {
  const tag = tagOf(value);
  if (tag === 'Float32Array') return NativeType.float32;
  if (tag === 'Float16Array') return NativeType.float16;
  if (tag === 'Uint16Array') {
    if (half !== unknownHalf) return half;
    throw new CklTypeError(
      'ERR_CKL_TYPE',
      `${name} is a Uint16Array: say how to read it with the option dtype, 'bfloat16' or 'float16'`,
    );
  }
  throw wrongArray(name, value, 'a Float32Array, a Uint16Array (bfloat16 or float16) or a Float16Array');
}

export const unknownHalf = -1;
export type HalfType = NativeType.bfloat16 | NativeType.float16 | typeof unknownHalf;

/** The element type of Uint16Array scores, from the option `dtype`. */
export function halfType(dtype: Dtype | undefined): HalfType {
  if (dtype === undefined || dtype === 'float32') return unknownHalf;
  return dtype === 'bfloat16' ? NativeType.bfloat16 : NativeType.float16;
}

/** The same memory in a type that the addon reads: it has no Float16Array. */
export function nativeScores(value: Scores): ScoreArray {
  return isFloat16(value)
    ? new Uint16Array(bufferOf(value), byteOffsetOf(value), lengthOf(value))
    : (value as ScoreArray);
}

type ScoresConstructor = new (length: number) => Scores;

/** Makes arrays of the class of `like`. */
export function scoresConstructor(like: Scores): ScoresConstructor {
  const { Float16Array } = globalThis as unknown as { Float16Array: ScoresConstructor };
  return isFloat32(like) ? Float32Array : isFloat16(like) ? Float16Array : Uint16Array;
}

/** A new array of `length` zeros. */
export function allocate<T>(Made: new (length: number) => T, length: number, name: string): T {
  try {
    return new Made(length);
  } catch {
    throw new CklRangeError(
      'ERR_CKL_MEMORY',
      `could not allocate ${name} of ${length} elements; use smaller batches`,
    );
  }
}

export function wrongArray(name: string, value: unknown, wanted: string): CklTypeError {
  const problem = value === undefined ? `${name} is missing` : `${name} is ${describe(value)}`;
  return new CklTypeError('ERR_CKL_TYPE', `${problem}; it must be ${wanted}`);
}

/**
 * Rejects memory that could move or change while the addon uses it. Returns the buffer, so that callers fetch
 * it only once.
 */
export function checkMemory(array: BatchArray, name: string): ArrayBufferLike {
  const buffer = bufferOf(array);
  const resizable = isResizable(buffer);
  if (resizable !== false) throw unusableMemory(resizable, name);
  if (lengthOf(array) === 0 && isDetached(buffer)) {
    throw new CklTypeError(
      'ERR_CKL_BUFFER',
      `${name} is detached: its memory was transferred to another thread or buffer. Pass an array that still owns its memory`,
    );
  }
  return buffer;
}

function unusableMemory(resizable: true | undefined, name: string): CklTypeError {
  const kind = resizable === undefined ? 'a SharedArrayBuffer' : 'a resizable ArrayBuffer';
  const risk = resizable === undefined ? 'another thread could change it' : 'it could shrink';
  return new CklTypeError(
    'ERR_CKL_BUFFER',
    `${name} lies in ${kind}: ${risk} while the loss reads it. Pass a copy, such as ${name}.slice()`,
  );
}

/** Whether two arrays share a byte. */
export function overlap(a: BatchArray, b: BatchArray): boolean {
  const [beginA, beginB] = [byteOffsetOf(a), byteOffsetOf(b)];
  return (
    lengthOf(a) > 0 &&
    lengthOf(b) > 0 &&
    bufferOf(a) === bufferOf(b) &&
    beginA < beginB + byteLengthOf(b) &&
    beginB < beginA + byteLengthOf(a)
  );
}

/** A view of the first `length` elements, as a plain typed array even if `array` is a Buffer. */
export function firstOf<T extends ScoreArray | RankArray>(array: T, length: number): T {
  const View = constructors[tagOf(array) as keyof typeof constructors];
  return new View(bufferOf(array) as ArrayBuffer, byteOffsetOf(array), length) as T;
}

/** A copy of the first `length` elements. */
export function copy<T extends ScoreArray | RankArray>(array: T, length: number, name: string): T {
  const Made = constructors[tagOf(array) as keyof typeof constructors];
  const made = allocate<ScoreArray | RankArray>(Made, length, `a copy of ${name}`);
  copyInto(made, lengthOf(array) === length ? array : firstOf(array, length));
  return made as T;
}

const constructors = { Float32Array, Uint8Array, Uint16Array, Uint32Array, Int32Array };

/** The class of an array, whatever its own properties say. */
export function constructorOf(array: BatchArray): new (...args: never[]) => BatchArray {
  return isFloat16(array)
    ? scoresConstructor(array)
    : (Object.getPrototypeOf(array) as { constructor: new () => BatchArray }).constructor;
}

/** A view of some elements of an array. */
export function viewOf<T extends BatchArray>(array: T, from: number, length: number): T {
  const View = constructorOf(array) as new (memory: ArrayBufferLike, from: number, length: number) => T;
  const size = lengthOf(array) === 0 ? 0 : byteLengthOf(array) / lengthOf(array);
  return new View(bufferOf(array), byteOffsetOf(array) + from * size, length);
}
