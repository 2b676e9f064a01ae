// What a comparison is asked for, and what it finds: plain data all the way, so that it can be sent between threads and kept as JSON.
import type { LossName } from '../../index.js';
import type { ModelName, StudentName } from './students.js';

/** One way of training: a loss, or two of them, one after the other for half of the epochs each. */
export interface Recipe {
  name: string;
  stages: readonly LossName[];
}

/** How the training lists are: as they came, or some of them spoilt. Dev and test are never spoilt. */
export type Condition = 'clean' | 'wrongTeacher' | 'wrongLabels';

export interface CompareOptions {
  /** A BEIR folder, and a file with the teacher's scores of its candidates. */
  data: string;
  teacher: string;
  /** Further BEIR folders that are searched whole, without training on them. */
  zeroShot: readonly string[];
  students: readonly StudentName[];
  recipes: readonly Recipe[];
  /** How many trainings with batches in different orders, from one start; the first also searches the learning rate. */
  seeds: number;
  /** 0: the folder's own test split. Else so many folds, each query tested once. */
  folds: number;
  epochs: number;
  /** The loss of the warm-up that every recipe starts from; left out, they start from the untrained student. */
  warmup?: LossName;
  warmupEpochs: number;
  /** Factors on a student's own learning rate that are tried. */
  rates: readonly number[];
  /** Queries a batch. */
  batch: number;
  /** Documents of a training list: positives and the teacher's best others. */
  docs: number;
  /** Of the losses that have them; left out, the loss's own defaults hold. */
  gamma?: number;
  alpha?: number;
  lambda?: number;
  /** Default: 0.7 times the standard deviation of the teacher's scores within lists. */
  teacherTemperature?: number;
  /** Shares of spoilt training lists; 0 leaves that table out. */
  wrongTeacher: number;
  wrongLabels: number;
  seed: number;
  /** Leave out lines that cannot be read, and count them. */
  skipBad?: boolean;
}

/** One task of a comparison: everything that one recipe does to one model in one condition and fold. */
export interface Unit {
  model: ModelName;
  /** Who is measured with it. */
  students: readonly StudentName[];
  condition: Condition;
  fold: number;
  /** Without one, the unit measures what there is before refinement: the untrained student and the warm-up. */
  recipe?: Recipe;
}

/** One value a query, in the order of `queries`. */
export interface Values {
  queries: string[];
  'ndcg@10': number[];
  'mrr@10': number[];
}

/** A student on test: the teacher's candidates reranked, the corpus searched, and other corpora searched. */
export interface TestValues {
  rerank: Values;
  full: Values;
  zeroShot: Record<string, Values>;
}

/** Figure 3: before training and after each epoch. */
export interface Behaved {
  /** Lowest positive minus highest negative probability among the student's ten best. */
  separation: number[];
  /** Shannon entropy of the probabilities of the positives, in nats. */
  entropy: number[];
}

/** What there is to say of each student of a unit. */
export type OfStudents<T> = Partial<Record<StudentName, T>>;

export interface UnitResult {
  unit: Unit;
  /** Each factor tried under the first seed, and the best dev nDCG@10 that it reached. */
  search: { rate: number; dev: number }[];
  /** The learning rate that dev chose. */
  rate: number;
  /** One a seed; of a unit without a recipe the warm-up, if there is one. */
  runs: {
    seed: number;
    dev: number[];
    bestEpoch: number;
    test: OfStudents<TestValues>;
    behaviour?: Behaviours;
  }[];
  /** The untrained student; only of units without a recipe. */
  start?: OfStudents<TestValues>;
  figures?: FigureData;
  /** The teacher's own ranking of the candidates. */
  teacher?: Values;
}

export interface Behaviours {
  train: Behaved;
  dev: Behaved;
}

/** Figures 1 and 2 on dev lists, from the diagnostics of the losses. */
export interface FigureData {
  /** Figure 1: median weight of a divergence term by the rank that the student gives the document. */
  weights: { rank: number; label: 0 | 1; weight: number; withoutBias: number }[];
  /** Figure 2: gradient contribution over that of KL, a document. */
  ratios: { label: 0 | 1; pOverQ: number; ckl: number; bkl: number }[];
}

/** What the data of a fold are. */
export interface FoldData {
  train: number;
  dev: number;
  test: number;
  unusable: number;
  teacherTemperature: number;
}

export interface DataSummary {
  name: string;
  documents: number;
  /** Distinct words of all corpora. */
  words: number;
  lists: number;
  /** Tells data apart: SHA-256 of texts, teacher's lists and judgements. */
  digest: string;
  /** Lines left out, of all files. */
  skipped: number;
  folds: FoldData[];
  zeroShot: { name: string; documents: number; queries: number }[];
}
