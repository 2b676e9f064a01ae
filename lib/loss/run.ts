// One native call on a checked batch, and the result that the caller gets from it.
import type { BatchView } from './batch.js';
import { type NativePlan, NativeStatus, Scalar } from '../native/native.js';
import { SmallBatch } from './small-batch.js';
import { statusError } from '../native/status.js';
import type { Diagnostics, LossResult } from '../types.js';

/** Numbers that go to the addon and come back; see Scalar. */
export function newScalars(): Float64Array {
  return new Float64Array(16);
}

/** What a run passes to the addon. */
export type RunArguments = Parameters<NativePlan['run']>;

/** The arguments for the batch in `view`; its numbers go into `scalars`. */
export function argumentsOf(view: BatchView, scalars: Float64Array): RunArguments {
  scalars[Scalar.queries] = view.queries;
  scalars[Scalar.docs] = view.docs;
  scalars[Scalar.stride] = view.stride;
  scalars[Scalar.studentType] = view.studentType;
  scalars[Scalar.teacherType] = view.teacherType;
  scalars[Scalar.gradType] = view.gradType;
  return [
    view.student,
    view.teacher,
    view.labels,
    view.offsets,
    view.ranks,
    view.beta,
    view.relevance,
    view.weights,
    view.grad!,
    view.perQuery!,
    view.teacherGrad,
    view.diagnostics,
    scalars,
  ];
}

/**
 * Runs one plan, and knows its last run: when the arguments are those again, the addon need not look at them again, which costs more than
 * the arithmetic of a small batch. Every batch of one runner comes with the same `scalars`.
 */
export class Runner {
  /** The arguments of the last run if it was kept; they are held, and their lengths were checked before this run. */
  private last: RunArguments | null = null;
  private readonly small = new SmallBatch();

  constructor(private readonly plan: NativePlan) {}

  /**
   * Computes the loss of the batch in `view`, and may hold on to its arrays if `keep` is set. Throws what the addon found wrong with it; then
   * nothing was written.
   */
  execute(view: BatchView, scalars: Float64Array, keep: boolean): void {
    const { plan, small } = this;
    if (small.fits(view)) {
      const again = small.load(view);
      this.last = null;
      const status = again ? plan.again() : plan.run(...small.argumentsFor(view, scalars));
      if (status !== NativeStatus.ok) throw this.fail(status, scalars);
      small.unload(view);
      return;
    }
    let status: NativeStatus;
    if (this.last !== null && isSame(this.last, view, scalars)) {
      status = plan.again();
    } else {
      this.forget();
      const last = argumentsOf(view, scalars);
      status = plan.run(...last);
      if (keep) this.last = last;
    }
    if (status !== NativeStatus.ok) throw this.fail(status, scalars);
  }

  /** Lets go of the arrays of the last run. */
  forget(): void {
    this.last = null;
    this.small.forget();
  }

  private fail(status: NativeStatus, scalars: Float64Array): Error {
    this.forget();
    return statusError(status, scalars);
  }
}

/** Whether a batch has the very arrays and layout of a run that filled `scalars`. */
function isSame(last: RunArguments, view: BatchView, scalars: Float64Array): boolean {
  return (
    last[0] === view.student &&
    last[1] === view.teacher &&
    last[2] === view.labels &&
    // Offsets may have been changed in place, and rows must end before the scores do.
    last[3] === null &&
    view.offsets === null &&
    last[4] === view.ranks &&
    last[5] === view.beta &&
    last[6] === view.relevance &&
    last[7] === view.weights &&
    last[8] === view.grad &&
    last[9] === view.perQuery &&
    last[10] === view.teacherGrad &&
    last[11] === view.diagnostics &&
    scalars[Scalar.queries] === view.queries &&
    scalars[Scalar.docs] === view.docs &&
    scalars[Scalar.stride] === view.stride &&
    scalars[Scalar.studentType] === view.studentType &&
    scalars[Scalar.teacherType] === view.teacherType &&
    scalars[Scalar.gradType] === view.gradType
  );
}

/** The result of a run that succeeded. */
export function resultOf(view: BatchView, scalars: Float64Array, reduction: string): LossResult {
  const perQuery = view.perQuery!;
  const result: LossResult = {
    loss: reduction === 'none' ? perQuery : scalars[Scalar.loss],
    grad: view.gradSource!,
    perQuery,
    counted: scalars[Scalar.counted],
  };
  if (view.teacherGradSource !== null) result.teacherGrad = view.teacherGradSource;
  if (view.diagnostics !== null) result.diagnostics = nameDiagnostics(view.diagnostics);
  return result;
}

function nameDiagnostics(arrays: NonNullable<BatchView['diagnostics']>): Diagnostics {
  const [weight, ratio, entropy, separation, separationTop10] = arrays;
  return { weight, ratio, entropy, separation, separationTop10 };
}
