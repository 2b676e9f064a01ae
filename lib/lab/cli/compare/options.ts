// The options of `ckl-loss compare`: their names, ranges, defaults and help.
import { losses, type LossName } from '../../../index.js';
import { allRecipes } from '../../compare/recipes.js';
import { STUDENT_NAMES as STUDENTS } from '../../students/students.js';
import type { CompareOptions } from '../../compare/options.js';
import { readData, type DataArguments } from '../data-options.js';
import { MOST } from '../training-options.js';
import { parseOptions, readChoice, readNumber, required, UsageError } from '../usage.js';

const RECIPES = allRecipes.map(({ name }) => name);

/** What --quick changes of the defaults. */
const QUICK = { seeds: 1, epochs: 2, rates: '1', wrongTeacher: 0.5, wrongLabels: 0.5 };
const FULL = { seeds: 3, epochs: 4, rates: '0.3,1', wrongTeacher: 0.5, wrongLabels: 0.5 };

export const compareHelp =
  () => `ckl-loss compare: every loss on every student, from the same start; tables, tests and the figures of the CKL paper

  ckl-loss compare --data DIR --teacher FILE [options]
  ckl-loss compare --quick                     the bundled sample, small, in less than a minute
  ckl-loss compare --from FILES --html FILE    the report of a comparison that was saved before, or of several, by commas,
                                               that differ in their students alone

All losses of a student share training lists, warm-up and the number of learning rates they may try; dev chooses the rate and the
epoch, test is looked at once. Differences from CKL are tested (paired t-test over queries, Holm's correction over a table).

Data
  --data DIR                  a BEIR folder: corpus.jsonl, queries.jsonl, qrels
  --teacher FILE              the teacher's scores: a TREC run, or a form of \`ckl-loss convert\`, told by its first line
  --zero-shot DIRS            further BEIR folders, by commas, searched whole without training on them
  --skip-bad                  leave out lines that cannot be read, and count them
  --folds K                   cross-validation: each query is tested once (default: 0, the folder's test split)
  --wrong-teacher SHARE       of the training lists, in a table of its own: the teacher takes the positive for a document of its
                              lower half (default: ${FULL.wrongTeacher}; 0 leaves the table out)
  --wrong-labels SHARE        the same for labels, moved to documents drawn from the list (default: ${FULL.wrongLabels})

What is compared
  --students LIST             of ${STUDENTS.join(', ')} (default: all)
  --losses LIST               of ${RECIPES.join(', ')} (default: all; ckl is always among them)
  --gamma X --alpha X         of ckl (default: 5 and 1)
  --lambda X                  of bkl
  --teacher-temperature T     divides the teacher's scores (default: 0.7 times their standard deviation within lists)

Training
  --seeds N                   trainings a loss (default: ${FULL.seeds})
  --rates LIST                factors on the student's own learning rate to be tried (default: ${FULL.rates})
  --epochs N                  of refinement (default: ${FULL.epochs})
  --warmup LOSS               which all start from: a loss, or none (default: marginMse)
  --warmup-epochs N           (default: 1)
  --docs N                    documents of a training list: positives and the teacher's best others (default: 33)
  --batch N                   queries a batch (default: 16)
  --seed N                    the same seed gives the same numbers, bit by bit (default: 1)
  --jobs N                    threads (default: 2, or 1 on a machine with one processor); the numbers do not depend on it

Output
  --checkpoint FILE           keeps what is done, as it is done; the same command goes on from there after Ctrl-C, or worse
  --json FILE                 everything, without texts
  --html FILE                 the report, one file that needs no network; needs the packages @observablehq/plot and linkedom
  --help
`;

export interface CompareArguments {
  where: DataArguments;
  options: CompareOptions;
  jobs?: number;
  checkpoint?: string;
  json?: string;
  html?: string;
  from?: string[];
  help: boolean;
}

/** @throws UsageError */
export function readCompareArguments(args: string[]): CompareArguments {
  const text = { type: 'string' } as const;
  const values = parseOptions(args, {
    data: text,
    teacher: text,
    'zero-shot': text,
    folds: text,
    'wrong-teacher': text,
    'wrong-labels': text,
    students: text,
    losses: text,
    gamma: text,
    alpha: text,
    lambda: text,
    'teacher-temperature': text,
    seeds: text,
    rates: text,
    epochs: text,
    warmup: text,
    'warmup-epochs': text,
    docs: text,
    batch: text,
    seed: text,
    jobs: text,
    'skip-bad': { type: 'boolean' },
    checkpoint: text,
    quick: { type: 'boolean' },
    json: text,
    html: text,
    from: text,
    help: { type: 'boolean', short: 'h' },
  });
  const number = (name: keyof typeof values, min: number, whole = false, max = Infinity) =>
    readNumber(name, values[name] as string | undefined, { min, max, whole });
  const list = <T extends string>(name: 'students' | 'losses', all: readonly T[]): T[] =>
    values[name] === undefined
      ? [...all]
      : [...new Set(values[name].split(',').map((part) => readChoice(name, part.trim(), all)))];
  const defaults = values.quick ? QUICK : FULL;
  if (!values.quick && !values.help && values.from === undefined) required('data', values.data);
  const where = readData(values.help || values.from !== undefined ? {} : values);
  const chosen = new Set(['ckl', ...list('losses', RECIPES)]);
  const warmup = readChoice('warmup', values.warmup ?? 'marginMse', [
    'none',
    ...(Object.keys(losses) as LossName[]),
  ]);
  const folds = number('folds', 0, true) ?? 0;
  if (folds === 1) throw new UsageError('--folds takes 0 or at least 2, not 1');
  return {
    where,
    options: {
      data: where.data,
      teacher: where.teacher,
      zeroShot: values['zero-shot']?.split(',').map((dir) => dir.trim()) ?? [],
      students: list('students', STUDENTS),
      recipes: allRecipes.filter(({ name }) => chosen.has(name)),
      seeds: number('seeds', 1, true) ?? defaults.seeds,
      folds,
      epochs: number('epochs', 1, true) ?? defaults.epochs,
      warmup: warmup === 'none' ? undefined : warmup,
      warmupEpochs: number('warmup-epochs', 1, true) ?? 1,
      rates: readRates(values.rates ?? defaults.rates),
      batch: number('batch', 1, true, MOST) ?? 16,
      docs: number('docs', 2, true, MOST) ?? 33,
      gamma: number('gamma', 1),
      alpha: number('alpha', 0),
      lambda: number('lambda', 0),
      teacherTemperature: number('teacher-temperature', 1e-6),
      wrongTeacher: number('wrong-teacher', 0, false, 1) ?? defaults.wrongTeacher,
      wrongLabels: number('wrong-labels', 0, false, 1) ?? defaults.wrongLabels,
      seed: number('seed', 0, true, 2 ** 32 - 1) ?? 1,
      skipBad: values['skip-bad'],
    },
    checkpoint: values.checkpoint,
    jobs: number('jobs', 1, true),
    json: values.json,
    html: values.html,
    from: values.from?.split(',').map((path) => path.trim()),
    help: values.help ?? false,
  };
}

/** Factors in ascending order, so that of two equally good ones the smaller is kept. */
function readRates(text: string): number[] {
  const rates = text.split(',').map((part) => readNumber('rates', part, { min: 1e-6 })!);
  return [...new Set(rates)].sort((a, b) => a - b);
}
