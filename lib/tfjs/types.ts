// The options of the tfjs losses.
import type { Scalar, Tensor, TensorLike } from '@tensorflow/tfjs-core';
import type { BackendName, CpuTarget } from '../types.js';

/** A tensor, or numbers nested in arrays. */
export type Input = Tensor | TensorLike;

/** What a loss can return: a scalar; with `Reduction.NONE` one value per query. */
export type Loss = Scalar | Tensor;

/** Options of every loss, in addition to its own parameters. */
export interface TfjsOptions {
  /** Divides the logits before the softmax; > 0. Default 1. */
  studentTemperature?: number;
  /** Divides the teacher's scores before the softmax; > 0. Default 1. */
  teacherTemperature?: number;
  /** Rank of each document, at least 1, in the shape of the logits. Default: ranks of the logits. No gradient. */
  ranks?: Input;
  /** CKL's exponent bias instead of ranks and alpha, in the shape of the logits. No gradient. */
  beta?: Input;
  /**
   * Graded relevance, in the shape of the logits, for lambdaMrr (default: the labels) and for the losses that order documents (default:
   * the teacher's scores). No gradient.
   */
  relevance?: Input;
  /**
   * Whether the loss can be differentiated by the teacher's scores too. Default false: the teacher is a constant, and asking tfjs for
   * its gradient is an error.
   */
  teacherGrad?: boolean;
  /** As in the plain functions: where and how the loss is computed. tfjs' own backend does not matter for it. */
  backend?: 'auto' | BackendName;
  cpuTarget?: CpuTarget;
  threads?: number;
}
