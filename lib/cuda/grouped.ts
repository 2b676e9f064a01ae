// A prepared loss on device memory whose queries are spread over the ranks of a group, each with a GPU. The mean, the number of counted queries
// and the sum of weights cover the queries of all ranks. The ranks exchange numbers through the host, so a run waits for its stream.
import type { Group } from '../communicator.js';
import { CklTypeError } from '../errors.js';
import { Shares } from '../loss/shares.js';
import type { Reduction } from '../types.js';
import { DeviceLoss, type Taken } from './device-loss.js';
import type { DeviceGraph } from './graph.js';
import type { OnStream } from './options.js';
import type { DeviceLossResult } from './result.js';
import type { DeviceBatch } from './snapshot.js';

/** Places of the loss and of the number of counted queries in a summary. */
const enum Summary {
  loss = 0,
  counted = 1,
  size = 2,
}

/** @internal */
export class GroupedDeviceLoss<R extends Reduction = Reduction> extends DeviceLoss<R> {
  private readonly shares: Shares;

  constructor(group: Group, ...rest: ConstructorParameters<typeof DeviceLoss>) {
    super(...rest);
    this.shares = new Shares(group, this.loss, rest[0].spec);
  }

  override run(batch: DeviceBatch, options?: OnStream): DeviceLossResult<R> {
    const { view } = this;
    let taken!: Taken;
    const { loss, counted, failed } = this.shares.run({
      take: () => {
        taken = this.take(batch, options);
        // The caller's group could change the offsets before they are read again.
        if (view.hostOffsets !== null) view.hostOffsets = new Int32Array(view.hostOffsets);
        return { queries: view.queries, weighted: view.weighted };
      },
      count: (share) => this.check(taken.live.countShare(view.hostOffsets, share), false),
      run: (share) => {
        // The caller's group has run since the tensors were checked.
        this.live();
        view.checkLive();
        this.check(taken.live.runShare(view.hostOffsets, share), true);
      },
    });
    if (failed !== null) throw failed.error;
    this.live();
    view.checkLive();
    const { summary, stream } = taken;
    // With reduction 'none', the summary holds the sum over this rank's queries.
    const from = loss === null ? Summary.counted : Summary.loss;
    summary
      .subtensor(from, Summary.size)
      .copyFrom(Float64Array.of(loss ?? 0, counted).subarray(from), { stream });
    return this.resultOf(taken);
  }

  override capture(_batch: DeviceBatch): DeviceGraph<R> {
    throw new CklTypeError(
      'ERR_CKL_GROUP',
      `this ${this.loss} was prepared with a group, whose ranks tell each other numbers through the host during a run, which no graph can do; ` +
        "capture one that was prepared without group, with reduction 'sum' and gradScale 1 / (queries of all ranks)",
    );
  }
}
