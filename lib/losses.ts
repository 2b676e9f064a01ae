// The table of losses: one entry per loss, from which functions, options and types are derived.
import type { ParameterName } from './parameters.js';

export type { ParameterName } from './parameters.js';

/**
 * How a loss uses the teacher's scores: not at all, to order documents, or to compare the student with them.
 */
export type TeacherUse = false | 'order' | true;

/** Whether a loss reads the teacher's scores of a batch. */
export const readsTeacher = (use: TeacherUse, hasRelevance: boolean): boolean =>
  use === 'order' ? !hasRelevance : use;

/**
 * Why a loss has no gradient with respect to the teacher, worded to follow its name; only for losses without
 * one.
 */
export const whyNoTeacherGrad = (use: Exclude<TeacherUse, true>): string =>
  use ? 'only orders documents by the teacher' : 'does not read the teacher';

/** The properties of a loss that the checks of its options and batches depend on. */
export interface LossInfo {
  readonly name: string;
  /** A sum over documents, or a mean over pairs of documents. */
  readonly family: 'distribution' | 'pairwise';
  /**
   * What a query must have to be counted: documents, a positive, a positive and a negative, or two documents
   * of different relevance. If a batch has no relevance, `orderedPair` uses the labels instead, and
   * `preferredPair` and `gainfulPair` the teacher's scores; `gainfulPair` also requires an ideal DCG above 0.
   */
  readonly needs:
    'document' | 'positive' | 'positiveAndNegative' | 'orderedPair' | 'preferredPair' | 'gainfulPair';
  readonly parameters: readonly ParameterName[];
  /** Whether it takes `pairMean`. */
  readonly pairMean: boolean;
  /**
   * Whether it reads the teacher's scores. `order`: only to order documents, and only if the batch has no
   * relevance.
   */
  readonly teacher: TeacherUse;
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
  reverseKl: {
    name: 'reverseKl',
    family: 'distribution',
    needs: 'document',
    parameters: [],
    pairMean: false,
    teacher: true,
  },
  jsd: {
    name: 'jsd',
    family: 'distribution',
    needs: 'document',
    parameters: ['beta'],
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
  rankNet: {
    name: 'rankNet',
    family: 'pairwise',
    needs: 'preferredPair',
    parameters: [],
    pairMean: true,
    teacher: 'order',
  },
  listMle: {
    name: 'listMle',
    family: 'pairwise',
    needs: 'document',
    parameters: [],
    pairMean: false,
    teacher: 'order',
  },
  adrMse: {
    name: 'adrMse',
    family: 'pairwise',
    needs: 'document',
    parameters: ['steepness'],
    pairMean: false,
    teacher: 'order',
  },
  lambdaNdcg: {
    name: 'lambdaNdcg',
    family: 'pairwise',
    needs: 'gainfulPair',
    parameters: ['k', 'mu'],
    pairMean: true,
    teacher: 'order',
  },
} as const satisfies Record<string, LossInfo>;

export type LossName = keyof typeof losses;

/** The table without its literal types. */
export type LossTable = Readonly<Record<string, LossInfo>>;
