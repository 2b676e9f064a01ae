// One native call on a checked batch, and the result that the caller gets from it.
import type { BatchView } from './batch.js';
import { NativeStatus, Scalar } from '../native/codes.js';
import type { RunArguments } from '../native/native.js';
import type { LivePlan } from './plans.js';
import { isSmall, runSmall, stage } from './small-batch.js';
import { statusError } from '../native/status.js';
import type { Diagnostics, LossResult } from '../types.js';

/** Numbers that go to the addon and come back; see Scalar. */
export function newScalars(): Float64Array {
  return new Float64Array(16);
}

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
 * Computes the loss of the batch in `view`, and returns the scalars of the call. Throws if the addon finds an
 * error; nothing has been written then.
 */
export function execute(plan: LivePlan, view: BatchView, scalars: Float64Array): Float64Array {
  if (isSmall(view)) {
    const status = runSmall(plan.id, view);
    if (status !== NativeStatus.ok) throw statusError(status, stage);
    return stage;
  }
  const status = plan.native.run(...argumentsOf(view, scalars));
  if (status !== NativeStatus.ok) throw statusError(status, scalars);
  return scalars;
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
