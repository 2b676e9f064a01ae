// A prepared loss of one batch that arrives in blocks of queries. All blocks are first counted, then run, so
// that mean, count and weights are those of the whole batch, and so are the bits.
import { Scalar } from '../native/codes.js';
import type { Batch, LossResult } from '../types.js';
import { check } from './grouped.js';
import { readShape } from './layout.js';
import { planOfPrepared, preparedRule, readPrepared } from './prepare.js';
import { LivePlan } from './plans.js';
import { Prepared } from './prepared.js';
import { argumentsOf, resultOf } from './run.js';
import { normalisers, reduce, sum, terms } from './shares.js';

export class BlockedLoss extends Prepared {
  private spec!: LivePlan['plan']['spec'];
  /** The divisor of each term's mean, and the number of counted queries. */
  private all = new Float64Array(normalisers);
  /** `all` with the weighted divisors of means, once all blocks are counted. */
  private totals: Float64Array | null = null;
  /** What each query adds to each term's divisor, if there are weights; and what it adds to the loss. */
  private divisors: Float64Array[] = [];
  private summands = new Float64Array(0);

  /** Called before the first block. */
  begin(queries: number): void {
    this.all = new Float64Array(normalisers);
    this.totals = null;
    this.divisors = [];
    this.summands = new Float64Array(queries);
  }

  /** Checks every value of a block and counts its queries. Blocks come in order; `first` is the number of the block's first query. */
  count(batch: Batch, first: number): void {
    const live = this.take(batch);
    const { view, scalars, all } = this;
    this.spec = live.plan.spec;
    const termCount = this.spec.terms.length;
    const weighted = view.weights !== null;
    const share = new Float64Array(normalisers + (weighted ? termCount * view.queries : 0));
    const status = live.native.countShare(...argumentsOf(view, scalars), share);
    if (status !== 0 && scalars[Scalar.query] >= 0) scalars[Scalar.query] += first;
    check(status, scalars);
    for (let k = 0; k < normalisers; k++) all[k] += share[k];
    for (let k = 0; weighted && k < termCount; k++) {
      this.divisors[k] ??= new Float64Array(this.summands.length);
      const from = normalisers + k * view.queries;
      this.divisors[k].set(share.subarray(from, from + view.queries), first);
    }
  }

  /** The loss and gradient of a block, after all blocks are counted. */
  runBlock(batch: Batch, first: number): LossResult {
    const live = this.take(batch);
    const { view, scalars } = this;
    const share = new Float64Array(normalisers + view.queries);
    share.set(this.divided());
    check(live.native.runShare(...argumentsOf(view, scalars), share), scalars);
    this.summands.set(share.subarray(normalisers), first);
    return resultOf(view, scalars, 'none');
  }

  /** Called after the last block. */
  end(): { loss: number; counted: number } {
    const all = this.divided();
    return { loss: reduce(this.spec, this.summands, all), counted: all[terms] };
  }

  private divided(): Float64Array {
    if (this.totals !== null) return this.totals;
    const totals = this.all.slice();
    if (this.reduction === 'mean') this.divisors.forEach((each, k) => (totals[k] = sum(each)));
    return (this.totals = totals);
  }
}

/** @param options those of `prepare`, with the shape of the largest block */
export function prepareBlocked(loss: string, options: Record<string, unknown>): BlockedLoss {
  const size = readShape(options.shape, preparedRule);
  const read = readPrepared(loss, options.terms, options);
  const plan = planOfPrepared(read, read.values);
  plan.backend = plan.spec.backend = 'cpu';
  plan.spec.reserveDocs = size[1];
  return new BlockedLoss(new LivePlan(plan), size, read.values);
}
