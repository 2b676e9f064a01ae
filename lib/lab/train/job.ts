// The whole training job: from data to a trained student and its measures on held-out queries.
import { compare, type Comparison, type Evaluation, type Run } from '../../metrics/index.js';
import type { CheckpointFiles } from '../experiment/checkpoint.js';
import type { Experiment } from '../experiment/plan.js';
import { runWith } from '../experiment/pool.js';
import { Reranker } from '../experiment/reranker.js';
import { lastPart, toEvaluation, type DataSummary } from '../experiment/results.js';
import { openWithTeam } from '../experiment/team-checkpoint.js';
import type { ModelContent } from '../students/saved/model-files.js';
import { FEATURES } from '../students/linear/features.js';
import type { Distilled, DistilOptions, Hooks } from '../training/distil.js';
import { hyperparametersOf } from '../training/objective.js';
import { titleOfLoss } from '../training/loss-sum.js';
import { runOf, scoresOf } from '../training/rerank.js';

export interface JobOptions
  extends Omit<DistilOptions, 'teacherTemperature' | 'refreshRanks'>, CheckpointFiles {
  /** A BEIR folder. */
  data: string;
  /** A file with the teacher's scores. */
  teacher: string;
  /** Keep the teacher's best N candidates per query. Default: all. */
  depth?: number;
  /** Shares of the training lists, 0 to 1, that are corrupted. Default: 0. */
  wrongTeacher?: number;
  wrongLabels?: number;
  /** The lowest level of a judgement that counts as relevant. Default: 1. */
  level?: number;
  /** Leave out lines that cannot be read, and count them. */
  skipBad?: boolean;
  /** Default: 0.4 times the standard deviation of the teacher's scores within lists. */
  teacherTemperature?: number;
  /** Default: one epoch's batches. */
  refreshRanks?: number;
}

export interface JobResult {
  /** As used, defaults filled in. */
  options: DistilOptions;
  data: { documents: number; train: number; dev: number; test: number; unusable: number; skipped: number };
  training: Distilled;
  /** Measures on the test queries' candidates. */
  before: Evaluation;
  after: Evaluation;
  teacher: Evaluation;
  bm25: Evaluation;
  /** After against before; p corrected by Holm over the measures. Empty with fewer than 2 test queries. */
  tests: Comparison[];
  /** Feature -> weight of its standardised value. */
  weights: Record<string, number>;
  /** The trained student's ranking of the test candidates. */
  run: Run;
  /** The trained student, for saving. */
  content: Omit<ModelContent, 'version'>;
}

/**
 * Runs the job.
 *
 * @param onData called once the data is read, before training
 * @throws DataError for bad files, RangeError for options or data that cannot work, CheckpointError for a
 * checkpoint that is damaged or from another run
 */
export async function runJob(
  options: JobOptions,
  hooks: Pick<Hooks, 'onProgress' | 'onEpoch' | 'signal' | 'team'> & {
    onData?: (data: JobResult['data']) => void;
  } = {},
): Promise<JobResult> {
  const { checkpoint: file, checkpointEvery, resume, ...asked } = options;
  const experiment = experimentOf(options);
  const checkpoint = await openWithTeam(
    { checkpoint: file, checkpointEvery, resume },
    { command: 'train', options: asked },
    hooks.team,
  );
  try {
    const loading = Reranker.load(experiment);
    const { data, results } = await runWith(experiment, () => loading, {
      ...hooks,
      signal: hooks.team?.signal ?? hooks.signal,
      checkpoint,
      savesUnits: true,
      onData: (found) => hooks.onData?.(countsOf(found)),
    });
    const [reference, { runs }] = results;
    const [{ trainings, test, weights }] = runs;
    const source = await loading;
    const { student, split } = source;
    student.load({ weights: Float64Array.from(weights!) });
    const measured = (of: typeof test | undefined) => toEvaluation(of!.linear!.rerank);
    const [before, after] = [measured(reference.start), measured(test)];
    return {
      options: usedOptions(options, data),
      data: countsOf(data),
      training: lastPart(trainings).training,
      before,
      after,
      teacher: toEvaluation(reference.references!.teacher),
      bm25: toEvaluation(reference.references!.bm25),
      tests: after.queries.length < 2 ? [] : compare(after, before),
      weights: Object.fromEntries(FEATURES.map((name, f) => [name, weights![f]])),
      run: runOf(split.test, scoresOf(student)),
      content: source.content,
    };
  } finally {
    await checkpoint?.close();
  }
}

/** One training of the linear student. */
function experimentOf(options: JobOptions): Experiment {
  const { loss, curriculum, wrongTeacher = 0, wrongLabels = 0 } = options;
  return {
    data: options.data,
    teacher: options.teacher,
    zeroShot: [],
    skipBad: options.skipBad,
    level: options.level,
    candidates: options.depth,
    folds: 0,
    models: [{ model: 'linear', students: ['linear'] }],
    student: { width: 0 },
    recipes: [{ name: titleOfLoss(loss), stages: [{ loss }] }],
    conditions: [{ name: 'given', wrongTeacher, wrongLabels }],
    seed: options.seed,
    seeds: 1,
    learningRate: options.learningRate,
    rates: [1],
    epochs: options.epochs,
    patience: options.patience,
    batch: options.batch,
    microbatches: options.microbatches,
    loss: { ...hyperparametersOf(options), curriculum },
    teacherTemperature: options.teacherTemperature,
    refreshRanks: options.refreshRanks,
    observe: 'nothing',
  };
}

function countsOf({
  documents,
  skipped,
  folds: [{ train, dev, test, unusable }],
}: DataSummary): JobResult['data'] {
  return { documents, train, dev, test, unusable, skipped };
}

function usedOptions(
  options: JobOptions,
  { folds: [{ train, teacherTemperature }] }: DataSummary,
): DistilOptions {
  const { loss, curriculum, epochs, batch, microbatches, learningRate, patience, seed } = options;
  const refreshRanks = options.refreshRanks ?? Math.ceil(train / batch);
  return {
    ...{ loss, ...hyperparametersOf(options), curriculum, teacherTemperature },
    ...(microbatches !== undefined && { microbatches }),
    ...{ epochs, batch, learningRate, patience, refreshRanks, seed },
  };
}
