// The asynchronous functions: the addon copies the batch, computes on another thread, and stops when the
// signal fires.
import { halfType } from './arrays.js';
import { BatchView, readBatch } from './batch.js';
import { snapshotOf } from './snapshot.js';
import { describe } from '../describe.js';
import { CklTypeError } from '../errors.js';
import { NativeStatus } from '../native/codes.js';
import { native } from '../native/native.js';
import { isObject } from './intrinsics.js';
import { checkCallOptions, checkObject, type OptionValues, type Plan, type TermValues } from './options.js';
import { allocateOutputs } from './outputs.js';
import { type MakePlan, PlanCache } from './plans.js';
import { argumentsOf, newScalars, resultOf } from './run.js';
import { statusError } from '../native/status.js';
import type { LossResult } from '../types.js';

/** One asynchronous function and its last native plan; calls may overlap. */
export class AsyncLoss {
  private readonly plans: PlanCache;

  constructor(make: MakePlan) {
    this.plans = new PlanCache(make);
  }

  /** Everything up to the copies happens before this returns. */
  call(
    batch: unknown,
    terms: readonly TermValues[] | null,
    options: OptionValues,
    signal: AbortSignal | undefined,
  ): Promise<LossResult> {
    const plan = this.plans.get(options, terms);
    const { name, needsTeacher } = plan;
    const { teacherGrad, diagnostics, dtype } = options;
    checkCallOptions(options, name, needsTeacher);
    const own = snapshotOf(batch);
    const view = new BatchView();
    readBatch(view, own, null, halfType(dtype), name, needsTeacher);
    if (typeof teacherGrad === 'object' || own.grad || own.perQuery || own.teacherGrad) {
      throw new CklTypeError(
        'ERR_CKL_OPTION',
        `${name}Async returns arrays of its own; leave out grad, perQuery and teacherGrad: an array that you can reach ` +
          'could be transferred while another thread writes to it',
      );
    }
    allocateOutputs(view, teacherGrad === true, diagnostics === true);
    if (signal?.aborted) throw signal.reason; // may have been aborted by a getter of the batch
    return this.run(plan, view, signal);
  }

  /** Rejects with the signal's reason as soon as it fires. */
  private async run(plan: Plan, view: BatchView, signal: AbortSignal | undefined): Promise<LossResult> {
    const scalars = newScalars();
    const abort = signal === undefined ? null : new native.AbortFlag();
    let onAbort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => {
        abort?.set();
        reject(signal!.reason);
      };
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const work = this.plans.activate(plan).native.runAsync(...argumentsOf(view, scalars), abort);
      const status = await (signal === undefined ? work : Promise.race([work, aborted]));
      if (status !== NativeStatus.ok) throw statusError(status, scalars);
      return resultOf(view, scalars, plan.spec.reduction);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

/** The signal among the options of an asynchronous call; throws its reason if it has fired. */
export function readSignal(options: unknown): AbortSignal | undefined {
  checkObject('options', options);
  const { signal } = options as { signal?: unknown };
  if (signal === undefined) return undefined;
  if (!isSignal(signal)) {
    throw new CklTypeError('ERR_CKL_OPTION', `signal is ${describe(signal)}; it must be an AbortSignal`);
  }
  if (signal.aborted) throw signal.reason;
  return signal;
}

/** Accepts signals of any realm, and of libraries that replace the engine's. */
function isSignal(value: unknown): value is AbortSignal {
  if (!isObject(value)) return false;
  const { aborted, addEventListener, removeEventListener } = value as Record<string, unknown>;
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  );
}
