// The CUDA array interface (version 3): how Numba, CuPy, PyTorch and others show each other memory of a GPU.
import { describe, oneOf } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { isObject } from '../loss/intrinsics.js';
import { type DeviceDtype, dtypeInfo, dtypeNamed } from './dtype.js';

/** https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html */
export interface CudaArrayInterface {
  shape: readonly number[];
  /** Element type, such as `<f4`. */
  typestr: string;
  /** Address, and whether it is for reading only. */
  data: readonly [pointer: bigint | number, readOnly: boolean];
  version: number;
  /** Bytes from one index to the next, a dimension; absent or null: rows without gaps. */
  strides?: readonly number[] | null;
  /** A handle to order with: 1 is the legacy default stream, 2 that of the thread; absent or null: nothing to wait for. */
  stream?: bigint | number | null;
}

/** Anything that shows memory of a GPU. */
export interface CudaArray {
  readonly __cuda_array_interface__: CudaArrayInterface;
}

export function isCudaArray(value: unknown): value is CudaArray {
  return isObject(value) && '__cuda_array_interface__' in value;
}

/** What an interface tells, checked. */
export interface Shown {
  pointer: bigint;
  shape: readonly number[];
  dtype: DeviceDtype;
  readOnly: boolean;
  stream: bigint | null;
}

/** What a tensor shows: rows without gaps, and nothing to wait for. */
export function interfaceOf({ shape, dtype, pointer, readOnly }: Omit<Shown, 'stream'>): CudaArrayInterface {
  const typestr = dtypeInfo(dtype).names[0];
  return { shape, typestr, data: [pointer, readOnly], version: 3, strides: null, stream: null };
}

/** @param asked the element type, for those that have no name in the interface */
export function readInterface(array: CudaArray, asked: DeviceDtype | undefined): Shown {
  const shown: unknown = array.__cuda_array_interface__;
  if (!isObject(shown)) throw wrong('', shown, 'an object');
  // Each property once, and lists copied: what is checked is what is used.
  const { shape: sizes, typestr, data, strides: steps, stream } = shown as CudaArrayInterface;
  const shape = numbersOf(sizes);
  if (shape === null || !shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw wrong('.shape', sizes, 'an array of sizes');
  }
  const [pointer, readOnly] = Array.isArray(data) ? [data[0] as unknown, data[1] as unknown] : [null, null];
  if (!isHandle(pointer)) throw wrong('.data', data, '[address, readOnly]');
  if (stream !== undefined && stream !== null && !isHandle(stream))
    throw wrong('.stream', stream, 'a handle');
  const named = dtypeNamed(typestr);
  const dtype = asked ?? named;
  if (dtype === undefined) {
    const known = (['float32', 'float16', 'uint8', 'int32'] as const).map((d) => dtypeInfo(d).names[0]);
    throw wrong('.typestr', typestr, `an element type that losses read, such as ${oneOf(known)}`);
  }
  const { bytes } = dtypeInfo(dtype);
  if (typeof typestr !== 'string' || Number(typestr.slice(2)) !== bytes) {
    throw wrong('.typestr', typestr, `one of ${bytes} bytes an element for ${dtype}`);
  }
  if (steps !== undefined && steps !== null) {
    const strides = numbersOf(steps);
    if (strides?.length !== shape.length)
      throw wrong('.strides', steps, 'an array of as many bytes as sizes');
    checkStrides(strides, shape, bytes);
  }
  return {
    pointer: BigInt(pointer),
    shape,
    dtype,
    readOnly: readOnly === true,
    stream: stream === undefined || stream === null ? null : BigInt(stream),
  };
}

/** A copy of a list; no list of an interface has more dimensions. */
function numbersOf(list: unknown): number[] | null {
  if (!Array.isArray(list)) return null;
  const { length } = list;
  return length <= 64 ? Array.from({ length }, (_, k) => list[k] as number) : null;
}

/** Rows without gaps, as C has them; a dimension of one may have any stride. */
function checkStrides(strides: readonly number[], shape: readonly number[], bytes: number): void {
  let expected = bytes;
  for (let k = shape.length - 1; k >= 0; k--) {
    if (shape[k] > 1 && strides[k] !== expected) {
      throw new CklRangeError(
        'ERR_CKL_SHAPE',
        `__cuda_array_interface__.strides is [${strides.join(', ')}]; rows with gaps are taken as their whole memory and rowStride, ` +
          'or make the array contiguous',
      );
    }
    expected *= shape[k];
  }
}

function isHandle(value: unknown): value is bigint | number {
  return typeof value === 'bigint' ? value >= 0n : Number.isSafeInteger(value) && (value as number) >= 0;
}

function wrong(place: string, found: unknown, wanted: string): CklTypeError {
  return new CklTypeError(
    'ERR_CKL_TYPE',
    `__cuda_array_interface__${place} is ${describe(found)}; it must be ${wanted}`,
  );
}
