/// <reference lib="esnext.disposable" preserve="true" />
// CUDA streams: queues of a GPU, made here or by someone else.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { native, type NativeDeviceStream } from '../native/native.js';
import { type Device, deviceOf } from './device.js';
import { reporting, reportingAsync } from './failure.js';
import { checkOptions } from './options.js';

/** Work on one stream runs in the order in which it was enqueued; work on different streams in any. */
export class Stream implements Disposable {
  private constructor(
    readonly device: Device,
    /** @internal CUDA's handle as a number; -1 after dispose. */
    public address: number,
    private owned: NativeDeviceStream | null,
  ) {}

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
    if (this.address < 0) return;
    try {
      this.synchronize();
    } finally {
      this.owned?.dispose();
      this.owned = null;
      this.address = -1;
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private live(): number {
    if (this.address < 0) throw disposed('this stream');
    return this.address;
  }
}

function disposed(what: string): CklTypeError {
  return new CklTypeError('ERR_CKL_DISPOSED', `${what} was disposed; make another`);
}

/** Refuses what is no stream of the device that lives. */
export function checkStream(stream: Stream, device: Device, name: string): void {
  if (!(stream instanceof Stream)) {
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
