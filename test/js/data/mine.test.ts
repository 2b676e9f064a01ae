// Hard negatives: which documents of a ranking become negatives, and which queries have none.
import { describe, expect, it } from 'vitest';
import { mineNegatives, type MineOptions } from '../../../lib/data/index';
import type { Qrels, Run } from '../../../lib/metrics/index';

const ranking = (scores: Record<string, number>) => new Map(Object.entries(scores));
const run: Run = new Map([
  ['q', ranking({ n1: 0.95, p1: 0.9, n2: 0.85, q: 0.84, p2: 0.8, weak: 0.79, n3: 0.76, n4: 0.7, n5: 0.5 })],
  ['alone', ranking({ a: 1, b: 0.5 })],
]);
const qrels: Qrels = new Map([
  ['q', ranking({ p1: 2, p2: 2, weak: 1, n4: 0 })],
  ['alone', ranking({ c: 2 })],
  ['unranked', ranking({ a: 2 })],
  ['unjudged', ranking({ a: 0 })],
]);
const mined = (options: Partial<MineOptions> = {}, from = run) =>
  mineNegatives(from, qrels, { negatives: 10, level: 2, ...options });
const negativesOf = (options: Partial<MineOptions> = {}, from = run) =>
  mined(options, from).lists.flatMap(({ docs }) =>
    docs.filter(({ label }) => label === 0).map(({ docid }) => docid),
  );

describe('mineNegatives', () => {
  it('takes what is not relevant to any degree, nor the query itself, with the positives', () => {
    const { lists, left } = mined();
    expect(lists).toEqual([
      {
        qid: 'q',
        docs: [
          { docid: 'p1', score: 0.9, label: 1 },
          { docid: 'p2', score: 0.8, label: 1 },
          ...Object.entries({ n1: 0.95, n2: 0.85, n3: 0.76, n4: 0.7, n5: 0.5 }).map(([docid, score]) => ({
            ...{ docid, score, label: 0 },
          })),
        ],
      },
    ]);
    expect(left).toEqual({ unranked: 1, withoutPositive: 1, withoutNegative: 0 });
  });

  it.each<[Partial<MineOptions>, string[]]>([
    [{ margin: 0.03 }, ['n3', 'n4', 'n5']],
    [{ margin: 0.05 }, ['n4', 'n5']],
    [{ relativeMargin: 0.1 }, ['n4', 'n5']],
    [{ margin: 0.03, relativeMargin: 0.2 }, ['n5']],
    [{ maxScore: 0.85 }, ['n2', 'n3', 'n4', 'n5']],
    [{ skip: 1, depth: 4 }, ['n2', 'n3', 'n4']],
    [{ skip: 1, depth: 4, margin: 0.03 }, ['n3', 'n4']],
    [{ negatives: 2 }, ['n1', 'n2']],
    [{ level: 1, margin: 0.01 }, ['n3', 'n4', 'n5']],
  ])('with %j takes %j', (options, expected) => {
    expect(negativesOf(options)).toEqual(expected);
  });

  it('takes the share of a positive below 0 downwards, too', () => {
    const below = new Map([['q', new Map([...run.get('q')!].map(([id, score]) => [id, score - 1]))]]);
    // The lowest positive has -0.2, a tenth less is -0.22.
    expect(negativesOf({ relativeMargin: 0.1 }, below)).toEqual(['n3', 'n4', 'n5']);
  });

  it('compares and writes a teacher’s scores, of the documents that it scored', () => {
    const teacher = new Map([['q', ranking({ p1: 7, n1: 1, n2: 6.5, n5: 3, p2: 5 })]]);
    const { lists, ruledOut } = mined({ teacher, margin: 1 });
    expect(lists[0].docs.map(({ docid, score }) => [docid, score])).toEqual([
      ['p1', 7],
      ['p2', 5],
      ['n1', 1],
      ['n5', 3],
    ]);
    expect(ruledOut).toBe(1);
  });

  it('counts queries whose candidates were all ruled out', () => {
    const { lists, left, ruledOut } = mined({ margin: 0.5 });
    expect(lists).toEqual([]);
    expect(left.withoutNegative).toBe(1);
    expect(ruledOut).toBe(5);
  });

  it('draws among what is left, in the order of the ranking, each as likely', () => {
    let state = 1;
    const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
    const counts = new Map<string, number>();
    for (let i = 0; i < 2000; i++) {
      const found = negativesOf({ negatives: 2, random });
      expect(found).toEqual([...found].sort());
      expect(new Set(found).size).toBe(2);
      for (const docid of found) counts.set(docid, (counts.get(docid) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
    for (const count of counts.values()) expect(Math.abs(count - 800)).toBeLessThan(100);
  });
});
