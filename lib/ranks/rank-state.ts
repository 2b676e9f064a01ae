// The saved form of a rank tracker, and its validation when it is loaded.
import { describe } from '../describe.js';
import { CklRangeError } from '../errors.js';
import { isObject } from '../loss/intrinsics.js';
import { isCount } from '../loss/layout.js';
import type { Id } from './id-table.js';

export const stateFormat = 'ckl-loss/rank-tracker/1';

/** What `RankTracker.toJSON` returns: plain JSON. */
export interface RankTrackerState {
  format: typeof stateFormat;
  every: number;
  depth: number;
  unlisted: 'infinity' | 'next';
  unseen: 'current' | 'error';
  batches: number;
  /** `batches` at the last refresh; null before the first. */
  refreshedAt: number | null;
  /** Query id, document ids best first, their ranks. */
  rankings: [query: string, documents: Id[], ranks: number[]][];
}

/** Reads a state, each property once, or throws an error that describes the problem. */
export function readState(state: unknown) {
  const saved = isObject(state) ? (state as Partial<RankTrackerState>) : {};
  const { format, every, depth, unlisted, unseen, batches, refreshedAt, rankings } = saved;
  if (format !== stateFormat) {
    const found = isObject(state) ? `format ${describe(format)}` : describe(state);
    throw bad(`it is ${found}, not '${stateFormat}'; pass what JSON.parse gives for a saved tracker`);
  }
  if (!isCount(batches)) throw bad(`batches is ${describe(batches)}`);
  if (refreshedAt !== null && !(isCount(refreshedAt) && refreshedAt <= batches)) {
    throw bad(`refreshedAt is ${describe(refreshedAt)}`);
  }
  if (!isArray(rankings)) throw bad(`rankings is ${describe(rankings)}`);
  const read: RankTrackerState['rankings'] = [];
  const { length } = rankings;
  for (let i = 0; i < length; i++) read.push(readRanking(rankings[i], depth, i));
  return { options: { every, depth, unlisted, unseen }, batches, refreshedAt, rankings: read };
}

function isArray(value: unknown): value is unknown[] {
  return isObject(value) && Array.isArray(value);
}

/** A copy of one ranking, checked. */
function readRanking(ranking: unknown, depth: unknown, i: number): RankTrackerState['rankings'][number] {
  const most = typeof depth === 'number' ? depth : 0;
  if (isArray(ranking) && ranking.length === 3) {
    const [query, documents, ranks] = Array.from(ranking);
    if (typeof query === 'string' && isArray(documents) && isArray(ranks)) {
      const ids = readAll(documents, (id): id is Id => typeof id === 'string' || Number.isFinite(id));
      const list = readAll(
        ranks,
        (rank): rank is number => Number.isInteger(rank) && (rank as number) >= 1 && (rank as number) <= most,
      );
      if (ids !== null && list !== null && ids.length === list.length) return [query, ids, list];
    }
  }
  throw bad(`rankings[${i}] is not [query, documents, ranks] with ranks from 1 to ${describe(depth)}`);
}

/** A copy of a list, or null if an element is invalid or missing. */
function readAll<T>(list: readonly unknown[], isRight: (value: unknown) => value is T): T[] | null {
  const read: T[] = [];
  const { length } = list;
  for (let i = 0; i < length; i++) {
    const value = list[i];
    if (!isRight(value)) return null;
    read.push(value);
  }
  return read;
}

export function bad(problem: string): CklRangeError {
  return new CklRangeError('ERR_CKL_TRACKER', `not the saved state of a rank tracker: ${problem}`);
}
