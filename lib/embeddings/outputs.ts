// The destinations of embedding gradients, and what a call returns of them.
import { CklTypeError } from '../errors.js';
import type { PreparedLoss } from '../loss/prepare.js';
import { ScoringNumber } from '../native/scoring.js';
import type { Wanted } from './options.js';
import { type Pairs, readBoolean } from './pairs.js';
import type { EmbeddingResult, Gradients } from './types.js';
import { readGradient, type Space, type Vectors } from './vectors.js';

/** The destinations of gradients; null for those that are not computed. */
export interface Outputs {
  query: Vectors | null;
  document: Vectors | null;
  scale: boolean;
  accumulate: boolean;
}

/** Outputs, with the arrays that they may overwrite. */
export function apartOf({ query, document }: Outputs, pairs: Pairs) {
  return [
    ['queryGrad', query?.native ?? null, pairs.queries.native],
    ['documentGrad', document?.native ?? null, pairs.documents.native],
  ] as const;
}

/** The caller's outputs; those that are computed but not given come from `make`. */
export function readOutputs(
  given: { queryGrad?: unknown; documentGrad?: unknown; accumulate?: unknown },
  wanted: Wanted,
  pairs: Pairs,
  space: Space,
  make: (like: Vectors, name: string, dim: number) => Vectors,
): Outputs {
  const accumulate = readBoolean('accumulate', given.accumulate, false);
  const side = (name: 'queryGrad' | 'documentGrad', like: Vectors): Vectors | null => {
    const array = given[name];
    if (array !== undefined && array !== null) {
      if (!wanted[name]) {
        throw new CklTypeError('ERR_CKL_OPTION', `${name} is given, and the option ${name} is false`);
      }
      const read = readGradient(array, name, like.rows, space);
      if (!accumulate || read.source !== like.source) return read;
      throw new CklTypeError(
        'ERR_CKL_OPTION',
        `${name} is the array of the embeddings and accumulate is true; a gradient cannot be added to embeddings`,
      );
    }
    if (!wanted[name]) return null;
    if (accumulate) {
      throw new CklTypeError(
        'ERR_CKL_OPTION',
        `accumulate is true and ${name} is missing; give the array to add to`,
      );
    }
    return make(like, name, space.dim);
  };
  return {
    query: side('queryGrad', pairs.queries),
    document: side('documentGrad', pairs.documents),
    scale: wanted.scaleGrad,
    accumulate,
  };
}

/** The last arguments of a native call; the numbers go into `numbers`. */
export function gradientArguments({ query, document, scale, accumulate }: Outputs, numbers: Float64Array) {
  numbers[ScoringNumber.queryGradType] = query?.type ?? 0;
  numbers[ScoringNumber.documentGradType] = document?.type ?? 0;
  numbers[ScoringNumber.accumulate] = accumulate ? 1 : 0;
  numbers[ScoringNumber.wantsScaleGrad] = scale ? 1 : 0;
  return [query?.native ?? null, document?.native ?? null] as const;
}

export function resultOf({ query, document, scale }: Outputs, numbers: Float64Array): Gradients {
  return {
    ...(query && { queryGrad: query.source }),
    ...(document && { documentGrad: document.source }),
    ...(scale && { scaleGrad: numbers[ScoringNumber.scaleGrad] }),
  };
}

/** The error if an asynchronous function is given outputs. */
export function ownOutputs(name: string, outputs: string): Error {
  return new CklTypeError(
    'ERR_CKL_OPTION',
    `${name} returns arrays of its own; leave out ${outputs}: an array that you can reach could be transferred ` +
      'while another thread writes to it',
  );
}

/** The result of a run of a loss. */
export function embeddingResult(
  { loss, perQuery, counted, teacherGrad, diagnostics }: ReturnType<PreparedLoss['run']>,
  outputs: Outputs,
  numbers: Float64Array,
  scores: Float32Array | null,
): EmbeddingResult {
  return {
    loss,
    perQuery,
    counted,
    ...resultOf(outputs, numbers),
    ...(scores && { scores }),
    ...(teacherGrad && { teacherGrad }),
    ...(diagnostics && { diagnostics }),
  };
}
