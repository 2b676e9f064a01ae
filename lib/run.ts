// One native call on a checked batch, and the result that the caller gets from it.
import type { BatchView } from './batch.js';
import { type NativePlan, NativeStatus, Stat } from './native.js';
import { statusError } from './status.js';
import type { Diagnostics, LossResult } from './types.js';

/** Numbers that the addon leaves behind; see Stat. */
export function newStats(): Float64Array {
  return new Float64Array(8);
}

/** Computes the loss of the batch in `view`. Throws what the addon found wrong with it; then nothing was written. */
export function execute(plan: NativePlan, view: BatchView, stats: Float64Array): void {
  const status = plan.run(
    view.student,
    view.studentType,
    view.teacher,
    view.teacherType,
    view.labels,
    view.queries,
    view.docs,
    view.stride,
    view.offsets,
    view.ranks,
    view.beta,
    view.relevance,
    view.weights,
    view.grad!,
    view.gradType,
    view.perQuery!,
    view.teacherGrad,
    view.diagnostics,
    stats,
  );
  if (status !== NativeStatus.ok) throw statusError(status, stats);
}

/** The result of a run that succeeded. */
export function resultOf(view: BatchView, stats: Float64Array, reduction: string): LossResult {
  const perQuery = view.perQuery!;
  const result: LossResult = {
    loss: reduction === 'none' ? perQuery : stats[Stat.loss],
    grad: view.gradSource!,
    perQuery,
    counted: stats[Stat.counted],
  };
  if (view.teacherGradSource !== null) result.teacherGrad = view.teacherGradSource;
  if (view.diagnostics !== null) result.diagnostics = nameDiagnostics(view.diagnostics);
  return result;
}

function nameDiagnostics(arrays: NonNullable<BatchView['diagnostics']>): Diagnostics {
  const [weight, ratio, entropy, separation, separationTop10] = arrays;
  return { weight, ratio, entropy, separation, separationTop10 };
}
