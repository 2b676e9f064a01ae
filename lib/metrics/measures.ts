// The measures of one query: from ranked document ids and judgements to a number from 0 to 1. Each also has a
// form that takes the ranks of judged documents.
import { placedOf, type Placed } from './placed.js';

/** Judgements of one query: document id -> level. */
export type Judged = ReadonlyMap<string, number>;

/** The number of relevant judged documents, i.e. those of at least the level `relevant`. */
function relevantCount(judged: ArrayLike<number>, relevant: number): number {
  let count = 0;
  for (let i = 0; i < judged.length; i++) if (judged[i] >= relevant) count++;
  return count;
}

/**
 * Normalised discounted cumulative gain: gain = level, discount = 1 / log2(rank + 1), as trec_eval's `ndcg_cut`
 * (and, without a cutoff, `ndcg`). Levels below 1 have no gain. The ideal list consists of all judged
 * documents.
 *
 * @param ranked document ids, best first
 * @param k cutoff, 1 and up; Infinity for the whole list
 * @returns 0 to 1; 0 when nothing is relevant
 */
export function ndcg(ranked: readonly string[], judged: Judged, k = Infinity): number {
  return placedNdcg(placedOf(ranked, judged), k);
}

export function placedNdcg({ ranks, levels, judged }: Placed, k: number): number {
  const best = Float64Array.from(judged)
    .filter((level) => level > 0)
    .sort()
    .reverse();
  let ideal = 0;
  const depth = Math.min(k, best.length);
  for (let i = 0; i < depth; i++) ideal += best[i] / Math.log2(i + 2);
  if (ideal === 0) return 0;
  let sum = 0;
  for (let i = 0; i < ranks.length && ranks[i] <= k; i++)
    if (levels[i] > 0) sum += levels[i] / Math.log2(ranks[i] + 1);
  return sum / ideal;
}

/**
 * Reciprocal rank of the first relevant document, 0 when none is among the first k: trec_eval's `recip_rank`
 * (k = Infinity; with -M k otherwise) and the summand of MS MARCO's MRR@k.
 *
 * @param relevant the lowest level that counts as relevant (trec_eval -l)
 */
export function reciprocalRank(
  ranked: readonly string[],
  judged: Judged,
  k = Infinity,
  relevant = 1,
): number {
  return placedReciprocalRank(placedOf(ranked, judged), k, relevant);
}

export function placedReciprocalRank({ ranks, levels }: Placed, k: number, relevant: number): number {
  for (let i = 0; i < ranks.length && ranks[i] <= k; i++) if (levels[i] >= relevant) return 1 / ranks[i];
  return 0;
}

/** The relevant documents among the first k. */
function hits({ ranks, levels }: Placed, k: number, relevant: number): number {
  let found = 0;
  for (let i = 0; i < ranks.length && ranks[i] <= k; i++) if (levels[i] >= relevant) found++;
  return found;
}

/** The share of the relevant documents that are among the first k (trec_eval's `recall_k`); 0 when nothing is relevant. */
export function recall(ranked: readonly string[], judged: Judged, k = Infinity, relevant = 1): number {
  return placedRecall(placedOf(ranked, judged), k, relevant);
}

export function placedRecall(placed: Placed, k: number, relevant: number): number {
  const total = relevantCount(placed.judged, relevant);
  return total === 0 ? 0 : hits(placed, k, relevant) / total;
}

/** The share of the first k that is relevant (trec_eval's `P_k`): divided by k even when fewer were retrieved. */
export function precision(ranked: readonly string[], judged: Judged, k: number, relevant = 1): number {
  return placedPrecision(placedOf(ranked, judged), k, relevant);
}

export function placedPrecision(placed: Placed, k: number, relevant: number): number {
  return hits(placed, k, relevant) / k;
}

/**
 * Average precision over all relevant documents (trec_eval's `map`, or `map_cut_k`): the mean, over the relevant
 * documents, of the precision at their ranks, 0 for those not among the first k.
 */
export function averagePrecision(
  ranked: readonly string[],
  judged: Judged,
  k = Infinity,
  relevant = 1,
): number {
  return placedAveragePrecision(placedOf(ranked, judged), k, relevant);
}

export function placedAveragePrecision(
  { ranks, levels, judged }: Placed,
  k: number,
  relevant: number,
): number {
  const total = relevantCount(judged, relevant);
  if (total === 0) return 0;
  let found = 0;
  let sum = 0;
  for (let i = 0; i < ranks.length && ranks[i] <= k; i++)
    if (levels[i] >= relevant) sum += ++found / ranks[i];
  return sum / total;
}
