/// <reference lib="esnext.disposable" preserve="true" />
// The object that prepare() makes for device memory: a run enqueues and returns, results stay on the GPU until they are asked for.
import { CklTypeError } from '../errors.js';
import type { Plan } from '../loss/options.js';
import { DeviceScalar, NativeStatus } from '../native/codes.js';
import { native, type NativeDeviceLoss } from '../native/native.js';
import { statusError } from '../native/status.js';
import type { Reduction } from '../types.js';
import { DeviceBatchView, type DeviceOutputs } from './batch.js';
import type { Device, Stream } from './device.js';
import { reporting } from './failure.js';
import { DeviceGraph } from './graph.js';
import { type OnStream, streamOf } from './options.js';
import { LentOutputs, type Wanted } from './outputs.js';
import { DeviceLossResult } from './result.js';
import { type DeviceBatch, deviceSnapshotOf } from './snapshot.js';
import type { DeviceTensor } from './tensor.js';

/** @internal A batch that was taken, and where its results go. */
export interface Taken {
  live: NativeDeviceLoss;
  outputs: DeviceOutputs;
  summary: DeviceTensor<'float64'>;
  stream: Stream;
}

/**
 * A loss that is ready to be enqueued, with the memory that its runs need, but for gradients, whose type is that of the scores: these are
 * allocated by the first run whose batch does not provide them, and then used again. **Each run overwrites the tensors of the run before**, unless
 * the batch provides its own.
 */
export class DeviceLoss<R extends Reduction = Reduction> implements Disposable {
  /** The loss, or `combine`. */
  readonly loss: string;
  private native: NativeDeviceLoss | null;
  /** @internal */
  protected readonly call = new Float64Array(DeviceScalar.size);
  /** @internal */
  protected readonly view: DeviceBatchView;
  private readonly outputs: LentOutputs;
  private readonly lend: (view: DeviceBatchView, owned: Partial<DeviceOutputs>) => DeviceOutputs;
  /** @internal */
  protected readonly reduction: R;
  private last: Stream | null = null;
  private runs = 0;

  /** @internal */
  constructor(
    plan: Plan,
    readonly device: Device,
    readonly shape: readonly [queries: number, documents: number],
    private readonly wanted: Wanted,
    check: boolean,
  ) {
    this.loss = plan.name;
    this.reduction = plan.spec.reduction as R;
    this.call[DeviceScalar.check] = check ? 1 : 0;
    [this.call[DeviceScalar.queries], this.call[DeviceScalar.docs]] = shape;
    this.native = reporting(() => new native.DeviceLoss(device.native, plan.spec, this.call));
    this.view = new DeviceBatchView(plan.name, plan.needsTeacher, device, shape, this.call);
    this.outputs = new LentOutputs(device, shape[0] * shape[1], shape[0], wanted);
    reporting(() => this.outputs.reserve());
    this.lend = (view, owned) => this.outputs.lend(view, owned);
  }

  /**
   * Enqueues the loss of a batch on a stream (default the device's own) and returns at once. What the tensors hold is read when the stream
   * comes to it: they must not be changed before, other than by work on the same stream.
   * @throws TypeError or RangeError with a `code` if the batch is wrong, for which nothing is enqueued; CudaError if CUDA refuses,
   *   when outputs may have been written in part
   */
  run(batch: DeviceBatch, options?: OnStream): DeviceLossResult<R> {
    const taken = this.take(batch, options);
    this.check(taken.live.enqueue(this.view.hostOffsets), true);
    return this.resultOf(taken);
  }

  /** @internal Takes a batch, so that a call of the addon can enqueue it. */
  protected take(batch: DeviceBatch, options: OnStream | undefined): Taken {
    this.live();
    const { view, call } = this;
    const own = deviceSnapshotOf(batch, view.needsTeacher !== false);
    const stream = options === undefined ? this.device.stream : streamOf(options, this.device, 'run');
    // From here on no code of the caller runs. A getter may have disposed of this loss.
    const live = this.live();
    view.read(own, stream);
    const outputs = view.readOutputs(own, this.lend);
    const summary = this.outputs.summary();
    view.finish(summary);
    // The scratch space is of one run at a time: on another stream, wait for the run before.
    stream.follow(this.last);
    this.last = stream;
    call[DeviceScalar.stream] = stream.address;
    return { live, outputs, summary, stream };
  }

  /** @internal Throws what a call of the addon found. `writes`: it may have overwritten what the run before left. */
  protected check(status: NativeStatus, writes: boolean): void {
    // Where CUDA failed, part of it may run: what was there before is overwritten then, too.
    if (writes && (status === NativeStatus.ok || status === NativeStatus.device)) this.runs++;
    if (status !== NativeStatus.ok) throw statusError(status, this.call);
  }

  /** @internal */
  protected resultOf({ outputs, summary, stream }: Taken): DeviceLossResult<R> {
    const run = this.runs;
    return new DeviceLossResult(
      outputs,
      summary,
      stream,
      this.reduction,
      () => this.runs === run && this.native !== null,
    );
  }

  /**
   * The loss of a batch as a CUDA graph. It reads the same tensors at each launch, unless its `replace` gives it others (of a ragged batch, offsets
   * in host memory are copied now), and has outputs of its own. Nothing is enqueued yet.
   */
  capture(batch: DeviceBatch): DeviceGraph<R> {
    this.live();
    const { view } = this;
    const read = deviceSnapshotOf(batch, view.needsTeacher !== false);
    // From here on no code of the caller runs.
    const live = this.live();
    const { stream } = this.device;
    view.read(read, stream);
    const own = new LentOutputs(this.device, 0, 0, this.wanted);
    try {
      const outputs = view.readOutputs(read, (now, owned) => own.lend(now, owned));
      view.finish(own.summary());
      const graph = reporting(() => new native.DeviceGraph(live, view.hostOffsets));
      if (graph.status !== NativeStatus.ok) throw statusError(graph.status, this.call);
      const captured = { tensors: [...view.tensors], call: this.call.slice(), outputs };
      return new DeviceGraph(graph, captured, own, this.reduction, stream);
    } catch (error) {
      own.dispose();
      throw error;
    }
  }

  /** Frees its memory when the GPU is done with it; `run` then throws ERR_CKL_DISPOSED. May be called twice. */
  dispose(): void {
    if (this.native === null) return;
    this.native.dispose();
    this.native = null;
    this.outputs.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal */
  protected live(): NativeDeviceLoss {
    if (this.native !== null) return this.native;
    throw new CklTypeError('ERR_CKL_DISPOSED', `this prepared ${this.loss} was disposed; prepare another`);
  }
}
