// Queries that are spread over the ranks of a group, on any device: computes the normalisers and the loss of all ranks together. Each query's
// contribution is gathered, and every rank adds the contributions in the order of one process. The bits therefore do not depend on the number of
// ranks.
import type { Group } from '../communicator.js';
import { CklRangeError } from '../errors.js';
import { largest } from '../extremes.js';
import type { NativePlanSpec } from '../native/native.js';
import {
  attempt,
  digestOf,
  type Failure,
  failedLater,
  Message,
  otherLoss,
  otherThanFirst,
  refused,
  SingleRun,
} from './exchange.js';

/** A share begins with the addon's counts of queries: one for each of up to 8 terms, and one of queries that any term counts. */
export const terms = 8;
export const normalisers = terms + 1;

/** Places in the first message between ranks. The rank's normalisers begin at `share`. */
const enum Head {
  queries = 0,
  weighted = 1,
  plan = 2,
  share = 3,
  size = 12,
}

/** One rank's part of a run. `share` is the argument of the addon's `countShare` and `runShare`. Every method throws if it fails. */
export interface Sharer {
  /** Reads the rank's own batch. None of the caller's code runs after this. */
  take(): { queries: number; weighted: boolean };
  count(share: Float64Array): void;
  run(share: Float64Array): void;
}

/** The result for the queries of all ranks. `loss` is null with reduction 'none'. */
export interface SharedResult {
  loss: number | null;
  counted: number;
  /** With reduction 'none': why this rank's `sharer` did not run. The other ranks do not know, since no exchange follows. */
  failed: Failure;
}

/** Runs a loss that all ranks have prepared with the same options. */
export class Shares {
  private readonly digest: number;
  private readonly single: SingleRun;

  /** @param loss its name, or `combine` */
  constructor(
    private readonly group: Group,
    loss: string,
    private readonly spec: NativePlanSpec,
  ) {
    this.digest = digestOf(spec);
    this.single = new SingleRun(loss);
  }

  /**
   * Runs the loss; all ranks must call it.
   * @param told the error of a rank that is told of another's failure in the first exchange
   * @throws the error of this rank's `sharer`, or an error that names the rank whose sharer threw
   */
  run(sharer: Sharer, told = refused): SharedResult {
    return this.single.do(() => this.exchange(sharer, told));
  }

  /** Replaces a run: throws `error`, and the other ranks report that this one refused its batch. */
  refuse(error: unknown): void {
    this.single.do(() => new Message(Head.size).exchange(this.group, { error }, refused));
  }

  private exchange(sharer: Sharer, told: typeof refused): SharedResult {
    const { group, spec } = this;
    const message = new Message(Head.size);
    let batch = { queries: 0, weighted: false };
    let share = message.numbers.subarray(0, 0);
    const failure = attempt(() => {
      batch = sharer.take();
      const summands = batch.weighted ? spec.terms.length * batch.queries : 0;
      share = new Float64Array(normalisers + Math.max(summands, batch.queries));
      sharer.count(share);
      message.numbers.set([batch.queries, Number(batch.weighted), this.digest]);
      message.numbers.set(share.subarray(0, normalisers), Head.share);
    });
    const heads = message.exchange(group, failure, told);
    agree(heads);

    const queries = heads.map((one) => one[Head.queries]);
    const all = this.normalisersOf(heads, queries, batch, share);
    share.set(all);
    const failed = attempt(() => sharer.run(share));
    const counted = all[terms];
    if (spec.reduction === 'none') return { loss: null, counted, failed };
    const own = share.subarray(normalisers, normalisers + batch.queries);
    return { loss: reduce(spec, this.gatherQueries(own, queries, failed), all), counted, failed: null };
  }

  /** The divisor of each term's mean and the number of counted queries, over all ranks. */
  private normalisersOf(
    heads: readonly Float64Array[],
    queries: readonly number[],
    batch: { queries: number; weighted: boolean },
    share: Float64Array,
  ): Float64Array {
    // These are counts, whose sum is exact in any order.
    const all = heads[0].slice(Head.share);
    for (const other of heads.slice(1)) for (let k = 0; k < normalisers; k++) all[k] += other[Head.share + k];
    if (!batch.weighted || this.spec.reduction !== 'mean') return all;
    for (let k = 0; k < this.spec.terms.length; k++) {
      const from = normalisers + k * batch.queries;
      all[k] = sum(this.gatherQueries(share.subarray(from, from + batch.queries), queries));
    }
    return all;
  }

  /** One number per query of all ranks, in order. If `failed` is set, this rank throws it, and the others throw too. */
  private gatherQueries(own: Float64Array, queries: readonly number[], failed: Failure = null): Float64Array {
    const message = new Message(largest(queries));
    message.numbers.set(own);
    const parts = message.exchange(this.group, failed, failedLater);
    const out = new Float64Array(queries.reduce((a, b) => a + b, 0));
    let at = 0;
    parts.forEach((part, rank) => {
      out.set(part.subarray(0, queries[rank]), at);
      at += queries[rank];
    });
    return out;
  }
}

/** Adds up the loss from each query's contribution as the addon does for one process: in four sums, each over every fourth query. */
export function reduce(spec: NativePlanSpec, summands: Float64Array, all: Float64Array): number {
  const sums = [0, 0, 0, 0];
  for (let b = 0; b < summands.length; b++) sums[b & 3] += summands[b];
  const total = sums[0] + sums[1] + (sums[2] + sums[3]);
  const { terms: list, pairMean, reduction } = spec;
  if (list.length > 1 || pairMean === 'batch') return total;
  const [{ weight }] = list;
  if (weight === 0) return 0;
  const scale = reduction !== 'mean' ? weight : all[0] > 0 ? weight / all[0] : 0;
  return total * (scale / weight);
}

export function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Throws on every rank if the ranks' losses or batches differ in a way that would make their exchanges differ. */
function agree(heads: readonly Float64Array[]): void {
  const another = otherThanFirst(heads, Head.plan);
  if (another !== null) throw otherLoss(another);
  const other = otherThanFirst(heads, Head.weighted);
  if (other === null) return;
  const has = (rank: number): string => (heads[rank][Head.weighted] ? 'has weights' : 'has none');
  throw new CklRangeError(
    'ERR_CKL_GROUP',
    `rank ${other} ${has(other)} and rank 0 ${has(0)}; the weights of the queries are given on all ranks or on none`,
  );
}
