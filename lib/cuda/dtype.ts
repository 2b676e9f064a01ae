// Element types of device memory: their sizes, their arrays on the host, their names in CUDA array interfaces.
import { describe, oneOf } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { isFloat16 } from '../loss/arrays.js';
import { tagOf } from '../loss/intrinsics.js';
import type { Float16Scores } from '../types.js';

/** Element types of a {@link DeviceTensor}. */
export type DeviceDtype =
  'float32' | 'float64' | 'bfloat16' | 'float16' | 'uint8' | 'uint16' | 'uint32' | 'int32';

/** Host arrays that can be copied to a GPU and back; halves are bit patterns in a `Uint16Array`. */
export type HostArray =
  Float32Array | Float64Array | Float16Scores | Uint8Array | Uint16Array | Uint32Array | Int32Array;

/** The element type of a host array's copy, by default. */
export type DtypeOf<A extends HostArray> = A extends Float32Array
  ? 'float32'
  : A extends Float64Array
    ? 'float64'
    : A extends Uint8Array
      ? 'uint8'
      : A extends Uint16Array
        ? 'uint16'
        : A extends Uint32Array
          ? 'uint32'
          : A extends Int32Array
            ? 'int32'
            : A extends Float16Scores
              ? 'float16'
              : DeviceDtype;

/** The array that a tensor of a type comes back as. */
export interface HostArrays {
  float32: Float32Array;
  float64: Float64Array;
  bfloat16: Uint16Array;
  float16: Uint16Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  int32: Int32Array;
}

type HostConstructor = new (length: number) => HostArrays[DeviceDtype];

interface DtypeInfo {
  bytes: number;
  /** The tag of its arrays on the host. */
  array: HostConstructor;
  /** `typestr` of array interfaces; the first is the one that is written. */
  names: readonly string[];
}

// bfloat16 has no name of its own in array interfaces; libraries that have it write it as two bytes of anything.
const dtypes: Readonly<Record<DeviceDtype, DtypeInfo>> = {
  float32: { bytes: 4, array: Float32Array, names: ['<f4'] },
  float64: { bytes: 8, array: Float64Array, names: ['<f8'] },
  bfloat16: { bytes: 2, array: Uint16Array, names: ['<V2', '|V2'] },
  float16: { bytes: 2, array: Uint16Array, names: ['<f2'] },
  uint8: { bytes: 1, array: Uint8Array, names: ['|u1', '<u1', '|b1', '|i1'] },
  uint16: { bytes: 2, array: Uint16Array, names: ['<u2'] },
  uint32: { bytes: 4, array: Uint32Array, names: ['<u4'] },
  int32: { bytes: 4, array: Int32Array, names: ['<i4'] },
};

/** @throws RangeError if there is no such element type. */
export function dtypeInfo(dtype: DeviceDtype): DtypeInfo {
  if (Object.hasOwn(dtypes, dtype)) return dtypes[dtype];
  throw new CklRangeError(
    'ERR_CKL_TYPE',
    `dtype is ${describe(dtype)}; it must be ${oneOf(Object.keys(dtypes))}`,
  );
}

/** Whether an array holds bit patterns, which say nothing of how they are meant. */
export function isBits(array: unknown): boolean {
  return tagOf(array) === 'Uint16Array';
}

/** The element type of a host array; `asked` gives that of a Uint16Array. */
export function dtypeOf(array: unknown, asked: DeviceDtype | undefined, name: string): DeviceDtype {
  const tag = tagOf(array);
  const fitting = (Object.keys(dtypes) as DeviceDtype[]).filter(
    (dtype) => tag === dtypes[dtype].array.name || (dtype === 'float16' && isFloat16(array)),
  );
  if (fitting.length === 0) {
    throw new CklTypeError(
      'ERR_CKL_TYPE',
      `${name} is ${describe(array)}; it must be a typed array in host memory`,
    );
  }
  if (asked !== undefined) {
    if (fitting.includes(asked)) return asked;
    throw new CklTypeError('ERR_CKL_TYPE', `${name} is ${describe(array)}, which does not hold ${asked}`);
  }
  return tag === 'Uint16Array' ? 'uint16' : fitting[0];
}

/** The element type that an array interface names. */
export function dtypeNamed(typestr: unknown): DeviceDtype | undefined {
  return (Object.keys(dtypes) as DeviceDtype[]).find((dtype) =>
    dtypes[dtype].names.includes(typestr as string),
  );
}
