// A prepared loss of embeddings as an op: one fused call from embeddings to both gradients, which tf.customGrad hands to the tape.
import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import type { EmbeddingBatch, PreparedEmbeddings } from '../embeddings/index.js';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { tf } from './core.js';
import { floatTensor, labelBytes } from './inputs.js';
import type { Input } from './types.js';

/**
 * The inputs of a loss of embeddings other than the embeddings, as in `ckl-loss/embeddings`; some may also be
 * tensors.
 */
export interface EmbeddingInputs extends Omit<
  EmbeddingBatch,
  | 'queries'
  | 'documents'
  | 'labels'
  | 'teacher'
  | 'relevance'
  | 'weights'
  | 'bias'
  | 'queryGrad'
  | 'documentGrad'
  | 'accumulate'
  | 'perQuery'
  | 'scores'
> {
  /** 1 positive, 0 negative, 255 padding. */
  labels: Uint8Array | Tensor;
  /** Teacher scores, laid out like the scores. */
  teacher?: Float32Array | Tensor;
  /** Graded relevance, laid out like the scores. */
  relevance?: Float32Array | Tensor;
  /** Weight of each query. */
  weights?: Float32Array | Tensor;
  /** Added to the scores of each document. */
  bias?: Float32Array | Tensor;
}

/**
 * A prepared loss of embeddings (`ckl-loss/embeddings`) as a differentiable op. The gradients are with
 * respect to `queries` and `documents`, except for a side that was switched off when the loss was prepared;
 * everything else is constant, and there is no second derivative.
 * @param loss prepared with reduction `mean` or `sum`
 * @param queries float32 embeddings of any shape with whole vectors, such as `[queries, dim]`, or for
 * `maxSim` `[tokens, dim]`
 * @param documents likewise, such as `[queries, documents, dim]`
 * @throws TypeError or RangeError with a `code` (docs/errors.md)
 */
export function embeddingLoss(
  loss: PreparedEmbeddings<'mean' | 'sum'>,
  queries: Input,
  documents: Input,
  inputs: EmbeddingInputs,
): Scalar {
  return tf.tidy((): Scalar => {
    const sides = [floatTensor(queries, 'queries'), floatTensor(documents, 'documents')] as const;
    const given: Record<string, unknown> = { ...inputs };
    for (const [name, value] of Object.entries(given)) {
      if (!(value instanceof tf.Tensor)) continue;
      const tensor = floatTensor(value, name);
      given[name] = name === 'labels' ? labelBytes(value, tensor) : tensor.dataSync<'float32'>();
    }
    const { queryGrad, documentGrad } = loss.wanted;
    const wanted = sides.filter((_, side) => (side === 0 ? queryGrad : documentGrad));
    if (wanted.length === 0) {
      throw new CklTypeError(
        'ERR_CKL_OPTION',
        'queryGrad and documentGrad are both false; an op needs one of them',
      );
    }
    return tf.customGrad((...args) => {
      const save = args[args.length - 1] as unknown as (tensors: Tensor[]) => void;
      const found = loss.run({
        ...given,
        queries: sides[0].dataSync<'float32'>(),
        documents: sides[1].dataSync<'float32'>(),
      } as EmbeddingBatch<Float32Array, Float32Array>);
      if (typeof found.loss !== 'number') {
        throw new CklRangeError(
          'ERR_CKL_OPTION',
          `the loss is ${describe(found.loss)}; prepare it with reduction 'mean' or 'sum'`,
        );
      }
      // The next run overwrites its arrays, and a tensor keeps the array from which it is created.
      const tensors = [found.queryGrad, found.documentGrad]
        .filter((grad) => grad !== undefined)
        .map((grad, i) => tf.tensor((grad as Float32Array).slice(), wanted[i].shape));
      save(tensors);
      return {
        value: tf.scalar(found.loss),
        gradFunc: (dy: Tensor, saved: Tensor[]) => saved.map((grad) => tf.mul(dy, grad)),
      };
    })(...wanted) as Scalar;
  });
}
