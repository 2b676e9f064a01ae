/// <reference lib="esnext.disposable" preserve="true" />
// Prepared losses on device memory: a run enqueues and returns, results stay on the GPU until they are asked for.
import { describe } from '../describe.js';
import { CklTypeError } from '../errors.js';
import type { LossParameters } from '../loss/functions.js';
import type { LossName } from '../losses.js';
import { DeviceScalar, NativeStatus } from '../native/codes.js';
import { native, type NativeDeviceLoss } from '../native/native.js';
import { isObject } from '../loss/intrinsics.js';
import { readShape } from '../loss/layout.js';
import { checkCallOptions, type Plan } from '../loss/options.js';
import { planOfPrepared, preparedRule, readPrepared } from '../loss/prepare.js';
import { statusError } from '../native/status.js';
import type { BatchShape, CommonOptions, PairParameters, Reduction, Term } from '../types.js';
import { DeviceBatchView, type DeviceOutputs } from './batch.js';
import { type DeviceBatch, deviceSnapshotOf } from './snapshot.js';
import { type Device, deviceOf, type Stream } from './device.js';
import { reporting } from './failure.js';
import { DeviceGraph } from './graph.js';
import { type OnDevice, type OnStream, streamOf } from './options.js';
import { LentOutputs, type Wanted } from './outputs.js';
import { DeviceLossResult } from './result.js';

/** The options of a loss that mean something on a GPU; element types are those of the tensors. */
export type DeviceOptions<R extends Reduction = Reduction> = Omit<
  CommonOptions<R>,
  'backend' | 'cpuTarget' | 'threads' | 'dtype' | 'teacherGrad'
> &
  OnDevice & {
    /** Also return dL/d(teacher score). Default false. */
    teacherGrad?: boolean;
    /**
     * Check the values of every batch as those of host arrays are checked (labels, ranks, offsets and so on), for debugging: each run
     * then waits for the GPU and copies what it checks. Default false.
     */
    check?: boolean;
    /** `[queries, documents]` at most. */
    shape: BatchShape;
  };

type Sum = { terms: readonly Term[] } & PairParameters;

/**
 * Prepares a loss, or with `'combine'` a weighted sum (`terms` among the options), for batches in the memory of one GPU.
 * @throws TypeError or RangeError if an option is not allowed or there is no GPU.
 */
export function prepare<N extends LossName | 'combine', R extends Reduction = 'mean'>(
  loss: N,
  options: (N extends LossName ? LossParameters[N] : Sum) & DeviceOptions<R>,
): DeviceLoss<R> {
  if (!isObject(options)) {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `options is ${describe(options)}; prepare needs { shape: [queries, documents] }`,
    );
  }
  const { shape, terms, device, check } = options as DeviceOptions & { terms?: unknown };
  if (check !== undefined && typeof check !== 'boolean') {
    throw new CklTypeError('ERR_CKL_OPTION', `check is ${describe(check)}; it must be a boolean`);
  }
  // Callers see it on the loss, and must not change what batches are checked against.
  const size = Object.freeze(readShape(shape, preparedRule));
  refuseRanks(options);
  const read = readPrepared(loss, terms, options, ['device', 'check']);
  for (const name of ['backend', 'cpuTarget', 'threads', 'dtype'] as const) {
    if (read.values[name] === undefined) continue;
    throw new CklTypeError('ERR_CKL_OPTION', `a loss on device memory takes no option ${name}`);
  }
  const values = { ...read.values, backend: 'cuda' as const };
  const plan = planOfPrepared(read, values);
  checkCallOptions(values, plan.name, plan.needsTeacher);
  const wanted = { teacherGrad: values.teacherGrad === true, diagnostics: values.diagnostics === true };
  return new DeviceLoss(plan, deviceOf(device), size, wanted, check === true) as unknown as DeviceLoss<R>;
}

/** Losses of a group's ranks are on the CPU so far; says why, and what does the same. */
function refuseRanks(options: object): void {
  const { group, shard } = options as { group?: unknown; shard?: unknown };
  const reason =
    group !== undefined
      ? "group is given, but kernels divide by the queries that they count on their own GPU; with reduction 'sum' and gradScale 1 / (queries of all ranks), gradients are those of the mean over ranks"
      : shard !== undefined
        ? 'shard is given, but kernels make the sums of a list in one pass, without a place where ranks could exchange theirs; spread the queries'
        : '';
  if (reason === '') return;
  throw new CklTypeError(
    'ERR_CKL_OPTION',
    `${reason}; a loss of 'ckl-loss' on the CPU takes group and shard`,
  );
}

/**
 * A loss that is ready to be enqueued. Its outputs are allocated when they are first needed and then used again: **each run overwrites the
 * tensors of the run before**, unless the batch provides its own.
 */
export class DeviceLoss<R extends Reduction = Reduction> implements Disposable {
  /** The loss, or `combine`. */
  readonly loss: string;
  private native: NativeDeviceLoss | null;
  private readonly call = new Float64Array(DeviceScalar.size);
  private readonly view: DeviceBatchView;
  private readonly outputs: LentOutputs;
  private readonly lend: (view: DeviceBatchView, owned: Partial<DeviceOutputs>) => DeviceOutputs;
  private readonly reduction: R;
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
    this.native = reporting(() => new native.DeviceLoss(device.native, plan.spec, this.call));
    this.view = new DeviceBatchView(plan.name, plan.needsTeacher, device, shape, this.call);
    this.outputs = new LentOutputs(device, shape[0] * shape[1], shape[0], wanted);
    this.lend = (view, owned) => this.outputs.lend(view, owned);
  }

  /**
   * Enqueues the loss of a batch on a stream (default the device's own) and returns at once. What the tensors hold is read when the stream
   * comes to it: they must not be changed before, other than by work on the same stream.
   * @throws TypeError or RangeError with a `code` if the batch is wrong, for which nothing is enqueued; CudaError if CUDA refuses,
   *   when outputs may have been written in part
   */
  run(batch: DeviceBatch, options?: OnStream): DeviceLossResult<R> {
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
    const status = live.enqueue(view.hostOffsets);
    // Where CUDA failed, part of it may run: what was there before is overwritten then, too.
    if (status === NativeStatus.ok || status === NativeStatus.device) this.runs++;
    if (status !== NativeStatus.ok) throw statusError(status, call);
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
   * The loss of a batch as a CUDA graph. It reads the same tensors at each launch (of a ragged batch, offsets in host memory are copied now), and
   * has outputs of its own. Nothing is enqueued yet.
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
      const tensors = view.tensors.filter((tensor) => tensor !== null);
      return new DeviceGraph(graph, outputs, own, tensors, this.reduction, stream);
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

  private live(): NativeDeviceLoss {
    if (this.native !== null) return this.native;
    throw new CklTypeError('ERR_CKL_DISPOSED', `this prepared ${this.loss} was disposed; prepare another`);
  }
}
