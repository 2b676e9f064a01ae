// The comparison: every loss on every student, from the same start, with the same search; tables, curves and the paper's figures as data.
import { ratioGrid } from './figures.js';
import { runUnits, type PoolHooks } from './pool.js';
import { tablesOf, type Table } from './tables.js';
import type { StudentName } from './students.js';
import type { Behaviours, CompareOptions, DataSummary, FigureData } from './types.js';

export interface Curve {
  student: StudentName;
  recipe: string;
  /** Dev nDCG@10 before refinement and after each epoch; first seed, first fold, the learning rate that dev chose. */
  dev: number[];
  behaviour: Behaviours;
}

/** Holds no text, no path and no time: the same data, options and seed give the same bytes. */
export interface Compared {
  format: 'ckl-loss comparison 1';
  options: Omit<CompareOptions, 'data' | 'teacher' | 'zeroShot'>;
  data: DataSummary;
  tables: Table[];
  curves: Curve[];
  /** Figures 1 and 2 on dev lists, a student. */
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
  hooks: PoolHooks = {},
): Promise<Compared> {
  const { data, results } = await runUnits(options, jobs, hooks);
  const { students, recipes, seeds, folds, epochs, warmup, warmupEpochs, rates, batch, docs } = options;
  const { gamma, alpha, lambda, teacherTemperature, wrongTeacher, wrongLabels, seed } = options;
  return {
    format: 'ckl-loss comparison 1',
    options: {
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
      gamma,
      alpha,
      lambda,
      teacherTemperature,
      wrongTeacher,
      wrongLabels,
      seed,
    },
    data,
    tables: tablesOf(options, results),
    curves: results.flatMap(({ unit, runs }) => {
      const [{ behaviour, dev }] = runs.length > 0 ? runs : [{ behaviour: undefined, dev: [] }];
      return unit.recipe && behaviour
        ? unit.students.map((student) => ({ student, recipe: unit.recipe!.name, dev, behaviour }))
        : [];
    }),
    figures: results.flatMap(({ unit, figures }) =>
      figures ? unit.students.map((student) => ({ student, ...figures })) : [],
    ),
    grid: ratioGrid(options.gamma, options.lambda),
  };
}

/**
 * Two comparisons of different students as one: what both together would have given.
 *
 * @throws RangeError when they differ in more than their students, or share one
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
