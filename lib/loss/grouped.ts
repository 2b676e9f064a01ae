// A prepared loss whose queries are spread over the ranks of a group: mean, counted and weights are those of all of them. What each query adds
// is gathered, and every rank adds it in the order in which one process would, so that the number of ranks changes no bit.
import { largest } from '../extremes.js';
import type { Group } from '../communicator.js';
import { CklRangeError } from '../errors.js';
import { NativeStatus, Scalar } from '../native/codes.js';
import type { NativePlanSpec } from '../native/native.js';
import { statusError } from '../native/status.js';
import type { Batch, LossResult } from '../types.js';
import { attempt, type Failure, failedLater, Message, otherThanFirst, refused } from './exchange.js';
import type { LivePlan } from './plans.js';
import { Prepared } from './prepared.js';
import { argumentsOf, resultOf } from './run.js';

/** Places of a share that the addon counts in: 8 terms, and any of them. */
export const terms = 8;
export const normalisers = terms + 1;

/** What the ranks tell each other first, an array of numbers: then every rank's share begins. */
const enum Head {
  queries = 0,
  weighted = 1,
  plan = 2,
  share = 3,
  size = 12,
}

export class GroupedLoss extends Prepared {
  private readonly digest: number;

  constructor(
    private readonly group: Group,
    ...rest: ConstructorParameters<typeof Prepared>
  ) {
    super(...rest);
    this.digest = digestOf(rest[0].plan.spec);
  }

  override run(batch: Batch): LossResult {
    const { group, view, scalars } = this;
    const message = new Message(Head.size);
    let live: LivePlan | undefined;
    let share = message.numbers.subarray(0, 0);
    const failure = attempt(() => {
      live = this.take(batch);
      const summands = view.weights === null ? 0 : live.plan.spec.terms.length * view.queries;
      share = new Float64Array(normalisers + Math.max(summands, view.queries));
      check(live.native.countShare(...argumentsOf(view, scalars), share), scalars);
      message.numbers.set([view.queries, Number(view.weights !== null), this.digest]);
      message.numbers.set(share.subarray(0, normalisers), Head.share);
    });
    const heads = message.exchange(group, failure, refused);
    agree(heads);

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

export function check(status: NativeStatus, scalars: Float64Array): void {
  if (status !== NativeStatus.ok) throw statusError(status, scalars);
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

export function otherLoss(rank: number): Error {
  return new CklRangeError(
    'ERR_CKL_GROUP',
    `rank ${rank} has prepared another loss than rank 0, or with other options; all ranks prepare alike`,
  );
}

/** Tells what is computed from other things, whoever computes it. */
export function digestOf({ terms, reduction, pairMean, gradScale, ...rest }: NativePlanSpec): number {
  const { studentTemperature, teacherTemperature } = rest;
  const text = JSON.stringify([
    terms,
    reduction,
    pairMean,
    gradScale,
    studentTemperature,
    teacherTemperature,
  ]);
  return digest(Uint32Array.from(text, (letter) => letter.charCodeAt(0)));
}

/** FNV-1a over words. */
export function digest(words: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (const word of words) hash = Math.imul(hash ^ word, 0x01000193);
  return hash >>> 0;
}
