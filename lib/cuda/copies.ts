// What may be copied to or from a tensor.
import { nativeScores } from '../loss/arrays.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { lengthOf } from '../loss/intrinsics.js';
import { type DeviceDtype, dtypeOf, type HostArray, isBits } from './dtype.js';
import type { Device } from './device.js';

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

/** Refuses a host array of another length or type. */
export function checkArray(tensor: Place, array: HostArray, name: string): void {
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
export function nativeView(array: HostArray): ArrayBufferView {
  return nativeScores(array as Float32Array);
}
