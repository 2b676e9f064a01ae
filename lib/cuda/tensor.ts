/// <reference lib="esnext.disposable" preserve="true" />
// DeviceTensor: memory of a GPU with a shape and an element type, made here or by someone else.
import { describe } from '../describe.js';
import { allocate } from '../loss/arrays.js';
import { lengthOf } from '../loss/intrinsics.js';
import { CklTypeError } from '../errors.js';
import { native, type NativeDeviceMemory } from '../native/native.js';
import { checkPointer, deviceAt } from './address.js';
import {
  type CudaArray,
  type CudaArrayInterface,
  interfaceOf,
  isCudaArray,
  readInterface,
  type Shown,
} from './array-interface.js';
import { checkTensor, copyIn, copyInAsync, copyOut, copyOutAsync } from './copies.js';
import { checkOptions, type Device, deviceOf, Stream } from './device.js';
import {
  type DeviceDtype,
  type DtypeOf,
  dtypeInfo,
  dtypeOf,
  type HostArray,
  type HostArrays,
} from './dtype.js';
import { reporting } from './failure.js';
import { type OnDevice, type OnStream, streamOf } from './options.js';
import { checkRange, checkShape, type TensorShape } from './shape.js';

const onDevice = ['device'];

/**
 * Elements in memory of a GPU, without gaps. What is made here is freed by `dispose()`, or when it is garbage; freeing waits for what the
 * GPU is at. Copies are enqueued on a stream, in order with what else is there: a loss that is enqueued after `copyFrom` sees the copy.
 */
export class DeviceTensor<D extends DeviceDtype = DeviceDtype> implements Disposable, CudaArray {
  readonly length: number;
  // Private to the engine, too: what has the same names, or the same prototype, is no tensor.
  #address: number;
  #memory: NativeDeviceMemory | null;
  /** Whose memory it is: never read, but kept alive. */
  // eslint-disable-next-line no-unused-private-class-members
  #owner: unknown;
  readonly #parent: DeviceTensor | null;

  private constructor(
    readonly device: Device,
    readonly dtype: D,
    readonly shape: readonly number[],
    address: number,
    memory: NativeDeviceMemory | null,
    owner: unknown,
    parent: DeviceTensor | null = null,
    /** Whether it was shown as for reading only: nothing here writes to it. */
    readonly readOnly: boolean = parent !== null && parent.readOnly,
  ) {
    this.length = shape.reduce((a, b) => a * b, 1);
    this.#address = address;
    this.#memory = memory;
    this.#owner = owner;
    this.#parent = parent;
    // What is checked once stays so: no caller gives it another length or type.
    Object.freeze(shape);
    Object.freeze(this);
  }

  /** @internal Whether it was made here. `instanceof` takes any object of this prototype, and a proxy. */
  static made(value: unknown): value is DeviceTensor {
    return typeof value === 'object' && value !== null && #address in value;
  }

  /** @internal Whether it shows memory by its interface, and does not only look like a tensor. */
  static shows(value: unknown): value is CudaArray {
    return isCudaArray(value) && (DeviceTensor.made(value) || !(value instanceof DeviceTensor));
  }

  /** @internal The address as a number; -1 after dispose. */
  get address(): number {
    return this.#address;
  }

  /**
   * New memory, its contents undefined.
   * @throws CudaError (`cudaErrorMemoryAllocation`) if there is not enough; nothing else is affected.
   */
  static allocate<D extends DeviceDtype = 'float32'>(
    shape: TensorShape,
    dtype: D = 'float32' as D,
    options: OnDevice = {},
  ): DeviceTensor<D> {
    checkOptions(options, 'allocate', onDevice);
    const device = deviceOf(options.device);
    const sizes = checkShape(shape);
    const bytes = sizes.reduce((a, b) => a * b, dtypeInfo(dtype).bytes);
    const memory = reporting(() => new native.DeviceMemory(device.native, bytes));
    return new DeviceTensor(device, dtype, sizes, memory.address, memory, null);
  }

  /** A copy of a host array, enqueued: the array has been read when this returns. `dtype` gives the element type of a Uint16Array. */
  static from<A extends HostArray, D extends DeviceDtype = DtypeOf<A>>(
    array: A,
    options: { shape?: TensorShape; dtype?: D } & OnDevice & OnStream = {},
  ): DeviceTensor<D> {
    checkOptions(options, 'from', ['shape', 'dtype', 'device', 'stream']);
    const { stream, dtype: asked, device, shape } = options;
    const dtype = dtypeOf(array, asked, 'array') as D;
    const made = DeviceTensor.allocate(shape ?? lengthOf(array), dtype, { device: device ?? stream?.device });
    try {
      return made.copyFrom(array, { stream });
    } catch (error) {
      made.dispose();
      throw error;
    }
  }

  /**
   * A view of memory that someone else allocated and frees: it must live as long as the view is used. `owner` is kept alive by the view.
   * @throws RangeError (ERR_CKL_DEVICE) if the pointer is not memory of a GPU.
   */
  static view<D extends DeviceDtype>(
    pointer: bigint,
    shape: TensorShape,
    dtype: D,
    options: { owner?: unknown; readOnly?: boolean } & OnDevice = {},
  ): DeviceTensor<D> {
    checkOptions(options, 'view', ['owner', 'readOnly', 'device']);
    const sizes = checkShape(shape);
    const address = checkPointer(pointer, dtype);
    const empty = sizes.includes(0);
    const device = empty ? deviceOf(options.device) : deviceAt(address, options.device);
    const { owner = null, readOnly = false } = options;
    return new DeviceTensor(device, dtype, sizes, address, null, owner, null, readOnly);
  }

  /**
   * A view of what shows itself by `__cuda_array_interface__`. `dtype` is for bfloat16, which has no name there. If the interface names a
   * stream, `stream` (default the device's own) waits for it.
   */
  static fromInterface<D extends DeviceDtype = DeviceDtype>(
    array: CudaArray,
    options: { dtype?: D } & OnDevice & OnStream = {},
  ): DeviceTensor<D> {
    checkOptions(options, 'fromInterface', ['dtype', 'device', 'stream']);
    const { stream, dtype, device } = options;
    if (!DeviceTensor.shows(array)) {
      throw new CklTypeError(
        'ERR_CKL_TYPE',
        `array is ${describe(array)}; it must have __cuda_array_interface__`,
      );
    }
    return DeviceTensor.shown(array, readInterface(array, dtype), device, stream) as DeviceTensor<D>;
  }

  /** @internal A view of what an interface has shown. */
  static shown(owner: unknown, shown: Shown, device?: Device | number, stream?: Stream): DeviceTensor {
    const view = DeviceTensor.view(shown.pointer, shown.shape, shown.dtype, {
      device: device ?? stream?.device,
      owner,
      readOnly: shown.readOnly,
    });
    if (shown.stream !== null) {
      // 1 is the legacy default stream there, as in CUDA's own numbering of special handles.
      streamOf({ stream }, view.device, 'fromInterface').waitFor(
        Stream.from(shown.stream, { device: view.device }),
      );
    }
    return view;
  }

  get pointer(): bigint {
    return BigInt(this.live());
  }

  get byteLength(): number {
    return this.length * dtypeInfo(this.dtype).bytes;
  }

  /** For libraries in this process that read the interface. Who reads it on another stream orders the streams. */
  get __cuda_array_interface__(): CudaArrayInterface {
    return interfaceOf(this);
  }

  /** A view of the elements from `begin` to before `end`, flat. It ends with this tensor. */
  subtensor(begin = 0, end = this.length): DeviceTensor<D> {
    checkRange(begin, end, this.length);
    return this.part(this.live() + begin * dtypeInfo(this.dtype).bytes, [end - begin]);
  }

  /** @internal The first elements, in the given shape if it has as many. */
  first(length: number, shape: readonly number[] = []): DeviceTensor<D> {
    const fits = shape.length > 0 && shape.reduce((a, b) => a * b, 1) === length;
    return this.part(this.live(), fits ? shape : [length]);
  }

  /**
   * Copies a host array, or a tensor of the same device, of the same length and type. An array has been read when this returns;
   * the copy to the GPU is enqueued. For an array of `allocateHost` this waits until the stream has made the copy.
   */
  copyFrom(source: HostArray | DeviceTensor, options: OnStream = {}): this {
    const stream = streamOf(options, this.device, 'copyFrom');
    const to = this.writable();
    if (!DeviceTensor.made(source)) {
      copyIn(this as DeviceTensor, source, stream);
      return this;
    }
    const from = source.live();
    checkTensor(this as DeviceTensor, source);
    reporting(() => this.device.native.copy(to, from, this.byteLength, stream.address));
    return this;
  }

  /**
   * The same; resolves when the GPU has the copy. An array has been read when this returns, but not one of `allocateHost`: do not change
   * that before the promise has resolved.
   */
  async copyFromAsync(source: HostArray | DeviceTensor, options: OnStream = {}): Promise<this> {
    const stream = streamOf(options, this.device, 'copyFromAsync');
    this.writable();
    if (DeviceTensor.made(source)) {
      this.copyFrom(source, { stream });
      await stream.done();
    } else await copyInAsync(this as DeviceTensor, source, stream);
    return this;
  }

  /** Waits for the stream, and writes the elements into a host array. */
  copyTo<A extends HostArray>(array: A, options: OnStream = {}): A {
    const stream = streamOf(options, this.device, 'copyTo');
    this.live();
    copyOut(this as DeviceTensor, array, stream);
    return array;
  }

  /**
   * Writes the elements as they are when the stream has come to this point into a host array, and resolves with it. An array of `allocateHost` is
   * written by the GPU, any other in the end.
   */
  async copyToAsync<A extends HostArray>(array: A, options: OnStream = {}): Promise<A> {
    const stream = streamOf(options, this.device, 'copyToAsync');
    this.live();
    await copyOutAsync(this as DeviceTensor, array, stream);
    return array;
  }

  /** Waits for the stream, and returns the elements. */
  toArray(options: OnStream = {}): HostArrays[D] {
    return this.copyTo(this.hostArray(), options);
  }

  /** The elements as they are when the stream has come to this point; later work on the same stream does not change them. */
  async toArrayAsync(options: OnStream = {}): Promise<HostArrays[D]> {
    this.live();
    return this.copyToAsync(this.hostArray(), options);
  }

  /** Sets every byte to 0, enqueued. */
  clear(options: OnStream = {}): this {
    const stream = streamOf(options, this.device, 'clear').address;
    const to = this.writable();
    if (this.length > 0) reporting(() => this.device.native.fill(to, 0, this.byteLength, stream));
    return this;
  }

  /** Whether its memory may not be used any more. */
  get disposed(): boolean {
    return this.#address < 0 || (this.#parent !== null && this.#parent.disposed);
  }

  /** Frees the memory if it was allocated here, when the GPU is done with it. May be called twice. */
  dispose(): void {
    this.#memory?.dispose();
    this.#memory = this.#owner = null;
    this.#address = -1;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private live(): number {
    if (!this.disposed) return this.#address;
    throw new CklTypeError('ERR_CKL_DISPOSED', 'this tensor was disposed; allocate another');
  }

  private writable(): number {
    if (!this.readOnly) return this.live();
    throw new CklTypeError('ERR_CKL_TYPE', 'this tensor is read-only; copy it to one that is not');
  }

  private part(address: number, shape: readonly number[]): DeviceTensor<D> {
    const { device, dtype } = this;
    return new DeviceTensor(device, dtype, shape, address, null, null, this as DeviceTensor);
  }

  private hostArray(): HostArrays[D] {
    return allocate(dtypeInfo(this.dtype).array, this.length, 'the array of a tensor') as HostArrays[D];
  }
}
