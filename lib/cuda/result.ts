// The result of a loss on device memory: tensors on the GPU, and a loss that is read on request.
import { CklTypeError } from '../errors.js';
import type { Reduction } from '../types.js';
import type { DeviceOutputs } from './batch.js';
import type { Stream } from './device.js';
import type { DeviceTensor } from './tensor.js';

/** What the paper plots, on the GPU; see `Diagnostics` in the package root. */
export interface DeviceDiagnostics {
  weight: DeviceTensor<'float32'>;
  ratio: DeviceTensor<'float32'>;
  entropy: DeviceTensor<'float32'>;
  separation: DeviceTensor<'float32'>;
  separationTop10: DeviceTensor<'float32'>;
}

/** The loss as a number in JavaScript. */
export interface LossValue<R extends Reduction = Reduction> {
  /** The reduced loss; with reduction `'none'` the loss of each query. */
  loss: R extends 'none' ? Float32Array : number;
  /** How many queries were counted. */
  counted: number;
}

/** The result of one run. Its tensors are overwritten by the next run of the same loss, except those that the batch provided. */
export class DeviceLossResult<R extends Reduction = Reduction> {
  /** d(reduced loss)/d(student score), times `gradScale`. */
  readonly grad: DeviceTensor;
  /** The loss of each query, before weights; 0 for one that is not counted. */
  readonly perQuery: DeviceTensor<'float32'>;
  /** d(reduced loss)/d(teacher score), when asked for. */
  readonly teacherGrad?: DeviceTensor;
  /** When asked for. */
  readonly diagnostics?: DeviceDiagnostics;

  /** @internal */
  constructor(
    outputs: DeviceOutputs,
    /**
     * The loss and how many queries were counted: of all ranks where there is a group, but for the loss with reduction 'none', which is then the
     * weighted sum over this rank's queries.
     */
    readonly summary: DeviceTensor<'float64'>,
    /** Where it was enqueued. */
    readonly stream: Stream,
    private readonly reduction: R,
    private readonly current: () => boolean,
  ) {
    this.grad = outputs.grad;
    this.perQuery = outputs.perQuery;
    if (outputs.teacherGrad !== null) this.teacherGrad = outputs.teacherGrad;
    if (outputs.diagnostics !== null) {
      const [weight, ratio, entropy, separation, separationTop10] = outputs.diagnostics;
      this.diagnostics = { weight, ratio, entropy, separation, separationTop10 };
    }
  }

  /**
   * Waits for the run, and returns the loss.
   * @throws TypeError (ERR_CKL_DISPOSED) if a later run has overwritten it
   */
  read(): LossValue<R> {
    const { perQuery } = this;
    const stream = this.check();
    const [loss, counted] = this.summary.toArray({ stream });
    return this.value(loss, counted, this.reduction === 'none' ? perQuery.toArray({ stream }) : null);
  }

  /** The same without waiting. Later runs on the same stream do not change what it resolves with. */
  async readAsync(): Promise<LossValue<R>> {
    const { perQuery } = this;
    const stream = this.check();
    const each = this.reduction === 'none' ? perQuery.toArrayAsync({ stream }) : null;
    // Together: where both fail, neither goes unheard.
    const [[loss, counted], values] = await Promise.all([this.summary.toArrayAsync({ stream }), each]);
    return this.value(loss, counted, values);
  }

  private value(loss: number, counted: number, each: Float32Array | null): LossValue<R> {
    return { loss: each ?? loss, counted } as LossValue<R>;
  }

  /** The stream to read it on; where its own was disposed, that has waited for it. */
  private check(): Stream {
    if (this.current()) return this.stream.address >= 0 ? this.stream : this.stream.device.stream;
    throw new CklTypeError(
      'ERR_CKL_DISPOSED',
      'a later run of this loss has overwritten this result; read it before that run, or prepare another loss for what is kept longer',
    );
  }
}
