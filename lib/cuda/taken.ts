// One array of a call as a tensor, and whether it lives, is on the call's device and may be written to.
import { CklRangeError, CklTypeError } from '../errors.js';
import type { Device, Stream } from './device.js';
import { ShownArray, type Taken } from './snapshot.js';
import { DeviceTensor } from './tensor.js';

/** The tensor itself, or one that shows another library's array: `stream` then waits for the stream that the array names. */
export function tensorOf(value: Exclude<Taken, undefined>, stream: Stream): DeviceTensor {
  return value instanceof ShownArray
    ? DeviceTensor.shown(value.owner, value.shown, undefined, stream)
    : value;
}

/** @param user what was made for `device`, as in "this graph was captured" */
export function checkPlace(tensor: DeviceTensor, name: string, device: Device, user: string): void {
  if (tensor.disposed) throw disposed(name);
  if (tensor.device === device) return;
  throw new CklRangeError(
    'ERR_CKL_DEVICE',
    `${name} is on device ${tensor.device.index}; ${user} for device ${device.index}`,
  );
}

export function checkWritable(tensor: DeviceTensor, name: string): void {
  if (!tensor.readOnly) return;
  throw new CklTypeError('ERR_CKL_TYPE', `${name} is read-only; an output needs memory to write to`);
}

/** As the addon takes it: no address where there is nothing to read. */
export const addressOf = (tensor: DeviceTensor | null): number =>
  tensor === null || tensor.length === 0 ? 0 : tensor.address;

export function disposed(name: string): Error {
  return new CklTypeError('ERR_CKL_DISPOSED', `${name} was disposed; allocate another tensor`);
}
