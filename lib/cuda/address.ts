// Addresses passed by callers: whether they are usable, and to which GPU's memory they belong.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { NativeMemoryKind } from '../native/codes.js';
import { native } from '../native/native.js';
import { type Device, deviceOf, devices } from './device.js';
import { type DeviceDtype, dtypeInfo } from './dtype.js';
import { reporting } from './failure.js';

/** A pointer to elements of a type, as a number. */
export function checkPointer(pointer: bigint, dtype: DeviceDtype): number {
  const { bytes } = dtypeInfo(dtype);
  if (typeof pointer !== 'bigint' || pointer < 0n || pointer > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new CklTypeError(
      'ERR_CKL_TYPE',
      `pointer is ${describe(pointer)}; it must be an address as a bigint`,
    );
  }
  const address = Number(pointer);
  if (address % bytes === 0) return address;
  throw new CklRangeError(
    'ERR_CKL_DEVICE',
    `pointer is 0x${pointer.toString(16)}; ${dtype} needs a multiple of ${bytes}`,
  );
}

/** The device that an address is of; it must be the one that is expected, if any is. */
export function deviceAt(address: number, option: Device | number | undefined): Device {
  const expected = option === undefined ? undefined : deviceOf(option);
  const all = devices();
  const [kind, index] = reporting(() => native.pointerInfo(address, expected?.index ?? -1));
  if (kind !== NativeMemoryKind.device && kind !== NativeMemoryKind.managed) {
    const what = kind === NativeMemoryKind.host ? 'host memory' : 'no memory that CUDA knows';
    throw new CklRangeError(
      'ERR_CKL_DEVICE',
      `pointer is 0x${address.toString(16)}, ${what}; it must be memory of a GPU. Copy host arrays with DeviceTensor.from(array)`,
    );
  }
  if (kind === NativeMemoryKind.managed) return expected ?? deviceOf(Math.max(0, index));
  if (expected !== undefined && expected.index !== index) {
    throw new CklRangeError(
      'ERR_CKL_DEVICE',
      `pointer is memory of device ${index}, and device is ${expected.index}`,
    );
  }
  return all[index];
}
