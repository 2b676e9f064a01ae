// The engine's own getters and methods of typed arrays: properties of the same names on a caller's object cannot override them.
// All of them work across realms (vm contexts, Jest) and run no user code.

/** Any typed array, with the properties of its memory. */
export interface TypedArrayLike {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly length: number;
}

const prototype = Object.getPrototypeOf(Uint8Array.prototype) as object;

function getter<T>(of: object, name: PropertyKey): (this: unknown) => T {
  return Object.getOwnPropertyDescriptor(of, name)!.get as (this: unknown) => T;
}

const tag = getter<string | undefined>(prototype, Symbol.toStringTag);
const length = getter<number>(prototype, 'length');
const buffer = getter<ArrayBufferLike>(prototype, 'buffer');
const byteOffset = getter<number>(prototype, 'byteOffset');
const byteLength = getter<number>(prototype, 'byteLength');
const resizable = getter<boolean>(ArrayBuffer.prototype, 'resizable');
const { isPrototypeOf } = Object.prototype;
const { set } = prototype as { set: (this: unknown, from: unknown) => void };

/** The class of a typed array, such as 'Float32Array'; undefined for anything else, proxies included. */
export function tagOf(value: unknown): string | undefined {
  return tag.call(value);
}

/** Whether a value has the methods of a typed array without being one, such as a proxy: its `length` throws. */
export function isPretender(value: object): boolean {
  return isPrototypeOf.call(prototype, value) && tagOf(value) === undefined;
}

/** The number of its elements; 0 after its memory was transferred. */
export function lengthOf(array: TypedArrayLike): number {
  return length.call(array);
}

export function bufferOf(array: TypedArrayLike): ArrayBufferLike {
  return buffer.call(array);
}

export function byteOffsetOf(array: TypedArrayLike): number {
  return byteOffset.call(array);
}

export function byteLengthOf(array: TypedArrayLike): number {
  return byteLength.call(array);
}

/** Copies all of `from` to the start of `to`, bit by bit if both are of one class. */
export function copyInto(to: TypedArrayLike, from: TypedArrayLike): void {
  set.call(to, from);
}

/** Whether properties of a value can be read at all, which is not the case for a revoked Proxy. */
export function isObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  try {
    Array.isArray(value); // throws for a revoked Proxy, and runs no code of any other
    return true;
  } catch {
    return false;
  }
}

/** Whether a buffer may change its size; undefined for a SharedArrayBuffer. */
export function isResizable(memory: ArrayBufferLike): boolean | undefined {
  try {
    return resizable.call(memory);
  } catch {
    return undefined;
  }
}

/** Whether its memory was transferred. Node 20 has no `ArrayBuffer.prototype.detached`; a view of a detached buffer cannot be made. */
export function isDetached(memory: ArrayBufferLike): boolean {
  try {
    new Uint8Array(memory);
    return false;
  } catch {
    return true;
  }
}
