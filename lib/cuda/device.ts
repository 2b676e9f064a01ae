// The GPUs of this machine, each with a stream of its own.
import { describe } from '../describe.js';
import { CklRangeError } from '../errors.js';
import { native, type NativeDevice } from '../native/native.js';
import { reporting } from './failure.js';
import { Stream } from './stream.js';

/** A GPU, as CUDA counts them (CUDA_VISIBLE_DEVICES hides and reorders). */
export class Device {
  private opened: NativeDevice | null = null;
  private own: Stream | null = null;

  /** @internal */
  constructor(
    readonly index: number,
    /** As the driver names it. */
    readonly name: string,
    /** Compute capability, such as `9.0`. */
    readonly capability: string,
    /** Bytes of memory in all. */
    readonly totalMemory: number,
  ) {}

  /** @internal Opened when it is first used: that takes time, and memory of the GPU. */
  get native(): NativeDevice {
    return (this.opened ??= reporting(() => new native.Device(this.index)));
  }

  /** The stream that is used where none is named; it waits for no other stream, and none for it. */
  get stream(): Stream {
    if (this.own === null || this.own.address < 0) this.own = Stream.create({ device: this });
    return this.own;
  }

  /** Bytes of memory that are free, whoever uses the rest. */
  freeMemory(): number {
    return reporting(() => this.native.memory())[0];
  }
}

let known: readonly Device[] | null = null;

/**
 * All GPUs.
 * @throws RangeError (ERR_CKL_BACKEND) with the reason if there is none that can be used.
 */
export function devices(): readonly Device[] {
  if (known !== null) return known;
  const found = native.cuda();
  if (!found.available) {
    throw new CklRangeError(
      'ERR_CKL_BACKEND',
      `CUDA is not available: ${found.reason || 'no device was found'}. \`npx ckl-loss doctor\` tells what is missing`,
    );
  }
  known = found.devices.map(
    ({ name, capability, memory }, index) => new Device(index, name, capability, memory),
  );
  return known;
}

/** The device that an option names; default the first. */
export function deviceOf(option: Device | number | undefined): Device {
  if (option instanceof Device) return option;
  const all = devices();
  const device = option === undefined ? all[0] : typeof option === 'number' ? all[option] : undefined;
  if (device !== undefined) return device;
  throw new CklRangeError(
    'ERR_CKL_DEVICE',
    `device is ${describe(option)}; this machine has ${all.length}, numbered from 0`,
  );
}
