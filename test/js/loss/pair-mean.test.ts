// lambdaMrr's two means, with weights: over the pairs of each query, or over all pairs of the batch.
import { describe, expect, it } from 'vitest';
import { combine, lambdaMrr, prepare } from '../../../lib/index';
import { expectClose, randomBatch, randomNumbers } from './helpers';

const QUERIES = 5;
const DOCS = 7;
const batch = randomBatch({ seed: 21, queries: QUERIES, docs: DOCS });
const next = randomNumbers(4);
const relevance = Float32Array.from({ length: QUERIES * DOCS }, () => Math.floor(3 * next()));
relevance.fill(2, 2 * DOCS, 3 * DOCS); // all equal: no pair, so that query 2 counts for nothing
const weights = Float32Array.of(1, 0.25, 100, 3, 0.5);
const each = lambdaMrr({ ...batch, relevance }, { reduction: 'none' });

/** Pairs of different relevance of each query. */
const pairs = Array.from({ length: QUERIES }, (_, b) => {
  const levels = relevance.slice(b * DOCS, (b + 1) * DOCS);
  return levels.reduce((sum, high) => sum + levels.filter((low) => low < high).length, 0);
});

/** Sum over the queries, each with its share, of values a query. */
const weighted = (values: ArrayLike<number>, share: (b: number) => number) =>
  Array.from(values).reduce((sum, value, b) => sum + (share(b) === 0 ? 0 : share(b) * value), 0);

function expectShares(result: ReturnType<typeof lambdaMrr>, share: (b: number) => number) {
  const total = weighted(Array<number>(QUERIES).fill(1), share);
  expectClose([result.loss as number], [weighted(each.perQuery, share) / total], 1e-5);
  // reduction 'none' gives the gradient of the sum.
  const expected = Array.from(each.grad as Float32Array, (g, i) => (share(Math.floor(i / DOCS)) * g) / total);
  expectClose(result.grad as Float32Array, expected, 1e-5);
}

describe('pairMean', () => {
  it('the queries have different numbers of pairs, one of them none', () => {
    expect(pairs[2]).toBe(0);
    expect(new Set(pairs).size).toBeGreaterThan(3);
  });

  it.each([false, true])(
    "'batch': every pair counts the same, times its query's weight (weights: %s)",
    (given) => {
      const input = { ...batch, relevance, ...(given && { weights }) };
      const share = (b: number) => (given ? weights[b] : 1) * pairs[b];
      expectShares(lambdaMrr(input, { pairMean: 'batch' }), share);
      using prepared = prepare('lambdaMrr', { shape: [QUERIES, DOCS], pairMean: 'batch' });
      expectShares(prepared.run(input), share);
      expectShares(combine(input, [{ loss: 'lambdaMrr' }], { pairMean: 'batch' }), share);
    },
  );

  it.each([false, true])("'query': every query counts the same, times its weight (weights: %s)", (given) => {
    const input = { ...batch, relevance, ...(given && { weights }) };
    const share = (b: number) => (pairs[b] > 0 ? (given ? weights[b] : 1) : 0);
    expectShares(lambdaMrr(input, { pairMean: 'query' }), share);
    expectShares(lambdaMrr(input), share);
  });

  it("'batch' weighs queries by their pairs where every query has some, too", () => {
    const without = relevance.slice();
    without.set([0, 1, 2, 2, 0, 0, 1], 2 * DOCS);
    const alone = lambdaMrr({ ...batch, relevance: without }, { reduction: 'none' }).perQuery;
    const levels = (b: number) => without.slice(b * DOCS, (b + 1) * DOCS);
    const share = Array.from(
      { length: QUERIES },
      (_, b) =>
        weights[b] * levels(b).reduce((n, high) => n + levels(b).filter((low) => low < high).length, 0),
    );
    const total = share.reduce((a, b) => a + b);
    const expected = share.reduce((sum, s, b) => sum + s * alone[b], 0) / total;
    const { loss, counted } = lambdaMrr({ ...batch, relevance: without, weights }, { pairMean: 'batch' });
    expect(counted).toBe(QUERIES);
    expectClose([loss as number], [expected], 1e-5);
  });

  it('with reduction none leaves the weights to the caller', () => {
    const { perQuery, counted } = lambdaMrr({ ...batch, relevance, weights }, { reduction: 'none' });
    expect([...perQuery]).toEqual([...each.perQuery]);
    expect(counted).toBe(QUERIES - 1);
  });
});
