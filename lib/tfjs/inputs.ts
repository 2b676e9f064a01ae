// Converts tensors and nested numbers to the flat arrays that the losses read, and checks their shapes
// against the logits.
import type { Tensor } from '@tensorflow/tfjs-core';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { tf } from './core.js';
import type { Input } from './types.js';

const PADDING = 255;

/** A float32 tensor from whatever came; a tensor of another type is cast, as tf.losses do. */
export function floatTensor(input: Input, name: string): Tensor {
  if (!(input instanceof tf.Tensor) && !isNumbers(input))
    throw new CklTypeError(
      'ERR_CKL_TYPE',
      `${name} is ${describe(input)}; a tensor or nested numbers are needed${name === 'weights' ? ', or null; the options come after the weights' : ''}`,
    );
  const tensor = input instanceof tf.Tensor ? input : tf.tensor(input as number[]);
  return tensor.dtype === 'float32' ? tensor : tf.cast(tensor, 'float32');
}

/** What tf.tensor takes, the values of arrays unseen. */
const isNumbers = (input: unknown): boolean =>
  Array.isArray(input) || ArrayBuffer.isView(input) || ['number', 'boolean'].includes(typeof input);

/** @throws CklRangeError when the shapes differ */
export function checkShape(tensor: Tensor, name: string, logits: Tensor): void {
  if (tensor.shape.join() === logits.shape.join()) return;
  throw new CklRangeError(
    'ERR_CKL_SHAPE',
    `${name} has shape [${tensor.shape.join(', ')}]; the logits have [${logits.shape.join(', ')}]`,
  );
}

/** The numbers of an input in the shape of the logits. */
export function floats(input: Input, name: string, logits: Tensor): Float32Array {
  const tensor = floatTensor(input, name);
  checkShape(tensor, name, logits);
  return tensor.dataSync<'float32'>();
}

/** Labels as bytes: 1 positive, 0 negative, 255 padding. What is none of these is an error, not rounded. */
export function labelBytes(labels: Input, logits: Tensor): Uint8Array {
  const values = floats(labels, 'labels', logits);
  const bad = values.findIndex((value) => value !== 0 && value !== 1 && value !== PADDING);
  if (bad >= 0)
    throw new CklRangeError(
      'ERR_CKL_LABEL',
      `labels holds ${values[bad]}; 1, 0 and 255 (padding) are allowed`,
    );
  return Uint8Array.from(values);
}
