// The comparison: every loss on every student, from the same start, with the same search; tables, curves and the paper's figures as data.
import { ratioGrid } from '../experiment/figures.js';
import { isOfShare, type ExperimentHooks } from '../experiment/hooks.js';
import { unitsOf, type Unit } from '../experiment/plan.js';
import { runExperiment, type ExperimentResult } from '../experiment/pool.js';
import {
  joined,
  type DataSummary,
  type FigureData,
  type Trained,
  type UnitResult,
} from '../experiment/results.js';
import { isStudentName, type StudentName } from '../students/students.js';
import { hyperparametersOf } from '../training/objective.js';
import type { CompareOptions } from './options.js';
import { experimentOf } from './experiment.js';
import { tablesOf, type Table } from './tables.js';

/** Figure 3: before training and after each epoch. */
export interface Behaved {
  /** Lowest positive minus highest negative probability among the student's ten best. */
  separation: number[];
  /** Shannon entropy of the probabilities of the positives, in nats. */
  entropy: number[];
}

export interface Behaviours {
  train: Behaved;
  dev: Behaved;
}

export interface Curve {
  student: StudentName;
  recipe: string;
  /** Dev nDCG@10 before refinement and after each epoch; first seed, first fold, the learning rate that dev chose. */
  dev: number[];
  behaviour: Behaviours;
}

/** The data, with the words of all corpora together. */
export type ComparedData = Omit<DataSummary, 'allWords' | 'fullDigest' | 'teacherScales' | 'own'>;

/** Holds no text, no path and no time: the same data, options and seed give the same bytes. */
export interface Compared {
  format: 'ckl-loss comparison 1';
  options: Omit<CompareOptions, 'data' | 'teacher' | 'zeroShot'>;
  data: ComparedData;
  tables: Table[];
  curves: Curve[];
  /** Figures 1 and 2 on dev lists, per student. */
  figures: ({ student: StudentName } & FigureData)[];
  /** Figure 2 as the paper draws it, p and q on a grid. */
  grid: FigureData['ratios'];
}

/**
 * Runs a comparison.
 *
 * @param jobs threads; the result does not depend on it
 * @throws DataError for bad files, RangeError for options that a loss refuses; the reason of an abort
 */
export async function compareLosses(
  options: CompareOptions,
  jobs = 1,
  hooks: Omit<ExperimentHooks, 'share'> = {},
): Promise<Compared> {
  const { data, results } = await resultsOf(options, jobs, hooks);
  return comparedOf(keptOptions(options), dataOf(data), results);
}

/** The results of the units, or of a share of them. Throws the same errors as {@link compareLosses}. */
export async function resultsOf(
  options: CompareOptions,
  jobs: number,
  hooks: ExperimentHooks,
): Promise<ExperimentResult> {
  const experiment = experimentOf(options);
  const { data, results } = await runExperiment(experiment, jobs, hooks);
  const own = unitsOf(experiment).filter((_, place) => isOfShare(place, hooks.share));
  if (hooks.signal?.aborted && (results.length < own.length || results.some((one) => one.interrupted)))
    throw hooks.signal.reason;
  return { data, results };
}

/** The options that a comparison holds: those without a path. */
export function keptOptions(options: CompareOptions): Compared['options'] {
  const { students, recipes, seeds, folds, epochs, warmup, warmupEpochs, rates, batch, docs } = options;
  const { teacherTemperature, wrongTeacher, wrongLabels, seed, level, identicalIds } = options;
  return {
    students,
    recipes,
    seeds,
    folds,
    epochs,
    warmup,
    warmupEpochs,
    rates,
    batch,
    docs,
    ...hyperparametersOf(options),
    teacherTemperature,
    wrongTeacher,
    wrongLabels,
    seed,
    level,
    identicalIds,
  };
}

/** A comparison, from the results of all units in their order. */
export function comparedOf(
  kept: Compared['options'],
  data: ComparedData,
  results: readonly UnitResult[],
): Compared {
  const options: CompareOptions = { ...kept, data: '', teacher: '', zeroShot: [] };
  return {
    format: 'ckl-loss comparison 1',
    options: kept,
    data,
    tables: tablesOf(options, [...results]),
    curves: results.flatMap(({ unit, runs }) => {
      const { recipe } = unit;
      const training = recipe && runs.length > 0 ? joined(runs[0].trainings) : undefined;
      if (!training || training.observed.length === 0) return [];
      const dev = training.training.history.map((epoch) => epoch.dev);
      const behaviour = behavioursOf(training);
      return studentsOf(unit).map((student) => ({ student, recipe: recipe!.name, dev, behaviour }));
    }),
    figures: results.flatMap(({ unit, figures }) =>
      figures ? studentsOf(unit).map((student) => ({ student, ...figures })) : [],
    ),
    grid: ratioGrid(options.gamma, options.lambda, options.negativeWeight),
  };
}

/** The linear student and adapters are never compared. */
const studentsOf = ({ students }: Unit) => students.filter(isStudentName);

export function dataOf({
  name,
  documents,
  allWords,
  lists,
  digest,
  skipped,
  folds,
  zeroShot,
}: DataSummary): ComparedData {
  return { name, documents, words: allWords, lists, digest, skipped, folds, zeroShot };
}

function behavioursOf({ observed }: Trained): Behaviours {
  const of = (on: 'train' | 'dev'): Behaved => ({
    separation: observed.map((one) => one[on]!.separation),
    entropy: observed.map((one) => one[on]!.entropy),
  });
  return { train: of('train'), dev: of('dev') };
}

/**
 * Joins two comparisons of different students: the result of comparing all of them together.
 *
 * @throws RangeError if they differ in more than their students, or share one
 */
export function joinCompared(a: Compared, b: Compared): Compared {
  const rest = ({ data, options }: Compared) =>
    JSON.stringify({ data, options: { ...options, students: [] } });
  if (rest(a) !== rest(b)) throw new RangeError('the comparisons differ in data or options');
  const shared = a.options.students.find((student) => b.options.students.includes(student));
  if (shared) throw new RangeError(`both comparisons have the student ${shared}`);
  return {
    ...a,
    options: { ...a.options, students: [...a.options.students, ...b.options.students] },
    tables: [...a.tables, ...b.tables],
    curves: [...a.curves, ...b.curves],
    figures: [...a.figures, ...b.figures],
  };
}
