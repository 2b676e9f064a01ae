// The saved form of a rank tracker, and its check before it is trusted again.
import { describe } from '../describe.js';
import { CklRangeError } from '../errors.js';
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

/** Takes a state apart, or throws what is wrong with it. */
export function readState(state: RankTrackerState) {
  if (typeof state !== 'object' || state === null || state.format !== stateFormat) {
    const found =
      typeof state === 'object' && state !== null ? `format ${describe(state.format)}` : describe(state);
    throw bad(`it is ${found}, not '${stateFormat}'; pass what JSON.parse gives for a saved tracker`);
  }
  const { every, depth, unlisted, unseen, batches, refreshedAt, rankings } = state;
  if (!isCount(batches)) throw bad(`batches is ${describe(batches)}`);
  if (refreshedAt !== null && !(isCount(refreshedAt) && refreshedAt <= batches)) {
    throw bad(`refreshedAt is ${describe(refreshedAt)}`);
  }
  if (!Array.isArray(rankings)) throw bad(`rankings is ${describe(rankings)}`);
  rankings.forEach((ranking, i) => {
    if (!isRanking(ranking, depth))
      throw bad(`rankings[${i}] is not [query, documents, ranks] with ranks from 1 to ${depth}`);
  });
  return { options: { every, depth, unlisted, unseen }, batches, refreshedAt, rankings };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRanking(ranking: unknown, depth: number): boolean {
  if (!Array.isArray(ranking) || ranking.length !== 3) return false;
  const [query, documents, ranks] = ranking as [unknown, unknown, unknown];
  return (
    typeof query === 'string' &&
    Array.isArray(documents) &&
    Array.isArray(ranks) &&
    documents.length === ranks.length &&
    documents.every((id) => typeof id === 'string' || Number.isFinite(id)) &&
    ranks.every((rank) => Number.isInteger(rank) && rank >= 1 && rank <= depth)
  );
}

function bad(problem: string): CklRangeError {
  return new CklRangeError('ERR_CKL_TRACKER', `not the saved state of a rank tracker: ${problem}`);
}
