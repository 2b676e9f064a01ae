// In-batch negatives: a query's negatives are the positives of the batch's other queries; the loss is the
// negative log-likelihood of its own positives.
import { prepare, type PreparedLoss } from '../../index.js';
import { TrainingBatch } from './batch.js';
import type { CandidateList } from './candidates.js';
import type { Microbatches } from './microbatches.js';

export interface InBatchOptions<L extends CandidateList> {
  /** The factor of the loss in the sum. */
  weight: number;
  /** For each list of a batch, the list of its query over the positives of all of them, its own labelled 1. */
  lists: (batch: readonly L[]) => L[];
}

/** Mean over the queries of a batch of the negative log-likelihood of their positives among all positives of the batch. */
export class InBatch<L extends CandidateList> implements Disposable {
  private readonly batch: TrainingBatch<L>;
  private readonly prepared: PreparedLoss<'mean'>;

  /** @param shape the maximum number of queries per batch, and of positives per query */
  constructor(
    private readonly options: InBatchOptions<L>,
    [queries, positives]: readonly [number, number],
  ) {
    const shape = [queries, queries * Math.max(1, positives)] as const;
    this.batch = new TrainingBatch<L>(shape);
    this.prepared = prepare('nll', { shape, gradScale: options.weight });
  }

  /** Has the student take in the gradient of this loss; returns the loss times its weight. */
  run(lists: readonly L[], parts: Microbatches<L>): number {
    const { batch, prepared, options } = this;
    batch.fill(options.lists(lists));
    parts.score(batch);
    const { loss, grad } = prepared.run({
      student: batch.student,
      labels: batch.labels,
      offsets: batch.offsets,
    });
    parts.backward(batch, grad);
    return options.weight * loss;
  }

  [Symbol.dispose](): void {
    this.prepared.dispose();
  }
}
