// The plain functions: check, call the addon, return new arrays (or the caller's own).
import { halfType } from './arrays.js';
import { BatchView, readBatch } from './batch.js';
import { snapshotOf } from './snapshot.js';
import { checkCallOptions, type OptionValues, type TermValues } from './options.js';
import { allocateOutputs } from './outputs.js';
import { checkOverlap } from './overlap.js';
import { type MakePlan, PlanCache } from './plans.js';
import { execute, newScalars, resultOf } from './run.js';
import type { LossResult } from '../types.js';

/** One plain function: its last native plan, and room for the batch of the running call. */
export class PlainLoss {
  private readonly plans: PlanCache;
  private readonly view = new BatchView();
  private readonly scalars = newScalars();

  constructor(make: MakePlan) {
    this.plans = new PlanCache(make);
  }

  call(batch: unknown, terms: readonly TermValues[] | null, options: OptionValues): LossResult {
    const plan = this.plans.get(options, terms);
    const { name, needsTeacher } = plan;
    const { teacherGrad, diagnostics, dtype } = options;
    checkCallOptions(options, name, needsTeacher);
    const half = halfType(dtype);
    const own = snapshotOf(batch);
    // From here on no code of the caller runs.
    const live = this.plans.activate(plan);
    const { view, scalars } = this;
    try {
      readBatch(view, own, null, half, name, needsTeacher);
      const owned = view.readOutputs(own, teacherGrad, half, name, needsTeacher);
      allocateOutputs(view, teacherGrad === true, diagnostics === true);
      if (owned && view.sharesBuffers()) checkOverlap(view);
      return resultOf(view, execute(live, view, scalars), plan.spec.reduction);
    } finally {
      view.release();
    }
  }
}
