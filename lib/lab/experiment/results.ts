// The results of an experiment: plain data that can be sent between threads and stored in checkpoints.
import type { Evaluation } from '../../metrics/index.js';
import type { Distilled } from '../training/distil.js';
import type { Behaviour } from './behaviour.js';
import type { OwnDocuments } from './own-documents.js';
import type { ModelName, Unit } from './plan.js';
import type { TeacherScale } from './teacher-scale.js';

/** One value per query, in the order of `queries`. */
export interface Values {
  queries: string[];
  'ndcg@10': number[];
  'mrr@10': number[];
}

/** A student on test queries. */
export interface Tested {
  /** Its ranking of the teacher's candidates. */
  rerank: Values;
  /** Its ranking of the whole corpus; absent for a student that cannot search. */
  full?: Values;
  /** Its ranking of the whole corpus of other collections, by name. */
  zeroShot: Record<string, Values>;
}

/** By student of a unit. */
export type OfStudents<T> = Partial<Record<ModelName, T>>;

/** What the paper's Figure 3 plots, on dev lists and where asked for on training lists. */
export interface Observation {
  dev: Behaviour;
  train?: Behaviour;
}

/** One stage of one part of a student. */
export interface Trained {
  part: string;
  training: Distilled;
  /** Before training and after each epoch; empty where nothing is observed. */
  observed: Observation[];
}

export interface Run {
  seed: number;
  trainings: Trained[];
  test: OfStudents<Tested>;
  /** Of a student that is small enough to report them. */
  weights?: number[];
}

export interface UnitResult {
  unit: Unit;
  /** Each learning rate tried under the first seed, and the best dev nDCG@10 that it reached. */
  search: { rate: number; dev: number }[];
  /** The learning rate that dev chose. */
  rate: number;
  /** One per seed; of a unit without a recipe the warm-up, if there is one. */
  runs: Run[];
  /** The untrained student; only of units without a recipe. */
  start?: OfStudents<Tested>;
  /** The teacher's own ranking of the candidates, and other rankings to compare with; only of units without a recipe. */
  references?: Record<string, Values>;
  figures?: FigureData;
  /** Whether it was cut short and contains only what was reached. */
  interrupted: boolean;
}

/** Figures 1 and 2 on dev lists, from the diagnostics of the losses. */
export interface FigureData {
  /** Figure 1: median weight of a divergence term by the rank that the student gives the document. */
  weights: { rank: number; label: 0 | 1; weight: number; withoutBias: number }[];
  /** Figure 2: gradient contribution over that of KL, per document. */
  ratios: { label: 0 | 1; pOverQ: number; ckl: number; bkl: number }[];
}

/** The data of a fold. */
export interface FoldData {
  train: number;
  dev: number;
  test: number;
  unusable: number;
  teacherTemperature: number;
}

/** The data in numbers, without a word of their texts. */
export interface DataSummary {
  name: string;
  documents: number;
  /** Distinct words of the collection, and of all corpora. */
  words: number;
  allWords: number;
  lists: number;
  /** SHA-256 of texts, teacher's lists and judgements of the candidates; and of everything that the results depend on. */
  digest: string;
  fullDigest: string;
  /** Lines left out, of all files. */
  skipped: number;
  /** The collections whose queries are documents too. */
  own: (OwnDocuments & { name: string })[];
  folds: FoldData[];
  /** Of the training lists as read, one per fold. */
  teacherScales: TeacherScale[];
  zeroShot: { name: string; documents: number; queries: number }[];
}

export function toValues({ queries, perQuery }: Evaluation): Values {
  return { queries, 'ndcg@10': [...perQuery['ndcg@10']], 'mrr@10': [...perQuery['mrr@10']] };
}

export function toEvaluation({ queries, ...measures }: Values): Evaluation {
  const perQuery = Object.fromEntries(
    Object.entries(measures).map(([name, values]) => [name, Float64Array.from(values)]),
  );
  const mean = Object.fromEntries(Object.entries(measures).map(([name, values]) => [name, meanOf(values)]));
  return { queries, perQuery, mean };
}

/** The mean of some numbers, 0 if there are none. */
export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** Several stages as one training; each begins with what was best of the one before, which is not repeated. */
export function joined(trainings: readonly Trained[]): Trained {
  return trainings.reduce((first, second) => {
    const before = first.training.history.length - 1;
    const { bestEpoch, history, stopped } = second.training;
    return {
      part: second.part,
      training: {
        stopped,
        bestEpoch: bestEpoch === 0 ? first.training.bestEpoch : before + bestEpoch,
        history: [
          ...first.training.history,
          ...history.slice(1).map((entry) => ({ ...entry, epoch: before + entry.epoch })),
        ],
      },
      observed: [...first.observed, ...second.observed.slice(1)],
    };
  });
}

/** The training of what reranks: of the stages those of the last part. */
export function lastPart(trainings: readonly Trained[]): Trained {
  const part = trainings.at(-1)!.part;
  return joined(trainings.filter((one) => one.part === part));
}
