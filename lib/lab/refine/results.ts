// The results of a refinement, for one fold or for all.
import type { Comparison, Evaluation } from '../../metrics/index.js';
import type { Behaviour } from '../experiment/behaviour.js';
import type { AdapterContent } from '../students/saved/adapter-model.js';
import type { ModelContent } from '../students/saved/model-files.js';
import type { Distilled } from '../training/distil.js';

/** A student as measured on the test queries. */
export interface Measured {
  /** Its ranking of the teacher's candidates. */
  rerank: Evaluation;
  /** Its ranking of the whole corpus. */
  full: Evaluation;
  /** Its ranking of the whole corpus of other collections, by name. */
  zeroShot: Record<string, Evaluation>;
}

export interface Refined extends Measured {
  /** The recipe's name, as on the command line: `ckl`, or `kl:1+marginMse:0.05`. */
  loss: string;
  training: Distilled;
  /** On dev, before training and after each epoch: Figure 3 of the paper. */
  behaviour: Behaviour[];
}

/** One fold's result; the comparisons are made of the pooled ones. */
export interface FoldResult {
  data: {
    documents: number;
    words: number;
    train: number;
    dev: number;
    test: number;
    unusable: number;
    skipped: number;
  };
  teacherTemperature: number;
  teacher: Evaluation;
  start: Measured;
  /** After the warm-up, where there was one. */
  warmup?: Refined;
  refined: Refined[];
}

/** The best student by dev, for saving. */
export interface ChosenStudent {
  loss: string;
  /** Its best dev nDCG@10. */
  dev: number;
  /** The learning rate. */
  rate: number;
  /** @internal */
  content: Omit<ModelContent, 'version'> | AdapterContent;
}

export interface RefineResult extends FoldResult {
  /** Where it was asked for. */
  chosen?: ChosenStudent;
  /** How many folds the queries were tested in; absent for the folder's own split. */
  folds?: number;
  /** The first loss against each other one, and against the start; p corrected by Holm over all of them. */
  comparisons: (Comparison & { setting: 'rerank' | 'full'; against: string })[];
}
