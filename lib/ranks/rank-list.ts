// The head of one ranking: the documents of a list with a rank of at most `depth`, and their ranks.
import { CklRangeError } from '../errors.js';

/** Positions of the kept documents, best first, and their competition ranks. Without scores the list is in ranked order. */
export function topRanks(length: number, scores: ArrayLike<number> | undefined, depth: number) {
  if (scores === undefined) {
    const kept = Array.from({ length: Math.min(length, depth) }, (_, i) => i);
    return { kept, ranks: Uint16Array.from(kept, (i) => i + 1) };
  }
  const order = Array.from({ length }, (_, i) => i);
  const nan = order.find((i) => Number.isNaN(scores[i]));
  if (nan !== undefined)
    throw new CklRangeError('ERR_CKL_TRACKER', `scores[${nan}] is NaN; it has no place in a ranking`);
  order.sort((a, b) => (scores[a] === scores[b] ? a - b : scores[b] - scores[a]));
  const kept: number[] = [];
  const ranks: number[] = [];
  for (let i = 0; i < length; i++) {
    const tied = i > 0 && scores[order[i]] === scores[order[i - 1]];
    const rank = tied ? ranks[i - 1] : i + 1;
    if (rank > depth) break;
    kept.push(order[i]);
    ranks.push(rank);
  }
  return { kept, ranks: Uint16Array.from(ranks) };
}
