// ckl-loss/tfjs: the losses as differentiable ops in the style of tf.losses.*, for programs that train with tfjs.
import type { Reduction, Scalar, Tensor } from '@tensorflow/tfjs-core';
import {
  adrMse,
  bkl,
  ckl,
  combine,
  jsd,
  kl,
  klLogL,
  lambdaMrr,
  lambdaNdcg,
  listMle,
  marginMse,
  nll,
  rankNet,
  reverseKl,
  type LossFunction,
  type LossName,
} from '../index.js';
import type {
  AdrMseParameters,
  BklParameters,
  CklParameters,
  CommonOptions,
  JsdParameters,
  KlLogLParameters,
  LambdaNdcgParameters,
  PairParameters,
  Term,
} from '../types.js';
import { lossOp } from './op.js';
import type { Input, TfjsOptions } from './types.js';

export { TfjsMissingError } from './core.js';
export { embeddingLoss, type EmbeddingInputs } from './embeddings.js';
export type { Input, Loss, TfjsOptions } from './types.js';

/*
 * Common to all:
 *
 * - `labels`, `logits`, `teacher` have the same shape: [queries, documents], or any whose last axis is documents. Labels are 1
 *   (positive), 0 (negative) or 255 (padding: never read, gradient 0).
 * - `weights` broadcast to the queries; `reduction` is tf.Reduction, default SUM_BY_NONZERO_WEIGHTS. A query that the loss does not
 *   count (for most: one without a positive) is left out as if its weight were 0.
 * - As with tf.losses, the type of the result is a type parameter: a Scalar, or the type that the context
 *   requires. With Reduction.NONE, specify it:
 *   `cklLoss<Tensor1D>(…)`.
 * - The gradient is with respect to the logits, and with the option `teacherGrad` to the teacher's scores; labels and weights are
 *   constants. There is no second derivative: the gradient is a constant to tfjs.
 * - The scores are read with dataSync(); on a backend that has no dataSync (webgpu) the losses throw its error.
 * - They throw TypeError or RangeError with a `code` (docs/errors.md).
 */

/** An op that reads the teacher's scores. Shapes and types are those at the head of this file: the last axis is documents. */
export type WithTeacher<P> = <O extends Tensor = Scalar>(
  labels: Input,
  logits: Input,
  teacher: Input,
  weights?: Input | null,
  options?: P & TfjsOptions,
  reduction?: Reduction,
) => O;

/**
 * An op whose documents are ordered by the option `relevance` (the teacher may then be null) or else by the
 * teacher's scores. It has no gradient with respect to the teacher.
 */
export type Ordered<P> = <O extends Tensor = Scalar>(
  labels: Input,
  logits: Input,
  teacher: Input | null,
  weights?: Input | null,
  options?: P & Omit<TfjsOptions, 'teacherGrad'>,
  reduction?: Reduction,
) => O;

/** An op that reads only labels and student, otherwise like {@link WithTeacher}. */
export type WithoutTeacher = <O extends Tensor = Scalar>(
  labels: Input,
  logits: Input,
  weights?: Input | null,
  options?: Omit<TfjsOptions, 'teacherGrad' | 'teacherTemperature'>,
  reduction?: Reduction,
) => O;

const withTeacher =
  <P extends object>(name: LossName, loss: LossFunction<P>): WithTeacher<P> =>
  <O extends Tensor>(
    labels: Input,
    logits: Input,
    teacher: Input,
    weights?: Input | null,
    options?: P & TfjsOptions,
    reduction?: Reduction,
  ) =>
    lossOp<O>([{ loss: name, ...options }], (batch, rest) => loss(batch, rest as P & CommonOptions<'none'>), {
      labels,
      logits,
      teacher,
      weights,
      options,
      reduction,
    });

const ordered =
  <P extends object>(name: LossName, loss: LossFunction<P>): Ordered<P> =>
  <O extends Tensor>(
    labels: Input,
    logits: Input,
    teacher: Input | null,
    weights?: Input | null,
    options?: P & TfjsOptions,
    reduction?: Reduction,
  ) =>
    withTeacher(name, loss)<O>(labels, logits, (teacher ?? undefined) as Input, weights, options, reduction);

const withoutTeacher =
  (name: LossName, loss: LossFunction<object>): WithoutTeacher =>
  <O extends Tensor>(
    labels: Input,
    logits: Input,
    weights?: Input | null,
    options?: TfjsOptions,
    reduction?: Reduction,
  ) =>
    lossOp<O>([{ loss: name }], loss, { labels, logits, weights, options, reduction });

/**
 * Contrastively-weighted KL divergence, the paper's loss: {@link ckl} as an op.
 * @function
 */
export const cklLoss: WithTeacher<CklParameters> = withTeacher('ckl', ckl);

/**
 * Kullback-Leibler divergence of the student from the teacher: {@link kl} as an op.
 * @function
 */
export const klLoss: WithTeacher<object> = withTeacher('kl', kl);

/**
 * Balanced KL: {@link bkl} as an op.
 * @function
 */
export const bklLoss: WithTeacher<BklParameters> = withTeacher('bkl', bkl);

/**
 * Negative log-likelihood of the positives: {@link nll} as an op. Reads no teacher.
 * @function
 */
export const nllLoss: WithoutTeacher = withoutTeacher('nll', nll);

/**
 * KL plus negative log-likelihood: {@link klLogL} as an op.
 * @function
 */
export const klLogLLoss: WithTeacher<KlLogLParameters> = withTeacher('klLogL', klLogL);

/**
 * KL divergence of the teacher from the student: {@link reverseKl} as an op.
 * @function
 */
export const reverseKlLoss: WithTeacher<object> = withTeacher('reverseKl', reverseKl);

/**
 * Generalised Jensen-Shannon divergence: {@link jsd} as an op. Its `beta` is a number; that of CKL is an array.
 * @function
 */
export const jsdLoss: WithTeacher<JsdParameters> = withTeacher('jsd', jsd);

/**
 * Squared difference of the margins of student and teacher: {@link marginMse} as an op.
 * @function
 */
export const marginMseLoss: WithTeacher<object> = withTeacher('marginMse', marginMse);

/**
 * CL-DRD's weighted pairwise logistic loss: {@link lambdaMrr} as an op. Reads no teacher; see the option `relevance`.
 * @function
 */
export const lambdaMrrLoss: WithoutTeacher = withoutTeacher('lambdaMrr', lambdaMrr);

/**
 * RankNet: {@link rankNet} as an op.
 * @function
 */
export const rankNetLoss: Ordered<object> = ordered('rankNet', rankNet);

/**
 * Likelihood of the documents' order: {@link listMle} as an op.
 * @function
 */
export const listMleLoss: Ordered<object> = ordered('listMle', listMle);

/**
 * Approximate discounted rank MSE: {@link adrMse} as an op.
 * @function
 */
export const adrMseLoss: Ordered<AdrMseParameters> = ordered('adrMse', adrMse);

/**
 * LambdaLoss for NDCG@k: {@link lambdaNdcg} as an op.
 * @function
 */
export const lambdaNdcgLoss: Ordered<Omit<LambdaNdcgParameters, keyof PairParameters>> = ordered(
  'lambdaNdcg',
  lambdaNdcg,
);

/**
 * A weighted sum of losses in one pass: {@link combine} as an op. A query counts if at least one term counts
 * it, and its loss is the sum of the terms that do; `combine` itself takes each term's mean over that term's
 * own queries.
 *
 * @param teacher null if no term reads it
 */
export function combineLoss<O extends Tensor = Scalar>(
  labels: Input,
  logits: Input,
  teacher: Input | null,
  terms: readonly Term[],
  weights?: Input | null,
  options?: TfjsOptions,
  reduction?: Reduction,
): O {
  return lossOp<O>(terms, (batch, rest) => combine(batch, terms, rest), {
    labels,
    logits,
    teacher: teacher ?? undefined,
    weights,
    options,
    reduction,
  });
}
