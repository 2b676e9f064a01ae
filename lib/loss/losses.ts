// The losses: one entry of the table each, and the functions made from it. Adding a loss to the API is one entry and its two functions here.
import { AsyncLoss } from './async.js';
import { type AnyOptions, type LossInfo, planOf, planOfTerms } from './options.js';
import { PlainLoss } from './plain.js';
import type { MakePlan } from './plans.js';
import type {
  AsyncOptions,
  Batch,
  BklParameters,
  CklParameters,
  CommonOptions,
  KlLogLParameters,
  LossResult,
  PairParameters,
  Reduction,
  Scores,
  Term,
} from '../types.js';

/** What there is to know of each loss without computing it. The addon has the same table; a test compares them. */
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
    parameters: ['gamma', 'alpha'],
    pairMean: false,
    teacher: true,
  },
  bkl: {
    name: 'bkl',
    family: 'distribution',
    needs: 'document',
    parameters: ['lambda'],
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

/** The hyper-parameters of each loss. */
export interface LossParameters {
  kl: object;
  ckl: CklParameters;
  bkl: BklParameters;
  nll: object;
  klLogL: KlLogLParameters;
  marginMse: object;
  lambdaMrr: PairParameters;
}

/**
 * A loss with hyper-parameters `P`: reads a batch, returns loss and gradient in new arrays, or in those that the batch brings.
 * @throws TypeError or RangeError with a `code` (docs/errors.md); then no array was touched.
 */
export interface LossFunction<P> {
  <S extends Scores, G extends Scores = S, R extends Reduction = 'mean'>(
    batch: Batch<S, G>,
    options?: P & CommonOptions<R>,
  ): LossResult<R, G>;
}

/**
 * The same on another thread. The batch is copied before the function returns, and brings no outputs. Every error rejects; an abort rejects
 * with the signal's reason.
 */
export interface AsyncLossFunction<P> {
  <S extends Scores, R extends Reduction = 'mean'>(
    batch: Omit<Batch<S>, 'grad' | 'perQuery' | 'teacherGrad'>,
    options?: P & AsyncOptions<R>,
  ): Promise<LossResult<R, S>>;
}

/** Kullback-Leibler divergence of the student from the teacher, sum of p ln(p/q). */
export const kl = plain('kl');
export const klAsync = pooled('kl');

/**
 * Contrastively-weighted KL (Yang et al. 2024, section 3.1): sum over positives of (1-q)^gamma p ln(p/q) plus, over negatives,
 * q^(gamma-beta) p ln(p/q). The weights are differentiated; beta is a constant. May be negative.
 */
export const ckl = plain('ckl');
export const cklAsync = pooled('ckl');

/**
 * Balanced KL: KL + lambda (sum over positives of q ln q + sum over negatives of q). A reconstruction: the paper on BKL (ICTIR'23) says
 * only "entropy and L1-norm"; this form agrees with every statement that the CKL paper makes of it.
 */
export const bkl = plain('bkl');
export const bklAsync = pooled('bkl');

/** Negative log-likelihood of the positives, their mean of -ln q. Reads no teacher. */
export const nll = plain('nll');
export const nllAsync = pooled('nll');

/** KL + nllWeight times the negative log-likelihood, for lists that hold the in-batch negatives. */
export const klLogL = plain('klLogL');
export const klLogLAsync = pooled('klLogL');

/** Mean over pairs of a positive and a negative of (student margin - teacher margin)^2 (Hofstätter et al. 2020). */
export const marginMse = plain('marginMse');
export const marginMseAsync = pooled('marginMse');

/**
 * CL-DRD's weighted pairwise logistic loss (Zeng et al. 2022): mean over pairs with rel_i > rel_j of
 * |1/rank_i - 1/rank_j| softplus(s_j - s_i). Reads no teacher; the relevance comes from it.
 */
export const lambdaMrr = plain('lambdaMrr');
export const lambdaMrrAsync = pooled('lambdaMrr');

const sum = new PlainLoss(sumPlan);
const sumAsync = new AsyncLoss(sumPlan);

/**
 * A weighted sum of losses in one pass over the batch. Each term's mean is over the queries that this term counts, so the result is the
 * weighted sum of the separate results; `counted` is the number of queries that some term counts.
 * @throws as the losses do.
 */
export function combine<S extends Scores, G extends Scores = S, R extends Reduction = 'mean'>(
  batch: Batch<S, G>,
  terms: readonly Term[],
  options?: PairParameters & CommonOptions<R>,
): LossResult<R, G> {
  return sum.call(batch, terms ?? [], options as AnyOptions) as LossResult<R, G>;
}

export function combineAsync<S extends Scores, R extends Reduction = 'mean'>(
  batch: Omit<Batch<S>, 'grad' | 'perQuery' | 'teacherGrad'>,
  terms: readonly Term[],
  options?: PairParameters & AsyncOptions<R>,
): Promise<LossResult<R, S>> {
  return sumAsync.call(batch, terms ?? [], options) as Promise<LossResult<R, S>>;
}

function sumPlan(options: AnyOptions, terms: readonly Term[] | null) {
  return planOfTerms(losses, terms ?? [], options);
}

function planMaker(name: LossName): MakePlan {
  return (options) => planOf(losses[name], options);
}

function plain<N extends LossName>(name: N): LossFunction<LossParameters[N]> {
  const loss = new PlainLoss(planMaker(name));
  return ((batch: Batch, options?: AnyOptions) => loss.call(batch, null, options)) as LossFunction<
    LossParameters[N]
  >;
}

function pooled<N extends LossName>(name: N): AsyncLossFunction<LossParameters[N]> {
  const loss = new AsyncLoss(planMaker(name));
  return ((batch: Batch, options?: AnyOptions) => loss.call(batch, null, options)) as AsyncLossFunction<
    LossParameters[N]
  >;
}
