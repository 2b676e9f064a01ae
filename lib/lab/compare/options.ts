// The options of a comparison.
import type { IdenticalIds } from '../experiment/own-documents.js';
import type { Recipe } from '../experiment/plan.js';
import type { StudentName } from '../students/students.js';
import type { TrainingLoss } from '../training/loss-sum.js';
import type { Hyperparameters } from '../training/objective.js';

/** The state of the training lists: as read, or some of them corrupted. Dev and test lists are never corrupted. */
export type Condition = 'clean' | 'wrongTeacher' | 'wrongLabels';

export interface CompareOptions extends Hyperparameters {
  /** A BEIR folder, and a file with the teacher's scores of its candidates. */
  data: string;
  teacher: string;
  /** Further BEIR folders that are searched whole, without training on them. */
  zeroShot: readonly string[];
  students: readonly StudentName[];
  recipes: readonly Recipe[];
  /** How many trainings with batches in different orders, from one start; the first also searches the learning rate. */
  seeds: number;
  /** 0: the folder's own test split. Otherwise the number of folds; each query is tested once. */
  folds: number;
  epochs: number;
  /** The loss of the warm-up that every recipe starts from; left out, they start from the untrained student. */
  warmup?: TrainingLoss;
  warmupEpochs: number;
  /** Factors on a student's own learning rate that are tried. */
  rates: readonly number[];
  /** Queries per batch. */
  batch: number;
  /** Documents of a training list: positives and the teacher's best others. */
  docs: number;
  /** Default: 0.7 times the standard deviation of the teacher's scores within lists. */
  teacherTemperature?: number;
  /** Shares of corrupted training lists; 0 leaves that table out. */
  wrongTeacher: number;
  wrongLabels: number;
  seed: number;
  /** The lowest level of a judgement that counts as relevant. Default: 1. */
  level?: number;
  /** Of queries that are documents too: whether their own documents are left out. Default: told from the data. */
  identicalIds?: IdenticalIds;
  /** Leave out lines that cannot be read, and count them. */
  skipBad?: boolean;
}
