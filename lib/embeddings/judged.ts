// What a loss reads besides the scores: judgements laid out like the scores, spread from own lists, with masked pairs as padding.
import { CklRangeError, CklTypeError } from '../errors.js';
import {
  allocate,
  type BatchArray,
  checkMemory,
  type HalfType,
  isFloat16,
  isFloat32,
  isRanks,
  isUint8,
  nativeScores,
  scoresConstructor,
  scoreType,
  wrongArray,
} from '../loss/arrays.js';
import { copyInto, lengthOf } from '../loss/intrinsics.js';
import { NativeType } from '../native/codes.js';
import { badCandidate } from '../native/scoring.js';
import type { Batch, Scores } from '../types.js';
import { type Pairs, readFloats, readInts } from './pairs.js';

/** The caller's object, each property read once: what of it are judgements. */
export interface GivenJudgements {
  teacher: unknown;
  labels: unknown;
  relevance: unknown;
  mask: unknown;
  own: unknown;
  ranks: unknown;
  beta: unknown;
  weights: unknown;
}

/** The batch of a loss without its student, and the caller's arrays in it by name. */
export interface Judged {
  batch: Omit<Batch, 'student'>;
  inputs: readonly (readonly [name: string, array: BatchArray | null])[];
}

const padding = 255;

/** Reads judgements. What the loss checks itself, such as the values of labels, is left to it. */
export function judge(given: GivenJudgements, pairs: Pairs, half: HalfType): Judged {
  const { layout } = pairs;
  const own = readInts('own', given.own);
  if (own !== null && !pairs.all) {
    throw new CklTypeError(
      'ERR_CKL_SHAPE',
      "own is given without inBatch; it says which documents of the batch are a query's own",
    );
  }
  const places = own === null ? layout.extent : lengthOf(own);
  const exact = own !== null || layout.exact;
  const labels = readBytes('labels', given.labels, places, exact);
  if (labels === null) {
    throw wrongArray('labels', given.labels, 'a Uint8Array of 1 (positive), 0 (negative), 255 (padding)');
  }
  const mask = readBytes('mask', given.mask, places, exact);
  const relevance = readFloats(given.relevance, 'relevance', places, exact);
  const teacher = readTeacher(given.teacher, half, places, exact);
  const left = mask === null ? labels : masked(labels, mask, places);
  const spread = own === null ? null : new Spread(own, pairs);
  const batch: Judged['batch'] = {
    ...(layout.offsets === null
      ? { shape: [layout.queries, layout.docs] as const }
      : { offsets: layout.offsets }),
    labels: spread === null ? left : spread.labels(left),
    ...(teacher !== null && { teacher: spread === null ? teacher : spread.teacher(teacher, half) }),
    ...(relevance !== null && { relevance: spread === null ? relevance : spread.relevance(relevance) }),
    ranks: given.ranks as Batch['ranks'],
    beta: given.beta as Batch['beta'],
    weights: given.weights as Batch['weights'],
  };
  const known = { labels, mask, own, relevance, teacher };
  const others = (['ranks', 'beta', 'weights'] as const).filter((name) => isRanks(given[name]));
  return {
    batch,
    inputs: [
      ...(Object.entries(known) as [string, BatchArray | null][]),
      ...others.map((name) => [name, given[name] as BatchArray] as const),
    ],
  };
}

/** A copy in private memory. `offsets`: a copy of the layout's offsets. */
export function copyOfBatch(batch: Judged['batch'], offsets: Int32Array | null): Judged['batch'] {
  const { teacher, labels, relevance, ranks, beta, weights } = batch;
  const copied: Record<string, unknown> = {};
  for (const [name, value] of Object.entries({ teacher, labels, relevance, ranks, beta, weights })) {
    if (value !== undefined && value !== null) copied[name] = clone(value, name);
  }
  return { ...batch, ...(copied as unknown as Judged['batch']), ...(offsets && { offsets }) };
}

/** What is no array of a batch is left for the loss to refuse. */
function clone(value: Scores | NonNullable<Batch['ranks']>, name: string): unknown {
  if (!isRanks(value) && !isFloat16(value)) return value;
  checkMemory(value, name);
  const Made = isFloat16(value)
    ? scoresConstructor(value)
    : (Object.getPrototypeOf(value) as { constructor: new (length: number) => typeof value }).constructor;
  const made = allocate(Made as new (length: number) => Scores, lengthOf(value), `a copy of ${name}`);
  copyInto(made, value);
  return made;
}

function readBytes(name: string, value: unknown, places: number, exact: boolean): Uint8Array | null {
  if (value === undefined || value === null) return null;
  if (!isUint8(value)) throw wrongArray(name, value, 'a Uint8Array');
  checkMemory(value, name);
  checkPlaces(value, name, places, exact);
  return value;
}

function readTeacher(value: unknown, half: HalfType, places: number, exact: boolean): Scores | null {
  if (value === undefined || value === null) return null;
  scoreType(value, half, 'teacher');
  checkMemory(value as Scores, 'teacher');
  checkPlaces(value as Scores, 'teacher', places, exact);
  return value as Scores;
}

function checkPlaces(array: BatchArray, name: string, places: number, exact: boolean): void {
  const length = lengthOf(array);
  if (length === places || (length > places && !exact)) return;
  throw new CklRangeError(
    'ERR_CKL_SHAPE',
    `${name} has ${length} elements; the lists have ${exact ? '' : 'at least '}${places} places`,
  );
}

function masked(labels: Uint8Array, mask: Uint8Array, places: number): Uint8Array {
  const left = allocate(Uint8Array, lengthOf(labels), 'labels');
  for (let i = 0; i < places; i++) left[i] = mask[i] === 0 ? padding : labels[i];
  return left;
}

/** Spreads what is laid out like the queries' own lists over all documents of the batch. */
class Spread {
  private readonly perQuery: number;

  constructor(
    private readonly own: Int32Array,
    private readonly pairs: Pairs,
  ) {
    const { queries } = pairs.layout;
    const length = lengthOf(own);
    this.perQuery = queries === 0 ? 0 : length / queries;
    if (!Number.isInteger(this.perQuery)) {
      throw new CklRangeError(
        'ERR_CKL_SHAPE',
        `own has ${length} elements; it must hold as many rows of documents for each of ${queries} queries`,
      );
    }
    const documents = pairs.documents.count;
    for (let i = 0; i < length; i++) {
      if (own[i] < -1 || own[i] >= documents) throw badCandidate('own', i, own[i], documents);
    }
  }

  labels(labels: Uint8Array): Uint8Array {
    return this.into(allocate(Uint8Array, this.pairs.layout.extent, 'labels'), labels);
  }

  relevance(relevance: Float32Array): Float32Array {
    return this.into(allocate(Float32Array, this.pairs.layout.extent, 'relevance'), relevance);
  }

  /** Probability 0 for all others. */
  teacher(teacher: Scores, half: HalfType): Scores {
    const made = allocate(scoresConstructor(teacher), this.pairs.layout.extent, 'teacher');
    const bits = scoreType(teacher, half, 'teacher') === NativeType.bfloat16 ? 0xff80 : 0xfc00;
    const native = nativeScores(made).fill(isFloat32(made) ? -Infinity : bits);
    this.into(native, nativeScores(teacher));
    return made;
  }

  private into<T extends Float32Array | Uint16Array | Uint8Array>(to: T, from: T): T {
    const { own, perQuery } = this;
    const documents = this.pairs.documents.count;
    for (let i = 0; i < lengthOf(own); i++) {
      if (own[i] >= 0) to[Math.floor(i / perQuery) * documents + own[i]] = from[i];
    }
    return to;
  }
}
