// The paper's periodic refresh: ranks from the last evaluation of each query, held fixed for a block of training batches.
import { allocate, checkMemory, isFloat32, wrongArray } from '../loss/arrays.js';
import { describe, oneOf, shorten } from '../describe.js';
import { CklRangeError } from '../errors.js';
import { type Id, IdTable } from './id-table.js';
import { LayoutView } from '../loss/layout.js';
import { checkObject, checkOptionNames } from '../loss/options.js';
import { topRanks } from './rank-list.js';
import { fromBytes, toBytes } from './rank-bytes.js';
import { checkId, PADDING, readDocuments, readList, readQueries, readScores } from './rank-input.js';
import { bad, readState, type RankTrackerState, stateFormat } from './rank-state.js';
import { RankStore } from './rank-store.js';
import { type RankBatch, ranks } from './ranks.js';
import type { Dtype, Layout, Scores } from '../types.js';

const NOTHING = new Uint32Array(0);

/** The maximum length of a string in V8. */
const LONGEST_TEXT = 2 ** 29 - 24;

export interface RankTrackerOptions {
  /** Batches between two refreshes; the paper saves a checkpoint every 2000. Default 2000. */
  every?: number;
  /** The number of documents of each ranking that are kept; the paper re-evaluates the top 50. 1 to 65535, default 50. */
  depth?: number;
  /**
   * The rank of a document that is not in its query's kept list; its true 1/rank is at most 1/(depth + 1).
   * With `infinity` (default), 1/rank is 0, as for a document that was never retrieved. The error of beta is
   * then less than alpha/(depth + 1), and the result does not depend on the depth. With `next`, the rank is
   * depth + 1, the best that the document can have.
   */
  unlisted?: 'infinity' | 'next';
  /**
   * With `current` (default), a query without a kept ranking gets the ranks of the student's scores in the batch, which are also the default of
   * the losses. With `error`, such a query is an error.
   */
  unseen?: 'current' | 'error';
}

/** A batch for which to look up ranks, in the layout of the loss's batch. */
export interface RankRequest extends Layout {
  /** The id of each query. */
  queries: readonly Id[];
  /** The id of each document, laid out like the scores; null or undefined for padding, which gets Infinity. */
  documents: readonly (Id | null | undefined)[];
  /** The student's scores; needed if a query may be unseen. */
  student?: Scores;
  /** 255 marks padding for the ranks of an unseen query. */
  labels?: Uint8Array;
  /** The type of scores in a `Uint16Array`. */
  dtype?: Dtype;
}

/**
 * Ranks by query and document id. Train with `ranks: tracker.fill(...)` and call `tick()` after each batch. When `due` is true, pass new
 * rankings to `set()` and then call `refreshed()`.
 */
export class RankTracker {
  readonly every: number;
  readonly depth: number;
  readonly unlisted: 'infinity' | 'next';
  readonly unseen: 'current' | 'error';
  private batchCount = 0;
  private refreshedAt: number | null = null;
  /** Of queries and documents. */
  private ids = new IdTable();
  private readonly store = new RankStore();
  /** The codes of the last batch; overwritten by the next. */
  private scratch = NOTHING;

  /** @throws TypeError or RangeError (ERR_CKL_OPTION) if an option is not allowed. */
  constructor(options: RankTrackerOptions = {}) {
    checkObject('options', options);
    checkOptionNames('RankTracker', options, ['every', 'depth', 'unlisted', 'unseen']);
    const { every = 2000, depth = 50, unlisted = 'infinity', unseen = 'current' } = options;
    this.every = checkInteger('every', every, 1, Number.MAX_SAFE_INTEGER);
    this.depth = checkInteger('depth', depth, 1, 65535);
    this.unlisted = checkChoice('unlisted', unlisted, ['infinity', 'next']);
    this.unseen = checkChoice('unseen', unseen, ['current', 'error']);
  }

  /** The number of queries with a ranking. */
  get size(): number {
    return this.store.size;
  }

  /** The number of batches counted by `tick`. */
  get batches(): number {
    return this.batchCount;
  }

  /** Whether it is time to refresh: nothing was ever refreshed, or `every` batches have passed since. */
  get due(): boolean {
    return this.refreshedAt === null || this.batchCount - this.refreshedAt >= this.every;
  }

  /** Counts a batch (or several). Returns `due`. */
  tick(batches = 1): boolean {
    this.batchCount += checkInteger('batches', batches, 0, Number.MAX_SAFE_INTEGER);
    return this.due;
  }

  /** Marks the rankings as fresh; the next refresh is due `every` batches later. */
  refreshed(): void {
    this.refreshedAt = this.batchCount;
  }

  /**
   * Replaces a query's ranking. With scores, documents are ranked by them, ties sharing a rank; without, they are in ranked order, best
   * first. Documents ranked below `depth` are dropped.
   * @throws RangeError if a score is NaN, a document occurs twice, or the lengths differ.
   */
  set(query: Id, documents: readonly Id[], scores?: ArrayLike<number>): void {
    checkId(query, 'query');
    const given = scores === undefined ? undefined : readScores(scores);
    const ids = readList(documents, given === undefined ? this.depth : given.length, given !== undefined);
    const { kept, ranks } = topRanks(ids.length, given, this.depth);
    const codes = new Uint32Array(kept.length);
    for (let i = 0; i < kept.length; i++) {
      const id = ids[kept[i]];
      checkId(id, `documents[${kept[i]}]`);
      codes[i] = this.ids.intern(id as Id);
    }
    if (new Set(codes).size < codes.length) {
      const twice = codes.find((code, i) => codes.indexOf(code) < i)!;
      throw new CklRangeError(
        'ERR_CKL_TRACKER',
        `documents of query ${shorten(String(query))} hold ${describe(this.ids.nameOf(twice))} twice; a ranking lists each document once`,
      );
    }
    this.store.set(this.ids.intern(query), codes, ranks);
  }

  has(query: Id): boolean {
    checkId(query, 'query');
    return this.store.has(this.ids.find(query));
  }

  /** Forgets a query's ranking. Returns whether there was one. */
  delete(query: Id): boolean {
    checkId(query, 'query');
    return this.store.delete(this.ids.find(query));
  }

  /** The rank of a document, by the rule `unlisted` if it is not in the list; undefined if the query has no ranking. */
  rank(query: Id, document: Id): number | undefined {
    checkId(query, 'query');
    const list = this.store.get(this.ids.find(query));
    checkId(document, 'document');
    return list === null ? undefined : this.rankIn(list, document);
  }

  /**
   * The `ranks` of a batch, in a new array or in `out`. Elements between rows are left as they are.
   * @throws RangeError (ERR_CKL_TRACKER) for an unseen query if `unseen` is 'error' or the batch has no student scores.
   */
  fill(batch: RankRequest, out?: Float32Array): Float32Array {
    checkObject('batch', batch);
    // Each property once; no code of the caller runs after the ids were read.
    const { queries, documents, student, labels, shape, rowStride, offsets, dtype } = batch;
    const layout = LayoutView.of({ shape, rowStride, offsets });
    layout.checkOffsets();
    const keys = readQueries(queries, layout.queries);
    const needed = layout.extent;
    // Protected from a nested fill, which a caller's own list could start while it is read.
    const codes = this.scratch.length < needed ? new Uint32Array(needed) : this.scratch;
    this.scratch = NOTHING;
    const padded = readDocuments(documents, needed, this.ids, codes);
    const target = out ?? allocate(Float32Array, layout.extent, 'ranks');
    if (!isFloat32(target)) throw wrongArray('out', out, 'a Float32Array');
    checkMemory(target, 'out');
    layout.checkOutput(target, 'out');
    const { queries: rows, docs, stride } = layout;
    const same: Layout = layout.offsets ? { offsets } : { shape: [rows, docs], rowStride: stride };
    const places = keys.map((query) => this.store.placeOf(this.ids.find(query)));
    const unseen = places.indexOf(undefined);
    const current =
      unseen < 0 ? null : this.currentRanks(keys[unseen], { student, labels, ...same } as RankBatch, dtype);
    const absent = this.unlisted === 'infinity' ? Infinity : this.depth + 1;
    if (needed > 0) {
      this.store.fill(places, layout, codes, absent, target);
      if (current) copyUnseen(places, layout, current, target);
      if (padded) clearPadding(codes, layout, target);
    }
    this.scratch = codes;
    return target;
  }

  /** Ranks of the student's scores, for a query without a ranking. */
  private currentRanks(unseen: Id, batch: RankBatch, dtype: Dtype | undefined): Uint32Array {
    if (this.unseen === 'error' || batch.student === undefined) {
      const way =
        this.unseen === 'error'
          ? "or make the tracker with unseen: 'current'"
          : "or give the batch's student scores";
      throw new CklRangeError(
        'ERR_CKL_TRACKER',
        `query ${describe(unseen)} has no ranking; set() one, ${way}`,
      );
    }
    return ranks(batch, { dtype });
  }

  private rankIn(list: { documents: Uint32Array; ranks: Uint16Array }, document: Id): number {
    const code = this.ids.find(document);
    const place = code < 0 ? -1 : list.documents.indexOf(code);
    if (place >= 0) return list.ranks[place];
    return this.unlisted === 'infinity' ? Infinity : this.depth + 1;
  }

  /**
   * The whole state, for `JSON.stringify`. `fromJSON` restores it, so that a training run can resume. For
   * many queries, `toBytes` is smaller and faster.
   * @throws RangeError (ERR_CKL_TRACKER) if the JSON would be longer than a text can be.
   */
  toJSON(): RankTrackerState {
    const { every, depth, unlisted, unseen, batchCount, refreshedAt } = this;
    const rankings: RankTrackerState['rankings'] = [];
    this.checkTextLength();
    for (const query of this.store.keys()) {
      const list = this.store.get(query)!;
      rankings.push([
        String(this.ids.nameOf(query)),
        Array.from(list.documents, (code) => this.ids.nameOf(code)),
        Array.from(list.ranks),
      ]);
    }
    return {
      format: stateFormat,
      every,
      depth,
      unlisted,
      unseen,
      batches: batchCount,
      refreshedAt,
      rankings,
    };
  }

  /**
   * Restores the tracker that `toJSON` saved.
   * @throws RangeError (ERR_CKL_TRACKER) if `state` is not the state of a tracker.
   */
  static fromJSON(state: RankTrackerState): RankTracker {
    const { options, batches, refreshedAt, rankings } = readState(state);
    const tracker = new RankTracker(options);
    tracker.batchCount = batches;
    tracker.refreshedAt = refreshedAt;
    for (const [query, documents, list] of rankings) {
      const codes = Uint32Array.from(documents, (id) => tracker.ids.intern(id));
      tracker.store.set(tracker.ids.intern(query), codes, Uint16Array.from(list));
    }
    return tracker;
  }

  /**
   * The whole state in about 4 bytes per listed document (6 if scores tie), plus the ids that are not
   * integers. `fromBytes` restores it.
   */
  toBytes(): Uint8Array {
    const { every, depth, unlisted, unseen, batchCount: batches, refreshedAt } = this;
    const head = { every, depth, unlisted, unseen, batches, refreshedAt };
    return toBytes(head, this.store.packed(), this.ids.names);
  }

  /**
   * Restores the tracker that `toBytes` saved. The bytes are copied.
   * @throws RangeError (ERR_CKL_TRACKER) if `bytes` are not all of such a state.
   */
  static fromBytes(bytes: Uint8Array): RankTracker {
    const { head, packed, names } = fromBytes(bytes);
    const { batches, refreshedAt, ...options } = head;
    const tracker = new RankTracker(options);
    tracker.batchCount = batches;
    tracker.refreshedAt = refreshedAt;
    tracker.ids = new IdTable(names);
    const { queries, lengths, documents, ranks } = packed;
    if (!tracker.store.restore(queries, lengths, documents, ranks)) throw bad('a query has two rankings');
    return tracker;
  }

  /**
   * The length of a JSON string is limited, and many rankings exceed it; the error is thrown before the
   * memory is allocated.
   */
  private checkTextLength(): void {
    const listed = this.store.listed;
    // A document takes at least a digit and a comma in each of two lists.
    if (4 * listed < LONGEST_TEXT / 8) return;
    let least = 0;
    for (const query of this.store.keys())
      for (const code of this.store.get(query)!.documents) least += String(this.ids.nameOf(code)).length + 3;
    if (least > LONGEST_TEXT)
      throw new CklRangeError(
        'ERR_CKL_TRACKER',
        `${listed} documents are more than ${LONGEST_TEXT} characters of JSON, the longest text there is; toBytes() saves any number`,
      );
  }
}

/** Fills the rows without a ranking with ranks by the student's scores. */
function copyUnseen(
  places: readonly (number | undefined)[],
  layout: LayoutView,
  current: Uint32Array,
  target: Float32Array,
): void {
  for (let b = 0; b < places.length; b++)
    if (places[b] === undefined)
      for (let i = layout.begin(b); i < layout.end(b); i++) target[i] = current[i] || Infinity;
}

function clearPadding(codes: Uint32Array, layout: LayoutView, target: Float32Array): void {
  for (let b = 0; b < layout.queries; b++)
    for (let i = layout.begin(b); i < layout.end(b); i++) if (codes[i] === PADDING) target[i] = Infinity;
}

function checkInteger(name: string, value: unknown, least: number, most: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most)
    return value as number;
  throw new CklRangeError(
    'ERR_CKL_OPTION',
    `${name} is ${describe(value)}; it must be an integer from ${least} to ${most}`,
  );
}

function checkChoice<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw new CklRangeError('ERR_CKL_OPTION', `${name} is ${describe(value)}; it must be ${oneOf(allowed)}`);
}
