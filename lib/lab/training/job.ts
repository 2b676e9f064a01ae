// The whole job: data in, a trained student and its measures on held-out queries out.
import { compare, type Comparison, type Evaluation, type Run } from '../../metrics/index.js';
import { corrupt, type Corruption } from './corrupt.js';
import { distil, type Distilled, type DistilOptions, type Hooks } from './distil.js';
import { BM25, FEATURE_COUNT, FEATURES, OVERLAP } from '../students/linear/features.js';
import { loadTrainingData, type FeatureList } from '../students/linear/lists.js';
import { measure, runOf, scoresOf } from './rerank.js';
import { splitLists } from './split.js';
import { measureScale, standardise, teacherDeviation } from '../students/linear/standardise.js';
import { LinearStudent } from '../students/linear/linear-student.js';

export interface JobOptions extends Omit<DistilOptions, 'teacherTemperature' | 'refreshRanks'>, Corruption {
  /** A BEIR folder. */
  data: string;
  /** A file with the teacher's scores. */
  teacher: string;
  /** Keep the teacher's best so many candidates a query. Default: all. */
  docs?: number;
  /** Leave out lines that cannot be read, and count them. */
  skipBad?: boolean;
  /** Default: 0.4 times the standard deviation of the teacher's scores within lists. */
  teacherTemperature?: number;
  /** Default: one epoch's batches. */
  refreshRanks?: number;
}

/** How sharp the teacher's distribution is made where nobody says: this share of its standard deviation within lists. */
const TEMPERATURE_SHARE = 0.4;

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
}

/**
 * Runs the job.
 *
 * @param onData called once the data is read, before training
 * @throws DataError for bad files, RangeError for options or data that cannot work
 */
export async function runJob(
  options: JobOptions,
  hooks: Hooks & { onData?: (data: JobResult['data']) => void } = {},
): Promise<JobResult> {
  let skipped = 0;
  const reading = { skipBad: options.skipBad, onSkip: () => skipped++ };
  const data = await loadTrainingData(options.data, options.teacher, options.docs, reading);
  const split = splitLists(data, options.seed);
  const counts = {
    documents: data.documents,
    train: split.train.length,
    dev: split.dev.length,
    test: split.test.length,
    unusable: split.unusable,
    skipped,
  };
  hooks.onData?.(counts);
  const used: DistilOptions = {
    loss: options.loss,
    gamma: options.gamma,
    alpha: options.alpha,
    lambda: options.lambda,
    nllWeight: options.nllWeight,
    curriculum: options.curriculum,
    teacherTemperature:
      options.teacherTemperature ?? (TEMPERATURE_SHARE * teacherDeviation(split.train) || 1),
    epochs: options.epochs,
    batch: options.batch,
    learningRate: options.learningRate,
    patience: options.patience,
    refreshRanks: options.refreshRanks ?? Math.ceil(split.train.length / options.batch),
    seed: options.seed,
  };

  const scale = measureScale(split.train, FEATURE_COUNT);
  const [train, dev, test] = [split.train, split.dev, split.test].map((lists) => standardise(lists, scale));
  const measured = (score: (list: FeatureList) => ArrayLike<number>) =>
    measure(runOf(test, score), split.qrels);
  const student = new LinearStudent(FEATURE_COUNT, OVERLAP);
  const before = measured(scoresOf(student));
  const training = await distil(
    student,
    { train: corrupt(train, options, options.seed), dev, qrels: split.qrels },
    used,
    hooks,
  );
  const after = measured(scoresOf(student));
  return {
    options: used,
    data: counts,
    training,
    before,
    after,
    teacher: measured((list) => list.teacher),
    bm25: measured((list) => list.docids.map((_, i) => list.features[i * FEATURE_COUNT + BM25])),
    tests: after.queries.length < 2 ? [] : compare(after, before),
    weights: Object.fromEntries(FEATURES.map((name, f) => [name, student.weights[f]])),
    run: runOf(test, scoresOf(student)),
  };
}
