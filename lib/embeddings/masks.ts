// Masks for pairs that a loss should ignore: negatives that a guide considers positive, and repeated
// documents.
import { CklRangeError, CklTypeError } from '../errors.js';
import { describe } from '../describe.js';
import { allocate, checkMemory, isUint8, wrongArray } from '../loss/arrays.js';
import { LayoutView } from '../loss/layout.js';
import type { BatchShape } from '../types.js';
import { checkNames, readBoolean, readFloats, readInts } from './pairs.js';

/** Lists with labels; `shape` or `offsets` gives their layout. */
export interface LabelledLists {
  /** 1 positive, 0 negative, 255 padding. */
  labels: Uint8Array;
  /** `[queries, documents]`. */
  shape?: BatchShape;
  /** `queries + 1` ascending positions, instead of `shape`. */
  offsets?: Int32Array;
}

/**
 * A mask that excludes false negatives: 0 for each negative that a guide (the teacher, or another model)
 * scores above the list's lowest positive minus `margin`; 1 for everything else, and always for positives.
 * With `relative`, the margin is a fraction of the positive's magnitude, so it also lowers the limit if
 * scores are negative. A list without positives keeps everything.
 * @throws TypeError or RangeError with a `code`.
 */
export function falseNegatives(
  lists: LabelledLists & { guide: Float32Array },
  { margin = 0, relative = false }: { margin?: number; relative?: boolean } = {},
): Uint8Array {
  checkNames(lists, 'lists', ['labels', 'shape', 'offsets', 'guide']);
  const { layout, labels, rest } = readLists(lists);
  const guide = readFloats(rest.guide, 'guide', layout.extent, layout.exact);
  if (guide === null) throw wrongArray('guide', rest.guide, 'a Float32Array');
  if (typeof margin !== 'number' || Number.isNaN(margin)) {
    throw new CklTypeError('ERR_CKL_OPTION', `margin is ${describe(margin)}; it must be a number`);
  }
  const ofMagnitude = readBoolean('relative', relative, false);
  const mask = allocate(Uint8Array, layout.extent, 'mask').fill(1);
  eachList(layout, (begin, end) => {
    let lowest = Infinity;
    for (let i = begin; i < end; i++) if (labels[i] === 1) lowest = Math.min(lowest, guide[i]);
    const limit = lowest - (ofMagnitude ? Math.abs(lowest) : 1) * margin;
    if (lowest === Infinity) return;
    for (let i = begin; i < end; i++) if (labels[i] === 0 && guide[i] > limit) mask[i] = 0;
  });
  return mask;
}

/**
 * A mask that excludes repetitions, by id: 0 for each negative that is one of its query's positives, that
 * occurs earlier in the list, or whose id is the query's own (`queryIds`); 1 for everything else.
 * @param lists `documentIds` has one id per place of the lists, per row of `candidates` or, if every list
 * holds all documents (`inBatch`), per document
 * @throws TypeError or RangeError with a `code`.
 */
export function sameDocuments(
  lists: LabelledLists & {
    documentIds: readonly (string | number)[];
    queryIds?: readonly (string | number)[];
    candidates?: Int32Array;
  },
): Uint8Array {
  checkNames(lists, 'lists', ['labels', 'shape', 'offsets', 'documentIds', 'queryIds', 'candidates']);
  const { layout, labels, rest } = readLists(lists);
  const candidates = readInts('candidates', rest.candidates);
  if (candidates !== null) layout.checkInput(candidates, 'candidates');
  const documentIds = readIds('documentIds', rest.documentIds);
  const queryIds = rest.queryIds === undefined ? null : readIds('queryIds', rest.queryIds, layout.queries);
  const columns = candidates === null && documentIds.length !== layout.extent;
  if (columns && (layout.offsets !== null || documentIds.length !== layout.docs)) {
    throw new CklRangeError(
      'ERR_CKL_SHAPE',
      `documentIds has ${documentIds.length} elements; it needs one for each of ${layout.extent} places, ` +
        'or with candidates for each document',
    );
  }
  const mask = allocate(Uint8Array, layout.extent, 'mask').fill(1);
  eachList(layout, (begin, end, query) => {
    const idOf = (i: number) => documentIds[candidates === null ? (columns ? i - begin : i) : candidates[i]];
    const seen = new Set<string | number>();
    if (queryIds !== null) seen.add(queryIds[query]);
    for (let i = begin; i < end; i++) if (labels[i] === 1) seen.add(idOf(i));
    for (let i = begin; i < end; i++) {
      if (labels[i] !== 0) continue;
      const id = idOf(i);
      if (id === undefined) continue; // no document
      if (seen.has(id)) mask[i] = 0;
      seen.add(id);
    }
  });
  return mask;
}

/** Reads each property of the caller's object once. */
function readLists(lists: LabelledLists) {
  const { labels, shape, offsets, ...rest } = lists as LabelledLists & Record<string, unknown>;
  const layout = LayoutView.of({ shape, offsets });
  layout.checkOffsets();
  if (!isUint8(labels)) throw wrongArray('labels', labels, 'a Uint8Array');
  checkMemory(labels, 'labels');
  layout.checkInput(labels, 'labels');
  return { layout, labels, rest };
}

function readIds(name: string, value: unknown, length?: number): readonly (string | number)[] {
  if (!Array.isArray(value)) {
    throw new CklTypeError('ERR_CKL_TYPE', `${name} is ${describe(value)}; it must be an array of ids`);
  }
  if (length === undefined || value.length === length) return value as (string | number)[];
  throw new CklRangeError('ERR_CKL_SHAPE', `${name} has ${value.length} elements; it needs ${length}`);
}

function eachList(layout: LayoutView, body: (begin: number, end: number, query: number) => void): void {
  for (let b = 0; b < layout.queries; b++) body(layout.begin(b), layout.end(b), b);
}
