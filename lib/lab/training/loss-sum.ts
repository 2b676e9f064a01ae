// The objective of a training: a loss by its name in the commands, or a weighted sum of losses.
import { losses, type LossName, type Term } from '../../index.js';

/**
 * Variants that the commands name like separate losses, so that one run can compare them with the original.
 */
const forms = {
  /** CKL with its weights as constants. */
  'ckl-detached': { loss: 'ckl', detachWeights: true },
} as const satisfies Record<string, Term>;

/** A loss, or a form of one. */
export type TrainingLossName = LossName | keyof typeof forms;

export const TRAINING_LOSSES = [...Object.keys(losses), ...Object.keys(forms)] as TrainingLossName[];

/** Loss -> its factor in the sum. */
export type LossSum = Readonly<Partial<Record<TrainingLossName, number>>>;

export type TrainingLoss = TrainingLossName | LossSum;

/** The losses of it, with their factors. */
export const termsOf = (loss: TrainingLoss): (Term & { weight: number })[] =>
  entriesOf(loss).map(([name, weight]) => ({
    ...(name in forms ? forms[name as keyof typeof forms] : { loss: name as LossName }),
    weight,
  }));

/** As the command line writes it: `ckl`, or `kl:1+marginMse:0.05`. */
export const titleOfLoss = (loss: TrainingLoss): string =>
  typeof loss === 'string'
    ? loss
    : entriesOf(loss)
        .map(([name, weight]) => `${name}:${weight}`)
        .join('+');

const entriesOf = (loss: TrainingLoss): [name: string, weight: number][] =>
  typeof loss === 'string' ? [[loss, 1]] : Object.entries(loss);
