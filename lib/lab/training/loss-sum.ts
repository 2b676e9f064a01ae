// What a training minimises: one of the losses, or a weighted sum of some.
import type { LossName } from '../../index.js';

/** Loss -> its factor in the sum. */
export type LossSum = Readonly<Partial<Record<LossName, number>>>;

export type TrainingLoss = LossName | LossSum;

/** The losses of it, with their factors. */
export const termsOf = (loss: TrainingLoss): { loss: LossName; weight: number }[] =>
  typeof loss === 'string'
    ? [{ loss, weight: 1 }]
    : Object.entries(loss).map(([name, weight]) => ({ loss: name as LossName, weight }));

/** As the command line writes it: `ckl`, or `kl:1+marginMse:0.05`. */
export const titleOfLoss = (loss: TrainingLoss): string =>
  typeof loss === 'string'
    ? loss
    : termsOf(loss)
        .map((term) => `${term.loss}:${term.weight}`)
        .join('+');
