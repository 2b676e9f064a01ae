// Which queries count and how ties fall, in both conventions.
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Judgements } from '../../../lib/data/bytes/judgements';
import { rankListed } from '../../../lib/data/bytes/rank-run';
import {
  compare,
  compareBytes,
  evaluate,
  evaluateRanked,
  holm,
  pairedTTest,
  parseMeasure,
  rank,
  type Evaluation,
  type Qrels,
  type Run,
} from '../../../lib/metrics/index';

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
      {
        // At the borders of the surrogates.
        examples: [
          ['\u{1F600}', '\uFFFD'],
          ['\uD7FF', '\uE000'],
          ['\u{10000}', '\uE000'],
          ['\uE000', '\uFFFF'],
        ],
      },
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
  it('counts documents with the id of their query, unless told to leave them out', () => {
    const own = table({ q1: { q1: 2, a: 1 } });
    const judged = table({ q1: { a: 1 } });
    expect(evaluate(own, judged, { measures: ['mrr'] }).mean.mrr).toBe(0.5);
    expect(evaluate(own, judged, { measures: ['mrr'], ignoreIdenticalIds: true }).mean.mrr).toBe(1);
    const ranked = rankListed(own, Judgements.of(judged), 'trec_eval');
    expect(evaluateRanked(ranked, { measures: ['mrr'] }).mean.mrr).toBe(0.5);
  });
  it('takes names of measures with spaces around them', () => {
    expect(() => parseMeasure(' mrr@10 ')).not.toThrow();
  });
  it('gives 0, not NaN, without queries', () => {
    expect(evaluate(new Map(), qrels).mean['ndcg@10']).toBe(0);
  });
});

describe('compare', () => {
  /** An evaluation with these values of mrr@10, in the order given. */
  const evaluation = (values: Record<string, number>, other?: number[]): Evaluation => {
    const queries = Object.keys(values);
    const perQuery = {
      'mrr@10': Float64Array.from(Object.values(values)),
      ...(other && { 'ndcg@10': Float64Array.from(other) }),
    };
    const mean = Object.fromEntries(
      Object.entries(perQuery).map(([name, all]) => [name, all.reduce((a, b) => a + b, 0) / all.length]),
    );
    return { queries, perQuery, mean };
  };

  it('pairs queries by their ids, not by their places', () => {
    // In the same place stand different queries; paired by place the difference would be 0 throughout.
    const a = evaluation({ q1: 0.2, q2: 0.4, q3: 0.9, q4: 0.6 });
    const b = evaluation({ q4: 0.2, q9: 0.4, q2: 0.9, q1: 0.6 });
    const [line] = compare(a, b);
    expect(line).toMatchObject({ measure: 'mrr@10', n: 3, df: 2 });
    expect(line.a).toBeCloseTo((0.2 + 0.4 + 0.6) / 3, 12);
    expect(line.b).toBeCloseTo((0.6 + 0.9 + 0.2) / 3, 12);
    const expected = pairedTTest([0.2, 0.4, 0.6], [0.6, 0.9, 0.2]);
    expect(line.t).toBeCloseTo(expected.t, 12);
    expect(line.p).toBeCloseTo(expected.p, 12);
    const [back] = compare(b, a);
    expect(back.meanDifference).toBeCloseTo(-line.meanDifference, 12);
    expect(back.p).toBeCloseTo(line.p, 12);
  });

  it('does so for evaluations of runs and judgements in any order', () => {
    const good = evaluate(
      table({ q3: { a: 2, x: 1 }, q1: { a: 2, x: 1 }, q2: { a: 1, x: 2 } }),
      table({ q1: { a: 1 }, q2: { a: 1 }, q3: { a: 1 } }),
    );
    const poor = evaluate(
      table({ q1: { a: 1, x: 2 }, q2: { a: 1, x: 2 } }),
      table({ q2: { a: 1 }, q3: { a: 1 }, q1: { a: 1 } }),
    );
    const [line] = compare(good, poor).filter(({ measure }) => measure === 'mrr@10');
    expect(line).toMatchObject({ n: 2, a: 0.75, b: 0.5, meanDifference: 0.25, t: 1, df: 1 });
    expect(line.p).toBeCloseTo(0.5, 12);
  });

  it('corrects by Holm over all measures that both have, and no others', () => {
    const a = evaluation({ q1: 0.9, q2: 0.8, q3: 0.5 }, [0.5, 0.7, 0.6]);
    const b = evaluation({ q1: 0.1, q2: 0.2, q3: 0.1 }, [0.4, 0.4, 0.5]);
    const two = compare(a, b);
    expect(two.map(({ measure }) => measure)).toEqual(['mrr@10', 'ndcg@10']);
    const smaller = Math.min(...two.map(({ p }) => p));
    expect(smaller).toBeLessThan(0.2);
    expect(two.map(({ pHolm }) => pHolm)).toEqual(holm(two.map(({ p }) => p)));
    expect(two.find(({ p }) => p === smaller)!.pHolm).toBeCloseTo(2 * smaller, 12);
    const [one, ...rest] = compare(a, evaluation({ q1: 0.1, q2: 0.2, q3: 0.1 }));
    expect(rest).toEqual([]);
    expect(one.pHolm).toBe(one.p);
  });

  it('refuses evaluations that share fewer than two queries', () => {
    const a = evaluation({ q1: 0.9, q2: 0.8 });
    expect(() => compare(a, evaluation({ q2: 0.1, q7: 0.3 }))).toThrow(RangeError);
  });
});

it('takes the tables of another realm, whose Map is another class', () => {
  const tables = runInNewContext(`[
    new Map([['q', new Map([['a', 2], ['b', 1]])]]),
    new Map([['q', new Map([['b', 1]])]]),
  ]`) as [Run, Qrels];
  expect(tables[0]).not.toBeInstanceOf(Map);
  expect(evaluate(...tables).mean['mrr@10']).toBe(0.5);
});
