/// <reference lib="esnext.disposable" preserve="true" />
// Prepared losses: options, native plan and outputs are settled once, so that a run costs little more than its arithmetic.
import { chooseBySpeed } from './auto.js';
import { isAuto } from '../native/backends.js';
import { describe } from '../describe.js';
import { type Communicator, readGroup } from '../communicator.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { isObject } from './intrinsics.js';
import { GroupedLoss } from './grouped.js';
import { readShape } from './layout.js';
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
import { LivePlan } from './plans.js';
import { Prepared } from './prepared.js';
import { prepareOnAll } from './exchange.js';
import { checkPlace, checkShardable, type DocumentShard, readShard } from './shard.js';
import { ShardedLoss } from './sharded.js';
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
  /** `[queries, documents]`. A larger batch throws a RangeError; a batch without a layout has this shape. */
  shape: BatchShape;
}

/** A batch that is spread over the ranks of a group. */
export interface GroupOptions {
  /**
   * The queries of all ranks of this group form one batch. On every rank, `loss` and `counted` are those of the whole batch, while `grad` and
   * `perQuery` cover the rank's own queries. All ranks must run the loss together, and every run exchanges a few numbers. The bits are those of
   * one process that has the queries of all ranks, in the order of ranks. On the CPU only; `prepare` of `ckl-loss/cuda` takes a group, too.
   * See `ckl-loss/distributed`.
   */
  group?: Communicator;
  /**
   * Instead of `group`: this rank has a part of every list, documents `begin` to `begin + shape[1]`, such as the in-batch negatives of its own
   * host. `loss`, `counted` and `perQuery` are those of the whole lists, and `grad` is that of the rank's own documents. Only for losses that are
   * sums over documents (the distribution family and sums of them), on the CPU, without `teacherGrad` and `diagnostics`. The bits are those of one
   * process if lists have more than 128 documents and parts are whole chunks of 4096; otherwise results are within the stated accuracy.
   */
  shard?: DocumentShard;
}

/**
 * A loss that is ready to run. Its outputs are allocated once: **each run overwrites the arrays of the previous run**, unless the batch provides
 * its own. (A batch whose layout has gaps gets new arrays.) The loss keeps the arrays of the last batch alive until the next run or `dispose()`.
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
   * Computes the loss of a batch no larger than the prepared shape.
   * @throws TypeError or RangeError with a `code`. No array has been written then, and the next run works.
   */
  run<S extends Scores, G extends Scores = S>(batch: Batch<S, G>): LossResult<R, G>;
  /** Frees the native memory and lets go of all arrays; `run` then throws ERR_CKL_DISPOSED. May be called twice. */
  dispose(): void;
}

type Sum = { terms: readonly Term[] } & PairParameters;

/**
 * Prepares one loss or, with `'combine'` and the option `terms`, a weighted sum of losses.
 * @throws TypeError or RangeError if an option is not allowed.
 */
export function prepare<N extends LossName | 'combine', R extends Reduction = 'mean'>(
  loss: N,
  options: (N extends LossName ? LossParameters[N] : Sum) & CommonOptions<R> & PreparedSize & GroupOptions,
): PreparedLoss<R> {
  if (!isObject(options)) {
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `options is ${describe(options)}; prepare needs { shape: [queries, documents] }`,
    );
  }
  const { group, shard } = options as { [name: string]: unknown };
  if (shard !== undefined) {
    const part = readShard(shard);
    const made = prepareOnAll(part.group, () => {
      if (group !== undefined) throw bothSpread();
      checkPlace(part);
      const { plan, size, values } = readAll(loss, options, true);
      checkShardable(plan.spec, values);
      return new ShardedLoss(part, new LivePlan(plan), size, values);
    });
    return made as unknown as PreparedLoss<R>;
  }
  const ranks = group === undefined ? null : readGroup(group, 'group');
  const { plan, size, values } = readAll(loss, options, ranks !== null);
  if (ranks !== null) {
    return new GroupedLoss(ranks, new LivePlan(plan), size, values) as unknown as PreparedLoss<R>;
  }
  if (isAuto(values.backend)) {
    const choice = chooseBySpeed(plan.spec, size);
    if (choice !== null) plan.backend = plan.spec.backend = choice.backend;
  }
  return new Prepared(new LivePlan(plan), size, values) as unknown as PreparedLoss<R>;
}

/** Reads all options except `group` and `shard`. `spread`: whether one of them is given. */
function readAll(loss: unknown, options: object, spread: boolean) {
  const { shape, terms } = options as { [name: string]: unknown };
  // Callers see it on the loss, and must not change what batches are checked against.
  const size = Object.freeze(readShape(shape, preparedRule));
  const read = readPrepared(loss, terms, options, ['group', 'shard']);
  const { values } = read;
  const plan = planOfPrepared(read, values);
  checkCallOptions(values, plan.name, plan.needsTeacher);
  plan.spec.reserveDocs = size[1];
  if (spread) {
    if (plan.backend !== 'cpu' && !isAuto(values.backend)) throw noGroupThere(plan.backend);
    plan.backend = plan.spec.backend = 'cpu';
  }
  return { plan, size, values };
}

function bothSpread(): Error {
  return new CklTypeError(
    'ERR_CKL_OPTION',
    'group and shard are given; queries are spread over ranks, or documents',
  );
}

function noGroupThere(backend: string): Error {
  return new CklRangeError(
    'ERR_CKL_OPTION',
    `backend is '${backend}' and a group is given; ranks count their queries on the CPU: use 'cpu' or 'auto', or tensors of ckl-loss/cuda, whose losses take a group`,
  );
}

/** The argument of `prepare`: one loss, or the terms of a sum. */
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

/** @internal Reads the shape of a prepared loss. */
export const preparedRule = 'prepare needs shape: [queries, documents], the size of the largest batch';
