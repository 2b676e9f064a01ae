/// <reference lib="esnext.disposable" preserve="true" />
// Prepared losses: options, native plan and outputs are settled once, so that a run costs little more than its arithmetic.
import type { TeacherUse } from '../losses.js';
import { halfType, type HalfType } from './arrays.js';
import { chooseBySpeed } from './auto.js';
import { isAuto } from '../native/backends.js';
import { BatchView, readBatch } from './batch.js';
import { snapshotOf } from './snapshot.js';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { isObject } from './intrinsics.js';
import { type LayoutView, readShape, type Shape } from './layout.js';
import type { LossParameters } from './functions.js';
import { type LossInfo, losses, type LossName } from '../losses.js';
import {
  checkCallOptions,
  lookUp,
  type OptionValues,
  type Plan,
  planOf,
  planOfTerms,
  readOptions,
  readSum,
  type TermValues,
} from './options.js';
import { allocateOutputs, ReusedOutputs } from './outputs.js';
import { checkOverlap } from './overlap.js';
import { LivePlan } from './plans.js';
import { execute, newScalars, resultOf } from './run.js';
import type {
  BackendName,
  Batch,
  BatchShape,
  CommonOptions,
  LossResult,
  PairParameters,
  Reduction,
  Scores,
  Term,
} from '../types.js';

/** The largest batch that a prepared loss will take. */
export interface PreparedSize {
  /** `[queries, documents]`: more of either is a RangeError. Also the shape of a batch without one. */
  shape: BatchShape;
}

/**
 * A loss that is ready to run. Its outputs are allocated once: **each run overwrites the arrays of the run before**, unless the batch provides
 * its own. (A batch whose layout has gaps gets new arrays.) It holds on to the arrays of the last batch until the next one or `dispose()`.
 */
export interface PreparedLoss<R extends Reduction = Reduction> extends Disposable {
  /** The loss, or `combine`. */
  readonly loss: LossName | 'combine';
  readonly backend: BackendName;
  /** The instruction set that is used. */
  readonly target: string;
  readonly threads: number;
  readonly shape: readonly [queries: number, documents: number];
  /**
   * The loss of a batch no larger than the prepared shape.
   * @throws TypeError or RangeError with a `code`; then no array was touched and the next run works.
   */
  run<S extends Scores, G extends Scores = S>(batch: Batch<S, G>): LossResult<R, G>;
  /** Frees the native memory and lets go of all arrays; `run` then throws ERR_CKL_DISPOSED. May be called twice. */
  dispose(): void;
}

type Sum = { terms: readonly Term[] } & PairParameters;

/**
 * Prepares one loss, or with `'combine'` a weighted sum of them (`terms` among the options).
 * @throws TypeError or RangeError if an option is not allowed.
 */
export function prepare<N extends LossName | 'combine', R extends Reduction = 'mean'>(
  loss: N,
  options: (N extends LossName ? LossParameters[N] : Sum) & CommonOptions<R> & PreparedSize,
): PreparedLoss<R> {
  if (!isObject(options)) {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `options is ${describe(options)}; prepare needs { shape: [queries, documents] }`,
    );
  }
  const { shape, terms } = options as { shape: unknown; terms?: unknown };
  // Callers see it on the loss, and must not change what batches are checked against.
  const size = Object.freeze(readShape(shape, preparedRule));
  const read = readPrepared(loss, terms, options);
  const { values } = read;
  const plan = planOfPrepared(read, values);
  checkCallOptions(values, plan.name, plan.needsTeacher);
  plan.spec.reserveDocs = size[1];
  if (isAuto(values.backend)) {
    const choice = chooseBySpeed(plan.spec, size);
    if (choice !== null) plan.backend = plan.spec.backend = choice.backend;
  }
  return new Prepared(new LivePlan(plan), size, values) as unknown as PreparedLoss<R>;
}

/** What `prepare` was given: one loss, or the terms of a sum. */
type PreparedOptions = { values: OptionValues } & ({ info: LossInfo } | { terms: readonly TermValues[] });

/** @internal Reads the options of a prepared loss. `besides`: more names that are read elsewhere. */
export function readPrepared(
  loss: unknown,
  terms: unknown,
  options: object,
  besides: readonly string[] = [],
): PreparedOptions {
  const names = ['shape', ...besides];
  if (loss === 'combine') {
    const read = readSum(losses, terms ?? [], options, ['terms', ...names]);
    return { terms: read.terms, values: read.options };
  }
  const info = lookUp(losses, loss, 'loss');
  return { info, values: readOptions(info, options, terms === undefined ? ['terms', ...names] : names) };
}

/** @internal */
export function planOfPrepared(read: PreparedOptions, values: OptionValues): Plan {
  return 'info' in read ? planOf(read.info, values) : planOfTerms(losses, read.terms, values);
}

/** @internal What the shape of a prepared loss is. */
export const preparedRule = 'prepare needs shape: [queries, documents], the size of the largest batch';

class Prepared {
  readonly loss: string;
  private readonly needsTeacher: TeacherUse;
  readonly backend: BackendName;
  readonly target: string;
  readonly threads: number;
  private live: LivePlan | null;
  private readonly view = new BatchView();
  private readonly scalars = newScalars();
  private outputs: ReusedOutputs | null;
  private readonly half: HalfType;
  private teacherGrad: boolean | Scores | undefined;
  private readonly diagnostics: boolean;
  private readonly reduction: string;

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
    this.check();
    const own = snapshotOf(batch);
    // From here on no code of the caller runs. A getter may have disposed of this loss.
    const live = this.check();
    const { view, half, scalars, needsTeacher } = this;
    readBatch(view, own, this.shape, half, this.loss, needsTeacher);
    if (view.queries > this.shape[0] || view.longestRow() > this.shape[1])
      throw tooLarge(view, this.shape, this.loss);
    const owned = view.readOutputs(own, this.teacherGrad, half, this.loss, needsTeacher);
    if (view.hasGaps()) allocateOutputs(view, this.teacherGrad === true, this.diagnostics);
    else this.outputs!.lend(view, this.teacherGrad === true, this.diagnostics);
    if (view.aliased || (owned && view.changed && view.sharesBuffers())) checkOverlap(view);
    view.changed = false;
    return resultOf(view, execute(live, view, scalars), this.reduction);
  }

  private check(): LivePlan {
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
