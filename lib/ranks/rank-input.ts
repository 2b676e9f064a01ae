// Reads the inputs of a rank tracker: ids, lists of ids, and scores, each element once.
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { isObject, tagOf } from '../loss/intrinsics.js';
import type { Id, IdTable } from './id-table.js';

export function checkId(id: unknown, name: string): string {
  if (typeof id === 'string' || Number.isFinite(id)) return String(id);
  throw new CklTypeError('ERR_CKL_TYPE', `${name} is ${describe(id)}; an id is a string or a finite number`);
}

function isList(value: unknown): value is ArrayLike<unknown> {
  return isObject(value) && (Array.isArray(value) || tagOf(value) !== undefined);
}

function checkList(list: unknown, name: string): asserts list is ArrayLike<unknown> {
  if (isList(list)) return;
  throw new CklTypeError('ERR_CKL_TYPE', `${name} is ${describe(list)}; it must be an array of ids`);
}

/** The first documents of a ranking, each read once; scores, if given, must have the same length. */
export function readList(documents: unknown, most: number, exact: boolean): unknown[] {
  checkList(documents, 'documents');
  const { length } = documents;
  if (exact && length !== most) {
    throw new CklRangeError('ERR_CKL_TRACKER', `${length} documents have ${most} scores; each needs one`);
  }
  const ids: unknown[] = [];
  for (let i = 0; i < length && i < most; i++) ids.push(documents[i]);
  return ids;
}

/** The code of a document that is in no ranking, and that of padding: no document has them. */
export const UNLISTED = 2 ** 32 - 1;
export const PADDING = 2 ** 32 - 2;

/** The ids of a batch's queries, each read once. */
export function readQueries(list: unknown, needed: number): Id[] {
  checkList(list, 'queries');
  const { length } = list;
  if (length !== needed)
    throw new CklRangeError('ERR_CKL_SHAPE', `queries has ${length} ids; the batch needs ${needed}`);
  const ids: Id[] = [];
  for (let i = 0; i < needed; i++) {
    const id = list[i];
    // Its name is created only for an error: a string per query would take longer than its ranks.
    if (typeof id !== 'string' && !Number.isFinite(id)) checkId(id, `queries[${i}]`);
    ids.push(id as Id);
  }
  return ids;
}

/**
 * The codes of a batch's documents, each id read once: {@link UNLISTED} for one that the table lacks, {@link
 * PADDING} for one that is left out.
 * @returns whether any is left out
 */
export function readDocuments(list: unknown, needed: number, ids: IdTable, codes: Uint32Array): boolean {
  checkList(list, 'documents');
  const { length } = list;
  if (length < needed)
    throw new CklRangeError('ERR_CKL_SHAPE', `documents has ${length} ids; the batch needs ${needed}`);
  let padded = false;
  for (let i = 0; i < needed; i++) {
    const id = list[i];
    if (typeof id === 'string') {
      codes[i] = ids.find(id); // -1 becomes UNLISTED
    } else if (typeof id === 'number' && id >= 0 && id === (id | 0)) {
      codes[i] = id; // the result of find(), without a call
    } else if (Number.isFinite(id)) {
      codes[i] = ids.find(id as Id);
    } else if (id === null || id === undefined) {
      codes[i] = PADDING;
      padded = true;
    } else checkId(id, `documents[${i}]`);
  }
  return padded;
}

export function readScores(scores: unknown): number[] {
  if (!isList(scores)) {
    throw new CklTypeError('ERR_CKL_TYPE', `scores is ${describe(scores)}; it must be an array of numbers`);
  }
  const { length } = scores;
  const read: number[] = [];
  for (let i = 0; i < length; i++) {
    const score = scores[i];
    if (typeof score !== 'number') {
      throw new CklTypeError('ERR_CKL_TYPE', `scores[${i}] is ${describe(score)}; it must be a number`);
    }
    read.push(score);
  }
  return read;
}
