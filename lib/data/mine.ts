// Hard negatives from a ranking: documents ranked near the positives, except those that are likely to be
// relevant themselves.
import { smallest } from '../extremes.js';
import { rank } from '../metrics/ranking.js';
import type { Qrels, Run } from '../metrics/types.js';
import type { ScoredDocument, ScoredList } from './forms/scored.js';

export interface MineOptions {
  /** Maximum number of negatives per query. */
  negatives: number;
  /**
   * The part of the ranking that negatives come from, not counting positives: from place `skip` (default 0)
   * to place `depth` (default: its end).
   */
  skip?: number;
  depth?: number;
  /** A negative scores at least this much less than the query's lowest positive. */
  margin?: number;
  /**
   * A negative scores less than the lowest positive by at least this share of the positive's score: 0.05
   * keeps documents with at most 95 % of it.
   */
  relativeMargin?: number;
  /** A negative scores at most this. */
  maxScore?: number;
  /** The lowest level that makes a document positive. A document judged above 0 is never a negative. Default 1. */
  level?: number;
  /**
   * Scores for margins and lists instead of the ranking's, such as a teacher's. Documents without one are not
   * candidates.
   */
  teacher?: Run;
  /**
   * Draws among the remaining documents (a source of numbers from 0 up to 1). Default: the best are taken.
   */
  random?: () => number;
}

/** The reasons why judged queries have no list. */
export interface Unmined {
  /** The ranking lacks the query. */
  unranked: number;
  /** None of its positives has a score. */
  withoutPositive: number;
  /** Nothing passed the filters. */
  withoutNegative: number;
}

export interface Mined {
  /** In the order of the judgements: the scored positives, then the negatives, best first. */
  lists: ScoredList[];
  left: Unmined;
  /** Candidates that a margin or the highest score ruled out: likely false negatives. */
  ruledOut: number;
}

/**
 * Mines hard negatives from a ranking (Moreira et al. 2024, NV-Retriever: positive-aware mining).
 *
 * A document with the query's own id is never a negative.
 */
export function mineNegatives(run: Run, qrels: Qrels, options: MineOptions): Mined {
  const { negatives, skip = 0, depth = Infinity, level = 1, teacher = run, random } = options;
  const left: Unmined = { unranked: 0, withoutPositive: 0, withoutNegative: 0 };
  const lists: ScoredList[] = [];
  let ruledOut = 0;
  for (const [qid, levels] of qrels) {
    const positives = [...levels].filter(([, judged]) => judged >= level).map(([docid]) => docid);
    if (positives.length === 0) continue;
    const [ranked, scores] = [run.get(qid), teacher.get(qid)];
    if (!ranked || !scores) {
      left.unranked++;
      continue;
    }
    const known = positives.filter((docid) => scores.has(docid));
    if (known.length === 0) {
      left.withoutPositive++;
      continue;
    }
    const highest = highestOf(smallest(known.map((docid) => scores.get(docid)!)), options);
    const candidates = rank(ranked)
      .filter((docid) => docid !== qid && !((levels.get(docid) ?? 0) > 0))
      .slice(skip, depth)
      .filter((docid) => scores.has(docid));
    const passed = candidates.filter((docid) => scores.get(docid)! <= highest);
    ruledOut += candidates.length - passed.length;
    if (passed.length === 0) {
      left.withoutNegative++;
      continue;
    }
    const chosen = random ? drawn(passed, negatives, random) : passed.slice(0, negatives);
    const scored = (docids: readonly string[], label: 0 | 1): ScoredDocument[] =>
      docids.map((docid) => ({ docid, score: scores.get(docid)!, label }));
    lists.push({ qid, docs: [...scored(known, 1), ...scored(chosen, 0)] });
  }
  return { lists, left, ruledOut };
}

/** The maximum score of a negative, given the lowest positive. */
function highestOf(positive: number, { margin, relativeMargin, maxScore = Infinity }: MineOptions): number {
  return Math.min(
    maxScore,
    margin === undefined ? Infinity : positive - margin,
    relativeMargin === undefined ? Infinity : positive - relativeMargin * Math.abs(positive),
  );
}

/** Some of them, in their order. */
function drawn(docids: readonly string[], count: number, random: () => number): string[] {
  const places = [...docids.keys()];
  for (let i = 0; i < Math.min(count, places.length); i++) {
    const other = i + Math.floor(random() * (places.length - i));
    [places[i], places[other]] = [places[other], places[i]];
  }
  return places
    .slice(0, count)
    .sort((a, b) => a - b)
    .map((place) => docids[place]);
}
