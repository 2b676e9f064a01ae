// Each measure on lists small enough to check by hand.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  averagePrecision,
  ndcg,
  parseMeasure,
  precision,
  recall,
  reciprocalRank,
} from '../../../lib/metrics/index';

const judged = new Map([
  ['a', 3],
  ['b', 0],
  ['c', 1],
  ['d', 2],
  ['e', -1],
]);

describe('ndcg', () => {
  it('divides levels by log2(rank + 1) and the sum by the ideal list', () => {
    const dcg = 1 / Math.log2(2) + 3 / Math.log2(4);
    const ideal = 3 / Math.log2(2) + 2 / Math.log2(3) + 1 / Math.log2(4);
    expect(ndcg(['c', 'x', 'a'], judged)).toBeCloseTo(dcg / ideal, 14);
  });
  it('cuts both lists at k', () => {
    expect(ndcg(['c', 'a'], judged, 1)).toBeCloseTo(1 / 3, 14);
    expect(ndcg(['a', 'c'], judged, 1)).toBe(1);
  });
  it('gains nothing from levels below 1 and is 0 when nothing is relevant', () => {
    expect(ndcg(['e', 'b'], judged)).toBe(0);
    expect(ndcg(['b'], new Map([['b', 0]]))).toBe(0);
  });
  it('is 1 exactly for the ideal order, and never more', () => {
    expect(ndcg(['a', 'd', 'c', 'b', 'e'], judged)).toBe(1);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(['a', 'b', 'c', 'd', 'e', 'x', 'y']),
        fc.integer({ min: 1, max: 8 }),
        (ranked, k) => {
          const value = ndcg(ranked, judged, k);
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1 + 1e-12);
        },
      ),
    );
  });
});

describe('measures that ask only whether a document is relevant', () => {
  const ranked = ['b', 'c', 'x', 'd', 'a'];
  it('reciprocal rank: first hit, cutoff, level', () => {
    expect(reciprocalRank(ranked, judged)).toBe(1 / 2);
    expect(reciprocalRank(ranked, judged, 1)).toBe(0);
    expect(reciprocalRank(ranked, judged, 10, 2)).toBe(1 / 4);
    expect(reciprocalRank([], judged)).toBe(0);
  });
  it('recall: hits over relevant, 0 without relevant ones', () => {
    expect(recall(ranked, judged, 2)).toBeCloseTo(1 / 3, 15);
    expect(recall(ranked, judged, 4, 2)).toBe(1 / 2);
    expect(recall(ranked, new Map(), 4)).toBe(0);
  });
  it('precision: divides by k even for a shorter list', () => {
    expect(precision(ranked, judged, 10)).toBeCloseTo(3 / 10, 15);
  });
  it('average precision: mean of the precisions at the hits', () => {
    expect(averagePrecision(ranked, judged)).toBeCloseTo((1 / 2 + 2 / 4 + 3 / 5) / 3, 15);
    expect(averagePrecision(ranked, judged, 4)).toBeCloseTo((1 / 2 + 2 / 4) / 3, 15);
    expect(averagePrecision(ranked, new Map())).toBe(0);
    expect(averagePrecision(ranked, new Map([[ranked[0], 0]]))).toBe(0);
  });
});

describe('parseMeasure', () => {
  it.each([
    ['ndcg@1', 1 / 3],
    ['ndcg_cut_1', 1 / 3],
    ['MRR@10', 1],
    ['recip_rank', 1],
    ['recall_1', 1 / 3],
    ['P_2', 1 / 2],
    ['precision@2', 1 / 2],
  ])('%s', (name, expected) => {
    expect(parseMeasure(name).of(['c', 'b'], judged, 1)).toBeCloseTo(expected, 14);
  });
  it.each(['ndcg@0', 'bpref', 'P', '', 'ndcg@ten'])('refuses %j', (name) => {
    expect(() => parseMeasure(name)).toThrow(RangeError);
  });
});
