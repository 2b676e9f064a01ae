// Which queries count and how ties fall, in both conventions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compare, compareBytes, evaluate, rank } from '../../../lib/metrics/index';

const table = (rows: Record<string, Record<string, number>>) =>
  new Map(Object.entries(rows).map(([qid, row]) => [qid, new Map(Object.entries(row))]));

describe('rank', () => {
  it('trec_eval: score first, then the id that sorts last', () => {
    const scores = new Map([
      ['d1', 1],
      ['d3', 2],
      ['d2', 2],
    ]);
    expect(rank(scores)).toEqual(['d3', 'd2', 'd1']);
  });
  it('trec_eval: scores that are one float32 tie', () => {
    const scores = new Map([
      ['a', 1.00000001],
      ['b', 1],
    ]);
    expect(rank(scores)).toEqual(['b', 'a']);
  });
  it('msmarco: the order of the run', () => {
    expect(
      rank(
        new Map([
          ['x', 1],
          ['y', 5],
        ]),
        'msmarco',
      ),
    ).toEqual(['x', 'y']);
  });
  it('compares ids as their UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
      { examples: [['\u{1F600}', '\uFFFD']] },
    );
  });
});

describe('evaluate', () => {
  const qrels = table({ q1: { a: 1 }, q2: { b: 1 }, q3: { c: 0 } });
  const run = table({ q1: { x: 2, a: 1 }, q3: { c: 1 }, unjudged: { a: 1 } });

  it('trec_eval: judged queries the run has; with complete, all judged', () => {
    const plain = evaluate(run, qrels, { measures: ['mrr@10'] });
    expect(plain.queries).toEqual(['q1', 'q3']);
    expect(plain.mean['mrr@10']).toBe(0.25);
    const complete = evaluate(run, qrels, { measures: ['mrr@10'], complete: true });
    expect(complete.queries).toEqual(['q1', 'q2', 'q3']);
    expect(complete.mean['mrr@10']).toBeCloseTo(1 / 6, 15);
  });
  it('msmarco: all queries with something relevant, 0 for those without hits', () => {
    const result = evaluate(run, qrels, { measures: ['mrr@10'], convention: 'msmarco' });
    expect(result.queries).toEqual(['q1', 'q2']);
    expect([...result.perQuery['mrr@10']]).toEqual([0.5, 0]);
  });
  it('counts from the relevance level', () => {
    const graded = table({ q1: { x: 1, a: 2 } });
    expect(evaluate(run, graded, { measures: ['mrr@10'], relevanceLevel: 2 }).mean['mrr@10']).toBe(0.5);
    expect(() => evaluate(run, graded, { relevanceLevel: NaN })).toThrow(RangeError);
  });
  it('gives 0, not NaN, without queries', () => {
    expect(evaluate(new Map(), qrels).mean['ndcg@10']).toBe(0);
  });
});

describe('compare', () => {
  it('pairs the queries that both have, whatever their order', () => {
    const qrels = table({ q1: { a: 1 }, q2: { a: 1 }, q3: { a: 1 } });
    const good = evaluate(table({ q3: { a: 2, x: 1 }, q1: { a: 2, x: 1 }, q2: { a: 1, x: 2 } }), qrels);
    const poor = evaluate(table({ q1: { a: 1, x: 2 }, q2: { a: 1, x: 2 } }), qrels);
    const [line] = compare(good, poor).filter(({ measure }) => measure === 'mrr@10');
    expect(line).toMatchObject({ n: 2, a: 0.75, b: 0.5, meanDifference: 0.25, t: 1, df: 1 });
    expect(line.p).toBeCloseTo(0.5, 12);
    expect(line.pHolm).toBeGreaterThanOrEqual(line.p);
  });
});
