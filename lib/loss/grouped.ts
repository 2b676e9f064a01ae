// A prepared loss on the CPU whose queries are spread over the ranks of a group. The mean, the number of counted queries and the sum of weights
// cover the queries of all ranks.
import type { Group } from '../communicator.js';
import { NativeStatus, Scalar } from '../native/codes.js';
import { statusError } from '../native/status.js';
import type { Batch, LossResult } from '../types.js';
import type { refused } from './exchange.js';
import type { LivePlan } from './plans.js';
import { Prepared } from './prepared.js';
import { argumentsOf, resultOf } from './run.js';
import { Shares } from './shares.js';

export class GroupedLoss extends Prepared {
  private readonly shares: Shares;

  constructor(group: Group, ...rest: ConstructorParameters<typeof Prepared>) {
    super(...rest);
    this.shares = new Shares(group, this.loss, rest[0].plan.spec);
  }

  override run(batch: Batch): LossResult {
    return this.start(batch)();
  }

  /**
   * The part of a run that involves all ranks. It returns a function that gives the result, or throws if
   * something failed on this rank alone: a caller with further exchanges calls it where it can tell the other
   * ranks.
   * @param told the error if another rank reports in the first exchange that it failed
   */
  start(batch: Batch, told?: typeof refused): () => LossResult {
    const { view, scalars } = this;
    let live!: LivePlan;
    const sharer = {
      take: () => {
        live = this.take(batch);
        return { queries: view.queries, weighted: view.weights !== null };
      },
      count: (share: Float64Array) =>
        check(live.native.countShare(...argumentsOf(view, scalars), share), scalars),
      run: (share: Float64Array) => {
        // The caller's group may have disposed of this loss.
        this.check();
        check(live.native.runShare(...argumentsOf(view, scalars), share), scalars);
      },
    };
    const { loss, counted, failed } = this.shares.run(sharer, told);
    return () => {
      if (failed !== null) throw failed.error;
      this.check();
      if (loss !== null) scalars[Scalar.loss] = loss;
      scalars[Scalar.counted] = counted;
      return resultOf(view, scalars, this.reduction);
    };
  }

  /**
   * Replaces a run if a batch is found to be invalid earlier: throws `error`, and the other ranks report that
   * this one rejected its batch.
   */
  refuse(error: unknown): void {
    this.shares.refuse(error);
  }
}

export function check(status: NativeStatus, scalars: Float64Array): void {
  if (status !== NativeStatus.ok) throw statusError(status, scalars);
}
