// Embeddings as the addon takes them: one vector for each query and document, or for MaxSim the vectors of its tokens.
import { oneOf } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import {
  allocate,
  type BatchArray,
  checkMemory,
  copy,
  type HalfType,
  isInt32,
  isUint8,
  nativeScores,
  scoresConstructor,
  scoreType,
  wrongArray,
} from '../loss/arrays.js';
import { lengthOf } from '../loss/intrinsics.js';
import type { NativeType } from '../native/codes.js';
import type { ScoreArray } from '../native/native.js';
import type { Embeddings, Similarity, TokenSimilarity } from './types.js';

export interface Vectors {
  source: Embeddings;
  native: ScoreArray;
  type: NativeType;
  /** Vectors in the array. */
  rows: number;
  /** Number of queries or documents: `rows`, unless each has several token vectors. */
  count: number;
  /** Where the tokens of each begin, and the end of the last; null if each has one vector. */
  offsets: Int32Array | null;
  /** 0 for tokens that are left out; null if none are. */
  mask: Uint8Array | null;
  /** Of sparse vectors: the term of each element. */
  ids: Int32Array | null;
}

/** The caller's properties about the tokens of one side, each read once. */
export interface GivenTokens {
  offsets: unknown;
  mask: unknown;
  ids: unknown;
}

/** The settings that stay the same from call to call. */
export interface Space {
  /** Elements per vector in memory. */
  dim: number;
  /** The number of leading elements that are compared. */
  compared: number;
  /** Of sparse vectors: the size of the vocabulary; their elements are vectors of 1. */
  terms: number;
  similarity: Similarity;
  tokenSimilarity: TokenSimilarity;
  tokenMean: boolean;
  half: HalfType;
}

/** Which similarities take which property of a side. */
const tokenParts: readonly { part: keyof GivenTokens; suffix: string; takers: readonly Similarity[] }[] = [
  { part: 'offsets', suffix: 'Offsets', takers: ['maxSim', 'sparse'] },
  { part: 'mask', suffix: 'Mask', takers: ['maxSim'] },
  { part: 'ids', suffix: 'Ids', takers: ['sparse'] },
];

/** @param name of the array; @param given its offsets, which MaxSim needs, and its mask; nothing else takes them */
export function readVectors(
  value: unknown,
  name: 'queries' | 'documents' | 'teacherQueries' | 'teacherDocuments',
  given: GivenTokens,
  { dim, half, similarity }: Space,
): Vectors {
  const type = scoreType(value, half, name);
  const source = value as Embeddings;
  checkMemory(source, name);
  const length = lengthOf(source);
  if (length % dim !== 0) {
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `${name} has ${length} elements; it must hold whole embeddings of ${dim}`,
    );
  }
  const rows = length / dim;
  const side = name === 'queries' ? 'query' : 'document';
  const { offsets: givenOffsets, mask: givenMask, ids: givenIds } = given;
  // Written without spreads and loops, which would take as long as a whole small call.
  if (isGiven(givenOffsets) || isGiven(givenMask) || isGiven(givenIds)) checkParts(given, side, similarity);
  const native = nativeScores(source);
  if (similarity !== 'maxSim' && similarity !== 'sparse')
    return { source, native, type, rows, count: rows, offsets: null, mask: null, ids: null };
  const offsets = readTokens(givenOffsets, `${side}Offsets`, name, rows);
  const mask = readMask(givenMask, `${side}Mask`, rows);
  const ids = similarity === 'sparse' ? readIds(givenIds, `${side}Ids`, rows) : null;
  return { source, native, type, rows, count: lengthOf(offsets) - 1, offsets, mask, ids };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** Rejects properties that the similarity does not take. */
function checkParts(given: GivenTokens, side: string, similarity: Similarity): void {
  for (const { part, suffix, takers } of tokenParts) {
    if (!isGiven(given[part]) || takers.includes(similarity)) continue;
    throw new CklTypeError(
      'ERR_CKL_OPTION',
      `${side}${suffix} is given and similarity is '${similarity}'; only ${oneOf(
        takers.map((one) => `'${one}'`),
        'and',
      )} ` + `${takers.length > 1 ? 'have' : 'has'} it`,
    );
  }
}

/** Their values are checked by the addon. */
function readIds(value: unknown, name: string, elements: number): Int32Array {
  if (!isInt32(value)) throw wrongArray(name, value, 'an Int32Array: the term of each element');
  checkMemory(value, name);
  checkLength(value, name, elements, true);
  return value;
}

function readMask(value: unknown, name: string, rows: number): Uint8Array | null {
  if (value === undefined || value === null) return null;
  if (!isUint8(value)) throw wrongArray(name, value, 'a Uint8Array: 0 for each token to leave out');
  checkMemory(value, name);
  checkLength(value, name, rows, true);
  return value;
}

/** Offsets assign every vector to exactly one query or document. */
function readTokens(value: unknown, name: string, vectors: string, rows: number): Int32Array {
  if (!isInt32(value)) throw wrongArray(name, value, `an Int32Array: ${rule(vectors)}`);
  checkMemory(value, name);
  const last = lengthOf(value) - 1;
  const wrong = (text: string) =>
    new CklRangeError('ERR_CKL_OFFSETS', `${name}${text}; it must hold ${rule(vectors)}`);
  if (last < 0) throw wrong(' is empty');
  for (let i = 0; i <= last; i++) {
    if (i === 0 ? value[0] === 0 : value[i] >= value[i - 1]) continue;
    throw wrong(`[${i}] is ${value[i]}`);
  }
  if (value[last] !== rows) throw wrong(`[${last}] is ${value[last]}, and ${vectors} holds ${rows} vectors`);
  return value;
}

const rule = (vectors: string) =>
  `the first token of each of the ${vectors} and the end of the last, ascending from 0 to the number of vectors`;

/** Their number, in words. */
export function held({ count, offsets }: Vectors, dim: number): string {
  return offsets === null ? `${count} of ${dim} elements` : `the tokens of ${count}`;
}

/** The caller's output for gradients of this many rows. */
export function readGradient(value: unknown, name: string, rows: number, { dim, half }: Space): Vectors {
  const type = scoreType(value, half, name);
  const source = value as Embeddings;
  checkMemory(source, name);
  checkLength(source, name, rows * dim, false);
  return {
    source,
    native: nativeScores(source),
    type,
    rows,
    count: rows,
    offsets: null,
    mask: null,
    ids: null,
  };
}

/** New memory for the gradient of some vectors, of their type. */
export function newVectors(like: Vectors, name: string, dim: number): Vectors {
  const source = allocate(scoresConstructor(like.source), like.rows * dim, name);
  return { ...like, source, native: nativeScores(source) };
}

/** The same vectors in private memory. */
export function copyOfVectors(vectors: Vectors, name: string): Vectors {
  const { native, offsets, mask, ids } = vectors;
  return {
    ...vectors,
    native: copy(native, lengthOf(native), name),
    offsets: offsets && copy(offsets, lengthOf(offsets), `the offsets of ${name}`),
    mask: mask && copy(mask, lengthOf(mask), `the mask of ${name}`),
    ids: ids && copy(ids, lengthOf(ids), `the terms of ${name}`),
  };
}

export function checkLength(array: BatchArray, name: string, length: number, exact: boolean): void {
  const found = lengthOf(array);
  if (found === length || (found > length && !exact)) return;
  throw new CklRangeError(
    'ERR_CKL_SHAPE',
    `${name} has ${found} elements; it needs ${exact ? '' : 'at least '}${length}`,
  );
}
