/// <reference lib="esnext.disposable" preserve="true" />
// A loss captured as a CUDA graph: enqueued as a whole, on the tensors that it was captured with or on others like them.
import { CklRangeError, CklTypeError } from '../errors.js';
import { NativeStatus } from '../native/codes.js';
import type { NativeDeviceGraph } from '../native/native.js';
import type { Reduction } from '../types.js';
import type { Stream } from './device.js';
import { reporting } from './failure.js';
import { type OnStream, streamOf } from './options.js';
import type { LentOutputs } from './outputs.js';
import { type CapturedCall, type GraphTensors, outputsOf, replaced } from './replace.js';
import { DeviceLossResult } from './result.js';
import { deviceSnapshotOf } from './snapshot.js';

/**
 * One loss of one batch, ready to be enqueued with one call. Each launch reads the current contents of the tensors that it was captured with, or that `replace`
 * has put in their place, and writes the same outputs. It has outputs and scratch space of its own: the loss it was captured from may run, or be disposed.
 */
export class DeviceGraph<R extends Reduction = Reduction> implements Disposable {
  /** How many launches there were: each overwrites the loss of the one before. */
  private launches = 0;

  /** @internal */
  constructor(
    private native: NativeDeviceGraph | null,
    private captured: CapturedCall,
    private readonly lent: LentOutputs,
    private readonly reduction: R,
    /** Where it was launched last; at first, what waits for the streams that its arrays named. */
    private last: Stream,
  ) {}

  /** Enqueues it, and returns where its results will be. The next launch overwrites them, except tensors that the batch provided. */
  launch(options: OnStream = {}): DeviceLossResult<R> {
    const { outputs } = this.captured;
    const stream = streamOf(options, outputs.grad.device, 'launch');
    const native = this.live();
    for (const tensor of this.captured.tensors) {
      if (!tensor?.disposed) continue;
      throw new CklTypeError(
        'ERR_CKL_DISPOSED',
        'a tensor of this graph was disposed; replace it, or capture another graph with tensors that live',
      );
    }
    stream.follow(this.last);
    this.last = stream;
    // Part of a launch that fails may run.
    const launch = ++this.launches;
    reporting(() => native.launch(stream.address));
    return new DeviceLossResult(
      outputs,
      this.lent.summary(),
      stream,
      this.reduction,
      () => this.launches === launch && this.native !== null,
    );
  }

  /**
   * Puts other tensors in the place of those it was captured with, from the next launch on, without another capture: inputs as well as outputs, each of the
   * same element type and length as before. What was launched before works on what it had. Returns the graph.
   * @throws TypeError or RangeError with a `code` if a tensor does not fit, and then nothing has changed
   */
  replace(tensors: GraphTensors): this {
    this.live();
    const given = deviceSnapshotOf(tensors, true);
    // From here on no code of the caller runs. A getter may have disposed of this graph.
    const native = this.live();
    const { stream } = this.captured.outputs.grad.device;
    const follows = this.last.address >= 0 ? this.last : stream;
    const next = replaced(this.captured, given, follows);
    const status = reporting(() => native.replace(next.call));
    if (status !== NativeStatus.ok) {
      throw new CklRangeError(
        'ERR_CKL_SHAPE',
        'CUDA cannot change this graph to these tensors; capture another graph with them',
      );
    }
    this.last = follows;
    this.captured = { ...next, outputs: outputsOf(next.tensors, this.captured.outputs) };
    return this;
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

  private live(): NativeDeviceGraph {
    if (this.native !== null) return this.native;
    throw new CklTypeError('ERR_CKL_DISPOSED', 'this graph was disposed; capture another');
  }
}
