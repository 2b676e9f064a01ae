/// <reference lib="esnext.disposable" preserve="true" />
// nccl(): GPUs of several processes as a group, for tensors of ckl-loss/cuda. The library is opened on first
// use.
import { type Communicator, readGroup } from '../communicator.js';
import { checkOptions, type Device, deviceOf, devices, type Stream } from '../cuda/device.js';
import type { DeviceDtype } from '../cuda/dtype.js';
import { asCudaError } from '../cuda/failure.js';
import { streamOf, type OnStream } from '../cuda/options.js';
import { DeviceTensor } from '../cuda/tensor.js';
import { describe, oneOf } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { nativeNccl, type NativeNcclRank, summableTypes } from '../native/nccl.js';
import { localRankOf } from './launcher.js';
import { idOverFile, idOverGroup, type NcclFile, readNcclFile } from './nccl-id.js';

export interface NcclOptions {
  /**
   * This rank's GPU. Default: the one whose number is the launcher's number of this process on its host, or
   * the first.
   */
  device?: Device | number;
  /** The library: a path, or a name that dlopen finds. Default: the variable CKL_NCCL, or `libnccl.so.2`. */
  library?: string;
}

/** What is known about NCCL on this machine. */
export type FoundNccl =
  | {
      available: true;
      file: string;
      version: string;
      /** Whether another component of the process had already loaded it; that copy is then used. */
      loaded: boolean;
    }
  | {
      available: false;
      /** The reason if not: the names that were tried, and what was wrong with each. */
      reason: string;
    };

/**
 * Tells which NCCL `nccl()` would use. A process uses one library: once one is open, `library` has no effect.
 */
export function findNccl(options: Pick<NcclOptions, 'library'> = {}): FoundNccl {
  const { library } = options;
  if (library !== undefined && (typeof library !== 'string' || library === '' || library.includes('\0'))) {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `library is ${describe(library)}; it must be the path or the name of NCCL's library`,
    );
  }
  const { file, version, loaded, tried } = nativeNccl.ncclOpen([
    library ?? (process.env.CKL_NCCL || 'libnccl.so.2'),
  ]);
  if (file !== undefined) return { available: true, file, version: version!, loaded: loaded! };
  return { available: false, reason: `NCCL does not open. Tried: ${tried.join('; ')}` };
}

/**
 * A group of GPUs, one per rank of `group`. NCCL's id is exchanged over `group`, a communicator such as
 * mpi(), or through a file that all ranks can access: `{ rank, size, file }`. All ranks must call it; it
 * returns when all have.
 * @throws TypeError with code ERR_CKL_GROUP, on every rank, if NCCL is not available on one of them;
 * RangeError ERR_CKL_BACKEND without a GPU
 */
export function nccl(group: Communicator | NcclFile, options: NcclOptions = {}): NcclCommunicator {
  checkOptions(options, 'nccl', ['device', 'library']);
  const { device: asked, library } = options;
  const open = () => {
    const found = findNccl({ library });
    if (!found.available) {
      throw new CklTypeError(
        'ERR_CKL_GROUP',
        `NCCL is not available: ${found.reason}. Install it (libnccl2), or name its file in CKL_NCCL`,
      );
    }
    return { found, device: deviceOf(asked ?? localRankOf(process.env) % devices().length) };
  };
  const makeId = () => telling(() => nativeNccl.ncclId());
  const file = readNcclFile(group);
  const { rank, size } = file ?? readGroup(group, 'group');
  const { found, device, id, joined } = file
    ? { ...open(), ...idOverFile(file, makeId) }
    : { ...idOverGroup(readGroup(group, 'group'), open, makeId), joined: () => {} };
  const native = telling(() => new nativeNccl.NcclRank(device.native, size, rank, id));
  joined();
  return new NcclCommunicator(native, rank, size, device, found.file, found.version);
}

/**
 * This process's GPU in a group. Every operation is enqueued on a stream (by default the device's own), in
 * order with other work there, and returns at once; a failure is thrown by a later call. All ranks call the
 * same methods in the same order, with tensors of the same length and type.
 */
export class NcclCommunicator implements Disposable {
  #native: NativeNcclRank | null;
  #last: Stream | null = null;
  /** Device buffer for host numbers: those of this rank, followed by those of all ranks. */
  #numbers: DeviceTensor<'float64'> | null = null;

  /** @internal */
  constructor(
    native: NativeNcclRank,
    readonly rank: number,
    readonly size: number,
    readonly device: Device,
    /** NCCL's file. */
    readonly file: string,
    /** NCCL's version, such as 2.21.5. */
    readonly version: string,
  ) {
    this.#native = native;
  }

  /** The tensors of all ranks, concatenated in the order of ranks, in `out` or by default a new tensor. */
  allGather<D extends DeviceDtype>(
    tensor: DeviceTensor<D>,
    options?: { out?: DeviceTensor<D> } & OnStream,
  ): DeviceTensor<D>;
  /**
   * Gathers host numbers, as any Communicator does: copies them to the GPU, gathers them on its own stream,
   * copies them back and waits. This lets losses accept this group as their option `group`.
   */
  allGather(values: Float64Array): Float64Array;
  allGather(
    tensor: DeviceTensor | Float64Array,
    options: { out?: DeviceTensor } & OnStream = {},
  ): DeviceTensor | Float64Array {
    checkOptions(options, 'allGather', tensor instanceof Float64Array ? [] : ['out', 'stream']);
    return tensor instanceof Float64Array ? this.#gatherNumbers(tensor) : this.#gather(tensor, options);
  }

  #gather(tensor: DeviceTensor, options: { out?: DeviceTensor } & OnStream): DeviceTensor {
    const from = this.#address(tensor, 'tensor');
    const stream = streamOf({ stream: options.stream }, this.device, 'allGather');
    const { length, dtype } = tensor;
    const given = options.out;
    if (given !== undefined) {
      this.#address(given, 'out', true);
      if (given.dtype !== dtype || given.length !== this.size * length) {
        throw new CklRangeError(
          'ERR_CKL_SHAPE',
          `out holds ${given.length} ${given.dtype}; ${this.size} ranks have ${length} ${dtype} each`,
        );
      }
      if (from < given.address + given.byteLength && given.address < from + tensor.byteLength) {
        throw new CklRangeError(
          'ERR_CKL_OVERLAP',
          'out and tensor share memory; out needs memory of its own',
        );
      }
    }
    const out = given ?? DeviceTensor.allocate(this.size * length, dtype, { device: this.device });
    try {
      this.#run(stream, length, (native) =>
        native.allGather(from, out.address, tensor.byteLength, stream.address),
      );
    } catch (error) {
      if (given === undefined) out.dispose();
      throw error;
    }
    return out;
  }

  #gatherNumbers(values: Float64Array): Float64Array {
    this.#live();
    const needed = values.length * (1 + this.size);
    if (this.#numbers === null || this.#numbers.length < needed) {
      this.#numbers?.dispose();
      this.#numbers = null; // in case the next allocation fails
      this.#numbers = DeviceTensor.allocate(needed, 'float64', { device: this.device });
    }
    const sent = this.#numbers.subtensor(0, values.length).copyFrom(values);
    return this.#gather(sent, {
      out: this.#numbers.subtensor(values.length, needed),
    }).toArray() as Float64Array;
  }

  /** Rank `root`'s elements (default: rank 0's), on every rank, in place. */
  broadcast<T extends DeviceTensor>(tensor: T, options: { root?: number } & OnStream = {}): T {
    checkOptions(options, 'broadcast', ['root', 'stream']);
    const { root = 0 } = options;
    if (!Number.isInteger(root) || root < 0 || root >= this.size) {
      throw new CklRangeError(
        'ERR_CKL_OPTION',
        `root is ${describe(root)}; it is a rank, 0 to ${this.size - 1}`,
      );
    }
    const at = this.#address(tensor, 'tensor', true);
    const stream = streamOf({ stream: options.stream }, this.device, 'broadcast');
    this.#run(stream, tensor.length, (native) =>
      native.broadcast(at, tensor.byteLength, root, stream.address),
    );
    return tensor;
  }

  /**
   * The sum over ranks, in place: float32, float64, and halves, which are added in float32 and rounded once.
   * Each rank adds one part, in the order of ranks, so the bits are the same on every rank and in every run.
   * It transfers as many bytes as NCCL's own sum, whose order depends on the number of ranks and the
   * algorithm that NCCL chooses.
   */
  allReduce<T extends DeviceTensor>(tensor: T, options: OnStream = {}): T {
    checkOptions(options, 'allReduce', ['stream']);
    const at = this.#address(tensor, 'tensor', true);
    if (!Object.hasOwn(summableTypes, tensor.dtype)) {
      throw new CklTypeError(
        'ERR_CKL_TYPE',
        `tensor holds ${tensor.dtype}; allReduce adds ${oneOf(Object.keys(summableTypes), 'and')}`,
      );
    }
    const type = summableTypes[tensor.dtype as keyof typeof summableTypes];
    const stream = streamOf({ stream: options.stream }, this.device, 'allReduce');
    this.#run(stream, tensor.length, (native) => native.sum(at, tensor.length, type, stream.address));
    return tensor;
  }

  /** Leaves the group. Every rank calls it when all its work is done. May be called twice. */
  dispose(): void {
    this.#native?.dispose();
    this.#native = null;
    this.#numbers?.dispose();
    this.#numbers = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * Enqueues after the group's previous work, on whichever stream: NCCL requires one order, and the scratch
   * space is shared.
   */
  #run(stream: Stream, length: number, enqueue: (native: NativeNcclRank) => void): void {
    const native = this.#live();
    if (length === 0) return;
    stream.follow(this.#last);
    this.#last = stream;
    telling(() => enqueue(native));
  }

  #live(): NativeNcclRank {
    if (this.#native !== null) return this.#native;
    throw new CklTypeError('ERR_CKL_DISPOSED', 'this group of GPUs was disposed; make another');
  }

  #address(tensor: unknown, name: string, written = false): number {
    if (!DeviceTensor.made(tensor)) {
      throw new CklTypeError('ERR_CKL_TYPE', `${name} is ${describe(tensor)}; it must be a DeviceTensor`);
    }
    if (tensor.device !== this.device) {
      throw new CklRangeError(
        'ERR_CKL_DEVICE',
        `${name} is on device ${tensor.device.index}, and this rank has device ${this.device.index}`,
      );
    }
    if (written && tensor.readOnly) {
      throw new CklTypeError('ERR_CKL_TYPE', `${name} is read-only; copy it to one that is not`);
    }
    return Number(tensor.pointer);
  }
}

/** Runs native calls, and reports failures in NCCL's or CUDA's words. */
function telling<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if ((error as { nccl?: unknown }).nccl !== true) throw asCudaError(error);
    throw new CklRangeError('ERR_CKL_GROUP', `NCCL: ${(error as Error).message}`);
  }
}
