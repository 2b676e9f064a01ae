// Tests whether a difference between two runs is more than chance: the paired t-test over queries, with Holm's correction for several tests.
import { studentTwoSided } from './student-t.js';

export interface TTest {
  /** The number of pairs. */
  n: number;
  /** Mean of a − b. */
  meanDifference: number;
  /** The statistic, with n − 1 degrees of freedom; 0 when all pairs are equal, ±Infinity when all differ by the same amount. */
  t: number;
  df: number;
  /** Two-sided p value. */
  p: number;
}

/**
 * Student's paired t-test of "the mean of a − b is 0".
 *
 * @param a one value per query
 * @param b the same queries in the same order
 * @throws RangeError for different lengths, fewer than 2 pairs, or a value that is not finite
 */
export function pairedTTest(a: ArrayLike<number>, b: ArrayLike<number>): TTest {
  const n = a.length;
  if (n !== b.length)
    throw new RangeError(`a paired test needs as many values in a (${n}) as in b (${b.length})`);
  if (n < 2) throw new RangeError(`a paired test needs at least 2 pairs, not ${n}`);
  const difference = Float64Array.from({ length: n }, (_, i) => a[i] - b[i]);
  const bad = difference.findIndex((d) => !Number.isFinite(d));
  if (bad >= 0) throw new RangeError(`pair ${bad} is not finite: ${a[bad]} and ${b[bad]}`);

  const meanDifference = difference.reduce((sum, d) => sum + d, 0) / n;
  const squares = difference.reduce((sum, d) => sum + (d - meanDifference) ** 2, 0);
  const error = difference.every((d) => d === difference[0]) ? 0 : Math.sqrt(squares / (n - 1) / n);
  const t = meanDifference === 0 ? 0 : meanDifference / error;
  return { n, meanDifference, t, df: n - 1, p: studentTwoSided(t, n - 1) };
}

/**
 * Holm's step-down correction: multiplies the smallest p value by m, the next by m − 1, …, never letting one
 * fall below an earlier one. Reject if the result is at most the level; the probability of any false
 * rejection is then at most the level.
 *
 * @param pValues 0 to 1 each
 * @returns adjusted p values in the order given, at most 1
 */
export function holm(pValues: readonly number[]): number[] {
  const bad = pValues.find((p) => !(p >= 0 && p <= 1));
  if (bad !== undefined) throw new RangeError(`a p value must lie in 0..1, not ${bad}`);
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i] - pValues[j]);
  const adjusted = new Array<number>(pValues.length);
  let floor = 0;
  order.forEach((index, step) => {
    floor = Math.max(floor, Math.min(1, pValues[index] * (pValues.length - step)));
    adjusted[index] = floor;
  });
  return adjusted;
}
