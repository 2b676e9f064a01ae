// A prepared loss whose queries are spread over the ranks of a group: mean, counted and weights are those of all of them. What each query adds
// is gathered, and every rank adds it in the order in which one process would, so that the number of ranks changes no bit.
import { largest } from '../extremes.js';
import type { Group } from '../communicator.js';
import { CklRangeError } from '../errors.js';
import { NativeStatus, Scalar } from '../native/codes.js';
import type { NativePlanSpec } from '../native/native.js';
import { statusError } from '../native/status.js';
import type { Batch, LossResult } from '../types.js';
import type { LivePlan } from './plans.js';
import { Prepared } from './prepared.js';
import { argumentsOf, resultOf } from './run.js';

/** Places of a share that the addon counts in: 8 terms, and any of them. */
export const terms = 8;
export const normalisers = terms + 1;

/** What the ranks tell each other first, an array of numbers: then every rank's share begins. */
const enum Head {
  /** 1: this rank's batch was refused. */
  failed = 0,
  queries = 1,
  weighted = 2,
  share = 3,
  size = 12,
}

export class GroupedLoss extends Prepared {
  constructor(
    private readonly group: Group,
    ...rest: ConstructorParameters<typeof Prepared>
  ) {
    super(...rest);
  }

  override run(batch: Batch): LossResult {
    const { group, view, scalars } = this;
    const head = new Float64Array(Head.size);
    let live: LivePlan | undefined;
    let share = head.subarray(0, 0);
    // A rank that refuses its batch tells the others, which would wait for it.
    const failure = attempt(() => {
      live = this.take(batch);
      const summands = view.weights === null ? 0 : live.plan.spec.terms.length * view.queries;
      share = new Float64Array(normalisers + Math.max(summands, view.queries));
      check(live.native.countShare(...argumentsOf(view, scalars), share), scalars);
      head[Head.queries] = view.queries;
      head[Head.weighted] = Number(view.weights !== null);
      head.set(share.subarray(0, normalisers), Head.share);
    });
    head[Head.failed] = Number(failure !== null);
    const heads = ranksOf(group.gather(head), group.size);
    agree(group, heads, failure);

    const { spec } = live!.plan;
    const all = heads[0].slice(Head.share);
    for (const other of heads.slice(1)) for (let k = 0; k < normalisers; k++) all[k] += other[Head.share + k];
    const queries = heads.map((one) => one[Head.queries]);
    if (view.weights !== null && this.reduction === 'mean') {
      for (let k = 0; k < spec.terms.length; k++) {
        const from = normalisers + k * view.queries;
        all[k] = sum(this.gatherQueries(share.subarray(from, from + view.queries), queries));
      }
    }
    share.set(all);
    const failed = attempt(() => check(live!.native.runShare(...argumentsOf(view, scalars), share), scalars));
    if (this.reduction === 'none') {
      if (failed !== null) throw failed.error;
    } else {
      const own = share.subarray(normalisers, normalisers + view.queries);
      scalars[Scalar.loss] = reduce(spec, this.gatherQueries(own, queries, failed), all);
    }
    scalars[Scalar.counted] = all[terms];
    return resultOf(view, scalars, this.reduction);
  }

  /** One number of each query, of all ranks, in order. `failed`: what this rank throws, and then the others, too. */
  private gatherQueries(
    own: Float64Array,
    queries: readonly number[],
    failed: { error: unknown } | null = null,
  ): Float64Array {
    const longest = largest(queries);
    const padded = new Float64Array(longest + 1);
    padded.set(own);
    padded[longest] = Number(failed !== null);
    const parts = ranksOf(this.group.gather(padded), this.group.size);
    if (failed !== null) throw failed.error;
    const failing = parts.findIndex((part) => part[longest] !== 0);
    if (failing >= 0) throw failedLater(failing);
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

/** Runs; returns the error. */
export function attempt(action: () => void): { error: unknown } | null {
  try {
    action();
    return null;
  } catch (error) {
    return { error };
  }
}

export function check(status: NativeStatus, scalars: Float64Array): void {
  if (status !== NativeStatus.ok) throw statusError(status, scalars);
}

/** The parts of what was gathered, by rank. */
export function ranksOf(gathered: Float64Array, size: number): Float64Array[] {
  const length = gathered.length / size;
  return Array.from({ length: size }, (_, rank) => gathered.subarray(rank * length, (rank + 1) * length));
}

/** Throws on every rank where one has failed, or where only some have weights. */
function agree(group: Group, heads: readonly Float64Array[], failure: { error: unknown } | null): void {
  if (failure !== null) throw failure.error;
  const failed = heads.findIndex((head) => head[Head.failed] !== 0);
  if (failed >= 0) throw refused(failed);
  const other = heads.findIndex((head) => head[Head.weighted] !== heads[0][Head.weighted]);
  if (other < 0) return;
  const has = (rank: number): string => (heads[rank][Head.weighted] ? 'has weights' : 'has none');
  throw new CklRangeError(
    'ERR_CKL_GROUP',
    `rank ${other} ${has(other)} and rank 0 ${has(0)}; the weights of the queries are given on all ranks or on none`,
  );
}

export function failedLater(rank: number): Error {
  return new CklRangeError('ERR_CKL_GROUP', `rank ${rank} failed while it computed, and says why`);
}

export function refused(rank: number): Error {
  return new CklRangeError(
    'ERR_CKL_GROUP',
    `rank ${rank} refused its batch, and says why; nothing was computed`,
  );
}
