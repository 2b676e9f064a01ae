// The table of losses: one entry for each, which the functions, the options and the types are derived from.
import type { ParameterName } from './parameters.js';

export type { ParameterName } from './parameters.js';

/** The properties of a loss that the checks of its options and batches depend on. */
export interface LossInfo {
  readonly name: string;
  /** A sum over documents, or a mean over pairs of documents. */
  readonly family: 'distribution' | 'pairwise';
  /** What a query must have to be counted: documents, a positive among them, a negative as well, or two of different relevance. */
  readonly needs: 'document' | 'positive' | 'positiveAndNegative' | 'orderedPair';
  readonly parameters: readonly ParameterName[];
  /** Whether it takes `pairMean`. */
  readonly pairMean: boolean;
  /** Whether it reads the teacher's scores. */
  readonly teacher: boolean;
}

/** Every loss and its properties. The addon has the same table; a test compares the two. */
export const losses = {
  kl: {
    name: 'kl',
    family: 'distribution',
    needs: 'document',
    parameters: [],
    pairMean: false,
    teacher: true,
  },
  ckl: {
    name: 'ckl',
    family: 'distribution',
    needs: 'positive',
    parameters: ['gamma', 'alpha', 'detachWeights'],
    pairMean: false,
    teacher: true,
  },
  bkl: {
    name: 'bkl',
    family: 'distribution',
    needs: 'document',
    parameters: ['lambda', 'negativeWeight'],
    pairMean: false,
    teacher: true,
  },
  nll: {
    name: 'nll',
    family: 'distribution',
    needs: 'positive',
    parameters: [],
    pairMean: false,
    teacher: false,
  },
  klLogL: {
    name: 'klLogL',
    family: 'distribution',
    needs: 'positive',
    parameters: ['nllWeight'],
    pairMean: false,
    teacher: true,
  },
  marginMse: {
    name: 'marginMse',
    family: 'pairwise',
    needs: 'positiveAndNegative',
    parameters: [],
    pairMean: false,
    teacher: true,
  },
  lambdaMrr: {
    name: 'lambdaMrr',
    family: 'pairwise',
    needs: 'orderedPair',
    parameters: [],
    pairMean: true,
    teacher: false,
  },
} as const satisfies Record<string, LossInfo>;

export type LossName = keyof typeof losses;

/** The table without its literal types. */
export type LossTable = Readonly<Record<string, LossInfo>>;
