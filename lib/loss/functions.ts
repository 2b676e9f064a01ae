// The public functions of each loss, plain and asynchronous. A new loss needs its two functions here and an entry in lib/losses.ts.
import { type LossInfo, losses, type LossName } from '../losses.js';
import { AsyncLoss, readSignal } from './async.js';
import {
  type OptionValues,
  type Plan,
  planOf,
  planOfTerms,
  readOptions,
  readSum,
  type TermValues,
} from './options.js';
import { PlainLoss } from './plain.js';
import type {
  AdrMseParameters,
  AsyncOptions,
  Batch,
  BklParameters,
  CklParameters,
  CommonOptions,
  JsdParameters,
  KlLogLParameters,
  LambdaNdcgParameters,
  LossResult,
  PairParameters,
  Reduction,
  Scores,
  Term,
} from '../types.js';

const noOptions = {};

/** The hyper-parameters of each loss. */
export interface LossParameters {
  kl: object;
  ckl: CklParameters;
  bkl: BklParameters;
  nll: object;
  klLogL: KlLogLParameters;
  reverseKl: object;
  jsd: JsdParameters;
  marginMse: object;
  lambdaMrr: PairParameters;
  rankNet: PairParameters;
  listMle: object;
  adrMse: AdrMseParameters;
  lambdaNdcg: LambdaNdcgParameters;
}

/**
 * A loss with hyper-parameters `P`: reads a batch, returns loss and gradient in new arrays, or in those that the batch provides.
 * @throws TypeError or RangeError with a `code` (docs/errors.md); then no array was touched.
 */
export interface LossFunction<P> {
  <S extends Scores, G extends Scores = S, R extends Reduction = 'mean'>(
    batch: Batch<S, G>,
    options?: P & CommonOptions<R>,
  ): LossResult<R, G>;
}

/**
 * The same on another thread. The batch is copied before the function returns and cannot include outputs. Every error rejects; an abort rejects
 * with the signal's reason.
 */
export interface AsyncLossFunction<P> {
  <S extends Scores, R extends Reduction = 'mean'>(
    batch: Omit<Batch<S>, 'grad' | 'perQuery' | 'teacherGrad'>,
    options?: P & AsyncOptions<R>,
  ): Promise<LossResult<R, S>>;
}

/**
 * Kullback-Leibler divergence of the student from the teacher, sum of p ln(p/q).
 * @function
 */
export const kl = plain('kl');
/**
 * {@link kl} on another thread.
 * @function
 */
export const klAsync = pooled('kl');

/**
 * Contrastively-weighted KL (Yang et al. 2024, section 3.1): sum over positives of (1-q)^gamma p ln(p/q) plus, over negatives,
 * q^(gamma-beta) p ln(p/q). The weights are differentiated unless `detachWeights` is set; beta is a constant. May be negative.
 * @function
 */
export const ckl = plain('ckl');
/**
 * {@link ckl} on another thread.
 * @function
 */
export const cklAsync = pooled('ckl');

/**
 * Balanced KL: KL + lambda (sum over positives of q ln q + negativeWeight sum over negatives of q). The paper on BKL (ICTIR'23) says only
 * "entropy and L1-norm"; this form, and 1/ln 2 for negativeWeight, are those of its authors' training code.
 * @function
 */
export const bkl = plain('bkl');
/**
 * {@link bkl} on another thread.
 * @function
 */
export const bklAsync = pooled('bkl');

/**
 * Negative log-likelihood of the positives, their mean of -ln q. Reads no teacher.
 * @function
 */
export const nll = plain('nll');
/**
 * {@link nll} on another thread.
 * @function
 */
export const nllAsync = pooled('nll');

/**
 * KL + nllWeight times the negative log-likelihood, for lists that hold the in-batch negatives.
 * @function
 */
export const klLogL = plain('klLogL');
/**
 * {@link klLogL} on another thread.
 * @function
 */
export const klLogLAsync = pooled('klLogL');

/**
 * Kullback-Leibler divergence of the teacher from the student, sum of q ln(q/p). Infinite where the teacher gives probability 0.
 * @function
 */
export const reverseKl = plain('reverseKl');
/**
 * {@link reverseKl} on another thread.
 * @function
 */
export const reverseKlAsync = pooled('reverseKl');

/**
 * Generalised Jensen-Shannon divergence: with the mixture m = beta p + (1-beta) q, beta sum of p ln(p/m) + (1-beta) sum of q ln(q/m).
 * Bounded; near beta 0 and 1 it is beta times kl and 1-beta times reverseKl.
 * @function
 */
export const jsd = plain('jsd');
/**
 * {@link jsd} on another thread.
 * @function
 */
export const jsdAsync = pooled('jsd');

/**
 * Mean over pairs of a positive and a negative of (student margin - teacher margin)^2 (Hofstätter et al. 2020).
 * @function
 */
export const marginMse = plain('marginMse');
/**
 * {@link marginMse} on another thread.
 * @function
 */
export const marginMseAsync = pooled('marginMse');

/**
 * CL-DRD's weighted pairwise logistic loss (Zeng et al. 2022): mean over pairs with rel_i > rel_j of
 * |1/rank_i - 1/rank_j| softplus(s_j - s_i). Reads no teacher; the relevance comes from it.
 * @function
 */
export const lambdaMrr = plain('lambdaMrr');
/**
 * {@link lambdaMrr} on another thread.
 * @function
 */
export const lambdaMrrAsync = pooled('lambdaMrr');

/**
 * RankNet (Burges et al. 2005): mean over pairs with rel_i > rel_j of softplus(s_j - s_i), in natural logarithms. `relevance` orders the
 * documents, or without it the teacher.
 * @function
 */
export const rankNet = plain('rankNet');
/**
 * {@link rankNet} on another thread.
 * @function
 */
export const rankNetAsync = pooled('rankNet');

/**
 * ListMLE (Xia et al. 2008): minus the log-likelihood of the documents' order under the student, sum over places k of
 * ln(sum over j >= k of e^s_j) - s_k. `relevance` orders the documents, or without it the teacher; equal ones stand as in the list.
 * @function
 */
export const listMle = plain('listMle');
/**
 * {@link listMle} on another thread.
 * @function
 */
export const listMleAsync = pooled('listMle');

/**
 * Approximate discounted rank MSE (arXiv 2405.07920): mean over documents of (r - r')^2 / log2(r + 1), with r the ranks by `relevance`, or
 * without it by the teacher (equal ones share their mean), and r' = 1 + sum over the others of sigmoid(steepness (s_j - s_i)).
 * @function
 */
export const adrMse = plain('adrMse');
/**
 * {@link adrMse} on another thread.
 * @function
 */
export const adrMseAsync = pooled('adrMse');

/**
 * LambdaLoss (Wang et al. 2018) with the weights of NDCG-Loss2++ at k: mean over pairs with rel_i > rel_j of w_ij softplus(s_j - s_i).
 * `relevance` gives the gains, or without it the teacher's scores over their temperature; ranks and weights are constants.
 * @function
 */
export const lambdaNdcg = plain('lambdaNdcg');
/**
 * {@link lambdaNdcg} on another thread.
 * @function
 */
export const lambdaNdcgAsync = pooled('lambdaNdcg');

/** What asynchronous functions read besides the options of the loss. */
const asyncOptions = ['signal'];

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
  options: PairParameters & CommonOptions<R> = noOptions,
): LossResult<R, G> {
  const read = readSum(losses, terms ?? [], options);
  return sum.call(batch, read.terms, read.options) as LossResult<R, G>;
}

export async function combineAsync<S extends Scores, R extends Reduction = 'mean'>(
  batch: Omit<Batch<S>, 'grad' | 'perQuery' | 'teacherGrad'>,
  terms: readonly Term[],
  options: PairParameters & AsyncOptions<R> = noOptions,
): Promise<LossResult<R, S>> {
  const signal = readSignal(options);
  const read = readSum(losses, terms ?? [], options, asyncOptions);
  return sumAsync.call(batch, read.terms, read.options, signal) as Promise<LossResult<R, S>>;
}

function sumPlan(options: OptionValues, terms: readonly TermValues[] | null): Plan {
  return planOfTerms(losses, terms!, options);
}

function plain<N extends LossName>(name: N): LossFunction<LossParameters[N]> {
  const info: LossInfo = losses[name];
  const loss = new PlainLoss((options) => planOf(info, options));
  return ((batch: unknown, options: unknown = noOptions) =>
    loss.call(batch, null, readOptions(info, options))) as LossFunction<LossParameters[N]>;
}

// Async functions: what is wrong with the arguments rejects, too.
function pooled<N extends LossName>(name: N): AsyncLossFunction<LossParameters[N]> {
  const info: LossInfo = losses[name];
  const loss = new AsyncLoss((options) => planOf(info, options));
  return (async (batch: unknown, options: unknown = noOptions) => {
    const signal = readSignal(options);
    return loss.call(batch, null, readOptions(info, options, asyncOptions), signal);
  }) as AsyncLossFunction<LossParameters[N]>;
}
