// ckl-loss/train: the parts of a training loop, for students of your own: lists, batches, losses, Adam, schedules, and the loop itself.
export { Adam, type Numbers, type RowGradient } from './adam.js';
export { TrainingBatch } from './batch.js';
export { fitScale } from './calibrate.js';
export {
  candidateLists,
  loadCandidates,
  type CandidateList,
  type CandidateOptions,
  type Candidates,
  type ListOptions,
} from './candidates.js';
export { CURRICULA, type Curriculum } from './cl-drd.js';
export {
  distil,
  type DistilData,
  type Distilled,
  type DistilOptions,
  type Hooks,
  type NamedParameters,
  type Position,
  type Progress,
} from './distil.js';
export { type InBatchOptions } from './in-batch.js';
export { TRAINING_LOSSES, type LossSum, type TrainingLoss, type TrainingLossName } from './loss-sum.js';
export { HYPERPARAMETERS, Objective, type Hyperparameters, type ObjectiveOptions } from './objective.js';
export { Random } from './random.js';
export { measure, runOf, scoresOf, type Judging } from './rerank.js';
export { linearDecay, riseAndDecay } from './schedule.js';
export { foldLists, splitLists, type Split } from './split.js';
export type { Saved, Student, StudentState } from './student.js';
export type { ReadOptions } from '../../data/index.js';
export type { BeirFolder, DataError, Qrels, Run } from '../../data/index.js';
export type { Evaluation } from '../../metrics/index.js';
export type { RankTrackerState } from '../../index.js';
