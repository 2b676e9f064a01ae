// The values in a pickle of scores: dicts, integers, and the few named objects.
import { excerpt } from './errors.js';

/** A dict: of queries, which are passed on as they are read, or of documents. */
export class Dict {
  keys: unknown[] = [];
  values: unknown[] = [];
  /** Already passed on, and now empty. */
  spent = false;
}

export class Name {
  constructor(readonly name: string) {}
}

export class Dtype {
  order: string;

  constructor(readonly kind: string) {
    this.order = '<';
  }
}

export const [SCALAR, DTYPE, ORDERED, ENCODE] = ['scalar', 'dtype', 'OrderedDict', 'encode'].map(
  (name) => new Name(name),
);
export const NAMES = new Map([
  ['numpy.core.multiarray.scalar', SCALAR],
  ['numpy._core.multiarray.scalar', SCALAR],
  ['numpy.dtype', DTYPE],
  ['collections.OrderedDict', ORDERED],
  // Protocol 2 has no bytes, and writes those of a scalar as text to be encoded.
  ['_codecs.encode', ENCODE],
]);

/** An integer in two's complement, lowest byte first; exact. */
export function wholeNumber(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  if (bytes.length > 0 && bytes[bytes.length - 1] > 127) value -= 1n << BigInt(8 * bytes.length);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

export function kindOf(value: unknown): string {
  if (value instanceof Dict) return 'a dict';
  if (value instanceof Name) return value.name;
  if (value instanceof Dtype) return 'a type';
  if (value instanceof Uint8Array) return 'bytes';
  if (Array.isArray(value)) return 'a tuple';
  if (value === null || value === undefined) return 'nothing';
  return typeof value === 'string' ? excerpt(value) : `${typeof value} ${String(value)}`;
}
