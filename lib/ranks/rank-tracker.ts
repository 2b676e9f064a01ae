// The paper's periodic refresh: ranks from the last evaluation of each query, held fixed for a block of training batches.
import { allocate, checkMemory, isFloat32, wrongArray } from '../loss/arrays.js';
import { describe, oneOf, shorten } from '../describe.js';
import { CklRangeError } from '../errors.js';
import { type Id, IdTable } from './id-table.js';
import { LayoutView } from '../loss/layout.js';
import { checkObject, checkOptionNames } from '../loss/options.js';
import { topRanks } from './rank-list.js';
import { checkId, readIds, readList, readScores } from './rank-input.js';
import { readState, type RankTrackerState, stateFormat } from './rank-state.js';
import { RankStore } from './rank-store.js';
import { type RankBatch, ranks } from './ranks.js';
import type { Dtype, Layout, Scores } from '../types.js';

export interface RankTrackerOptions {
  /** Batches between two refreshes; the paper saves a checkpoint every 2000. Default 2000. */
  every?: number;
  /** How much of each ranking is kept; the paper re-evaluates the top 50. 1 to 65535, default 50. */
  depth?: number;
  /**
   * The rank of a document that is not in its query's kept list. Such a document has 1/rank of at most 1/(depth + 1). `infinity` (default)
   * takes 0, as for a document that was never retrieved: it errs by less than alpha/(depth + 1) in beta and does not depend on the depth.
   * `next` takes depth + 1, the best rank that it can have.
   */
  unlisted?: 'infinity' | 'next';
  /**
   * What a query without any kept ranking gets: the ranks of the student's scores in the batch, as a loss takes when it is given none
   * (`current`, default), or an error.
   */
  unseen?: 'current' | 'error';
}

/** The batch whose ranks are wanted; the layout is that of the loss's batch. */
export interface RankRequest extends Layout {
  /** The id of each query. */
  queries: readonly Id[];
  /** The id of each document, laid out like the scores; null or undefined for padding, which gets Infinity. */
  documents: readonly (Id | null | undefined)[];
  /** The student's scores; needed when a query may be unseen. */
  student?: Scores;
  /** 255 marks padding for the ranks of an unseen query. */
  labels?: Uint8Array;
  /** How a `Uint16Array` student is read. */
  dtype?: Dtype;
}

/**
 * Ranks by query and document id. Train with `ranks: tracker.fill(...)`, call `tick()` after each batch, and when `due` put fresh rankings
 * with `set()` and say `refreshed()`.
 */
export class RankTracker {
  readonly every: number;
  readonly depth: number;
  readonly unlisted: 'infinity' | 'next';
  readonly unseen: 'current' | 'error';
  private batchCount = 0;
  private refreshedAt: number | null = null;
  private readonly ids = new IdTable();
  private readonly store = new RankStore();

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

  /** How many queries have a ranking. */
  get size(): number {
    return this.store.size;
  }

  /** How many batches were ticked. */
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

  /** Says that the rankings are fresh now; the next refresh is due `every` batches later. */
  refreshed(): void {
    this.refreshedAt = this.batchCount;
  }

  /**
   * Replaces a query's ranking. With scores, documents are ranked by them, ties sharing a rank; without, they are in ranked order, best
   * first. Documents ranked below `depth` are dropped.
   * @throws RangeError if a score is NaN, a document occurs twice, or the lengths differ.
   */
  set(query: Id, documents: readonly Id[], scores?: ArrayLike<number>): void {
    const key = checkId(query, 'query');
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
        `documents of query ${shorten(key)} hold ${describe(this.ids.nameOf(twice))} twice; a ranking lists each document once`,
      );
    }
    this.store.set(key, codes, ranks);
  }

  has(query: Id): boolean {
    return this.store.has(checkId(query, 'query'));
  }

  /** Forgets a query's ranking. Returns whether there was one. */
  delete(query: Id): boolean {
    return this.store.delete(checkId(query, 'query'));
  }

  /** The rank of a document, by the rule `unlisted` if it is not in the list; undefined if the query has no ranking. */
  rank(query: Id, document: Id): number | undefined {
    const list = this.store.get(checkId(query, 'query'));
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
    const keys = readIds(queries, layout.queries, 'queries', false) as Id[];
    const ids = readIds(documents, layout.extent, 'documents', true);
    const target = out ?? allocate(Float32Array, layout.extent, 'ranks');
    if (!isFloat32(target)) throw wrongArray('out', out, 'a Float32Array');
    checkMemory(target, 'out');
    layout.checkOutput(target, 'out');
    const { queries: rows, docs, stride } = layout;
    const same: Layout = layout.offsets ? { offsets } : { shape: [rows, docs], rowStride: stride };
    const current = this.currentRanks(keys, { student, labels, ...same } as RankBatch, dtype);
    for (let b = 0; b < rows && ids.length > 0; b++) {
      const list = this.store.get(String(keys[b]));
      for (let i = layout.begin(b); i < layout.end(b); i++) {
        const document = ids[i];
        if (document === null || document === undefined) target[i] = Infinity;
        else target[i] = list === null ? current![i] || Infinity : this.rankIn(list, document);
      }
    }
    return target;
  }

  /** Ranks of the student's scores, if some query of the batch has no ranking. */
  private currentRanks(
    queries: readonly Id[],
    batch: RankBatch,
    dtype: Dtype | undefined,
  ): Uint32Array | null {
    const unseen = queries.find((query) => !this.store.has(String(query)));
    if (unseen === undefined) return null;
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

  /** Everything, for `JSON.stringify`; `fromJSON` of it behaves the same, so that a training run can resume. */
  toJSON(): RankTrackerState {
    const { every, depth, unlisted, unseen, batchCount, refreshedAt } = this;
    const rankings: RankTrackerState['rankings'] = [];
    for (const query of this.store.keys()) {
      const list = this.store.get(query)!;
      rankings.push([
        query,
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
   * The tracker that `toJSON` saved.
   * @throws RangeError (ERR_CKL_TRACKER) if `state` is not one.
   */
  static fromJSON(state: RankTrackerState): RankTracker {
    const { options, batches, refreshedAt, rankings } = readState(state);
    const tracker = new RankTracker(options);
    tracker.batchCount = batches;
    tracker.refreshedAt = refreshedAt;
    for (const [query, documents, list] of rankings) {
      const codes = Uint32Array.from(documents, (id) => tracker.ids.intern(id));
      tracker.store.set(query, codes, Uint16Array.from(list));
    }
    return tracker;
  }
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
