// One native call on a checked batch, and the result that the caller gets from it.
import { BatchView } from './batch.js';
import { type NativePlan, NativeStatus, Scalar } from './native.js';
import { statusError } from './status.js';
import type { Diagnostics, LossResult } from './types.js';

/** Numbers that go to the addon and come back; see Scalar. */
export function newScalars(): Float64Array {
  return new Float64Array(16);
}

/**
 * The arguments of a plan's last run. They are held, and their lengths are checked before each run, so that a run with the very same ones
 * may be asked for without passing them again.
 */
export class LastRun {
  private ran = false;
  private readonly view = new RunArguments();

  /** Computes the loss of the batch in `view`. Throws what the addon found wrong with it; then nothing was written. */
  execute(plan: NativePlan, view: BatchView, scalars: Float64Array): void {
    if (this.ran && this.view.same(view)) {
      const status = plan.again();
      if (status !== NativeStatus.ok) throw statusError(status, scalars);
      return;
    }
    this.ran = false;
    execute(plan, view, scalars);
    this.view.keep(view);
    this.ran = true;
  }

  release(): void {
    this.ran = false;
    this.view.keep(new BatchView());
  }
}

/** What a run passes to the addon besides the statistics. */
class RunArguments {
  private student: BatchView['student'] | null = null;
  private studentType = 0;
  private teacher: BatchView['teacher'] = null;
  private teacherType = 0;
  private labels: BatchView['labels'] | null = null;
  private queries = 0;
  private docs = 0;
  private stride = 0;
  private offsets: BatchView['offsets'] = null;
  private ranks: BatchView['ranks'] = null;
  private beta: BatchView['beta'] = null;
  private relevance: BatchView['relevance'] = null;
  private weights: BatchView['weights'] = null;
  private grad: BatchView['grad'] = null;
  private gradType = 0;
  private perQuery: BatchView['perQuery'] = null;
  private teacherGrad: BatchView['teacherGrad'] = null;
  private diagnostics: BatchView['diagnostics'] = null;

  keep(view: BatchView): void {
    this.student = view.student;
    this.studentType = view.studentType;
    this.teacher = view.teacher;
    this.teacherType = view.teacherType;
    this.labels = view.labels;
    this.queries = view.queries;
    this.docs = view.docs;
    this.stride = view.stride;
    this.offsets = view.offsets;
    this.ranks = view.ranks;
    this.beta = view.beta;
    this.relevance = view.relevance;
    this.weights = view.weights;
    this.grad = view.grad;
    this.gradType = view.gradType;
    this.perQuery = view.perQuery;
    this.teacherGrad = view.teacherGrad;
    this.diagnostics = view.diagnostics;
  }

  same(view: BatchView): boolean {
    return (
      this.student === view.student &&
      this.teacher === view.teacher &&
      this.labels === view.labels &&
      this.queries === view.queries &&
      this.docs === view.docs &&
      this.stride === view.stride &&
      this.grad === view.grad &&
      this.perQuery === view.perQuery &&
      this.studentType === view.studentType &&
      this.teacherType === view.teacherType &&
      this.gradType === view.gradType &&
      this.ranks === view.ranks &&
      this.beta === view.beta &&
      this.relevance === view.relevance &&
      this.weights === view.weights &&
      this.teacherGrad === view.teacherGrad &&
      this.diagnostics === view.diagnostics &&
      // Offsets may have been changed in place, and rows must end before the scores do.
      this.offsets === null &&
      view.offsets === null
    );
  }
}

/** Computes the loss of the batch in `view`. Throws what the addon found wrong with it; then nothing was written. */
export function execute(plan: NativePlan, view: BatchView, scalars: Float64Array): void {
  fillScalars(view, scalars);
  const status = plan.run(
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
  );
  if (status !== NativeStatus.ok) throw statusError(status, scalars);
}

/** The numbers among a run's arguments. */
export function fillScalars(view: BatchView, scalars: Float64Array): void {
  scalars[Scalar.queries] = view.queries;
  scalars[Scalar.docs] = view.docs;
  scalars[Scalar.stride] = view.stride;
  scalars[Scalar.studentType] = view.studentType;
  scalars[Scalar.teacherType] = view.teacherType;
  scalars[Scalar.gradType] = view.gradType;
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
