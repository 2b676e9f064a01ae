// What a typed array is, whether its memory can be lent to the addon, and whether two of them share any.
import { describe } from '../describe.js';
import { CklTypeError } from '../errors.js';
import { NativeType, type RankArray, type ScoreArray } from '../native/native.js';
import type { Dtype, Float16Scores, Scores } from '../types.js';

/** Any of the arrays that a batch holds. */
export type BatchArray = ScoreArray | RankArray | Float16Scores;

// instanceof is quick but sees only this realm's classes; the tag is the engine's own and holds in vm contexts (Jest) too.
const tagOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get as (this: unknown) => string | undefined;

export function isFloat32(value: unknown): value is Float32Array {
  return value instanceof Float32Array || tagOf.call(value) === 'Float32Array';
}

export function isUint8(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || tagOf.call(value) === 'Uint8Array';
}

export function isInt32(value: unknown): value is Int32Array {
  return value instanceof Int32Array || tagOf.call(value) === 'Int32Array';
}

export function isFloat16(value: unknown): value is Float16Scores {
  return tagOf.call(value) === 'Float16Array';
}

export function isRanks(value: unknown): value is RankArray {
  if (value instanceof Float32Array || value instanceof Uint32Array) return true;
  const tag = tagOf.call(value);
  return (
    tag === 'Float32Array' ||
    tag === 'Uint32Array' ||
    tag === 'Int32Array' ||
    tag === 'Uint16Array' ||
    tag === 'Uint8Array'
  );
}

/** The element type of scores; `half` says how a Uint16Array is read, -1 when the caller has not said. */
export function scoreType(value: unknown, half: HalfType, name: string): NativeType {
  if (isFloat32(value)) return NativeType.float32;
  const tag = tagOf.call(value);
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

/** How the option `dtype` has Uint16Array scores read. */
export function halfType(dtype: Dtype | undefined): HalfType {
  if (dtype === undefined || dtype === 'float32') return unknownHalf;
  return dtype === 'bfloat16' ? NativeType.bfloat16 : NativeType.float16;
}

/** The same memory in a type that the addon reads: it has no Float16Array. */
export function nativeScores(value: Scores): ScoreArray {
  return isFloat16(value)
    ? new Uint16Array(value.buffer, value.byteOffset, value.length)
    : (value as ScoreArray);
}

/** A new array of `length` zeros of the same class as `like`. */
export function newScores(like: Scores, length: number): Scores {
  if (isFloat32(like)) return new Float32Array(length);
  if (isFloat16(like)) return new (like.constructor as new (length: number) => Float16Scores)(length);
  return new Uint16Array(length);
}

export function wrongArray(name: string, value: unknown, wanted: string): CklTypeError {
  const problem = value === undefined ? `${name} is missing` : `${name} is ${describe(value)}`;
  return new CklTypeError('ERR_CKL_TYPE', `${problem}; it must be ${wanted}`);
}

/** ES2024; written out so that TypeScript need not have that library. */
type MaybeResizable = ArrayBufferLike & { readonly resizable?: boolean };

/** Refuses memory that could move or change under the addon. Returns the buffer, so that callers fetch it once. */
export function checkMemory(array: BatchArray, name: string): ArrayBufferLike {
  const buffer: MaybeResizable = array.buffer;
  // One comparison in the usual case: a SharedArrayBuffer has no such property.
  if (buffer.resizable !== false) throw unusableMemory(buffer, name);
  if (array.length === 0 && isDetached(buffer)) {
    throw new CklTypeError(
      'ERR_CKL_BUFFER',
      `${name} is detached: its memory was transferred to another thread or buffer. Pass an array that still owns its memory`,
    );
  }
  return buffer;
}

function unusableMemory(buffer: MaybeResizable, name: string): CklTypeError {
  const kind = buffer.resizable === undefined ? 'a SharedArrayBuffer' : 'a resizable ArrayBuffer';
  const risk = buffer.resizable === undefined ? 'another thread could change it' : 'it could shrink';
  return new CklTypeError(
    'ERR_CKL_BUFFER',
    `${name} lies in ${kind}: ${risk} while the loss reads it. Pass a copy, such as ${name}.slice()`,
  );
}

/** Node 20 has no `ArrayBuffer.prototype.detached`; a view of a detached buffer cannot be made. */
function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** Whether the two arrays share a byte. */
export function overlap(a: BatchArray, b: BatchArray): boolean {
  return (
    a.length > 0 &&
    b.length > 0 &&
    a.buffer === b.buffer &&
    a.byteOffset < b.byteOffset + b.byteLength &&
    b.byteOffset < a.byteOffset + a.byteLength
  );
}

/** A copy of the first `length` elements in memory of its own, as a plain typed array even if `array` is a Buffer. */
export function copy<T extends ScoreArray | RankArray>(array: T, length: number): T {
  const Made = constructors[tagOf.call(array) as keyof typeof constructors];
  const made = new Made(length);
  made.set(array.length === length ? array : array.subarray(0, length));
  return made as T;
}

const constructors = { Float32Array, Uint8Array, Uint16Array, Uint32Array, Int32Array };
