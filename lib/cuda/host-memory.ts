/// <reference lib="esnext.disposable" preserve="true" />
// allocateHost(): arrays in page-locked memory of the host, which a GPU copies from and to without help of the processor.
import { constants } from 'node:buffer';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { native } from '../native/native.js';
import { checkOptions, deviceOf } from './device.js';
import { type DeviceDtype, dtypeInfo, type HostArrays } from './dtype.js';
import { reporting } from './failure.js';
import type { OnDevice } from './options.js';

/** A typed array in page-locked memory, of `allocateHost`. */
export type PinnedArray<D extends DeviceDtype = DeviceDtype> = HostArrays[D] &
  Disposable & {
    /** Detaches the array, and frees its memory when no copy is at it any more. May be called twice. */
    dispose(): void;
  };

/**
 * A new typed array of `length` zeros in page-locked (pinned) host memory: halves as a `Uint16Array`. A GPU reads and writes such memory itself, so that
 * copies to and from tensors, and losses of host arrays with backend `'cuda'`, skip the buffers that they use otherwise. Views of the array
 * (`subarray`, or another type on its `buffer`) are pinned as well. It is freed by `dispose()` (or `using`), or when it and its views are garbage.
 * Page-locked memory cannot be swapped out, and takes long to allocate: keep it, and use it again.
 * @throws RangeError (ERR_CKL_BACKEND) without a GPU; CudaError (`cudaErrorMemoryAllocation`) if there is not enough
 */
export function allocateHost<D extends DeviceDtype = 'float32'>(
  length: number,
  dtype: D = 'float32' as D,
  options: OnDevice = {},
): PinnedArray<D> {
  checkOptions(options, 'allocateHost', ['device']);
  const device = deviceOf(options.device);
  const { bytes, array: Made } = dtypeInfo(dtype);
  const most = Math.floor(constants.MAX_LENGTH / bytes);
  if (typeof length !== 'number')
    throw new CklTypeError('ERR_CKL_TYPE', `length is ${describe(length)}; it must be a number`);
  if (!(Number.isInteger(length) && length >= 0 && length <= most)) {
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `length is ${describe(length)}; it must be an integer from 0 to ${most}, the longest array of ${dtype} here`,
    );
  }
  const buffer =
    length === 0 ? new ArrayBuffer(0) : reporting(() => device.native.allocateHost(length * bytes));
  if (buffer === null) {
    throw new CklRangeError(
      'ERR_CKL_BACKEND',
      'this JavaScript engine allows no arrays in memory that CUDA allocates (Electron is one); use ordinary arrays',
    );
  }
  const array = new (Made as unknown as new (memory: ArrayBuffer) => HostArrays[D])(buffer);
  const dispose = { value: () => native.releaseHost(buffer) };
  return Object.defineProperties(array, { dispose, [Symbol.dispose]: dispose }) as PinnedArray<D>;
}
