// Batches that exceed a model's memory (GradCache): encodes them in chunks without gradients, computes one
// loss over all, and hands gradients back chunk by chunk.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { allocate, checkMemory, isInt32, scoresConstructor, wrongArray } from '../loss/arrays.js';
import { copyInto, isObject, lengthOf } from '../loss/intrinsics.js';
import { isCount } from '../loss/layout.js';
import type { Reduction } from '../types.js';
import { checkNames } from './pairs.js';
import { batchNames } from './snapshot.js';
import type {
  ChunkBackward,
  ChunkedBatch,
  ChunkEncoder,
  ChunkSide,
  EmbeddingBatch,
  EmbeddingResult,
  Embeddings,
  PreparedEmbeddings,
} from './types.js';

/** One side: the inputs, their embeddings, and where the vectors of each begin. */
interface EncodedSide {
  inputs: readonly unknown[];
  vectors: Embeddings;
  offsets: Int32Array | null;
}

const sideNames = ['queries', 'documents'] as const;
const ofSide = { queries: 'query', documents: 'document' } as const;

/**
 * Makes a training step for batches that a model cannot encode at once while keeping everything that its
 * gradient needs. The returned function encodes the inputs in chunks, computes one loss over all of them, and
 * passes each chunk's gradient to `backward`: first the chunks of queries, then those of documents, in order.
 * The result equals that of the whole batch to the bit.
 * @param encode returns the embeddings of one chunk's inputs, without keeping anything for a gradient; the
 * result is copied before the next call
 * @param op the loss; gradients that it does not compute are not handed back
 * @param size inputs per chunk, at least 1
 * @throws TypeError or RangeError with a `code`; what `encode` and `backward` throw is passed on.
 */
export function chunked<Q, D, R extends Reduction = Reduction>(
  encode: ChunkEncoder<Q | D>,
  op: PreparedEmbeddings<R>,
  size: number,
): (
  batch: ChunkedBatch<Q, D>,
  backward: ChunkBackward<Q | D>,
) => Promise<Omit<EmbeddingResult<R>, 'queryGrad' | 'documentGrad'>> {
  checkFunction('encode', encode);
  if (!isObject(op) || typeof op.run !== 'function') {
    throw new CklTypeError('ERR_CKL_TYPE', `op is ${describe(op)}; it must be a prepared loss of embeddings`);
  }
  if (!isCount(size) || size < 1) {
    const Thrown = typeof size === 'number' ? CklRangeError : CklTypeError;
    throw new Thrown('ERR_CKL_OPTION', `size is ${describe(size)}; it must be an integer of 1 or more`);
  }
  const { dim, dims, wanted } = op;
  return async (batch, backward) => {
    checkNames(batch, 'batch', batchNames);
    checkFunction('backward', backward);
    const given = { ...batch } as Record<string, unknown>;
    for (const name of ['queryGrad', 'documentGrad', 'accumulate']) {
      if (given[name] === undefined) continue;
      throw new CklTypeError(
        'ERR_CKL_OPTION',
        `${name} is given; the gradients of chunks are passed to backward`,
      );
    }
    const encoded: Partial<Record<ChunkSide, EncodedSide>> = {};
    for (const side of sideNames) {
      const inputs = given[side];
      if (!Array.isArray(inputs)) continue; // embeddings already
      const { vectors, offsets } = (encoded[side] = await encodeAll(encode, side, inputs, dim, size));
      given[side] = vectors;
      if (offsets !== null) given[`${ofSide[side]}Offsets`] = offsets;
      // Private to this step: while it waits for the model, the loss may be used for another step.
      const grad = `${ofSide[side]}Grad` as const;
      if (wanted[grad]) {
        const Made = dims.length > 1 ? Float32Array : scoresConstructor(vectors);
        given[grad] = allocate<Embeddings>(
          Made as new (length: number) => Embeddings,
          lengthOf(vectors),
          grad,
        );
      }
    }
    const { queryGrad, documentGrad, ...result } = op.run(given as unknown as EmbeddingBatch);
    const grads = { queries: queryGrad, documents: documentGrad };
    for (const side of sideNames) {
      const one = encoded[side];
      const grad = grads[side] as Float32Array | undefined;
      if (one === undefined || grad === undefined) continue;
      const { inputs, offsets } = one;
      const begin = (input: number) => dim * (offsets === null ? input : offsets[input]);
      for (let i = 0; i < inputs.length; i += size) {
        const end = Math.min(i + size, inputs.length);
        await backward(inputs.slice(i, end) as Q[], grad.subarray(begin(i), begin(end)), side);
      }
    }
    return result;
  };
}

async function encodeAll(
  encode: ChunkEncoder<never>,
  side: ChunkSide,
  inputs: readonly unknown[],
  dim: number,
  size: number,
): Promise<EncodedSide> {
  const parts: Embeddings[] = [];
  const ends: number[] = [0];
  let tokens = false;
  for (let i = 0; i < inputs.length; i += size) {
    const chunk = inputs.slice(i, i + size);
    const found: unknown = await encode(chunk as never[], side);
    const { vectors, offsets } = readChunk(found, chunk.length, dim, side);
    if (parts.length > 0 && scoresConstructor(vectors) !== scoresConstructor(parts[0])) {
      throw wrongArray('what encode returned', vectors, `an array of the type of the first chunk of ${side}`);
    }
    if (parts.length === 0) tokens = offsets !== null;
    else if (tokens !== (offsets !== null)) throw wrongChunk(side, 'has offsets', 'only some chunks do');
    const before = ends[ends.length - 1];
    for (let k = 1; k <= chunk.length; k++) ends.push(before + (offsets === null ? k : offsets[k]));
    const own = allocate(scoresConstructor(vectors), lengthOf(vectors), side);
    copyInto(own, vectors);
    parts.push(own);
  }
  const Made = parts.length === 0 ? Float32Array : scoresConstructor(parts[0]);
  const whole = allocate<Embeddings>(
    Made as new (length: number) => Embeddings,
    ends[ends.length - 1] * dim,
    side,
  );
  let at = 0;
  for (const part of parts) {
    (whole as Float32Array).set(part as Float32Array, at);
    at += lengthOf(part);
  }
  return { inputs, vectors: whole, offsets: tokens ? Int32Array.from(ends) : null };
}

/** Checks one chunk's embeddings: one vector per input, or as many as the offsets require. */
function readChunk(found: unknown, count: number, dim: number, side: ChunkSide) {
  const apart = isObject(found) && !ArrayBuffer.isView(found);
  const { vectors, offsets = null } = (apart ? found : { vectors: found }) as {
    vectors: Embeddings;
    offsets?: Int32Array | null;
  };
  if (!ArrayBuffer.isView(vectors) || vectors instanceof DataView) {
    throw wrongArray(
      'what encode returned',
      vectors,
      'a typed array of embeddings, or { vectors, offsets } for tokens',
    );
  }
  checkMemory(vectors, 'what encode returned');
  if (offsets !== null) {
    if (!isInt32(offsets)) throw wrongArray('offsets of what encode returned', offsets, 'an Int32Array');
    checkMemory(offsets, 'offsets of what encode returned');
    if (lengthOf(offsets) !== count + 1 || offsets[0] !== 0) {
      throw wrongChunk(
        side,
        `has ${lengthOf(offsets)} offsets from ${offsets[0]}`,
        `${count} inputs need ${count + 1} from 0`,
      );
    }
  }
  const rows = offsets === null ? count : offsets[count];
  if (lengthOf(vectors) !== rows * dim) {
    throw wrongChunk(side, `has ${lengthOf(vectors)} elements`, `${rows} vectors of ${dim} are needed`);
  }
  return { vectors, offsets };
}

function wrongChunk(side: ChunkSide, found: string, rule: string): Error {
  return new CklRangeError('ERR_CKL_SHAPE', `what encode returned for ${side} ${found}; ${rule}`);
}

function checkFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw new CklTypeError('ERR_CKL_TYPE', `${name} is ${describe(value)}; it must be a function`);
}
