// The differentiable op behind all tfjs losses: one fused call gives loss and gradient, tf.customGrad hands them to the tape.
import type { Reduction, Scalar, Tensor } from '@tensorflow/tfjs-core';
import { CklRangeError } from '../errors.js';
import type { Batch, LossResult } from '../types.js';
import { tf } from './core.js';
import { countedQueries, type CountedLoss } from './counted.js';
import { checkShape, floats, floatTensor, labelBytes } from './inputs.js';
import type { Input, TfjsOptions } from './types.js';

/** The arguments of a call. */
export interface OpInputs {
  labels: Input;
  logits: Input;
  /** Left out by losses that read no teacher. */
  teacher?: Input;
  weights?: Input | null;
  options?: TfjsOptions;
  reduction?: Reduction;
}

/** Runs a plain loss on a batch, with reduction `none` and the options that are not about tensors. */
type Run = (batch: Batch<Float32Array>, options: object) => LossResult<'none', Float32Array>;

/**
 * @param terms the losses that `run` computes
 * @throws TypeError or RangeError with a `code`
 */
export function lossOp<O extends Tensor = Scalar>(
  terms: readonly CountedLoss[],
  run: Run,
  inputs: OpInputs,
): O {
  return tf.tidy((): Tensor => {
    const logits = floatTensor(inputs.logits, 'logits');
    if (logits.rank === 0)
      throw new CklRangeError('ERR_CKL_SHAPE', 'logits is a scalar; its last axis must be documents');
    const { ranks, beta: share, relevance, teacherGrad = false, ...rest } = inputs.options ?? {};
    // A number is the share of jsd; CKL's bias is an array.
    const beta = typeof share === 'number' ? undefined : share;
    const options = typeof share === 'number' ? { ...rest, beta: share } : rest;
    const labels = labelBytes(inputs.labels, logits);
    const docs = logits.shape[logits.rank - 1];
    const perQueryShape = logits.shape.slice(0, -1);
    const queries = tf.util.sizeFromShape(perQueryShape);
    const given = {
      ...(ranks === undefined ? {} : { ranks: floats(ranks, 'ranks', logits) }),
      ...(beta === undefined ? {} : { beta: floats(beta, 'beta', logits) }),
      ...(relevance === undefined ? {} : { relevance: floats(relevance, 'relevance', logits) }),
    };
    const compute = (student: Tensor, teacher: Tensor | undefined) =>
      run(
        {
          student: student.dataSync<'float32'>(),
          labels,
          shape: [queries, docs],
          ...given,
          ...(teacher && { teacher: teacher.dataSync<'float32'>() }),
        },
        { ...options, reduction: 'none', ...(teacherGrad && { teacherGrad: true }) },
      );
    const teacher = inputs.teacher === undefined ? undefined : floatTensor(inputs.teacher, 'teacher');
    if (teacher) checkShape(teacher, 'teacher', logits);
    const counted = countedQueries(terms, {
      labels,
      docs,
      relevance: given.relevance,
      teacher: teacher?.dataSync<'float32'>(),
      teacherTemperature: inputs.options?.teacherTemperature,
    });
    const shares = sharesOf(counted, perQueryShape, inputs.weights, inputs.reduction);
    const none = inputs.reduction === tf.Reduction.NONE;

    const valueOf = (perQuery: Float32Array): Tensor => {
      const losses = perQuery.map((loss, query) => (shares[query] === 0 ? 0 : shares[query] * loss));
      return none ? tf.tensor(losses, perQueryShape) : tf.scalar(losses.reduce((sum, loss) => sum + loss, 0));
    };
    const gradientOf = (gradient: Float32Array): Tensor => {
      for (let i = 0; i < gradient.length; i++) {
        const share = shares[Math.floor(i / docs)];
        gradient[i] = share === 0 ? 0 : share * gradient[i];
      }
      return tf.tensor(gradient, logits.shape);
    };
    const chain = (dy: Tensor, gradient: Tensor) => tf.mul(none ? tf.expandDims(dy, -1) : dy, gradient);
    if (!teacher || !teacherGrad) {
      return tf.customGrad((...args) => {
        const [student, save] = args as [Tensor, Save];
        const { perQuery, grad } = compute(student, teacher);
        save([gradientOf(grad)]);
        return { value: valueOf(perQuery), gradFunc: (dy: Tensor, [saved]: Tensor[]) => chain(dy, saved) };
      })(logits);
    }
    return tf.customGrad((...args) => {
      const [student, scores, save] = args as [Tensor, Tensor, Save];
      const { perQuery, grad, teacherGrad: toTeacher } = compute(student, scores);
      save([gradientOf(grad), gradientOf(toTeacher as Float32Array)]);
      return {
        value: valueOf(perQuery),
        gradFunc: (dy: Tensor, saved: Tensor[]) => saved.map((gradient) => chain(dy, gradient)),
      };
    })(logits, teacher);
  }) as O;
}

type Save = (tensors: Tensor[]) => void;

/**
 * What each query's loss is multiplied by: tf.losses' reductions, with a query that the loss does not count (no positive, all padding …)
 * left out as if its weight were 0. Where nothing is counted all are 0.
 */
function sharesOf(
  counted: Float32Array,
  shape: number[],
  weights: Input | null | undefined,
  reduction: Reduction = tf.Reduction.SUM_BY_NONZERO_WEIGHTS,
): Float32Array {
  const given = weightsOf(weights, shape);
  const used = counted.map((one, query) => one * given[query]);
  const total = (of: (weight: number) => number) => used.reduce((sum, weight) => sum + of(weight), 0);
  switch (reduction) {
    case tf.Reduction.NONE:
    case tf.Reduction.SUM:
      return used;
    case tf.Reduction.MEAN:
      return divided(
        used,
        total((weight) => weight),
      );
    case tf.Reduction.SUM_BY_NONZERO_WEIGHTS:
      return divided(
        used,
        total((weight) => (weight === 0 ? 0 : 1)),
      );
    default:
      throw new CklRangeError(
        'ERR_CKL_OPTION',
        `reduction is ${String(reduction)}; tf.Reduction has the allowed values`,
      );
  }
}

const divided = (values: Float32Array, by: number): Float32Array =>
  values.map((value) => (by === 0 ? 0 : value / by));

/** One weight per query. */
function weightsOf(weights: Input | null | undefined, shape: number[]): Float32Array {
  if (weights === null || weights === undefined)
    return new Float32Array(tf.util.sizeFromShape(shape)).fill(1);
  const given = floatTensor(weights, 'weights');
  const fits =
    given.rank <= shape.length &&
    given.shape.every((size, i) => size === 1 || size === shape[shape.length - given.rank + i]);
  if (!fits)
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `weights has shape [${given.shape.join(', ')}]; it must broadcast to the queries, [${shape.join(', ')}]`,
    );
  return tf.broadcastTo(given, shape).dataSync<'float32'>();
}
