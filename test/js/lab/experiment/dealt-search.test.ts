// A search dealt over ranks: together they find what one finds alone, each looks at its own part, and searchers meet the same objects again.
import { describe, expect, it } from 'vitest';
import { dealtSearcher } from '../../../../lib/lab/experiment/dealt-search';
import type { Searcher } from '../../../../lib/lab/students/two-stage';
import type { Bag, Corpus } from '../../../../lib/lab/students/words/bags';
import { Team } from '../../../../lib/lab/training/team';
import type { Run } from '../../../../lib/metrics/index';
import { onRanks } from '../on-ranks';

const DOCUMENTS = 23;
const DEPTH = 4;

/** A corpus and queries of a rank's own, as each process reads its own. */
function read() {
  const docids = Array.from({ length: DOCUMENTS }, (_, d) => `d${d}`);
  const bags = docids.map((_, d) => ({ document: d }) as unknown as Bag);
  const queries = new Map(['a', 'b', 'c', 'none', 'e'].map((qid) => [qid, { qid } as unknown as Bag]));
  return { corpus: { docids, bags } as Corpus, queries: queries as ReadonlyMap<string, Bag> };
}

/** Few levels, so that many documents tie; nothing for the query `none`. */
const scoreOf = (qid: string, document: number) =>
  qid === 'none' ? -Infinity : Math.fround(((document * 7 + qid.charCodeAt(0)) % 9) / 3);

/** Keeps the highest scores, and all that tie with the last of them; notes what it was given. */
class Looking implements Searcher {
  readonly calls: { corpus: Corpus; queries: ReadonlyMap<string, Bag>; depth: number }[] = [];

  search(corpus: Corpus, queries: ReadonlyMap<string, Bag>, depth: number): Run {
    this.calls.push({ corpus, queries, depth });
    const documents = [...corpus.bags].map((bag) => (bag as unknown as { document: number }).document);
    return new Map(
      [...queries.keys()].map((qid) => {
        const scores = documents.map((d) => scoreOf(qid, d));
        const last = [...scores].sort((a, b) => b - a)[Math.min(depth, scores.length) - 1];
        return [
          qid,
          new Map(
            documents.flatMap((d, i) =>
              scores[i] >= last && scores[i] > -Infinity ? [[`d${d}`, scores[i]]] : [],
            ),
          ),
        ];
      }),
    );
  }
}

/** A run as plain arrays: the order of queries and documents counts. */
const plain = (run: Run) => [...run].map(([qid, found]) => [qid, [...found]]);

const alone = () => {
  const { corpus, queries } = read();
  return new Looking().search(corpus, queries, DEPTH);
};

describe.each([false, true])('a search with queries dealt: %s', (byQueries) => {
  it.each([1, 2, 3, 4, 7])('of %i ranks finds what one finds alone, ties and order too', (size) => {
    const sources = Array.from({ length: size }, read);
    const runs = onRanks(size, (rank, world) => {
      const { corpus, queries } = sources[rank];
      const team = new Team(world, new AbortController().signal);
      return dealtSearcher(new Looking(), team, byQueries).search(corpus, queries, DEPTH);
    });
    expect(runs).toHaveLength(size);
    for (const run of runs) expect(plain(run)).toEqual(plain(alone()));
    expect(runs[0].get('none')!.size).toBe(0);
    expect(runs[0].get('a')!.size).toBeGreaterThan(DEPTH);
  });

  it('hands each rank its own part, and the same objects again', () => {
    const size = 3;
    const sources = Array.from({ length: size }, read);
    const searchers = sources.map(() => new Looking());
    const once = () =>
      onRanks(size, (rank, world) => {
        const { corpus, queries } = sources[rank];
        const team = new Team(world, new AbortController().signal);
        return dealtSearcher(searchers[rank], team, byQueries).search(corpus, queries, DEPTH);
      });
    once();
    once();
    const given = searchers.map(({ calls }) => calls);
    for (const calls of given)
      for (const { corpus, queries, depth } of calls) {
        expect(depth).toBe(DEPTH);
        // By what a first stage remembers.
        expect(corpus.bags).toBe(calls[0].corpus.bags);
        expect(queries).toBe(calls[0].queries);
      }
    const documents = given.map(([{ corpus }]) => [...corpus.docids]);
    const queries = given.map(([first]) => [...first.queries.keys()]);
    const all = read();
    if (byQueries) {
      expect(queries).toEqual([['a', 'none'], ['b', 'e'], ['c']]);
      for (const own of documents) expect(own).toEqual([...all.corpus.docids]);
    } else {
      expect(documents.flat()).toEqual([...all.corpus.docids]);
      expect(documents.map(({ length }) => length)).toEqual([7, 8, 8]);
      for (const own of queries) expect(own).toEqual([...all.queries.keys()]);
    }
  });
});

it('of one corpus may be dealt both ways, in either order', () => {
  for (const order of [
    [true, false],
    [false, true],
  ]) {
    const sources = Array.from({ length: 3 }, read);
    for (const byQueries of order) {
      const runs = onRanks(3, (rank, world) => {
        const { corpus, queries } = sources[rank];
        const team = new Team(world, new AbortController().signal);
        return dealtSearcher(new Looking(), team, byQueries).search(corpus, queries, DEPTH);
      });
      for (const run of runs) expect(plain(run)).toEqual(plain(alone()));
    }
  }
});

it('without a team, the searcher is the one given', () => {
  const searcher = new Looking();
  expect(dealtSearcher(searcher, undefined, true)).toBe(searcher);
});
