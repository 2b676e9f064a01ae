// The options of `ckl-loss compare`: their names, ranges, defaults and help.
import { allRecipes } from '../../compare/recipes.js';
import type { CompareOptions } from '../../compare/options.js';
import { STUDENT_NAMES } from '../../students/students.js';
import { commandTable, flag, list, number, separated } from '../command.js';
import { readData, type DataArguments } from '../data-options.js';
import {
  checkpointOptions,
  dataOptions,
  folds,
  htmlOption,
  jsonOption,
  lossesOf,
  listOptions,
  parameterOptions,
  spoilOptions,
  temperatureOptions,
  trainingOptions,
  warmupOptions,
  zeroShot,
} from '../experiment-options.js';
import { readChoice, readNumber, required } from '../usage.js';

const RECIPES = allRecipes.map(({ name }) => name);

/** The defaults that --quick changes. */
const FULL = { seeds: 3, epochs: 4, rates: [0.3, 1] };
const QUICK = { seeds: 1, epochs: 2, rates: [1] };
const SHARES = { wrongTeacher: 0.5, wrongLabels: 0.5 };

const { 'teacher-temperature': teacherTemperature } = temperatureOptions(0.7);
const { batch, epochs, seed } = trainingOptions(FULL);

/** Values out of some, each once. */
const some = <T extends string>(help: string, all: readonly T[]) =>
  list('LIST', `of ${all.join(', ')} (default: all${help})`, (name, given): T[] => [
    ...new Set(separated(given).map((one) => readChoice(name, one, all))),
  ]);

export const COMPARE_OPTIONS = commandTable(
  `ckl-loss compare: every loss on every student, from the same start; tables, tests and the figures of the CKL paper

  ckl-loss compare --data DIR --teacher FILE [options]
  ckl-loss compare --quick                     the bundled sample, small, in a minute or two
  ckl-loss compare --from FILES --html FILE    the report of a comparison that was saved before, or of several, separated by
                                               commas, that differ in their students alone

All losses of a student share training lists, warm-up and the number of learning rates they may try; dev chooses the rate and the
epoch, test is looked at once. Differences from CKL are tested (paired t-test over queries, Holm's correction over a table).`,
  {
    Data: { ...dataOptions, ...zeroShot, ...folds, ...listOptions },
    'What is compared': {
      students: some('', STUDENT_NAMES),
      losses: some('; ckl is always among them', RECIPES),
      ...parameterOptions,
      'teacher-temperature': teacherTemperature,
    },
    Training: {
      quick: flag(
        `--seeds ${QUICK.seeds}, --epochs ${QUICK.epochs} and --rates ${QUICK.rates.join()} where they are not given; on the bundled sample where no data are`,
      ),
      seeds: number(`trainings per loss (default: ${FULL.seeds})`, { min: 1, whole: true }),
      rates: list(
        'LIST',
        `factors on the students' learning rate to be tried (default: ${FULL.rates.join()})`,
        readRates,
      ),
      ...warmupOptions('marginMse', '1'),
      ...{ epochs, batch, seed },
      jobs: number('threads; the numbers do not depend on it (default: 2, or 1 with one processor)', {
        min: 1,
        whole: true,
      }),
    },
    'Counter-tests, each in a table of its own; 0 leaves it out': spoilOptions(SHARES),
    Output: {
      ...checkpointOptions,
      ...jsonOption,
      ...htmlOption,
      from: list('FILES', 'reports on saved comparisons instead', (_, given) => separated(given)),
    },
  },
);

export interface CompareArguments {
  where: DataArguments;
  options: CompareOptions;
  jobs?: number;
  checkpoint?: string;
  json?: string;
  html?: string;
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
  const defaults = quick ? QUICK : FULL;
  if (!quick && from === undefined) required('data', values.data);
  const where = readData(from === undefined ? values : {});
  const chosen = new Set(['ckl', ...(values.losses ?? RECIPES)]);
  return {
    where,
    options: {
      data: where.data,
      teacher: where.teacher,
      zeroShot: values['zero-shot'] ?? [],
      students: values.students ?? STUDENT_NAMES,
      recipes: allRecipes.filter(({ name }) => chosen.has(name)),
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
      wrongTeacher: values['wrong-teacher'],
      wrongLabels: values['wrong-labels'],
      seed: values.seed,
      skipBad: values['skip-bad'] || undefined,
    },
    checkpoint: values.checkpoint,
    jobs: values.jobs,
    json: values.json,
    html: values.html,
    from,
  };
}

/** Factors in ascending order, so that of two equally good ones the smaller is kept. */
function readRates(name: string, given: readonly string[]): number[] {
  const rates = separated(given).map((part) => readNumber(name, part, { min: 1e-6 })!);
  return [...new Set(rates)].sort((a, b) => a - b);
}
