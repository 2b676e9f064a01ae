// Compares two evaluations query by query: means, difference, paired t-test, Holm's correction over the measures.
import type { Evaluation } from './evaluate.js';
import { holm, pairedTTest, type TTest } from './significance.js';

export interface Comparison extends TTest {
  measure: string;
  /** Means over the queries that both evaluations have. */
  a: number;
  b: number;
  /** p after Holm's correction over all measures compared here. */
  pHolm: number;
}

/**
 * @param a the evaluation that is tested
 * @param b the evaluation that it is compared with
 * @returns one entry per measure that both have, over the queries that both have
 * @throws RangeError if they share fewer than 2 queries
 */
export function compare(a: Evaluation, b: Evaluation): Comparison[] {
  const placeInB = new Map(b.queries.map((qid, i) => [qid, i]));
  const shared = a.queries.flatMap((qid, i) => (placeInB.has(qid) ? [[i, placeInB.get(qid)!] as const] : []));
  const measures = Object.keys(a.mean).filter((measure) => measure in b.mean);
  const tests = measures.map((measure) => {
    const left = shared.map(([i]) => a.perQuery[measure][i]);
    const right = shared.map(([, j]) => b.perQuery[measure][j]);
    return { measure, a: mean(left), b: mean(right), ...pairedTTest(left, right) };
  });
  const corrected = holm(tests.map((test) => test.p));
  return tests.map((test, i) => ({ ...test, pHolm: corrected[i] }));
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
