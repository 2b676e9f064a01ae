// The options of `ckl-loss compare`: their names, ranges, defaults and help.
import type { Recipe } from '../../experiment/plan.js';
import { allRecipes, recipeOf, type RecipeChoice } from '../../experiment/recipes.js';
import type { CompareOptions } from '../../compare/options.js';
import { STUDENT_NAMES, type StudentName } from '../../students/students.js';
import { shorten } from '../../../describe.js';
import type { Share } from '../../experiment/hooks.js';
import { commandTable, flag, list, number, type Option, separated } from '../command.js';
import { readData, type DataArguments } from '../data-options.js';
import {
  checkLogOwners,
  checkLossOwners,
  checkRunOwners,
  checkSaveOwners,
  checkpointOptions,
  dataOptions,
  folds,
  htmlOption,
  jsonOption,
  logOption,
  lossesOf,
  listOptions,
  parameterOptions,
  runOption,
  saveOption,
  severalLosses,
  spoilOptions,
  temperatureOptions,
  trainingOptions,
  warmupOptions,
  zeroShot,
} from '../experiment-options.js';
import { identicalIds, readIdenticalIds } from '../identical-ids.js';
import { readChoice, readNumber, required, UsageError } from '../usage.js';

/** The defaults that --quick changes. */
const FULL = { seeds: 3, epochs: 4, rates: [0.3, 1] };
const QUICK = { seeds: 1, epochs: 2, rates: [1] };
/** What --quick compares if there is --data. */
const QUICK_STUDENTS: readonly StudentName[] = ['dense'];
const QUICK_LOSSES: readonly RecipeChoice[] = ['kl', 'nll'];
const SHARES = { wrongTeacher: 0.5, wrongLabels: 0.5 };

const { 'teacher-temperature': teacherTemperature } = temperatureOptions(0.7);
const { batch, epochs, seed } = trainingOptions(FULL);

const unitsOption: Option<Share | undefined> = {
  value: 'I/N',
  help: 'compute only share I of N shares of the work; --json writes it, and --from joins all N',
  read: (given, name) => (given === undefined ? undefined : readShareOption(name, given.at(-1)!)),
};

export const COMPARE_OPTIONS = commandTable(
  `ckl-loss compare: every loss on every student, from the same start; tables, tests and the figures of the CKL paper

  ckl-loss compare --data DIR --teacher FILE [options]
  ckl-loss compare --quick                     a small comparison on the bundled sample, in a minute or two
  ckl-loss compare --quick --data DIR --teacher FILE   one student and three losses, for a first look within a minute
  ckl-loss compare --from FILES --html FILE    the report of saved comparisons, separated by commas: of one, of several that
                                               differ only in their students, or of all shares of one
  ckl-loss compare --units 2/5 --json FILE     the second of five shares of the work, for a scheduler's job arrays

All losses of a student share training lists, warm-up and the number of learning rates to try. Dev queries choose the rate and
the epoch; test queries are used once. Differences from CKL are tested (paired t-test over queries, Holm's correction per table).`,
  {
    Data: { ...dataOptions, ...identicalIds, ...zeroShot, ...folds, ...listOptions },
    Comparison: {
      students: list('LIST', `any of ${STUDENT_NAMES.join(', ')} (default: all)`, (name, given) => [
        ...new Set(separated(given).map((one) => readChoice(name, one, STUDENT_NAMES))),
      ]),
      ...severalLosses('(default: all; ckl is always included)'),
      ...parameterOptions,
      'teacher-temperature': teacherTemperature,
    },
    Training: {
      quick: flag(
        `by default --seeds ${QUICK.seeds}, --epochs ${QUICK.epochs}, --rates ${QUICK.rates.join()} and the bundled sample; with --data also --students ${QUICK_STUDENTS.join()}, --losses ckl,${QUICK_LOSSES.join()} and no counter-tests`,
      ),
      seeds: number(`number of trainings per loss (default: ${FULL.seeds})`, { min: 1, whole: true }),
      rates: list(
        'LIST',
        `factors of the students' learning rate to try (default: ${FULL.rates.join()})`,
        readRates,
      ),
      ...warmupOptions('marginMse', '1'),
      ...{ epochs, batch, seed },
      units: unitsOption,
      jobs: number('number of threads, which does not affect results (default: 2, or 1 with one processor)', {
        min: 1,
        whole: true,
      }),
    },
    'Counter-tests, each with its own table (0: none)': spoilOptions(SHARES),
    Output: {
      ...saveOption,
      ...checkpointOptions,
      ...logOption,
      ...runOption,
      ...jsonOption,
      ...htmlOption,
      from: list('FILES', 'report on saved comparisons instead of running one', (_, given) =>
        separated(given),
      ),
    },
  },
);

export interface CompareArguments {
  /** The share of the work to compute, instead of all. */
  share?: Share;
  where: DataArguments;
  options: CompareOptions;
  jobs?: number;
  checkpoint?: string;
  json?: string;
  html?: string;
  save?: string;
  log?: string;
  run?: string;
  from?: string[];
}

/**
 * @returns undefined when help was asked for
 * @throws UsageError
 */
export function readCompareArguments(args: string[]): CompareArguments | undefined {
  const values = COMPARE_OPTIONS.read(args);
  if (!values) return undefined;
  const { quick, from, given, warmup } = values;
  const quickLook = quick && values.data !== undefined;
  const losses = values.losses ?? (quickLook ? QUICK_LOSSES : undefined);
  const share = (name: 'wrong-teacher' | 'wrong-labels') =>
    quickLook && !given.has(name) ? 0 : values[name];
  checkSaveOwners(given, values.folds);
  checkRunOwners(given);
  checkLogOwners(given);
  const defaults = quick ? QUICK : FULL;
  if (!quick && from === undefined) required('data', values.data);
  const where = readData(from === undefined ? values : {});
  if (values.units) checkShareOwners(given);
  if (from === undefined && losses !== undefined)
    checkLossOwners(given, ['ckl', ...losses, ...(warmup ? [warmup] : [])]);
  return {
    share: values.units,
    where,
    options: {
      data: where.data,
      teacher: where.teacher,
      zeroShot: values['zero-shot'] ?? [],
      students: values.students ?? (quickLook ? QUICK_STUDENTS : STUDENT_NAMES),
      recipes: recipesOf(losses),
      seeds: values.seeds ?? defaults.seeds,
      folds: values.folds,
      epochs: given.has('epochs') ? values.epochs : defaults.epochs,
      warmup,
      warmupEpochs: values['warmup-epochs'] ?? 1,
      rates: values.rates ?? defaults.rates,
      batch: values.batch,
      docs: values.docs,
      ...lossesOf(values),
      teacherTemperature: values['teacher-temperature'],
      wrongTeacher: share('wrong-teacher'),
      wrongLabels: share('wrong-labels'),
      seed: values.seed,
      level: values.level,
      identicalIds: readIdenticalIds(values),
      skipBad: values['skip-bad'] || undefined,
    },
    checkpoint: values.checkpoint,
    jobs: values.jobs,
    json: values.json,
    html: values.html,
    save: values.save,
    log: values.log,
    run: values.run,
    from,
  };
}

function readShareOption(name: string, given: string): Share {
  const [, index, of] = (/^(\d{1,6})\/(\d{1,6})$/.exec(given) ?? []).map(Number);
  if (index >= 1 && index <= of) return { index: index - 1, of };
  throw new UsageError(`--${name} is ${shorten(given)}; it is I/N, such as 2/5, with I from 1 to N`);
}

/** A share has no report yet: only --json takes it. */
function checkShareOwners(given: ReadonlySet<string>): void {
  const other = ['from', 'html', 'save', 'run', 'log'].find((name) => given.has(name));
  if (other) throw new UsageError(`--units computes a share, which --json writes; it has no --${other}`);
  if (!given.has('json')) throw new UsageError('--units needs --json FILE, where the share is written');
}

/** CKL and the others, in the order of the tables: the named ones first, then sums as given. */
function recipesOf(losses: readonly RecipeChoice[] | undefined): Recipe[] {
  if (losses === undefined) return [...allRecipes];
  const chosen = new Map(['ckl' as const, ...losses].map(recipeOf).map((recipe) => [recipe.name, recipe]));
  const named = allRecipes.filter(({ name }) => chosen.delete(name));
  return [...named, ...chosen.values()];
}

/** Factors in ascending order: of two equally good ones the smaller is kept. */
function readRates(name: string, given: readonly string[]): number[] {
  const rates = separated(given).map((part) => readNumber(name, part, { min: 1e-6 })!);
  return [...new Set(rates)].sort((a, b) => a - b);
}
