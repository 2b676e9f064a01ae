// The loss of a training run: any of the seven, prepared once, fed with what it reads of a batch.
import { prepare, RankTracker, type LossName, type PreparedLoss, type RankTrackerState } from '../index.js';
import type { TrainingBatch } from './batch.js';
import { setCurriculum } from './cl-drd.js';
import type { CandidateList } from './candidates.js';
import { scoresOf } from './rerank.js';
import type { Student } from './student.js';

export interface ObjectiveOptions {
  loss: LossName;
  /** Of the losses that have them; left out, the loss's own defaults hold. */
  gamma?: number;
  alpha?: number;
  lambda?: number;
  nllWeight?: number;
  teacherTemperature: number;
  /** Batches between two refreshes of the ranks behind beta (ckl only); 0 takes the ranks of each batch's own scores. */
  refreshRanks: number;
}

/** Loss and gradient of batches. Holds native memory: dispose of it, or declare it with `using`. */
export class Objective<L extends CandidateList> implements Disposable {
  private readonly prepared: PreparedLoss<'mean'>;
  private tracker: RankTracker | undefined;

  /**
   * @param shape the largest batch
   * @param lists what a refresh of the ranks evaluates: for each training query a list
   * @throws RangeError for a hyper-parameter out of its range
   */
  constructor(
    private readonly options: ObjectiveOptions,
    shape: TrainingBatch['shape'],
    private readonly lists: readonly L[],
  ) {
    this.prepared = prepareLoss(options, shape);
    if (options.loss === 'ckl' && options.refreshRanks > 0) {
      // Reranking a list costs next to nothing here, so all of it is kept, not the top 50 of the paper.
      const depth = Math.max(...lists.map((list) => list.docids.length));
      this.tracker = new RankTracker({ every: options.refreshRanks, depth });
    }
  }

  /** The ranks as they are held now, null where the loss holds none. */
  get rankState(): RankTrackerState | null {
    return this.tracker?.toJSON() ?? null;
  }

  set rankState(state: RankTrackerState | null) {
    if (state) this.tracker = RankTracker.fromJSON(state);
  }

  /**
   * Loss of a batch that the student has scored, and dL/dscore, laid out like the scores; valid until the next call.
   *
   * @param progress how much of the training is done, 0 to 1
   */
  run(batch: TrainingBatch<L>, student: Student<L>, progress: number): { loss: number; grad: Float32Array } {
    const { student: scores, teacher, labels, offsets, relevance } = batch;
    const common = { student: scores, labels, offsets };
    switch (this.options.loss) {
      case 'nll':
        return this.prepared.run(common);
      case 'lambdaMrr':
        setCurriculum(batch, progress);
        return this.prepared.run({ ...common, relevance });
      default:
        return this.prepared.run({ ...common, teacher, ranks: this.ranks(batch, student) });
    }
  }

  /** The paper's periodic refresh: all lists ranked by the student as it is now, then held for a number of batches. */
  private ranks(batch: TrainingBatch<L>, student: Student<L>): Float32Array | undefined {
    const { tracker } = this;
    if (!tracker) return undefined;
    if (tracker.due) {
      const score = scoresOf(student);
      for (const list of this.lists) tracker.set(list.qid, list.docids, score(list));
      tracker.refreshed();
    }
    tracker.tick();
    const queries = batch.lists.map((list) => list.qid);
    const documents = batch.lists.flatMap((list) => list.docids);
    return tracker.fill({ queries, documents, offsets: batch.offsets });
  }

  [Symbol.dispose](): void {
    this.prepared.dispose();
  }
}

/** The loss with those of its own options that were given. */
function prepareLoss(options: ObjectiveOptions, shape: TrainingBatch['shape']): PreparedLoss<'mean'> {
  const given = (name: 'gamma' | 'alpha' | 'lambda' | 'nllWeight') =>
    options[name] === undefined ? {} : { [name]: options[name] };
  const common = { shape, teacherTemperature: options.teacherTemperature };
  switch (options.loss) {
    case 'ckl':
      return prepare('ckl', { ...common, ...given('gamma'), ...given('alpha') });
    case 'bkl':
      return prepare('bkl', { ...common, ...given('lambda') });
    case 'klLogL':
      return prepare('klLogL', { ...common, ...given('nllWeight') });
    default:
      return prepare(options.loss, common);
  }
}
