// The plain functions: check, call the addon, return new arrays (or the caller's own).
import { halfType } from './arrays.js';
import { BatchView, readBatch } from './batch.js';
import { type AnyOptions, checkCallOptions } from './options.js';
import { allocateOutputs } from './outputs.js';
import { checkOverlap } from './overlap.js';
import { type MakePlan, PlanCache } from './plans.js';
import { newScalars, resultOf } from './run.js';
import type { Batch, LossResult, Term } from '../types.js';

const noOptions: AnyOptions = {};

/** One plain function: its last native plan, and room for the batch of the running call. */
export class PlainLoss {
  private readonly plans: PlanCache;
  private readonly view = new BatchView();
  private readonly scalars = newScalars();

  constructor(make: MakePlan) {
    this.plans = new PlanCache(make);
  }

  call(batch: Batch, terms: readonly Term[] | null, options: AnyOptions = noOptions): LossResult {
    const { name, needsTeacher, runner, reduction } = this.plans.get(options, terms);
    checkCallOptions(options, name, needsTeacher);
    const { view, scalars } = this;
    const { teacherGrad } = options;
    const half = halfType(options.dtype);
    try {
      readBatch(view, batch, null, half, name, needsTeacher);
      const owned = view.readOutputs(batch, teacherGrad, half, name, needsTeacher);
      allocateOutputs(view, teacherGrad === true, options.diagnostics === true);
      if (owned && view.sharesBuffers()) checkOverlap(view);
      runner.execute(view, scalars, false);
      return resultOf(view, scalars, reduction);
    } finally {
      view.release();
    }
  }
}
