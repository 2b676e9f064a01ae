// The layout of a batch: where each list begins and ends in the arrays, and whether they are long enough.
import { type BatchArray, checkMemory, isInt32, wrongArray } from './arrays.js';
import { describe } from '../describe.js';
import { CklRangeError, CklTypeError } from '../errors.js';
import { isObject, isPretender, lengthOf } from './intrinsics.js';
import type { Layout } from '../types.js';

export type Shape = readonly [queries: number, documents: number];

/** A checked layout, reused from call to call so that a run allocates nothing here. */
export class LayoutView {
  queries = 0;
  docs = 0;
  stride = 0;
  offsets: Int32Array | null = null;
  /** The number of elements from the first document to the last, gaps included. */
  extent = 0;
  /**
   * Whether arrays over documents must have exactly `extent` elements: a longer one then most likely means a
   * wrong shape.
   */
  exact = true;

  /** The layout of an object of the caller's, each property read once. */
  static of({ shape, rowStride, offsets }: Layout): LayoutView {
    const layout = new LayoutView();
    const ragged = offsets !== undefined && offsets !== null;
    const size = ragged || shape === undefined || shape === null ? shape : readShape(shape);
    layout.read({ shape: size, rowStride, offsets }, null);
    return layout;
  }

  /**
   * Takes a batch's layout, whose shape has been checked; `usual` is the shape of batches without a layout.
   */
  read({ offsets, shape: given, rowStride }: Layout, usual: Shape | null): void {
    if (offsets !== undefined && offsets !== null) {
      this.readOffsets(offsets, given, rowStride);
      return;
    }
    const shape = given ?? usual;
    if (shape === null) throw missingShape();
    const { 0: queries, 1: docs } = shape;
    if (rowStride !== undefined && !(isCount(rowStride) && rowStride >= docs))
      throw badStride(rowStride, docs);
    this.queries = queries;
    this.docs = docs;
    this.stride = rowStride === undefined ? docs : rowStride;
    this.offsets = null;
    this.extent = queries === 0 ? 0 : (queries - 1) * this.stride + docs;
    this.exact = rowStride === undefined;
  }

  private readOffsets(offsets: Int32Array, shape: unknown, rowStride: unknown): void {
    if (shape !== undefined || rowStride !== undefined) {
      throw new CklTypeError(
        'ERR_CKL_SHAPE',
        `${shape !== undefined ? 'shape' : 'rowStride'} and offsets are both given; offsets alone say where the lists lie`,
      );
    }
    if (!isInt32(offsets)) throw wrongArray('offsets', offsets, 'an Int32Array');
    checkMemory(offsets, 'offsets');
    const length = lengthOf(offsets);
    if (length === 0) {
      throw new CklRangeError(
        'ERR_CKL_OFFSETS',
        'offsets is empty; it needs queries + 1 elements, at least [0]',
      );
    }
    const queries = length - 1;
    const extent = offsets[queries];
    if (extent < 0) {
      throw new CklRangeError(
        'ERR_CKL_OFFSETS',
        `offsets[${queries}] is ${extent}; offsets are positions, 0 or more`,
      );
    }
    this.queries = queries;
    this.docs = 0;
    this.stride = 0;
    this.offsets = offsets;
    this.extent = extent;
    this.exact = false;
  }

  /**
   * The number of documents in the longest list. Descending offsets are ignored here; the addon rejects them.
   */
  longestRow(): number {
    const { offsets } = this;
    if (offsets === null) return this.docs;
    let longest = 0;
    for (let b = 0; b < this.queries; b++) longest = Math.max(longest, offsets[b + 1] - offsets[b]);
    return longest;
  }

  /** Where a query's list starts and ends. */
  begin(query: number): number {
    return this.offsets === null ? query * this.stride : this.offsets[query];
  }

  end(query: number): number {
    return this.offsets === null ? query * this.stride + this.docs : this.offsets[query + 1];
  }

  /**
   * Throws unless the lists follow one another. Only for batches that are not passed to the addon, which
   * makes its own checks.
   */
  checkOffsets(): void {
    if (this.offsets === null) return;
    for (let b = 0; b < this.queries; b++) {
      if (this.begin(b) >= 0 && this.begin(b) <= this.end(b)) continue;
      throw new CklRangeError(
        'ERR_CKL_OFFSETS',
        `offsets[${b}] is ${this.begin(b)} and offsets[${b + 1}] is ${this.end(b)}; offsets start at 0 or more and never descend`,
      );
    }
  }

  /** Whether arrays over documents have elements that belong to no list. */
  hasGaps(): boolean {
    return this.offsets === null ? this.stride !== this.docs : this.offsets[0] !== 0;
  }

  /** Throws unless an input over documents fits the layout. */
  checkInput(array: BatchArray, name: string): void {
    const length = lengthOf(array);
    if (length === this.extent || (length > this.extent && !this.exact)) return;
    throw this.wrongLength(array, name, this.extent, this.exact);
  }

  /** Throws unless an output over documents has room. */
  checkOutput(array: BatchArray, name: string): void {
    if (lengthOf(array) < this.extent) throw this.wrongLength(array, name, this.extent, false);
  }

  checkQueryInput(array: BatchArray, name: string): void {
    if (lengthOf(array) !== this.queries) throw this.wrongLength(array, name, this.queries, true);
  }

  checkQueryOutput(array: BatchArray, name: string): void {
    if (lengthOf(array) < this.queries) throw this.wrongLength(array, name, this.queries, false);
  }

  private wrongLength(array: BatchArray, name: string, needed: number, exact: boolean): Error {
    const length = lengthOf(array);
    if (length === 0) checkMemory(array, name); // a detached array has length 0: report that instead
    return new CklRangeError(
      'ERR_CKL_SHAPE',
      `${name} has ${length} elements; ${this.describe()} needs ${exact ? '' : 'at least '}${needed}`,
    );
  }

  private describe(): string {
    if (this.offsets !== null) return `offsets (${this.queries} queries, up to position ${this.extent})`;
    const stride = this.exact ? '' : ` with rowStride ${this.stride}`;
    return `shape [${this.queries}, ${this.docs}]${stride}`;
  }
}

/** Whether a value is a whole number of 0 or more. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The numbers of a shape, each read once. */
export function readShape(shape: unknown, rule = shapeRule): Shape {
  if (!isObject(shape) || (!Array.isArray(shape) && isPretender(shape))) throw badShape(shape, rule);
  const { length, 0: queries, 1: docs } = shape as readonly unknown[];
  if (length !== 2 || !isCount(queries) || !isCount(docs)) throw badShape(shape, rule);
  return [queries, docs];
}

function missingShape(): Error {
  return new CklTypeError('ERR_CKL_SHAPE', 'shape is missing; give shape: [queries, documents], or offsets');
}

function badStride(rowStride: unknown, docs: number): Error {
  return new CklRangeError(
    'ERR_CKL_SHAPE',
    `rowStride is ${describe(rowStride)}; it must be an integer and at least the ${docs} documents of a row`,
  );
}

const shapeRule = 'shape must be [queries, documents], two integers of 0 or more';

function badShape(shape: unknown, rule: string): Error {
  return typeof shape === 'object' && shape !== null
    ? new CklRangeError('ERR_CKL_SHAPE', `shape is ${describe(shape)}; ${rule}`)
    : new CklTypeError('ERR_CKL_SHAPE', `shape is ${describe(shape)}; ${rule}`);
}
