// Queries that are spread over the ranks of a group, whatever each rank computes on: the one place where the normaliser of a mean over all ranks
// and its loss come from. What each query adds is gathered, and every rank adds it in the order in which one process would, so that the number of
// ranks changes no bit.
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

/** Places of a share that the addon counts in: 8 terms, and any of them. */
export const terms = 8;
export const normalisers = terms + 1;

/** What the ranks tell each other first, an array of numbers: then every rank's normalisers begin. */
const enum Head {
  queries = 0,
  weighted = 1,
  plan = 2,
  share = 3,
  size = 12,
}

/** What one rank does in a run. `share`: that of `countShare` and `runShare` of the addon. All throw what is wrong. */
export interface Sharer {
  /** Takes the rank's own batch. Nothing of the caller's runs after this. */
  take(): { queries: number; weighted: boolean };
  count(share: Float64Array): void;
  run(share: Float64Array): void;
}

/** Of the queries of all ranks. `loss` is null with reduction 'none'. */
export interface SharedResult {
  loss: number | null;
  counted: number;
}

/** The runs of a loss that all ranks have prepared alike. */
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
   * A run, which all ranks call.
   * @throws what this rank's `sharer` threw, or where another rank's did, which rank that was
   */
  run(sharer: Sharer): SharedResult {
    return this.single.do(() => this.exchange(sharer));
  }

  /** In place of a run: throws `error`, and on the other ranks that this one refused its batch. */
  refuse(error: unknown): void {
    this.single.do(() => new Message(Head.size).exchange(this.group, { error }, refused));
  }

  private exchange(sharer: Sharer): SharedResult {
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
    const heads = message.exchange(group, failure, refused);
    agree(heads);

    const queries = heads.map((one) => one[Head.queries]);
    const all = this.normalisersOf(heads, queries, batch, share);
    share.set(all);
    const failed = attempt(() => sharer.run(share));
    if (spec.reduction === 'none') {
      if (failed !== null) throw failed.error;
      return { loss: null, counted: all[terms] };
    }
    const own = share.subarray(normalisers, normalisers + batch.queries);
    return { loss: reduce(spec, this.gatherQueries(own, queries, failed), all), counted: all[terms] };
  }

  /** What the mean of each term divides by, and how many queries are counted: of all ranks. */
  private normalisersOf(
    heads: readonly Float64Array[],
    queries: readonly number[],
    batch: { queries: number; weighted: boolean },
    share: Float64Array,
  ): Float64Array {
    // Counts, which are exact in any order.
    const all = heads[0].slice(Head.share);
    for (const other of heads.slice(1)) for (let k = 0; k < normalisers; k++) all[k] += other[Head.share + k];
    if (!batch.weighted || this.spec.reduction !== 'mean') return all;
    for (let k = 0; k < this.spec.terms.length; k++) {
      const from = normalisers + k * batch.queries;
      all[k] = sum(this.gatherQueries(share.subarray(from, from + batch.queries), queries));
    }
    return all;
  }

  /** One number of each query, of all ranks, in order. `failed`: what this rank throws, and then the others, too. */
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

/** The loss, from what each query adds to it, as the addon reduces it for one process: four sums over every fourth query. */
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

/** Throws on every rank where the ranks do not run alike: their exchanges would not be of each other. */
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
