/// <reference lib="esnext.disposable" preserve="true" />
// A loss captured as a CUDA graph: enqueued as a whole, on the tensors that it was captured with.
import { CklTypeError } from '../errors.js';
import type { NativeDeviceGraph } from '../native/native.js';
import type { Reduction } from '../types.js';
import type { DeviceOutputs } from './batch.js';
import { reporting } from './failure.js';
import { type OnStream, streamOf } from './options.js';
import type { LentOutputs } from './outputs.js';
import { DeviceLossResult } from './result.js';
import type { Stream } from './device.js';
import type { DeviceTensor } from './tensor.js';

/**
 * One loss of one batch, ready to be enqueued with one call. Each launch reads the current contents of the tensors that it was captured with and writes the same
 * outputs. It has outputs and scratch space of its own: the loss it was captured from may run, or be disposed.
 */
export class DeviceGraph<R extends Reduction = Reduction> implements Disposable {
  /** @internal */
  constructor(
    private native: NativeDeviceGraph | null,
    private readonly outputs: DeviceOutputs,
    private readonly lent: LentOutputs,
    /** Every tensor that the graph reads or writes: kept, and looked at before a launch. */
    private readonly tensors: readonly DeviceTensor[],
    private readonly reduction: R,
    /** Where it was launched last; at first, what waits for the streams that its arrays named. */
    private last: Stream,
  ) {}

  /** Enqueues it, and returns where its results will be. */
  launch(options: OnStream = {}): DeviceLossResult<R> {
    const { native, outputs, lent, tensors } = this;
    if (native === null)
      throw new CklTypeError('ERR_CKL_DISPOSED', 'this graph was disposed; capture another');
    for (const tensor of tensors) {
      if (!tensor.disposed) continue;
      throw new CklTypeError(
        'ERR_CKL_DISPOSED',
        'a tensor of this graph was disposed; capture another with tensors that live',
      );
    }
    const stream = streamOf(options, outputs.grad.device, 'launch');
    stream.follow(this.last);
    this.last = stream;
    reporting(() => native.launch(stream.address));
    return new DeviceLossResult(outputs, lent.summary(), stream, this.reduction, () => this.native !== null);
  }

  /** Frees the graph and its outputs, when the GPU is done with them. May be called twice. */
  dispose(): void {
    if (this.native === null) return;
    this.native.dispose();
    this.native = null;
    this.lent.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
