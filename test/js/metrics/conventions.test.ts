// The two versions of trec_eval where they differ, and queries that are documents too.
import { describe, expect, it } from 'vitest';
import { evaluate, rank } from '../../../lib/metrics/index';
import { Judgements } from '../../../lib/data/bytes/judgements';
import { rankListed } from '../../../lib/data/bytes/rank-run';
import { noticesOf } from '../../../lib/lab/cli/evaluate/queries';

const scores = (entries: Record<string, number>) => new Map(Object.entries(entries));

describe('trec_eval 9 and 10', () => {
  // Equal as float32, so that 9.0.8 goes by the id.
  const close = scores({ a: 1 + 1e-9, b: 1 });

  it('compare scores as float32 and as double', () => {
    expect(rank(close)).toEqual(['b', 'a']);
    expect(rank(close, 'trec_eval-9')).toEqual(['b', 'a']);
    expect(rank(close, 'trec_eval-10')).toEqual(['a', 'b']);
    expect(rank(scores({ a: 2, b: 2, c: -Infinity, d: Infinity, e: -Infinity }), 'trec_eval-10')).toEqual([
      'd',
      'b',
      'a',
      'e',
      'c',
    ]);
  });

  it('leave out, or refuse, a judged query that the run lacks', () => {
    const qrels = new Map([
      ['1', scores({ a: 1 })],
      ['2', scores({ a: 1 })],
    ]);
    const run = new Map([['1', close]]);
    expect(evaluate(run, qrels, { convention: 'trec_eval-9' }).queries).toEqual(['1']);
    expect(() => evaluate(run, qrels, { convention: 'trec_eval-10' })).toThrow(RangeError);
    expect(() => evaluate(run, qrels, { convention: 'trec_eval-10' })).toThrow('lacks query "2"');
    const { mean } = evaluate(run, qrels, {
      convention: 'trec_eval-10',
      complete: true,
      measures: ['mrr@10'],
    });
    expect(mean['mrr@10']).toBe(0.5);
  });
});

describe('documents with the id of their query', () => {
  const run = new Map([
    ['1', scores({ 1: 9, a: 5 })],
    ['2', scores({ a: 5 })],
    ['x', scores({ a: 5 })],
  ]);
  const qrels = new Map([
    ['1', scores({ a: 1 })],
    ['2', scores({ a: 1 })],
    ['3', scores({ a: 1 })],
  ]);

  it('are left out where that is asked for, before the cut', () => {
    const of = (ignoreIdenticalIds: boolean) =>
      evaluate(run, qrels, { measures: ['P@1', 'mrr@10'], ignoreIdenticalIds }).perQuery;
    expect([...of(false)['mrr@10']]).toEqual([0.5, 1]);
    expect([...of(true)['P@1']]).toEqual([1, 1]);
  });

  it('and queries without a counterpart are counted, and mentioned', () => {
    const found = rankListed(run, Judgements.of(qrels), 'trec_eval');
    expect(found).toMatchObject({ shared: 2, missing: 1, unjudged: 1, identical: 1 });
    const auto = { complete: false, ignored: true, asked: false };
    expect(noticesOf('the run', found, auto)).toEqual([
      'judged queries that the run lacks: 1, not counted (--complete counts them as 0)\n',
      'queries of the run without judgements: 1, not counted\n',
      'queries of the run that list the document of their own id: 1; it is left out (--keep-identical-ids keeps it)\n',
    ]);
    expect(noticesOf('the run', found, { complete: true, ignored: false, asked: true })).toEqual([
      'judged queries that the run lacks: 1, counted as 0\n',
      'queries of the run without judgements: 1, not counted\n',
    ]);
    expect(noticesOf('the run', { shared: 2, missing: 0, unjudged: 0, identical: 0 }, auto)).toEqual([]);
    // Judged relevant, it is an answer like any other.
    const relevant = Judgements.of(new Map([['1', scores({ 1: 1 })]]));
    expect(rankListed(run, relevant, 'trec_eval').identical).toBe(0);
  });
});
