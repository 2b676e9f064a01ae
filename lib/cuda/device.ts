/// <reference lib="esnext.disposable" preserve="true" />
// The GPUs of this machine and their streams. One module: a device has a stream, and a stream belongs to a device.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { checkObject, checkOptionNames } from '../loss/options.js';
import { native, type NativeDevice, type NativeDeviceStream } from '../native/native.js';
import { reporting, reportingAsync } from './failure.js';

/** A GPU, as CUDA counts them (CUDA_VISIBLE_DEVICES hides and reorders). */
export class Device {
  #opened: NativeDevice | null = null;
  #own: Stream | null = null;

  /** @internal */
  constructor(
    readonly index: number,
    /** As the driver names it. */
    readonly name: string,
    /** Compute capability, such as `9.0`. */
    readonly capability: string,
    /** Bytes of memory in all. */
    readonly totalMemory: number,
  ) {
    Object.freeze(this);
  }

  /** @internal Opened when it is first used: that takes time, and memory of the GPU. */
  get native(): NativeDevice {
    return (this.#opened ??= reporting(() => new native.Device(this.index)));
  }

  /** The stream that is used where none is named; it waits for no other stream, and none for it. */
  get stream(): Stream {
    if (this.#own === null || this.#own.address < 0) this.#own = Stream.create({ device: this });
    return this.#own;
  }

  /** Bytes of memory that no process uses. */
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
      `CUDA is not available: ${found.reason || 'no device was found'}. \`npx ckl-loss doctor\` shows what is missing`,
    );
  }
  known = found.devices.map(
    ({ name, capability, memory }, index) => new Device(index, name, capability, memory),
  );
  return known;
}

/** The device that an option names; default the first. */
export function deviceOf(option: Device | number | undefined): Device {
  const all = devices();
  if (all.includes(option as Device)) return option as Device;
  const device = option === undefined ? all[0] : typeof option === 'number' ? all[option] : undefined;
  if (device !== undefined) return device;
  throw new CklRangeError(
    'ERR_CKL_DEVICE',
    `device is ${describe(option)}; this machine has ${all.length}, numbered from 0`,
  );
}

/** Work on one stream runs in the order in which it was enqueued; work on different streams in any. */
export class Stream implements Disposable {
  #address: number;
  #owned: NativeDeviceStream | null;

  private constructor(
    readonly device: Device,
    address: number,
    owned: NativeDeviceStream | null,
  ) {
    this.#address = address;
    this.#owned = owned;
    // It stays a stream of its device.
    Object.freeze(this);
  }

  /** @internal Whether it was made here. `instanceof` takes any object of this prototype, and a proxy. */
  static made(value: unknown): value is Stream {
    return typeof value === 'object' && value !== null && #address in value;
  }

  /** @internal CUDA's handle as a number; -1 after dispose. */
  get address(): number {
    return this.#address;
  }

  /** A new stream; it does not wait for CUDA's default stream. */
  static create(options: { device?: Device | number } = {}): Stream {
    checkOptions(options, 'Stream.create', ['device']);
    const device = deviceOf(options.device);
    const owned = reporting(() => new native.DeviceStream(device.native));
    return new Stream(device, owned.handle, owned);
  }

  /**
   * A stream that someone else made and destroys, such as `torch.cuda.current_stream().cuda_stream`; 0n is CUDA's default stream. Whoever
   * destroys it disposes this object first: until then it may be waited for, by losses that ran on it and now run elsewhere, too.
   */
  static from(handle: bigint, options: { device?: Device | number } = {}): Stream {
    checkOptions(options, 'Stream.from', ['device']);
    if (typeof handle !== 'bigint' || handle < 0n || handle > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new CklTypeError(
        'ERR_CKL_TYPE',
        `handle is ${describe(handle)}; it must be a stream's handle as a bigint (0n: the default stream)`,
      );
    }
    return new Stream(deviceOf(options.device), Number(handle), null);
  }

  /** CUDA's handle (`cudaStream_t`). */
  get handle(): bigint {
    return BigInt(this.live());
  }

  /** Waits until everything is done that was enqueued so far. Other work of this thread waits, too. */
  synchronize(): void {
    const address = this.live();
    reporting(() => this.device.native.synchronize(address));
  }

  /** Resolves when everything is done that was enqueued so far. */
  async done(): Promise<void> {
    const address = this.live();
    await reportingAsync(() => this.device.native.pending(address));
  }

  /** Whether everything is done that was enqueued so far. */
  get idle(): boolean {
    const address = this.live();
    return reporting(() => this.device.native.idle(address));
  }

  /** What is enqueued here from now on waits for what `other`, of the same device, holds now. The host does not wait. */
  waitFor(other: Stream): void {
    checkStream(other, this.device, 'other');
    const address = this.live();
    reporting(() => this.device.native.join(address, other.address));
  }

  /** @internal Waits for the stream where something ran last, unless it is this one, or was disposed and so waited for. */
  follow(last: Stream | null): void {
    if (last !== null && last !== this && last.address >= 0) this.waitFor(last);
  }

  /**
   * Waits until everything is done that was enqueued so far, and destroys the stream if it was made here. May be called twice.
   * @throws CudaError if that work has failed; the stream is disposed all the same
   */
  dispose(): void {
    if (this.#address < 0) return;
    try {
      this.synchronize();
    } finally {
      this.#owned?.dispose();
      this.#owned = null;
      this.#address = -1;
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private live(): number {
    if (this.#address < 0) throw disposed('this stream');
    return this.#address;
  }
}

function disposed(what: string): CklTypeError {
  return new CklTypeError('ERR_CKL_DISPOSED', `${what} was disposed; make another`);
}

/** Refuses what is no stream of the device that lives. */
export function checkStream(stream: Stream, device: Device, name: string): void {
  if (!Stream.made(stream)) {
    throw new CklTypeError(
      'ERR_CKL_TYPE',
      `${name} is ${describe(stream)}; it must be a Stream (Stream.from(handle) for one that someone else made)`,
    );
  }
  if (stream.address < 0) throw disposed(name);
  if (stream.device !== device) {
    throw new CklRangeError(
      'ERR_CKL_DEVICE',
      `${name} belongs to device ${stream.device.index}, and the work to device ${device.index}`,
    );
  }
}

/** Refuses options that `call` does not take: one that is misspelled would leave the work where it was not meant to be. */
export function checkOptions(options: object, call: string, allowed: readonly string[]): void {
  if (options instanceof Stream) {
    throw new CklTypeError('ERR_CKL_OPTION', `options is ${describe(options)}; it must be { stream }`);
  }
  checkObject('options', options);
  checkOptionNames(call, options, allowed);
}
