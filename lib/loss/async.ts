// The asynchronous functions: copy the batch, compute on a thread of the libuv pool, stop when the signal says so.
import { halfType } from './arrays.js';
import { BatchView, readBatch } from './batch.js';
import { describe } from '../describe.js';
import { CklTypeError } from '../errors.js';
import { type NativePlan, NativeStatus } from '../native/native.js';
import { type AnyOptions, checkCallOptions, checkObject } from './options.js';
import { allocateOutputs } from './outputs.js';
import { type MakePlan, PlanCache } from './plans.js';
import { argumentsOf, newScalars, resultOf } from './run.js';
import { statusError } from '../native/status.js';
import type { Batch, LossResult, Term } from '../types.js';

/** One asynchronous function and its last native plan; calls may overlap. */
export class AsyncLoss {
  private readonly plans: PlanCache;

  constructor(make: MakePlan) {
    this.plans = new PlanCache(make);
  }

  /** Everything up to the copies happens before this returns; errors reject. */
  async call(
    batch: Batch,
    terms: readonly Term[] | null,
    allOptions: AnyOptions & { signal?: AbortSignal } = {},
  ): Promise<LossResult> {
    checkObject('options', allOptions);
    const { signal, ...options } = allOptions;
    checkSignal(signal);
    signal?.throwIfAborted();
    const { name, needsTeacher, native, reduction } = this.plans.get(options, terms);
    checkCallOptions(options, name, needsTeacher);
    const half = halfType(options.dtype);
    const { teacherGrad } = options;
    const view = new BatchView();
    readBatch(view, batch, null, half, name, needsTeacher);
    if (typeof teacherGrad === 'object' || batch.grad || batch.perQuery || batch.teacherGrad) {
      throw new CklTypeError(
        'ERR_CKL_OPTION',
        `${name}Async returns arrays of its own; leave out grad, perQuery and teacherGrad: an array that you can reach ` +
          'could be transferred while another thread writes to it',
      );
    }
    view.copyInputs();
    allocateOutputs(view, teacherGrad === true, options.diagnostics === true);
    const scalars = newScalars();
    const status = await runInPool(native, view, scalars, signal);
    if (status !== NativeStatus.ok) throw statusError(status, scalars);
    return resultOf(view, scalars, reduction);
  }
}

/** Settles with the native status, or rejects with the signal's reason as soon as it fires. */
function runInPool(
  plan: NativePlan,
  view: BatchView,
  scalars: Float64Array,
  signal: AbortSignal | undefined,
): Promise<NativeStatus> {
  const abort = new Int32Array(1);
  const status = plan.runAsync(...argumentsOf(view, scalars), abort);
  if (signal === undefined) return status;
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      abort[0] = 1;
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    status.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function checkSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal === undefined) return;
  if (typeof signal === 'object' && signal !== null && 'aborted' in signal && 'addEventListener' in signal)
    return;
  throw new CklTypeError('ERR_CKL_OPTION', `signal is ${describe(signal)}; it must be an AbortSignal`);
}
