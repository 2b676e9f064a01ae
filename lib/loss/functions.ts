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
 * A loss with hyper-parameters `P`. It reads a batch, and returns loss and gradient in new arrays or in those that the batch provides.
 * @throws TypeError or RangeError with a `code` (docs/errors.md). No array has been written then.
 */
export interface LossFunction<P> {
  <S extends Scores, G extends Scores = S, R extends Reduction = 'mean'>(
    batch: Batch<S, G>,
    options?: P & CommonOptions<R>,
  ): LossResult<R, G>;
}

/**
 * A {@link LossFunction} that computes on another thread. The batch is copied before the function returns, and cannot include outputs. Every
 * error rejects the promise; an abort rejects it with the signal's reason.
 */
export interface AsyncLossFunction<P> {
  <S extends Scores, R extends Reduction = 'mean'>(
    batch: Omit<Batch<S>, 'grad' | 'perQuery' | 'teacherGrad'>,
    options?: P & AsyncOptions<R>,
  ): Promise<LossResult<R, S>>;
}

/**
 * Kullback-Leibler divergence of the student from the teacher: the sum of p ln(p/q).
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
 * Negative log-likelihood of the positives: the mean of -ln q over them. Does not read the teacher.
 * @function
 */
export const nll = plain('nll');
/**
 * {@link nll} on another thread.
 * @function
 */
export const nllAsync = pooled('nll');

/**
 * KL plus nllWeight times the negative log-likelihood, for lists that include the in-batch negatives.
 * @function
 */
export const klLogL = plain('klLogL');
/**
 * {@link klLogL} on another thread.
 * @function
 */
export const klLogLAsync = pooled('klLogL');

/**
 * Kullback-Leibler divergence of the teacher from the student: the sum of q ln(q/p). Infinite if the teacher gives a document probability 0.
 * @function
 */
export const reverseKl = plain('reverseKl');
/**
 * {@link reverseKl} on another thread.
 * @function
 */
export const reverseKlAsync = pooled('reverseKl');

/**
 * Generalised Jensen-Shannon divergence: beta times the sum of p ln(p/m) plus (1-beta) times the sum of q ln(q/m), with the mixture
 * m = beta p + (1-beta) q. It is bounded. For beta near 0 it approaches beta times kl, and for beta near 1, 1-beta times reverseKl.
 * @function
 */
export const jsd = plain('jsd');
/**
 * {@link jsd} on another thread.
 * @function
 */
export const jsdAsync = pooled('jsd');

/**
 * Margin-MSE (Hofstätter et al. 2020): the mean over pairs of a positive and a negative of (student margin - teacher margin)^2.
 * @function
 */
export const marginMse = plain('marginMse');
/**
 * {@link marginMse} on another thread.
 * @function
 */
export const marginMseAsync = pooled('marginMse');

/**
 * CL-DRD's weighted pairwise logistic loss (Zeng et al. 2022): the mean over pairs with rel_i > rel_j of
 * |1/rank_i - 1/rank_j| softplus(s_j - s_i). Does not read the teacher; pass a `relevance` that you derive from it.
 * @function
 */
export const lambdaMrr = plain('lambdaMrr');
/**
 * {@link lambdaMrr} on another thread.
 * @function
 */
export const lambdaMrrAsync = pooled('lambdaMrr');

/**
 * RankNet (Burges et al. 2005): the mean over pairs with rel_i > rel_j of softplus(s_j - s_i), in natural logarithms. The order comes from
 * `relevance` or, without it, from the teacher.
 * @function
 */
export const rankNet = plain('rankNet');
/**
 * {@link rankNet} on another thread.
 * @function
 */
export const rankNetAsync = pooled('rankNet');

/**
 * ListMLE (Xia et al. 2008): minus the log-likelihood of the documents' order under the student, which is the sum over places k of
 * ln(sum over j >= k of e^s_j) - s_k. The order comes from `relevance` or, without it, from the teacher; ties keep their order in the list.
 * @function
 */
export const listMle = plain('listMle');
/**
 * {@link listMle} on another thread.
 * @function
 */
export const listMleAsync = pooled('listMle');

/**
 * Approximate discounted rank MSE (arXiv 2405.07920): the mean over documents of (r - r')^2 / log2(r + 1). Here r is the rank by `relevance`
 * or, without it, by the teacher (ties share their mean rank), and r' = 1 + sum over the others of sigmoid(steepness (s_j - s_i)).
 * @function
 */
export const adrMse = plain('adrMse');
/**
 * {@link adrMse} on another thread.
 * @function
 */
export const adrMseAsync = pooled('adrMse');

/**
 * LambdaLoss (Wang et al. 2018) with the weights of NDCG-Loss2++ at k: the mean over pairs with rel_i > rel_j of w_ij softplus(s_j - s_i).
 * The gains come from `relevance` or, without it, from the teacher's scores divided by their temperature. Ranks and weights are constants.
 * @function
 */
export const lambdaNdcg = plain('lambdaNdcg');
/**
 * {@link lambdaNdcg} on another thread.
 * @function
 */
export const lambdaNdcgAsync = pooled('lambdaNdcg');

/** The options of asynchronous functions, in addition to those of the loss. */
const asyncOptions = ['signal'];

const sum = new PlainLoss(sumPlan);
const sumAsync = new AsyncLoss(sumPlan);

/**
 * A weighted sum of losses in one pass over the batch. Each term's mean is over the queries that this term counts, so the result is the
 * weighted sum of the separate results; `counted` is the number of queries that at least one term counts.
 * @throws the same errors as the losses.
 */
export function combine<S extends Scores, G extends Scores = S, R extends Reduction = 'mean'>(
  batch: Batch<S, G>,
  terms: readonly Term[],
  options: PairParameters & CommonOptions<R> = noOptions,
): LossResult<R, G> {
  const read = readSum(losses, terms ?? [], options);
  return sum.call(batch, read.terms, read.options) as LossResult<R, G>;
}

/** {@link combine} on another thread. */
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

// Errors in the arguments reject the promise, too, since the function is async.
function pooled<N extends LossName>(name: N): AsyncLossFunction<LossParameters[N]> {
  const info: LossInfo = losses[name];
  const loss = new AsyncLoss((options) => planOf(info, options));
  return (async (batch: unknown, options: unknown = noOptions) => {
    const signal = readSignal(options);
    return loss.call(batch, null, readOptions(info, options, asyncOptions), signal);
  }) as AsyncLossFunction<LossParameters[N]>;
}
