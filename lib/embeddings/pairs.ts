// Checks embeddings and determines which pairs have a score, as positional arguments of the addon.
import { describe, didYouMean, oneOf, shorten } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import {
  type BatchArray,
  checkMemory,
  copy,
  isFloat32,
  isInt32,
  overlap,
  wrongArray,
} from '../loss/arrays.js';
import { byteLengthOf, byteOffsetOf, isObject, lengthOf } from '../loss/intrinsics.js';
import { LayoutView, readShape, type Shape } from '../loss/layout.js';
import { type PairArguments, ScoringNumber } from '../native/scoring.js';
import { checkLength, copyOfVectors, held, readVectors, type Space, type Vectors } from './vectors.js';

/** The properties of the caller's object that define pairs, each read once. */
export interface GivenPairs {
  queries: unknown;
  documents: unknown;
  queryOffsets?: unknown;
  documentOffsets?: unknown;
  queryMask?: unknown;
  documentMask?: unknown;
  queryIds?: unknown;
  documentIds?: unknown;
  candidates: unknown;
  shape: unknown;
  offsets: unknown;
  inBatch: unknown;
}

/** Checked embeddings with the layout of their scores. */
export interface Pairs {
  queries: Vectors;
  documents: Vectors;
  candidates: Int32Array | null;
  /** Of the scores. */
  layout: LayoutView;
  all: boolean;
}

/**
 * Rejects values that are not objects, and unknown names: a misspelt one would otherwise silently change the
 * result.
 */
export function checkNames(value: unknown, name: string, known: readonly string[]): asserts value is object {
  if (!isObject(value)) {
    throw new CklTypeError('ERR_CKL_TYPE', `${name} is ${describe(value)}; it must be an object`);
  }
  for (const key in value) {
    if (known.includes(key)) continue;
    throw new CklTypeError(
      'ERR_CKL_TYPE',
      `${name}.${shorten(key)} is unknown${didYouMean(key, known)}; it may have ${oneOf(known, 'and')}`,
    );
  }
}

export const pairNames = [
  'queries',
  'documents',
  'queryOffsets',
  'documentOffsets',
  'queryMask',
  'documentMask',
  'queryIds',
  'documentIds',
  'candidates',
  'shape',
  'offsets',
  'inBatch',
] as const;

export function readPairs(given: GivenPairs, space: Space): Pairs {
  const { dim } = space;
  const ofQueries = { offsets: given.queryOffsets, mask: given.queryMask, ids: given.queryIds };
  const queries = readVectors(given.queries, 'queries', ofQueries, space);
  const ofDocuments = { offsets: given.documentOffsets, mask: given.documentMask, ids: given.documentIds };
  const documents = readVectors(given.documents, 'documents', ofDocuments, space);
  const all = readBoolean('inBatch', given.inBatch, false);
  const candidates = readInts('candidates', given.candidates);
  const shape = given.shape === undefined || given.shape === null ? undefined : readShape(given.shape);
  if (all)
    return {
      queries,
      documents,
      candidates: null,
      layout: layoutOfAll(given, shape, queries, documents),
      all,
    };
  const layout = new LayoutView();
  if (given.offsets !== undefined && given.offsets !== null) {
    layout.read({ offsets: given.offsets as Int32Array, shape }, null);
  } else {
    layout.read({ shape: shape ?? usualShape(queries.count, candidates, documents.count) }, null);
  }
  if (layout.queries !== queries.count) {
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `the lists are of ${layout.queries} queries, but queries holds ${held(queries, dim)}`,
    );
  }
  if (candidates !== null) layout.checkInput(candidates, 'candidates');
  else if (documents.count < layout.extent || (layout.exact && documents.count !== layout.extent)) {
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `documents holds ${held(documents, dim)} and the lists have ${layout.extent} places; ` +
        'give candidates, or as many documents',
    );
  }
  return { queries, documents, candidates, layout, all };
}

function layoutOfAll(
  given: GivenPairs,
  shape: Shape | undefined,
  queries: Vectors,
  documents: Vectors,
): LayoutView {
  for (const name of ['candidates', 'offsets'] as const) {
    if (given[name] === undefined || given[name] === null) continue;
    throw new CklTypeError(
      'ERR_CKL_SHAPE',
      `${name} and inBatch are both given; with inBatch every pair has a score`,
    );
  }
  if (shape !== undefined && (shape[0] !== queries.count || shape[1] !== documents.count)) {
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `shape is [${shape.join(', ')}]; with inBatch it is [queries, documents], here [${queries.count}, ${documents.count}]`,
    );
  }
  return layoutOf(queries.count, documents.count);
}

/** For lists of one length. */
export function layoutOf(queries: number, documents: number): LayoutView {
  const layout = new LayoutView();
  layout.read({ shape: [queries, documents] }, null);
  return layout;
}

/** Every query with every document. */
export const pairsOf = (queries: Vectors, documents: Vectors): Pairs => ({
  queries,
  documents,
  candidates: null,
  layout: layoutOf(queries.count, documents.count),
  all: true,
});

/** Lists of one length without a shape: the places are divided equally among the queries. */
function usualShape(queries: number, candidates: Int32Array | null, documents: number): Shape {
  const places = candidates === null ? documents : lengthOf(candidates);
  const docs = queries === 0 ? 0 : places / queries;
  if (Number.isInteger(docs)) return [queries, docs];
  throw new CklRangeError(
    'ERR_CKL_SHAPE',
    `${candidates === null ? 'documents' : 'candidates'} has ${places} places for ${queries} queries; ` +
      'give offsets for lists of different lengths, or inBatch: true',
  );
}

export function readFloats(
  value: unknown,
  name: string,
  length: number,
  exact: boolean,
): Float32Array | null {
  if (value === undefined || value === null) return null;
  if (!isFloat32(value)) throw wrongArray(name, value, 'a Float32Array');
  checkMemory(value, name);
  checkLength(value, name, length, exact);
  return value;
}

export function readInts(name: string, value: unknown): Int32Array | null {
  if (value === undefined || value === null) return null;
  if (!isInt32(value)) throw wrongArray(name, value, 'an Int32Array');
  checkMemory(value, name);
  return value;
}

export function readBoolean(name: string, value: unknown, usual: boolean): boolean {
  if (value === undefined) return usual;
  if (typeof value === 'boolean') return value;
  throw new CklTypeError('ERR_CKL_OPTION', `${name} is ${describe(value)}; it must be a boolean`);
}

export function readScale(value: unknown, usual: number, name = 'scale'): number {
  if (value === undefined) return usual;
  if (typeof value !== 'number') {
    throw new CklTypeError('ERR_CKL_OPTION', `${name} is ${describe(value)}; it must be a number`);
  }
  if (Number.isFinite(Math.fround(value))) return value;
  throw new CklRangeError('ERR_CKL_OPTION', `${name} is ${value}; it must be finite, also as a float32`);
}

/**
 * Throws if an output shares memory with an input or another output; a gradient may be written exactly over
 * its own embeddings.
 */
export function checkApart(
  outputs: readonly (readonly [name: string, array: BatchArray | null, over?: BatchArray])[],
  inputs: readonly (readonly [name: string, array: BatchArray | null])[],
): void {
  outputs.forEach(([name, array, over], i) => {
    if (array === null) return;
    for (const [otherName, other] of [...inputs, ...outputs.slice(i + 1)]) {
      if (other === null || !overlap(array, other)) continue;
      if (other === over && sameMemory(array, other)) continue;
      throw new CklRangeError(
        'ERR_CKL_OVERLAP',
        `${name} and ${otherName} share memory; an output needs memory of its own. ` +
          'Only queryGrad may be the array queries itself, and documentGrad the array documents',
      );
    }
  });
}

function sameMemory(a: BatchArray, b: BatchArray): boolean {
  const size = (array: BatchArray) => byteLengthOf(array) / lengthOf(array);
  return byteOffsetOf(a) === byteOffsetOf(b) && size(a) === size(b);
}

/** Numbers that go to the addon and come back. */
export function newNumbers(): Float64Array {
  return new Float64Array(ScoringNumber.size);
}

/** The arguments that all calls begin with; the numbers go into `numbers`. */
export function argumentsOf(
  { queries, documents, candidates, layout, all }: Pairs,
  { dim, compared, terms, similarity, tokenSimilarity, tokenMean }: Space,
  scale: number,
  numbers: Float64Array,
): PairArguments {
  numbers.fill(0);
  numbers[ScoringNumber.dim] = compared;
  numbers[ScoringNumber.width] = dim;
  numbers[ScoringNumber.terms] = terms;
  numbers[ScoringNumber.queries] = queries.count;
  numbers[ScoringNumber.documents] = documents.count;
  numbers[ScoringNumber.docs] = layout.docs;
  numbers[ScoringNumber.stride] = layout.stride;
  numbers[ScoringNumber.cosine] =
    (similarity === 'maxSim' ? tokenSimilarity : similarity) === 'cosine' ? 1 : 0;
  numbers[ScoringNumber.mean] = tokenMean ? 1 : 0;
  numbers[ScoringNumber.all] = all ? 1 : 0;
  numbers[ScoringNumber.scale] = scale;
  numbers[ScoringNumber.queryType] = queries.type;
  numbers[ScoringNumber.documentType] = documents.type;
  return [
    numbers,
    queries.native,
    documents.native,
    candidates,
    layout.offsets,
    queries.offsets,
    documents.offsets,
    queries.mask,
    documents.mask,
    queries.ids,
    documents.ids,
  ];
}

/** A copy of the pairs in private memory. */
export function copyOf(pairs: Pairs): Pairs {
  const layout = new LayoutView();
  const { offsets, queries, docs } = pairs.layout;
  if (offsets === null) layout.read({ shape: [queries, docs] }, null);
  else layout.read({ offsets: copy(offsets, lengthOf(offsets), 'offsets') }, null);
  return {
    queries: copyOfVectors(pairs.queries, 'queries'),
    documents: copyOfVectors(pairs.documents, 'documents'),
    candidates: pairs.candidates && copy(pairs.candidates, lengthOf(pairs.candidates), 'candidates'),
    layout,
    all: pairs.all,
  };
}
