// The one table of the options that `train`, `refine` and `compare` share: name, value, meaning.
import { existsSync } from 'node:fs';
import { losses } from '../../index.js';
import { SAMPLE_TEACHER } from '../sample/write.js';
import type { LossOptions } from '../experiment/plan.js';
import { lossesIn, RECIPE_NAMES, titleOfRecipe, type RecipeChoice } from '../experiment/recipes.js';
import { HYPERPARAMETERS, hyperparametersOf, type Hyperparameters } from '../training/objective.js';
import { CURRICULA } from '../training/cl-drd.js';
import { TRAINING_LOSSES, type TrainingLoss, type TrainingLossName } from '../training/loss-sum.js';
import { checkOwners, choice, flag, list, number, parsed, separated, text } from './command.js';
import { readChoice, readNumber, UsageError } from './usage.js';

/** Largest number of queries per batch and of documents per list: anything larger is a typing error and would not fit in memory. */
const MOST = 1e6;

export const dataOptions = {
  data: text('DIR', 'a BEIR folder: corpus.jsonl, queries.jsonl, qrels (default: the bundled sample)'),
  teacher: text(
    'FILE',
    `the teacher's scores: a TREC run, or a form of \`ckl-loss convert\`, recognised by its content (default: ${SAMPLE_TEACHER} in the data folder)`,
  ),
  level: number('the lowest relevance level that counts, in labels and measures (default: 1)', {
    min: 1,
    whole: true,
  }),
  'skip-bad': flag('skip lines that cannot be read, and count them'),
};

export const zeroShot = {
  'zero-shot': list(
    'DIR',
    'another BEIR folder, searched in full without training on it; repeat the option or separate folders by commas',
    (_, given) => given.flatMap((dir) => (existsSync(dir) ? [dir] : separated([dir]))),
  ),
};

export const folds = {
  folds: parsed(
    'K',
    "cross-validation: each query is tested in one of K folds; 0: the folder's test split",
    (name, given) => {
      const value = readNumber(name, given, { min: 0, whole: true })!;
      if (value === 1) throw new UsageError('--folds takes 0 or at least 2, not 1');
      return value;
    },
    '0',
  ),
};

/** @param shares the defaults */
export const spoilOptions = (shares: { wrongTeacher: number; wrongLabels: number }) => ({
  'wrong-teacher': number(
    'share of the training lists that get a wrong teacher: each positive swaps scores with a document of the lower half',
    { min: 0, max: 1 },
    shares.wrongTeacher,
  ),
  'wrong-labels': number(
    'share of the training lists that get wrong labels, moved to documents drawn at random from the list',
    { min: 0, max: 1 },
    shares.wrongLabels,
  ),
});

/** @param fallback how the help states the default */
export const lossOption = (fallback: string) => ({
  loss: parsed('LOSS', `one loss, or a weighted sum: kl:1+marginMse:0.05 ${fallback}`, readLoss),
});

/** @param fallback how the help states the default */
export const severalLosses = (fallback: string) => ({
  losses: list(
    'LIST',
    `any of ${RECIPE_NAMES.join(', ')}, and weighted sums such as kl:1+nll:0.5, each trained from the same start; kl+ckl trains with KL, then with CKL ${fallback}`,
    readRecipes,
  ),
});

/** Parameters of the losses. */
export const parameterOptions = {
  gamma: number('ckl: exponent of the weights (default: 5)', { min: 1 }),
  alpha: number('ckl: factor of the rank bias (default: 1)', { min: 0 }),
  lambda: number('bkl: weight of the two terms that are added to KL (default: 0.1)', { min: 0 }),
  'negative-weight': number('bkl: weight of the negatives in them (default: 1/ln 2; 1 in version 0.1.0)', {
    min: 0,
  }),
  'nll-weight': number('klLogL: weight of NLL (default: 1)', { min: 0 }),
  beta: number("jsd: the teacher's share of the mixture, above 0 and below 1 (default: 0.5)", {
    min: 1e-6,
    max: 1 - 1e-6,
  }),
  steepness: number('adrMse: steepness of the sigmoid (default: 1)', { min: 1e-6 }),
  k: number('lambdaNdcg: the cut-off of NDCG (default: 10)', { min: 1, whole: true }),
  mu: number('lambdaNdcg: the weight of NDCG-Loss2 (default: 10)', { min: 0 }),
};

export const lossOptions = {
  ...parameterOptions,
  curriculum: choice(
    "lambdaMrr: the source of the relevance, cl-drd (the teacher's ranks, in three stages), last-stage or labels (default: cl-drd)",
    CURRICULA,
  ),
};

/** @param share the default, of the standard deviation of the teacher's scores */
export const temperatureOptions = (share: number) => ({
  'teacher-temperature': number(
    `divides the teacher's scores (default: ${share} times their standard deviation within lists)`,
    { min: 1e-6 },
  ),
  'refresh-ranks': number(
    "ckl: number of batches between two refreshes of the ranks; with 0, they come from each batch's own scores (default: one epoch)",
    { min: 0, whole: true },
  ),
});

export const trainingOptions = (defaults: { epochs: number }) => ({
  epochs: number('maximum number of epochs per training', { min: 1, whole: true }, defaults.epochs),
  batch: number('queries per batch', { min: 1, max: MOST, whole: true }, 16),
  microbatches: number(
    'number of parts of a batch whose gradients are computed separately and then added up; under mpirun the ranks share the parts (default: 1)',
    { min: 1, max: MOST, whole: true },
  ),
  seed: number(
    'the same seed gives the same numbers, bit by bit',
    { min: 0, max: 2 ** 32 - 1, whole: true },
    1,
  ),
});

export const rateOptions = (defaults: { patience: number; learningRate: number }) => ({
  patience: number(
    'number of epochs without a better dev nDCG@10 after which a training stops',
    { min: 1, whole: true },
    defaults.patience,
  ),
  'learning-rate': number(
    'learning rate of Adam, which decays to a tenth',
    { min: 1e-9 },
    defaults.learningRate,
  ),
});

/** The length of training lists in `refine` and `compare`. */
export const listOptions = {
  docs: number(
    "number of documents per training list: the positives and the teacher's best others",
    { min: 2, max: MOST, whole: true },
    33,
  ),
};

/** Of `train`, which reranks the teacher's candidates. */
export const depthOption = {
  depth: number("keep only the teacher's best N candidates per query (default: all)", {
    min: 2,
    max: MOST,
    whole: true,
  }),
};

/** @param fallback the warm-up by default */
export const warmupOptions = (fallback: string, epochs: string) => ({
  warmup: parsed(
    'LOSS',
    'a first training that all others start from: a loss, a weighted sum, or none',
    (name, given) => (given === 'none' ? undefined : readLoss(name, given)),
    fallback,
  ),
  'warmup-epochs': number(`number of its epochs (default: ${epochs})`, { min: 1, whole: true }),
});

export const checkpointOptions = {
  checkpoint: text(
    'FILE',
    'saves progress in this file; after an interruption, the same command continues from it',
  ),
};

export const positionOptions = {
  ...checkpointOptions,
  'checkpoint-every': number('also saves progress after every N batches, not only after each epoch', {
    min: 1,
    whole: true,
  }),
  resume: text('FILE', 'continues from a checkpoint, which must exist; the other options must be the same'),
};

export const saveOption = {
  save: text(
    'DIR',
    'saves the student with the best dev nDCG@10 in this new folder (compare: each student in a folder below it), for `ckl-loss search`, `encode` and `evaluate --model DIR`',
  ),
};

/** Rejects options that leave no student to save. */
export function checkSaveOwners(given: ReadonlySet<string>, foldCount: number): void {
  if (given.has('save') && foldCount > 0)
    throw new UsageError('--save needs one split, and --folds trains on several: leave one of them out');
  checkNotKept(given, 'save', ['from'], 'parameters');
}

/** Rejects `--run` for trainings whose rankings no longer exist. */
export const checkRunOwners = (given: ReadonlySet<string>): void =>
  checkNotKept(given, 'run', ['checkpoint', 'resume', 'from'], 'rankings');

/** Rejects `--log` if no training is run. */
export const checkLogOwners = (given: ReadonlySet<string>): void =>
  checkNotKept(given, 'log', ['from'], 'steps');

function checkNotKept(
  given: ReadonlySet<string>,
  option: string,
  others: readonly string[],
  what: string,
): void {
  const other = given.has(option) ? others.find((one) => given.has(one)) : undefined;
  if (other)
    throw new UsageError(
      `--${option} and --${other} exclude each other: the file does not hold the ${what} of finished trainings`,
    );
}

export const logOption = {
  log: text(
    'FILE',
    'writes a line of JSON per step and per epoch: loss, learning rate, dev nDCG@10, queries per second',
  ),
};

export const runOption = {
  run: text(
    'FILE',
    "writes the trained student's ranking for the test queries as a TREC run for `ckl-loss evaluate`: train ranks the teacher's candidates, refine and compare the whole corpus; with several losses or students, each gets its own file, whose name contains theirs before the extension",
  ),
};

export const jsonOption = { json: text('FILE', 'writes all results as JSON') };

export const htmlOption = {
  html: text(
    'FILE',
    'writes the report with its figures as one self-contained file; needs the packages @observablehq/plot and linkedom',
  ),
};

/** The options of the losses, as an experiment takes them. */
export function lossesOf(
  values: Hyperparameters & {
    'negative-weight'?: number;
    'nll-weight'?: number;
    curriculum?: LossOptions['curriculum'];
  },
): LossOptions {
  const own = { ...values, negativeWeight: values['negative-weight'], nllWeight: values['nll-weight'] };
  return { ...hyperparametersOf(own), ...(values.curriculum && { curriculum: values.curriculum }) };
}

/** Refuses parameters of losses that no training uses: they would have no effect. */
export function checkLossOwners(given: ReadonlySet<string>, trained: readonly RecipeChoice[]): void {
  const names = [...new Set(trained.flatMap(lossesIn))];
  for (const parameter of HYPERPARAMETERS) {
    const option = parameter.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
    const taken = names.some((name) => (losses[name].parameters as readonly string[]).includes(parameter));
    if (given.has(option) && !taken)
      throw new UsageError(`--${option} does not belong to --loss ${names.join(', ')}`);
  }
  for (const option of ['refresh-ranks', 'refresh-depth']) {
    if (given.has(option) && !names.includes('ckl'))
      throw new UsageError(`--${option} belongs to ckl, not to ${names.join(', ')}`);
  }
  if (given.has('curriculum') && !names.includes('lambdaMrr'))
    throw new UsageError(`--curriculum belongs to lambdaMrr, not to ${names.join(', ')}`);
}

/**
 * A loss by its name, or a weighted sum: `kl:1,marginMse:0.05`, with + or a comma between the terms.
 *
 * @throws UsageError
 */
export function readLoss(option: string, given: string): TrainingLoss {
  if (!given.includes(':')) return readChoice(option, given.trim(), TRAINING_LOSSES);
  const sum: Partial<Record<TrainingLossName, number>> = {};
  for (const part of given.split(/[,+]/)) {
    const [name, weight] = part.split(':');
    const loss = readChoice(option, name.trim(), TRAINING_LOSSES);
    if (sum[loss] !== undefined) throw new UsageError(`--${option}: ${loss} occurs twice in ${given}`);
    sum[loss] = readNumber(option, weight ?? '', { min: 0 })!;
  }
  if (Object.values(sum).every((weight) => weight === 0))
    throw new UsageError(`--${option}: all weights of ${given} are 0`);
  return sum;
}

/**
 * Losses, weighted sums with + between their terms, and recipes of several stages, separated by commas; each once.
 *
 * @throws UsageError
 */
function readRecipes(option: string, given: readonly string[]): RecipeChoice[] {
  const all = separated(given).map((one) =>
    one.includes(':') ? readLoss(option, one) : readChoice(option, one, RECIPE_NAMES),
  );
  return [...new Map(all.map((choice) => [titleOfRecipe(choice), choice])).values()];
}

/** Refuses options of a checkpoint when there is none. */
export function checkPositionOwners(given: ReadonlySet<string>): void {
  checkOwners(given, [['--checkpoint', given.has('checkpoint'), ['checkpoint-every']]]);
}
