// The options that `train` and `refine` share: their names, ranges and where they come from.
import { losses, type LossName } from '../../index.js';
import { CURRICULA } from '../training/cl-drd.js';
import { termsOf, TRAINING_LOSSES, type TrainingLoss, type TrainingLossName } from '../training/loss-sum.js';
import { readChoice, readNumber, UsageError } from './usage.js';

const text = { type: 'string' } as const;

/** For {@link parseOptions}. */
export const TRAINING_OPTIONS = {
  data: text,
  teacher: text,
  docs: text,
  loss: text,
  gamma: text,
  alpha: text,
  lambda: text,
  'nll-weight': text,
  curriculum: text,
  'teacher-temperature': text,
  'refresh-ranks': text,
  epochs: text,
  patience: text,
  batch: text,
  'learning-rate': text,
  seed: text,
  'wrong-teacher': text,
  'wrong-labels': text,
  'skip-bad': { type: 'boolean' },
  json: text,
  help: { type: 'boolean', short: 'h' },
} as const;

/** Of queries a batch and documents a list: beyond it a slip of the pen, and more than memory holds. */
export const MOST = 1e6;

type Values = Partial<Record<string, string | boolean | string[]>>;

/** Reads numbers of a command's options by name. */
export function numberReader(values: Values) {
  return (name: string, min: number, whole = false, max = Infinity) =>
    readNumber(name, values[name] as string | undefined, { min, max, whole });
}

/**
 * What the options say, with a command's own defaults.
 *
 * @param trained the losses that are trained with: parameters of others are refused
 * @throws UsageError
 */
export function readTraining(
  values: Values,
  trained: readonly TrainingLoss[],
  defaults: { epochs: number; patience: number; learningRate: number },
) {
  const names = trained.flatMap((loss) => termsOf(loss).map((term) => term.loss));
  checkOwners(values, names);
  const number = numberReader(values);
  const curriculum = values.curriculum as string | undefined;
  return {
    gamma: number('gamma', 1),
    alpha: number('alpha', 0),
    lambda: number('lambda', 0),
    nllWeight: number('nll-weight', 0),
    curriculum: curriculum === undefined ? undefined : readChoice('curriculum', curriculum, CURRICULA),
    teacherTemperature: number('teacher-temperature', 1e-6),
    refreshRanks: number('refresh-ranks', 0, true),
    epochs: number('epochs', 1, true) ?? defaults.epochs,
    patience: number('patience', 1, true) ?? defaults.patience,
    batch: number('batch', 1, true, MOST) ?? 16,
    learningRate: number('learning-rate', 1e-9) ?? defaults.learningRate,
    seed: number('seed', 0, true, 2 ** 32 - 1) ?? 1,
    wrongTeacher: number('wrong-teacher', 0, false, 1),
    wrongLabels: number('wrong-labels', 0, false, 1),
    skipBad: (values['skip-bad'] as boolean | undefined) ?? false,
  };
}

/** An option that no loss at hand reads would be a silent mistake. */
function checkOwners(values: Values, names: readonly LossName[]): void {
  for (const [option, parameter] of [
    ['gamma', 'gamma'],
    ['alpha', 'alpha'],
    ['lambda', 'lambda'],
    ['nll-weight', 'nllWeight'],
  ] as const) {
    const taken = names.some((name) => (losses[name].parameters as readonly string[]).includes(parameter));
    if (values[option] !== undefined && !taken)
      throw new UsageError(`--${option} does not belong to --loss ${names.join(', ')}`);
  }
  for (const option of ['refresh-ranks', 'refresh-depth']) {
    if (values[option] !== undefined && !names.includes('ckl'))
      throw new UsageError(`--${option} belongs to ckl, not to ${names.join(', ')}`);
  }
  if (values.curriculum !== undefined && !names.includes('lambdaMrr'))
    throw new UsageError(`--curriculum belongs to lambdaMrr, not to ${names.join(', ')}`);
}

/**
 * A loss by its name, or a weighted sum: `kl:1,marginMse:0.05`, with + or a comma between the terms.
 *
 * @throws UsageError
 */
export function readLoss(option: string, given: string): TrainingLoss {
  const names = TRAINING_LOSSES;
  if (!given.includes(':')) return readChoice(option, given.trim(), names);
  const sum: Partial<Record<TrainingLossName, number>> = {};
  for (const part of given.split(/[,+]/)) {
    const [name, weight] = part.split(':');
    const loss = readChoice(option, name.trim(), names);
    if (sum[loss] !== undefined) throw new UsageError(`--${option}: ${loss} stands twice in ${given}`);
    sum[loss] = readNumber(option, weight ?? '', { min: 0 })!;
  }
  if (Object.values(sum).every((weight) => weight === 0))
    throw new UsageError(`--${option}: all weights of ${given} are 0`);
  return sum;
}
