// The table of a call's arrays: their names, contents and extents, and which of them a loss writes. It is
// used for batches in host and device memory, for the check for shared memory, and for the addon's errors.
import type { NativeArgument } from './codes.js';

export interface Field {
  readonly name: string;
  readonly holds: keyof typeof contents;
  /** What an array has one element per; offsets have one per query plus one. */
  readonly per: 'document' | 'query';
  readonly output: boolean;
}

/** The contents of arrays: in words, and as element types of device memory. */
export const contents = {
  scores: {
    arrays: 'a Float32Array, a Uint16Array (bfloat16 or float16) or a Float16Array',
    dtypes: ['float32', 'bfloat16', 'float16'],
  },
  labels: { arrays: 'a Uint8Array of 1 (positive), 0 (negative), 255 (padding)', dtypes: ['uint8'] },
  ranks: {
    arrays: 'a Uint8Array, Uint16Array, Uint32Array, Int32Array or Float32Array',
    dtypes: ['uint8', 'uint16', 'uint32', 'int32', 'float32'],
  },
  floats: { arrays: 'a Float32Array', dtypes: ['float32'] },
  positions: { arrays: 'an Int32Array', dtypes: ['int32'] },
} as const;

const field =
  (output: boolean) =>
  (name: string, holds: Field['holds'], per: Field['per'] = 'document'): Field => ({
    name,
    holds,
    per,
    output,
  });
const [input, output] = [field(false), field(true)];

/** By NativeArgument less one, from `student` on; DeviceScalar has them in the same order. */
export const fields: readonly Field[] = [
  input('student', 'scores'),
  input('teacher', 'scores'),
  input('labels', 'labels'),
  input('offsets', 'positions', 'query'),
  input('ranks', 'ranks'),
  input('beta', 'floats'),
  input('relevance', 'floats'),
  input('weights', 'floats', 'query'),
  output('grad', 'scores'),
  output('perQuery', 'floats', 'query'),
  output('teacherGrad', 'scores'),
  output('diagnostics.weight', 'floats'),
  output('diagnostics.ratio', 'floats'),
  output('diagnostics.entropy', 'floats', 'query'),
  output('diagnostics.separation', 'floats', 'query'),
  output('diagnostics.separationTop10', 'floats', 'query'),
];

export function fieldOf(argument: NativeArgument): Field {
  return fields[argument - 1];
}
