// An experiment as plain data: students, recipes, seeds, rates, conditions and folds, and the units of work that they make.
import type { IdenticalIds } from './own-documents.js';
import type { StudentName, StudentOptions } from '../students/students.js';
import type { TrainingLoss, TrainingLossName } from '../training/loss-sum.js';
import type { ObjectiveOptions } from '../training/objective.js';

/** What a loss can be given; left out, the loss's own defaults hold. */
export type LossOptions = Omit<ObjectiveOptions, 'loss' | 'teacherTemperature' | 'refreshRanks'>;

/** One training of a student. Its options of the loss come before the experiment's. */
export interface Stage extends LossOptions {
  loss: TrainingLoss;
  /** Default: stages without a number share the experiment's epochs. */
  epochs?: number;
  /** Default: the rate at which the recipe is tried. */
  learningRate?: number;
}

/** One way of training: stages one after the other, each with a new optimizer. A loss alone stands for a stage of it. */
export interface Recipe {
  name: string;
  stages: readonly (TrainingLossName | Stage)[];
}

/** How many of the training lists are corrupted, and how. Dev and test lists never are. */
export interface Condition {
  name: string;
  /** Shares of the training lists, 0 to 1. */
  wrongTeacher: number;
  wrongLabels: number;
}

/** What learns, and the students that are measured with it. */
export interface ModelPlan {
  model: ModelName;
  students: readonly ModelName[];
}

/** The linear reranker of `train`, a retriever of words, or an adapter of an encoder's vectors. */
export type ModelName = StudentName | 'linear' | 'adapter';

export interface Experiment {
  /** A BEIR folder, and a file with the teacher's scores of its candidates. */
  data: string;
  teacher: string;
  /** BEIR folders that are searched whole, without training on them, under the first condition. */
  zeroShot: readonly string[];
  /** Leave out lines that cannot be read, and count them. */
  skipBad?: boolean;
  /** The lowest level of a judgement that counts as relevant, in labels and measures. Default: 1. */
  level?: number;
  /** Of queries that are documents too: whether their own documents are left out. Default: told from the data. */
  identicalIds?: IdenticalIds;
  /** Keep the teacher's best N candidates per query. Default: all. */
  candidates?: number;
  /** 0: the folder's own test split. Else the number of folds, each query tested once. */
  folds: number;
  models: readonly ModelPlan[];
  /** Of the retrievers. */
  student: Omit<StudentOptions, 'student' | 'seed'>;
  recipes: readonly Recipe[];
  conditions: readonly Condition[];
  /** Draws splits, corrupted lists and starts; the first of the trainings' seeds. */
  seed: number;
  /** Trainings of a recipe, with batches in different orders; the first also searches the learning rate. */
  seeds: number;
  learningRate: number;
  /** Factors on the learning rate that are tried. */
  rates: readonly number[];
  /** The training that every recipe starts from; without one, they start from the untrained student. */
  warmup?: Stage;
  epochs: number;
  /** Epochs without a better dev nDCG@10 before a training stops. Default: never. */
  patience?: number;
  /** Queries per batch. */
  batch: number;
  /** Parts of a batch whose gradients are added up by themselves. Default: 1. */
  microbatches?: number;
  /** Share of the steps over which the learning rate rises to its peak. Default: 0. */
  rise?: number;
  /** Documents of a training list: positives and the teacher's best others, or others redrawn each epoch. Default: all. */
  docs?: number;
  negatives?: 'best' | 'drawn';
  loss: LossOptions;
  /** Default: a share of the standard deviation of the teacher's scores within lists. */
  teacherTemperature?: number;
  /** Batches between two refreshes of the ranks behind beta. Default: one epoch's. */
  refreshRanks?: number;
  /** Documents per query that a refresh evaluates. Default: `docs`. */
  refreshDepth?: number;
  /** Weight of a loss over in-batch negatives. Default: 0. */
  inBatchWeight?: number;
  /** What is observed before training and after each epoch: nothing, dev lists, or what the paper's figures show of the first trainings. */
  observe: 'nothing' | 'dev' | 'figures';
}

/** Everything that one recipe does to one model in one condition and fold. */
export interface Unit extends ModelPlan {
  condition: Condition;
  fold: number;
  /** Without one, the unit measures what there is before: the untrained student and the warm-up. */
  recipe?: Recipe;
}

/** All units; those that share a warm-up stand together, so that it can be kept. */
export function unitsOf({ models, conditions, folds, recipes }: Experiment): Unit[] {
  const all = [...Array(Math.max(1, folds)).keys()];
  return models.flatMap(({ model, students }) =>
    conditions.flatMap((condition) =>
      all.flatMap((fold) => [
        { model, students, condition, fold },
        ...recipes.map((recipe) => ({ model, students, condition, fold, recipe })),
      ]),
    ),
  );
}

/** How many trainings a unit holds: the measure of progress. */
export const trainingsOf = ({ recipe }: Unit, { rates, seeds }: Experiment): number =>
  recipe ? rates.length + seeds - 1 : 1;

/** The stages of a recipe with their numbers of epochs. */
export function stagesOf({ stages }: Recipe, epochs: number): (Stage & { epochs: number })[] {
  const all = stages.map((stage): Stage => (typeof stage === 'string' ? { loss: stage } : stage));
  let sharing = all.filter((stage) => stage.epochs === undefined).length;
  let left = epochs;
  return all.map((stage) => {
    if (stage.epochs !== undefined) return { ...stage, epochs: stage.epochs };
    const own = Math.max(1, Math.floor(left / sharing));
    left -= own;
    sharing--;
    return { ...stage, epochs: own };
  });
}
