// The plain functions: check, call the addon, return new arrays (or the caller's own).
import { halfType } from './arrays.js';
import { BatchView, readBatch } from './batch.js';
import { type AnyOptions, checkCallOptions } from './options.js';
import { allocateOutputs } from './outputs.js';
import { checkOverlap } from './overlap.js';
import { type MakePlan, PlanCache } from './plans.js';
import { execute, newScalars, resultOf } from './run.js';
import type { Batch, LossResult, Term } from './types.js';

const noOptions: AnyOptions = {};

/**
 * V8 keeps typed arrays of up to 64 bytes on its heap until someone asks for their memory, as the addon does; the allocation that this
 * causes costs more than a small loss. So the losses of few queries go to memory that stays, and are copied to a cheap array.
 */
const smallQueries = 16;

/** One plain function: its last native plan, and room for the batch of the running call. */
export class PlainLoss {
  private readonly plans: PlanCache;
  private readonly view = new BatchView();
  private readonly scalars = newScalars();
  private readonly scratch = new Float32Array(smallQueries);

  constructor(make: MakePlan) {
    this.plans = new PlanCache(make);
  }

  call(batch: Batch, terms: readonly Term[] | null, options: AnyOptions = noOptions): LossResult {
    const { name, needsTeacher, native, reduction } = this.plans.get(options, terms);
    checkCallOptions(options, name, needsTeacher);
    const { view, scalars } = this;
    const { teacherGrad } = options;
    const half = halfType(options.dtype);
    try {
      readBatch(view, batch, null, half, name, needsTeacher);
      const owned = view.readOutputs(batch, teacherGrad, half, name, needsTeacher);
      const small = view.perQuery === null && view.queries <= smallQueries;
      if (small) view.perQuery = this.scratch;
      allocateOutputs(view, teacherGrad === true, options.diagnostics === true);
      if (owned && view.sharesBuffers()) checkOverlap(view);
      execute(native, view, scalars);
      if (small) view.perQuery = this.scratch.slice(0, view.queries);
      return resultOf(view, scalars, reduction);
    } finally {
      view.release();
    }
  }
}
