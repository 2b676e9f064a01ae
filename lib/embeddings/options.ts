// Reads the options of a similarity, and which gradients to compute.
import { describe, didYouMean, oneOf } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { halfType } from '../loss/arrays.js';
import { isObject } from '../loss/intrinsics.js';
import { chooseCpuTarget, chooseThreads } from '../native/backends.js';
import { newScoring, type NativeScoring } from '../native/scoring.js';
import type { Dtype } from '../types.js';
import { readBoolean, readScale } from './pairs.js';
import type { GradientOptions, InBatchScores, SimilarityOptions, TokenSimilarity } from './types.js';
import type { Space } from './vectors.js';

export const similarityNames = [
  'dim',
  'similarity',
  'tokenSimilarity',
  'tokenMean',
  'scale',
  'dtype',
  'cpuTarget',
  'threads',
] as const;
export const gradientNames = ['queryGrad', 'documentGrad', 'scaleGrad'] as const;
const tokenSimilarities = ['dot', 'cosine'] as const;
const similarities = [...tokenSimilarities, 'maxSim', 'sparse'] as const;
const modes = ['auto', 'stored', 'tiles'] as const;
const dtypes = ['float32', 'bfloat16', 'float16'] as const;

/** Options of a similarity, checked. */
export interface ReadSimilarity {
  space: Space;
  scale: number;
  cpuTarget: string;
  threads: number;
}

/** @param options its properties, each read once; @param prefix of their names in errors */
export function readSimilarity(options: Partial<SimilarityOptions>, prefix = ''): ReadSimilarity {
  const { dim, similarity = 'dot', tokenSimilarity, tokenMean, scale, dtype, cpuTarget, threads } = options;
  if (!Number.isInteger(dim) || dim! < 1 || dim! > maxDim) {
    const Thrown = typeof dim === 'number' ? CklRangeError : CklTypeError;
    throw new Thrown(
      'ERR_CKL_OPTION',
      `${prefix}dim is ${describe(dim)}; it must be an integer from 1 to ${maxDim}`,
    );
  }
  choice(`${prefix}similarity`, similarity, similarities);
  if (similarity !== 'maxSim' && (tokenSimilarity !== undefined || tokenMean !== undefined)) {
    const name = tokenSimilarity !== undefined ? 'tokenSimilarity' : 'tokenMean';
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `${name} is given and similarity is '${similarity}'; only 'maxSim' compares the vectors of tokens`,
    );
  }
  const isSparse = similarity === 'sparse';
  return {
    space: {
      dim: isSparse ? 1 : dim!,
      compared: isSparse ? 1 : dim!,
      terms: isSparse ? dim! : 0,
      similarity,
      tokenSimilarity: choice(
        'tokenSimilarity',
        tokenSimilarity === undefined ? 'dot' : tokenSimilarity,
        tokenSimilarities,
      ) as TokenSimilarity,
      tokenMean: readBoolean('tokenMean', tokenMean, false),
      half: halfType(dtype === undefined ? undefined : (choice(`${prefix}dtype`, dtype, dtypes) as Dtype)),
    },
    scale: readScale(scale, 1, `${prefix}scale`),
    cpuTarget: chooseCpuTarget(cpuTarget),
    threads: chooseThreads(threads),
  };
}

export function readMode(value: unknown): InBatchScores {
  return value === undefined ? 'auto' : (choice('inBatchScores', value, modes) as InBatchScores);
}

export function readTileQueries(value: unknown): number | null {
  if (value === undefined) return null;
  if (Number.isInteger(value) && (value as number) >= 1) return value as number;
  const Thrown = typeof value === 'number' ? CklRangeError : CklTypeError;
  throw new Thrown('ERR_CKL_OPTION', `tileQueries is ${describe(value)}; it must be an integer of 1 or more`);
}

const maxDim = 1 << 20;

export interface Wanted {
  queryGrad: boolean;
  documentGrad: boolean;
  scaleGrad: boolean;
}

export function readWanted({ queryGrad, documentGrad, scaleGrad }: GradientOptions): Wanted {
  return {
    queryGrad: readBoolean('queryGrad', queryGrad, true),
    documentGrad: readBoolean('documentGrad', documentGrad, true),
    scaleGrad: readBoolean('scaleGrad', scaleGrad, false),
  };
}

/** Rejects values that are not objects, and options that `name` does not take. */
export function checkOptions(
  name: string,
  options: unknown,
  known: readonly string[],
): asserts options is object {
  if (!isObject(options)) {
    throw new CklTypeError('ERR_CKL_OPTION', `options is ${describe(options)}; ${name} needs { dim }`);
  }
  for (const key in options) {
    if (known.includes(key)) continue;
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `${name} takes no option ${key.slice(0, 80)}${didYouMean(key, known)}; it takes ${oneOf(known, 'and')}`,
    );
  }
}

function choice(name: string, value: unknown, allowed: readonly string[]): string {
  if (allowed.includes(value as string)) return value as string;
  const Thrown = typeof value === 'string' ? CklRangeError : CklTypeError;
  throw new Thrown(
    'ERR_CKL_OPTION',
    `${name} is ${describe(value)}${didYouMean(value, allowed)}; it must be ${oneOf(allowed)}`,
  );
}

/** The scorer of the plain functions, kept with the instruction set and threads of the last call. */
let last: { scorer: NativeScoring; cpuTarget: string; threads: number } | null = null;

export function scorerOf({ cpuTarget, threads }: ReadSimilarity): NativeScoring {
  if (last === null || last.cpuTarget !== cpuTarget || last.threads !== threads) {
    last?.scorer.dispose();
    last = { scorer: newScoring(cpuTarget, threads), cpuTarget, threads };
  }
  return last.scorer;
}
