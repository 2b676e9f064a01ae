// The object that prepare() makes: a native plan, its outputs, and the arrays of the last batch.
import type { TeacherUse } from '../losses.js';
import { halfType, type HalfType } from './arrays.js';
import { BatchView, readBatch } from './batch.js';
import { snapshotOf } from './snapshot.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import type { LayoutView, Shape } from './layout.js';
import type { OptionValues } from './options.js';
import { allocateOutputs, ReusedOutputs } from './outputs.js';
import { checkOverlap } from './overlap.js';
import type { LivePlan } from './plans.js';
import { execute, newScalars, resultOf } from './run.js';
import type { BackendName, Batch, LossResult, Scores } from '../types.js';

/** @internal */
export class Prepared {
  readonly loss: string;
  private readonly needsTeacher: TeacherUse;
  readonly backend: BackendName;
  readonly target: string;
  readonly threads: number;
  private live: LivePlan | null;
  protected readonly view = new BatchView();
  protected readonly scalars = newScalars();
  private outputs: ReusedOutputs | null;
  private readonly half: HalfType;
  private teacherGrad: boolean | Scores | undefined;
  private readonly diagnostics: boolean;
  protected readonly reduction: string;

  constructor(
    live: LivePlan,
    readonly shape: Shape,
    options: OptionValues,
  ) {
    this.live = live;
    this.loss = live.plan.name;
    this.needsTeacher = live.plan.needsTeacher;
    this.backend = live.plan.backend;
    this.target = live.native.target;
    this.threads = live.native.threads;
    this.half = halfType(options.dtype);
    this.teacherGrad = options.teacherGrad;
    this.diagnostics = options.diagnostics === true;
    this.reduction = live.plan.spec.reduction;
    const like = this.half < 0 ? new Float32Array(0) : new Uint16Array(0);
    this.outputs = new ReusedOutputs(shape[0] * shape[1], shape[0], like, this.view.ownBuffers);
  }

  run(batch: Batch): LossResult {
    const live = this.take(batch);
    return resultOf(this.view, execute(live, this.view, this.scalars), this.reduction);
  }

  /** Takes a batch into the view, with its outputs. */
  protected take(batch: Batch): LivePlan {
    this.check();
    const own = snapshotOf(batch);
    // From here on no code of the caller runs. A getter may have disposed of this loss.
    const live = this.check();
    const { view, half, needsTeacher } = this;
    readBatch(view, own, this.shape, half, this.loss, needsTeacher);
    checkFits(view, this.shape, this.loss);
    const owned = view.readOutputs(own, this.teacherGrad, half, this.loss, needsTeacher);
    if (view.hasGaps()) allocateOutputs(view, this.teacherGrad === true, this.diagnostics);
    else this.outputs!.lend(view, this.teacherGrad === true, this.diagnostics);
    if (view.aliased || (owned && view.changed && view.sharesBuffers())) checkOverlap(view);
    view.changed = false;
    return live;
  }

  protected check(): LivePlan {
    if (this.live !== null) return this.live;
    throw disposed(this.loss);
  }

  dispose(): void {
    this.live?.native.dispose();
    this.live = null;
    this.outputs = null;
    this.teacherGrad = undefined;
    this.view.release();
    this.view.ownBuffers = [];
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** @internal Throws if a batch is larger than the prepared shape. */
export function checkFits(batch: LayoutView, shape: Shape, loss: string): void {
  if (batch.queries > shape[0] || batch.longestRow() > shape[1]) throw tooLarge(batch, shape, loss);
}

/** @internal The error of a batch that is larger than the prepared shape. */
export function tooLarge(batch: LayoutView, shape: Shape, loss: string): Error {
  return new CklRangeError(
    'ERR_CKL_SHAPE',
    `the batch has ${batch.queries} queries of up to ${batch.longestRow()} documents; ` +
      `this ${loss} was prepared for [${shape.join(', ')}]: split the batch, or prepare a larger shape`,
  );
}

/** @internal */
export function disposed(loss: string): Error {
  return new CklTypeError('ERR_CKL_DISPOSED', `this prepared ${loss} was disposed; prepare another`);
}
