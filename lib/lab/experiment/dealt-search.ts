// Searches of a whole corpus, dealt over the ranks of a team: what all find together is what one finds alone.
import type { Run } from '../../metrics/index.js';
import { TopScores } from '../students/top-scores.js';
import type { Searcher } from '../students/two-stage.js';
import type { Bag, Corpus } from '../students/words/bags.js';
import { placesOf, type Sequence } from '../students/words/sequence.js';
import type { Team } from '../training/team.js';

/** What a rank keeps of a corpus: the part that it searches, and where documents are in the whole. */
interface Own {
  slice: Corpus;
  placeOf: (docid: string) => number;
}

/** Slices that stay the same objects, for searchers that remember what they found in one. */
const known = new WeakMap<Sequence<Bag>, Own>();

function ownOf(corpus: Corpus, slice: (corpus: Corpus) => Corpus): Own {
  let own = known.get(corpus.bags);
  if (!own) known.set(corpus.bags, (own = { slice: slice(corpus), placeOf: placesOf(corpus.docids) }));
  return own;
}

/** A rank's own queries. */
const shares = new WeakMap<ReadonlyMap<string, Bag>, ReadonlyMap<string, Bag>>();

/**
 * Without a team, the searcher itself. With one, each rank searches a part of the corpus; where a document's place in the ranking depends on
 * others (`byQueries`: two stages), all of it for a part of the queries.
 */
export function dealtSearcher(searcher: Searcher, team: Team | undefined, byQueries: boolean): Searcher {
  if (!team) return searcher;
  return {
    search: (corpus, queries, depth) =>
      byQueries
        ? searchQueries(searcher, team, corpus, queries, depth)
        : searchPart(searcher, team, corpus, queries, depth),
  };
}

function searchPart(
  searcher: Searcher,
  team: Team,
  corpus: Corpus,
  queries: ReadonlyMap<string, Bag>,
  depth: number,
): Run {
  const { slice, placeOf } = ownOf(corpus, ({ docids, bags }) => {
    const bound = (rank: number) => Math.floor((rank * bags.length) / team.size);
    const [first, end] = [bound(team.rank), bound(team.rank + 1)];
    return { docids: docids.slice(first, end), bags: bags.slice(first, end) };
  });
  const found = searcher.search(slice, queries, depth);
  const parts = team.gather(written(found, queries, placeOf)).map(reader);
  return new Map(
    [...queries.keys()].map((qid) => {
      const best = new TopScores(depth);
      // Ranks have the corpus in its order.
      const entries = parts.flatMap((next) => next());
      best.add(
        0,
        Float32Array.from(entries, ([, score]) => score),
      );
      return [qid, new Map(best.entries().map(([i, score]) => [corpus.docids.at(entries[i][0])!, score]))];
    }),
  );
}

function searchQueries(
  searcher: Searcher,
  team: Team,
  corpus: Corpus,
  queries: ReadonlyMap<string, Bag>,
  depth: number,
): Run {
  const { placeOf } = ownOf(corpus, (whole) => whole);
  // The same object each time: a first stage that finds nothing new remembers by it.
  let mine = shares.get(queries);
  if (!mine) shares.set(queries, (mine = new Map([...queries].filter((_, place) => team.isOwn(place)))));
  const parts = team.gather(written(searcher.search(corpus, mine, depth), mine, placeOf)).map(reader);
  return new Map(
    [...queries.keys()].map((qid, place) => [
      qid,
      new Map(parts[place % team.size]().map(([document, score]) => [corpus.docids.at(document)!, score])),
    ]),
  );
}

/** Of each query how many documents, then place and score of each. */
function written(
  run: Run,
  queries: ReadonlyMap<string, Bag>,
  placeOf: (docid: string) => number,
): Float64Array {
  const numbers: number[] = [];
  for (const qid of queries.keys()) {
    const found = run.get(qid) ?? new Map<string, number>();
    numbers.push(found.size);
    for (const [docid, score] of found) numbers.push(placeOf(docid), score);
  }
  return Float64Array.from(numbers);
}

/** Reads one query after the other. */
function reader(numbers: Float64Array): () => [place: number, score: number][] {
  let at = 0;
  return () => {
    const count = numbers[at++];
    return Array.from({ length: count }, () => [numbers[at++], numbers[at++]]);
  };
}
