// The loss of a training run: any loss or weighted sum, prepared once and given the inputs that it reads.
import {
  losses,
  prepare,
  RankTracker,
  type LossName,
  type PreparedLoss,
  type RankTrackerState,
} from '../../index.js';
import type { ParameterName } from '../../parameters.js';
import type { TrainingBatch } from './batch.js';
import { setRelevance, type Curriculum } from './cl-drd.js';
import { setGrades } from './grades.js';
import type { CandidateList } from './candidates.js';
import { longest } from './list-length.js';
import { termsOf, type TrainingLoss } from './loss-sum.js';
import type { Student } from './student.js';
import { dealtScores, type Team } from './team.js';

/** The numbers that losses take, in the order in which results show them. */
export const HYPERPARAMETERS = [
  'gamma',
  'alpha',
  'lambda',
  'negativeWeight',
  'nllWeight',
  'beta',
  'steepness',
  'k',
  'mu',
] as const satisfies readonly Exclude<ParameterName, 'detachWeights'>[];

/** Of the losses that have them; left out, the loss's own defaults hold. */
export type Hyperparameters = Partial<Record<(typeof HYPERPARAMETERS)[number], number>>;

/** The parameters among some options; those that were not given are undefined. */
export const hyperparametersOf = (options: Hyperparameters): Hyperparameters =>
  Object.fromEntries(HYPERPARAMETERS.map((name) => [name, options[name]]));

export interface ObjectiveOptions extends Hyperparameters {
  loss: TrainingLoss;
  /** The source of lambdaMrr's relevance. Default: cl-drd. */
  curriculum?: Curriculum;
  teacherTemperature: number;
  /** Batches between two refreshes of the ranks behind beta (ckl only); 0 takes the ranks of each batch's own scores. */
  refreshRanks: number;
}

/** Loss and gradient of batches. Holds native memory: dispose of it, or declare it with `using`. */
export class Objective<L extends CandidateList> implements Disposable {
  private readonly prepared: PreparedLoss<'mean'>;
  /** The inputs of the loss in addition to scores and labels. */
  private readonly reads: {
    teacher: boolean;
    ranks: boolean;
    relevance: 'curriculum' | 'grades' | undefined;
  };
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
    private readonly team?: Team,
  ) {
    this.prepared = prepareLoss(options, shape);
    const names = termsOf(options.loss).map((term) => term.loss);
    this.reads = {
      teacher: names.some((name) => losses[name].teacher),
      ranks: names.includes('ckl'),
      relevance: names.includes('lambdaMrr')
        ? 'curriculum'
        : names.includes('lambdaNdcg')
          ? 'grades'
          : undefined,
    };
    if (this.reads.ranks && options.refreshRanks > 0) {
      // Reranking a list is almost free here, so all of it is kept, not just the paper's top 50.
      const depth = longest(lists);
      this.tracker = new RankTracker({ every: options.refreshRanks, depth });
    }
  }

  /** The current ranks, null if the loss has none. */
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
    const { reads, options } = this;
    // Ranks within the batch are computed by the loss itself.
    const ranks = reads.ranks ? this.ranks(batch, student) : undefined;
    if (reads.relevance === 'curriculum')
      setRelevance(batch, progress, options.curriculum, options.loss === 'lambdaMrr');
    if (reads.relevance === 'grades') setGrades(batch, options.teacherTemperature);
    return this.prepared.run({
      student: scores,
      labels,
      offsets,
      ...(reads.teacher && { teacher }),
      ...(ranks && { ranks }),
      ...(reads.relevance && { relevance }),
    });
  }

  /** The paper's periodic refresh: all lists ranked by the student as it is now, then held for a number of batches. */
  private ranks(batch: TrainingBatch<L>, student: Student<L>): Float32Array | undefined {
    const { tracker } = this;
    if (!tracker) return undefined;
    if (tracker.due) {
      const score = dealtScores(student, this.lists, this.team);
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
  const { teacherTemperature } = options;
  const all = hyperparametersOf(options);
  const terms = termsOf(options.loss).map((term) => ({ ...term, ...ownOf(term.loss, all) }));
  const common = { shape, ...(terms.some(({ loss }) => losses[loss].teacher) && { teacherTemperature }) };
  if (typeof options.loss !== 'string') return prepare('combine', { ...common, terms });
  const [{ loss, detachWeights }] = terms;
  return prepare(loss, { ...common, ...ownOf(loss, { ...all, detachWeights }) });
}

/** Of some parameters those that were given and that a loss has. */
function ownOf<T extends object>(loss: LossName, all: T): Partial<T> {
  const own: readonly string[] = losses[loss].parameters;
  return Object.fromEntries(
    Object.entries(all).filter(([name, value]) => value !== undefined && own.includes(name)),
  ) as Partial<T>;
}
