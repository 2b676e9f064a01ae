// The inputs of a loss other than the scores: judgements laid out like the scores, spread from each query's
// own list, with masked pairs as padding.
import { CklRangeError, CklTypeError } from '../errors.js';
import {
  allocate,
  type BatchArray,
  checkMemory,
  constructorOf,
  type HalfType,
  isFloat16,
  isFloat32,
  isRanks,
  isUint8,
  nativeScores,
  scoresConstructor,
  scoreType,
  viewOf,
  wrongArray,
} from '../loss/arrays.js';
import { copyInto, lengthOf } from '../loss/intrinsics.js';
import { NativeType } from '../native/codes.js';
import { badCandidate } from '../native/scoring.js';
import type { Batch, Scores } from '../types.js';
import { type Pairs, readFloats, readInts } from './pairs.js';
import { checkLength } from './vectors.js';

/** The judgements among the properties of the caller's object, each read once. */
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
  /** The batch, or with `inBatch` a block of its queries. */
  batch(first?: number, last?: number): Omit<Batch, 'student'>;
  inputs: readonly (readonly [name: string, array: BatchArray | null])[];
}

/** A batch that was read and checked, except for what the loss checks itself. */
export interface Call {
  pairs: Pairs;
  judged: Judged;
  scale: number;
  bias: Float32Array | null;
  scores: Float32Array | null;
  perQuery: Float32Array | null;
  /** The teacher's vectors, if it is given as embeddings. */
  teacher: Pairs | null;
}

const padding = 255;

/** Reads judgements. Leaves checks that the loss makes itself to it, such as those of label values. */
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
  const spread = own === null ? null : new Spread(own, pairs);
  /** Judgements of a block, laid out like the scores; `places` per query in the given arrays. */
  const block = (first: number, last: number): ReturnType<Judged['batch']> => {
    const { queries, docs } = layout;
    const whole = first === 0 && last === queries;
    const part = <T extends BatchArray | null>(array: T, each: number): T =>
      array === null || whole ? array : (viewOf(array, first * each, (last - first) * each) as T);
    const each = queries === 0 ? 0 : places / queries;
    const own = part(labels, each);
    const left = mask === null ? own : masked(own, part(mask, each), whole ? places : lengthOf(own));
    const [scores, grades] = [
      part(teacher as BatchArray | null, each) as Scores | null,
      part(relevance, each),
    ];
    const other = (name: 'ranks' | 'beta' | 'weights', size: number) => {
      const value = given[name];
      if (whole || !isRanks(value)) return value; // the loss checks it
      checkLength(value, name, queries * size, true);
      return part(value, size);
    };
    return {
      ...(layout.offsets === null ? { shape: [last - first, docs] as const } : { offsets: layout.offsets }),
      labels: spread === null ? left : spread.labels(left, first, last),
      ...(scores !== null && {
        teacher: spread === null ? scores : spread.teacher(scores, half, first, last),
      }),
      ...(grades !== null && { relevance: spread === null ? grades : spread.relevance(grades, first, last) }),
      ranks: other('ranks', docs) as Batch['ranks'],
      beta: other('beta', docs) as Batch['beta'],
      weights: other('weights', 1) as Batch['weights'],
    };
  };
  const known = { labels, mask, own, relevance, teacher };
  const others = (['ranks', 'beta', 'weights'] as const).filter((name) => isRanks(given[name]));
  return {
    batch: (first = 0, last = layout.queries) => block(first, last),
    inputs: [
      ...(Object.entries(known) as [string, BatchArray | null][]),
      ...others.map((name) => [name, given[name] as BatchArray] as const),
    ],
  };
}

/**
 * A query's own documents are given by their places among this rank's documents, which follow those of lower
 * ranks.
 */
export function shiftedOwn(given: unknown, begin: number, documents: number): Int32Array | null {
  const own = readInts('own', given);
  if (own === null) return null;
  own.forEach((place, i) => {
    if (place < -1 || place >= documents) throw badCandidate('own', i, place, documents);
  });
  return own.map((place) => (place < 0 ? place : place + begin));
}

/** A copy in private memory. `offsets`: a copy of the layout's offsets. */
export function copyOfBatch(
  batch: ReturnType<Judged['batch']>,
  offsets: Int32Array | null,
): ReturnType<Judged['batch']> {
  const { teacher, labels, relevance, ranks, beta, weights } = batch;
  const copied: Record<string, unknown> = {};
  for (const [name, value] of Object.entries({ teacher, labels, relevance, ranks, beta, weights })) {
    if (value !== undefined && value !== null) copied[name] = clone(value, name);
  }
  return { ...batch, ...(copied as unknown as ReturnType<Judged['batch']>), ...(offsets && { offsets }) };
}

/** Values that are not arrays are left for the loss to reject. */
function clone(value: Scores | NonNullable<Batch['ranks']>, name: string): unknown {
  if (!isRanks(value) && !isFloat16(value)) return value;
  checkMemory(value, name);
  const made = allocate(
    constructorOf(value) as new (length: number) => Scores,
    lengthOf(value),
    `a copy of ${name}`,
  );
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

/** Spreads an array laid out like the queries' own lists over all documents of the batch. */
class Spread {
  private readonly perQuery: number;
  private readonly made = new Map<string, BatchArray>();

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

  labels(labels: Uint8Array, first: number, last: number): Uint8Array {
    return this.into(this.make(Uint8Array, 'labels', first, last).fill(0), labels, first);
  }

  relevance(relevance: Float32Array, first: number, last: number): Float32Array {
    return this.into(this.make(Float32Array, 'relevance', first, last).fill(0), relevance, first);
  }

  /** Probability 0 for all others. */
  teacher(teacher: Scores, half: HalfType, first: number, last: number): Scores {
    const made = this.make(scoresConstructor(teacher), 'teacher', first, last);
    const bits = scoreType(teacher, half, 'teacher') === NativeType.bfloat16 ? 0xff80 : 0xfc00;
    const native = nativeScores(made).fill(isFloat32(made) ? -Infinity : bits);
    this.into(native, nativeScores(teacher), first);
    return made;
  }

  /** Memory for a block; reuses that of the block before if it has the same length. */
  private make<T extends BatchArray>(
    Made: new (length: number) => T,
    name: string,
    first: number,
    last: number,
  ): T {
    const length = (last - first) * this.pairs.documents.count;
    const before = this.made.get(name);
    if (before !== undefined && lengthOf(before) === length) return before as T;
    const made = allocate(Made, length, name);
    this.made.set(name, made);
    return made;
  }

  /** `from` is of the queries from `first` on, and so is `to`. */
  private into<T extends Float32Array | Uint16Array | Uint8Array>(to: T, from: T, first: number): T {
    const { own, perQuery } = this;
    const documents = this.pairs.documents.count;
    for (let i = 0, at = first * perQuery; at < lengthOf(own) && i < lengthOf(from); i++, at++) {
      if (own[at] >= 0) to[Math.floor(i / perQuery) * documents + own[at]] = from[i];
    }
    return to;
  }
}
