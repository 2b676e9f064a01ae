// The refinement job: trains one student with several losses from the same start and measures each on held-out queries.
import { compare, holm } from '../../metrics/index.js';
import { Adapters, type AdapterOptions } from '../experiment/adapters.js';
import { BestTrainings, type BestTraining } from '../experiment/best.js';
import type { Behaviour } from '../experiment/behaviour.js';
import type { CheckpointFiles } from '../experiment/checkpoint.js';
import type { IdenticalIds } from '../experiment/own-documents.js';
import type { Experiment, ModelName } from '../experiment/plan.js';
import { runWith } from '../experiment/pool.js';
import { Rankings } from '../experiment/rankings.js';
import { recipeOf, type RecipeChoice } from '../experiment/recipes.js';
import {
  lastPart,
  toEvaluation,
  type DataSummary,
  type Run,
  type Tested,
  type UnitResult,
} from '../experiment/results.js';
import { Retrievers, type OnStart } from '../experiment/retrievers.js';
import type { Source } from '../experiment/subject.js';
import { openWithTeam } from '../experiment/team-checkpoint.js';
import type { VectorList } from '../students/adapter/adapter-student.js';
import type { StudentName, StudentOptions } from '../students/students.js';
import type { BagList } from '../students/words/bags.js';
import type { CandidateList } from '../training/candidates.js';
import type { DistilOptions, Progress } from '../training/distil.js';
import { titleOfLoss, type TrainingLoss } from '../training/loss-sum.js';
import { hyperparametersOf } from '../training/objective.js';
import type { Team } from '../training/team.js';
import { pool } from './folds.js';
import type { ChosenStudent, FoldResult, Measured, Refined, RefineResult } from './results.js';

export type { RefineResult } from './results.js';

export interface RefineOptions
  extends
    Omit<DistilOptions, 'loss' | 'teacherTemperature' | 'refreshRanks'>,
    Omit<StudentOptions, 'student'>,
    CheckpointFiles {
  /** Default: dense. An adapter needs {@link adapter}, and has no zero-shot collections. */
  student?: StudentName | 'adapter';
  /** The encoder's vectors for which `--student adapter` learns maps. */
  adapter?: AdapterOptions;
  data: string;
  teacher: string;
  /** The first is compared with each of the others. */
  losses: readonly RecipeChoice[];
  /** Documents of a training list: the positives and the teacher's best others. */
  docs: number;
  /** The negatives of a training list in an epoch: the teacher's best, or redrawn. Default: best for dense, drawn for the rest. */
  negatives?: 'best' | 'drawn';
  /**
   * A first training with this loss, from which all others start. Its epochs and learning rate default to
   * those of the others.
   */
  warmup?: TrainingLoss;
  warmupEpochs?: number;
  warmupRate?: number;
  /** Weight of a loss over in-batch negatives; none if 0 or absent. */
  inBatchWeight?: number;
  /**
   * The number of documents that a refresh of the ranks evaluates: the positives and the teacher's best.
   * Default: `docs`.
   */
  refreshDepth?: number;
  /** BEIR folders on which the student is measured without training on them. */
  zeroShot?: readonly string[];
  /** Number of folds, each query being tested once; 0 or absent: the folder's own test split. */
  folds?: number;
  /** Shares of the training lists, 0 to 1, that are corrupted. Default: 0. */
  wrongTeacher?: number;
  wrongLabels?: number;
  /** The lowest level of a judgement that counts as relevant. Default: 1. */
  level?: number;
  /**
   * Whether queries' own documents are left out, if queries are documents too. Default: detected from the
   * data.
   */
  identicalIds?: IdenticalIds;
  /** Leave out lines that cannot be read, and count them. */
  skipBad?: boolean;
  /** Default: 0.7 times the standard deviation of the teacher's scores within lists. */
  teacherTemperature?: number;
  /** Default: one epoch's batches. */
  refreshRanks?: number;
  /** Include the best student by dev in the result. Not with folds. Default: false. */
  keepsStudent?: boolean;
}

const CONDITION = 'given';

export interface RefineHooks {
  onData?: (data: RefineResult['data']) => void;
  /** Once the data is read, with the collections whose queries are documents too. */
  onOwn?: (own: DataSummary['own']) => void;
  /** While the start of a student of words is prepared: progress of the latent semantic analysis. */
  onStart?: OnStart;
  onLoss?: (loss: string) => void;
  onProgress?: (progress: Progress) => void;
  /** After each epoch, with what the paper's Figure 3 plots. */
  onEpoch?: (progress: Progress, behaviour?: Behaviour) => void;
  signal?: AbortSignal;
  /**
   * Processes that refine together; its signal then takes precedence.
   *
   * @internal
   */
  team?: Team;
  /**
   * Takes the rankings of the whole corpus, from {@link rankingsOf}.
   *
   * @internal
   */
  rankings?: Rankings;
}

/** What takes the rankings of a refinement. */
export const rankingsOf = ({ seed }: RefineOptions): Rankings => new Rankings({ condition: CONDITION, seed });

/**
 * Refines a student with each loss in turn.
 *
 * @throws DataError for bad files, RangeError for options that a loss refuses, CheckpointError for a
 * checkpoint that is damaged or from another run
 */
export async function refine(options: RefineOptions, hooks: RefineHooks = {}): Promise<RefineResult> {
  const experiment = experimentOf(options);
  const { student = 'dense', adapter } = options;
  if (student !== 'adapter')
    return refineWith<BagList, Retrievers>(options, hooks, experiment, {
      load: () => Retrievers.load(experiment, hooks.onStart, hooks.team),
      trained: (source, best) => source.trained(student, best),
    });
  if (!adapter) throw new RangeError('an adapter needs the vectors of an encoder: options.adapter');
  return refineWith<VectorList, Adapters>(options, hooks, experiment, {
    load: () => Adapters.load(experiment, adapter),
    trained: (source, best) => source.trained(best),
  });
}

/** Where lists and students come from, and how a trained one is saved. */
interface Kind<S> {
  load(): Promise<S>;
  trained(source: S, best: BestTraining): ChosenStudent['content'];
}

async function refineWith<L extends CandidateList, S extends Source<L>>(
  options: RefineOptions,
  hooks: RefineHooks,
  experiment: Experiment,
  kind: Kind<S>,
): Promise<RefineResult> {
  const { folds = 0 } = options;
  const { checkpoint: file, checkpointEvery, resume, keepsStudent, ...asked } = options;
  // Always with a checkpoint: the run that resumes from it may have to save the student.
  const keeps = (keepsStudent || (file ?? resume) !== undefined) && folds === 0;
  const best = keeps ? new BestTrainings(CONDITION) : undefined;
  const checkpoint = await openWithTeam(
    { checkpoint: file, checkpointEvery, resume },
    { command: 'refine', options: asked },
    hooks.team,
  );
  try {
    let summary: DataSummary | undefined;
    const loading = kind.load();
    const { data, results } = await runWith<L>(experiment, () => loading, {
      ...hooks,
      signal: hooks.team?.signal ?? hooks.signal,
      checkpoint,
      best,
      savesUnits: true,
      onData: (found) => {
        summary = found;
        hooks.onOwn?.(found.own);
      },
      onUnit: ({ fold, recipe }) => {
        if (!recipe) hooks.onData?.(dataOf(summary!, fold));
      },
      onRecipe: hooks.onLoss,
    });
    const found = Array.from({ length: Math.max(1, folds) }, (_, fold) =>
      results.filter(({ unit }) => unit.fold === fold),
    ).filter((units) => units.length > 0);
    const all = pool(found.map((units, fold) => foldResult(units, dataOf(data, fold), data, options)));
    const [chosen] = keepsStudent ? (best?.all ?? []) : [];
    return {
      ...all,
      ...(chosen && { chosen: chosenOf(chosen, kind.trained(await loading, chosen)) }),
      ...(folds > 0 && { folds: found.length }),
      comparisons: compareAll(all.start, all.refined),
    };
  } finally {
    await checkpoint?.close();
  }
}

function chosenOf({ unit, dev, rate }: BestTraining, content: ChosenStudent['content']): ChosenStudent {
  return { loss: unit.recipe!.name, dev, rate, content };
}

/** One condition, one seed and one rate; a recipe per loss. */
export function experimentOf(options: RefineOptions): Experiment {
  const {
    student = 'dense',
    losses,
    warmup,
    epochs,
    learningRate,
    wrongTeacher = 0,
    wrongLabels = 0,
  } = options;
  return {
    data: options.data,
    teacher: options.teacher,
    zeroShot: options.zeroShot ?? [],
    skipBad: options.skipBad,
    level: options.level,
    identicalIds: options.identicalIds,
    folds: options.folds ?? 0,
    models: [{ model: student, students: [student] }],
    student: options,
    recipes: losses.map(recipeOf),
    conditions: [{ name: CONDITION, wrongTeacher, wrongLabels }],
    seed: options.seed,
    seeds: 1,
    learningRate,
    rates: [1],
    warmup: warmup && {
      loss: warmup,
      epochs: options.warmupEpochs ?? epochs,
      learningRate: options.warmupRate ?? learningRate,
    },
    epochs,
    patience: options.patience,
    batch: options.batch,
    microbatches: options.microbatches,
    rise: options.rise,
    docs: options.docs,
    negatives: options.negatives,
    loss: { ...hyperparametersOf(options), curriculum: options.curriculum },
    teacherTemperature: options.teacherTemperature,
    refreshRanks: options.refreshRanks,
    refreshDepth: options.refreshDepth,
    inBatchWeight: options.inBatchWeight,
    observe: 'dev',
  };
}

/** The data of a fold. */
function dataOf({ documents, words, folds, skipped }: DataSummary, fold: number): RefineResult['data'] {
  const { train, dev, test, unusable } = folds[fold];
  return { documents, words, train, dev, test, unusable, skipped };
}

/** The results of one fold's units: the reference, then a unit per loss. */
function foldResult(
  [reference, ...units]: readonly UnitResult[],
  data: RefineResult['data'],
  { folds }: DataSummary,
  options: RefineOptions,
): FoldResult {
  const student: ModelName = options.student ?? 'dense';
  const refined = (loss: string, { trainings, test }: Run): Refined => {
    const { training, observed } = lastPart(trainings);
    const behaviour = observed.map(({ dev }) => dev);
    return { loss, training, behaviour, ...measuredOf(test[student]!) };
  };
  const [warm] = reference.runs;
  return {
    data,
    teacherTemperature: folds[reference.unit.fold].teacherTemperature,
    teacher: toEvaluation(reference.references!.teacher),
    start: measuredOf(reference.start![student]!),
    warmup: warm && refined(titleOfLoss(options.warmup!), warm),
    refined: units.flatMap(({ unit, runs }) => runs.map((run) => refined(unit.recipe!.name, run))),
  };
}

const measuredOf = ({ rerank, full, zeroShot }: Tested): Measured => ({
  rerank: toEvaluation(rerank),
  full: toEvaluation(full!),
  zeroShot: Object.fromEntries(
    Object.entries(zeroShot).map(([name, values]) => [name, toEvaluation(values)]),
  ),
});

/** The first loss against the start and against every other loss, in both settings; one family of tests for Holm. */
function compareAll(start: Measured, [first, ...others]: readonly Refined[]): RefineResult['comparisons'] {
  if (!first || start.rerank.queries.length < 2) return [];
  const rivals = [
    { name: 'start', measured: start },
    ...others.map((other) => ({ name: other.loss, measured: other })),
  ];
  const tests = (['rerank', 'full'] as const).flatMap((setting) =>
    rivals.flatMap(({ name, measured }) =>
      compare(first[setting], measured[setting]).map((test) => ({ ...test, setting, against: name })),
    ),
  );
  const corrected = holm(tests.map((test) => test.p));
  return tests.map((test, i) => ({ ...test, pHolm: corrected[i] }));
}
