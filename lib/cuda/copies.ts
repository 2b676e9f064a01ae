// Copies between tensors and host arrays, and what may be copied.
import { nativeScores } from '../loss/arrays.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { lengthOf } from '../loss/intrinsics.js';
import type { Device, Stream } from './device.js';
import { type DeviceDtype, dtypeOf, type HostArray, isBits } from './dtype.js';
import { reporting, reportingAsync } from './failure.js';

/** What a copy has to know of a tensor. */
interface Place {
  readonly device: Device;
  readonly dtype: DeviceDtype;
  readonly length: number;
  readonly byteLength: number;
  readonly address: number;
}

/** Refuses a source of another device, length or type, or one that shares memory with where it goes. */
export function checkTensor(tensor: Place, source: Place): void {
  if (source.device !== tensor.device) {
    throw new CklRangeError(
      'ERR_CKL_DEVICE',
      `source is on device ${source.device.index} and this tensor on device ${tensor.device.index}; copy through a host array`,
    );
  }
  checkFits(tensor, source.dtype, source.length, 'source');
  if (Math.abs(source.address - tensor.address) >= tensor.byteLength) return;
  throw new CklRangeError('ERR_CKL_OVERLAP', 'source and this tensor share memory; copy through another');
}

/** Enqueues a copy of a host array, which has been read when this returns. */
export function copyIn(tensor: Place, array: HostArray, stream: Stream): void {
  checkArray(tensor, array, 'source');
  const { device, length, address } = tensor;
  if (length > 0) reporting(() => device.native.toDevice(address, nativeView(array), stream.address));
}

/** The same; resolves when the GPU has the copy. A pinned array is read until then. */
export async function copyInAsync(tensor: Place, array: HostArray, stream: Stream): Promise<void> {
  checkArray(tensor, array, 'source');
  const { device, length, address } = tensor;
  if (length > 0)
    await reportingAsync(() => device.native.upload(address, nativeView(array), stream.address));
}

/** Waits for the stream, and writes into a host array. */
export function copyOut(tensor: Place, array: HostArray, stream: Stream): void {
  checkArray(tensor, array, 'array');
  const { device, length, address } = tensor;
  if (length > 0) reporting(() => device.native.toHost(nativeView(array), address, stream.address));
}

/** The same; resolves when the array has been written. */
export async function copyOutAsync(tensor: Place, array: HostArray, stream: Stream): Promise<void> {
  checkArray(tensor, array, 'array');
  const { device, length, address } = tensor;
  if (length > 0)
    await reportingAsync(() => device.native.download(nativeView(array), address, stream.address));
}

/** Refuses a host array of another length or type. */
function checkArray(tensor: Place, array: HostArray, name: string): void {
  checkFits(tensor, dtypeOf(array, isBits(array) ? tensor.dtype : undefined, name), lengthOf(array), name);
}

function checkFits(tensor: Place, dtype: DeviceDtype, length: number, name: string): void {
  if (dtype !== tensor.dtype) {
    throw new CklTypeError('ERR_CKL_TYPE', `${name} holds ${dtype} and this tensor ${tensor.dtype}`);
  }
  if (length !== tensor.length) {
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `${name} has ${length} elements and this tensor ${tensor.length}; take a subtensor or a subarray`,
    );
  }
}

/** A host array as the addon takes it. */
function nativeView(array: HostArray): ArrayBufferView {
  return nativeScores(array as Float32Array);
}
